/* Small floating-point numbers: a sign, E exponent bits and M = bits - 1 - E of mantissa, with
 * subnormals and without infinities.
 *   e = max(floor(log2|u|), emin),  q = clip(RNE(u / 2^(e-M)) * 2^(e-M), -max, max)
 *   emin = 2 - 2^(E-1),  max = (2 - 2^-M) * 2^(2^(E-1))
 * Two formats give codes away for NaN: E4M3 (max 448) and E5M2 (max 57344, as IEEE).
 * Darvish Rouhani et al., "Microscaling Data Formats", 2023, arXiv 2310.10537; Micikevicius et al.,
 * "FP8 Formats for Deep Learning", 2022, arXiv 2209.05433. */
#include "quant/rows.h"

void trit_float_shape(const trit_spec *sp, int *exponent, int *mantissa) {
    int bits = (int)sp->bits, chosen = (int)sp->knob[TRIT_KNOB_GRID][0].from;
    int usual = bits <= 2 ? 1 : bits <= 5 ? 2 : bits <= 7 ? 3 : 4;
    *exponent = chosen ? chosen : usual;
    *mantissa = bits - 1 - *exponent;
}

static int least_exponent(int exponent) {
    return 2 - (1 << (exponent - 1));
}

static double largest(int exponent, int mantissa) {
    int top = 1 << (exponent - 1);
    if (exponent == 4 && mantissa == 3) return ldexp(1.75, top);
    if (exponent == 5 && mantissa == 2) top--;
    return ldexp(2 - ldexp(1, -mantissa), top);
}

static void bounds(const trit_spec *sp, trit_real *lo, trit_real *hi) {
    int exponent, mantissa;
    trit_float_shape(sp, &exponent, &mantissa);
    *hi = TRIT_R(largest(exponent, mantissa));
    *lo = -*hi;
}

static void project(const trit_span *a, trit_real *q) {
    int exponent, mantissa;
    trit_float_shape(a->spec, &exponent, &mantissa);
    int least = least_exponent(exponent);
    for (int64_t i = 0; i < a->n; i++) {
        int e;
        frexp((double)a->u[i], &e); /* |u| in [2^(e-1), 2^e) */
        trit_real ulp = TRIT_R(ldexp(1, (e - 1 < least ? least : e - 1) - mantissa));
        trit_real v = ulp * trit_rint(a->u[i] / ulp);
        v = v < a->lo ? a->lo : v;
        q[i] = v > a->hi ? a->hi : v;
    }
}

static int levels(const trit_spec *sp, trit_real *out, int cap) {
    double up[TRIT_MAX_LEVEL / 2];
    int exponent, mantissa, n = 0;
    trit_float_shape(sp, &exponent, &mantissa);
    double top = largest(exponent, mantissa);
    int least = least_exponent(exponent), steps = 1 << mantissa;
    for (int m = 1; m < steps; m++) up[n++] = ldexp(m, least - mantissa);
    for (int e = least; ldexp(1, e) <= top; e++) {
        for (int m = steps; m < 2 * steps && ldexp(m, e - mantissa) <= top; m++) {
            up[n++] = ldexp(m, e - mantissa);
        }
    }
    return trit_levels_mirror(up, n, true, true, out, cap);
}

/* E2M1 in QuEST's released code: 0.487079483 of the root mean square. */
static double normal_step(const trit_spec *sp) {
    int exponent, mantissa;
    trit_float_shape(sp, &exponent, &mantissa);
    return exponent == 2 && mantissa == 1 ? 0.487079483 : 0;
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    double exponent = sp->knob[TRIT_KNOB_GRID][0].from;
    if (exponent == floor(exponent) && exponent < (double)sp->bits) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "E: found %g, but a float of %d bits has a whole number 1..%d of exponent "
                     "bits, or 0 for the usual one",
                     exponent, (int)sp->bits, (int)sp->bits - 1);
}

static const trit_knob knobs[] = {
    {"E", 0, 0, 7, "exponent bits, the rest but one is mantissa; 0: 1, 2, 3 or 4 by the bits"},
    {0}};

const trit_grid trit_grid_float = {
    .name = "float",
    .doc = "small floating-point numbers; e2m1, e4m3 and the like are its words",
    .cite = "Darvish Rouhani et al. 2023, arXiv 2310.10537; Micikevicius et al. 2022, arXiv "
            "2209.05433",
    .formula = "M = bits - 1 - E, e = max(floor(log2|u|), 2 - 2^(E-1))\n"
               "q = clip(round(u / 2^(e-M)) * 2^(e-M), -max, max)",
    .pitfall = "no infinities: what is too large becomes the largest; e4m3 ends at 448 and e5m2 "
               "at 57344, other formats use every code",
    .knob = knobs,
    .bits_min = 2,
    .bits_max = 8,
    .bits_default = 4,
    .indexed = true,
    .bounds = bounds,
    .project = project,
    .levels = levels,
    .normal_step = normal_step,
    .fits = fits,
};
