/* Rounding to a short floating-point type. */
#ifndef TRIT_QUANT_MINIFLOAT_H
#define TRIT_QUANT_MINIFLOAT_H

#include "quant/rows.h"

/* a >= 0 to the nearest number with `mantissa` explicit bits and exponents from exponent_min on
 * (subnormal below), ties to even; no upper end. NaN stays. */
static inline trit_real trit_minifloat(trit_real a, int exponent_min, int mantissa) {
    int e;
    if (!(frexp((double)a, &e) >= 0)) return a;
    e = e - 1 < exponent_min ? exponent_min : e - 1;
    trit_real unit = TRIT_R(ldexp(1, e - mantissa));
    return unit * trit_rint(a / unit);
}

#endif
