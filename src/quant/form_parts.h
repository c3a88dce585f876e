/* What the files of forms share. */
#ifndef TRIT_QUANT_FORM_PARTS_H
#define TRIT_QUANT_FORM_PARTS_H

#include "quant/form.h"
#include "quant/rows.h"

#include <math.h>
#include <stddef.h>

/* The knob of forms that take a sign. Released codes have sign(0) = 0, a level too many for one
 * bit. */
#define TRIT_FORM_KNOB_ZERO(dflt) \
    { "zero", dflt, -1, 1, "sign of an exact zero: -1, 0 or 1; 0 as in most released code" }

/* -1, 0 or 1; 0 for NaN. */
static inline int trit_form_sign(double x, trit_real zero) {
    if (x == 0) return (zero > 0) - (zero < 0);
    return (x > 0) - (x < 0);
}

/* y and code of element i from its whole number q and stat; a NaN stays one. */
static inline void trit_form_emit(const trit_form_call *c, int64_t i, int q, trit_real *y,
                                  int8_t *codes) {
    bool bad = isnan(c->x[i]);
    y[i] = bad ? c->x[i] : TRIT_R(c->stat[0] * ((double)q - c->stat[1]));
    if (codes) codes[i] = (int8_t)q;
}

static inline double trit_form_mean(const trit_form_call *c) {
    return c->k->sum(c->n, c->x) / (double)c->n;
}
static inline double trit_form_mean_abs(const trit_form_call *c) {
    return c->k->sum_abs(c->n, c->x) / (double)c->n;
}

/* v, or least where it is less: keeps learned scales above zero. NaN stays. */
static inline double trit_form_at_least(double v, double least) {
    return v < least ? least : v;
}

static inline double trit_form_clip(double v, double lo, double hi) {
    return v < lo ? lo : v > hi ? hi : v;
}

/* The error decay estimator of IR-Net: derivative k*t*(1 - tanh(t*u)^2) with k = max(1/t, 1), and
 * what it is the derivative of. */
static inline double trit_form_ede(double u, double t) {
    double h = tanh(t * u);
    return (t < 1 ? 1 : t) * (1 - h * h);
}
static inline double trit_form_ede_soft(double u, double t) {
    return (t < 1 ? 1 / t : 1) * tanh(t * u);
}

/* ApproxSign of Bi-Real Net: derivative 2 - 2|u| within -1..1, and what it is the derivative of. */
static inline double trit_form_approx(double u) {
    double d = 2 - 2 * fabs(u);
    return d < 0 ? 0 : d;
}
static inline double trit_form_approx_soft(double u) {
    double v = trit_form_clip(u, -1, 1);
    return v < 0 ? v * (2 + v) : v * (2 - v);
}

/* levels() of forms with codes lo, lo+step .. hi: scale*(code - zero), rising. */
int trit_form_levels_of_codes(const trit_form_call *c, int lo, int hi, int step, trit_real *out,
                              int cap);
/* levels() of a sign: two, or three where an exact zero has the sign 0. */
int trit_form_levels_of_sign(const trit_form_call *c, trit_real zero, trit_real *out, int cap);
/* Sorts n levels and drops repetitions; returns how many are left. */
int trit_form_levels_sort(trit_real *level, int n);

#endif
