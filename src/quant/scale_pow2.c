/* Block scale of the microscaling formats: a power of two, s = 2^(floor(log2 max|x|) - emax), emax
 * the exponent of the outermost level. Knob mode, names of the released code:
 *   0 floor  as above; saturates where the largest element's mantissa exceeds that of the level
 *   1 ceil   rounds log2 max|x| up
 *   2 even   rounds max|x| to the mantissa of the format first
 *   3 rceil  2^ceil(log2(max|x| / hi)): nothing saturates
 * OCP MX; Darvish Rouhani et al. 2023, arXiv 2310.10537. The exponent is kept in [-126, 127]; the
 * format's own least, -127, is a subnormal float, and dividing by one is slow. */
#include "quant/rows.h"

#include <string.h>

/* floor(log2 v), v > 0 */
static int exponent_of(double v) {
    int e;
    frexp(v, &e);
    return e - 1;
}

/* Mantissa bits of the elements, in which mode even rounds. */
static int mantissa_of(const trit_spec *sp) {
    if (strcmp(trit_grids[sp->grid]->name, "float") != 0) {
        return sp->bits > 2 ? (int)sp->bits - 2 : 0;
    }
    int exponent, mantissa;
    trit_float_shape(sp, &exponent, &mantissa);
    return mantissa;
}

static double finish(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi) {
    (void)n;
    (void)lo;
    if (!isfinite(m[0])) return NAN;
    double most = m[0] < 0x1p-126 ? 0x1p-126 : m[0];
    int e = exponent_of(most), top = exponent_of(hi), mode = (int)knob[0];
    double part = ldexp(most, -e); /* in [1, 2) */
    int shift = e - top;
    if (mode == 1) shift += part > 1;
    if (mode == 2) shift += part + ldexp(1, -mantissa_of(sp) - 1) >= 2;
    if (mode == 3) shift += part > ldexp(hi, -top);
    return ldexp(1, shift < -126 ? -126 : shift > 127 ? 127 : shift);
}

static const trit_knob knobs[] = {
    {"mode", 0, 0, 3, "rounding of the exponent: 0 floor, 1 ceil, 2 even, 3 rceil"}, {0}};

const trit_scale_rule trit_scale_pow2 = {
    .name = "pow2",
    .doc = "power of two by the largest magnitude, as in the microscaling (MX) formats",
    .cite = "Darvish Rouhani et al. 2023, arXiv 2310.10537",
    .formula = "s = 2^(floor(log2 max|x|) - floor(log2 hi))",
    .pitfall = "mode floor clips the largest element by up to a quarter where its mantissa "
               "exceeds the outermost level's",
    .knob = knobs,
    .combine = TRIT_MEASURE_MAX,
    .measure = trit_measure_max_abs,
    .finish = finish,
};
