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

/* The same from a whole number in the number type; any for an x that is NaN. */
static inline void trit_form_put(const trit_form_call *c, int64_t i, trit_real q, trit_real *y,
                                 int8_t *codes) {
    trit_form_emit(c, i, isnan(q) ? 0 : (int)q, y, codes);
}

/* Integers q of this group stand for y = scale*(q - zero); their codes are q - shift. */
static inline void trit_form_decode(const trit_form_call *c, double scale, double zero,
                                    double shift) {
    c->stat[0] = scale;
    c->stat[1] = zero - shift;
    c->stat[TRIT_FORM_SHIFT] = shift;
}
/* This group has none: noise in training, or more levels than a byte counts. codes may be NULL. */
void trit_form_no_codes(const trit_form_call *c, int8_t *codes);

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

/* The same in the number type, for what must round like it. */
static inline trit_real trit_clip(trit_real v, trit_real lo, trit_real hi) {
    return TRIT_R(trit_form_clip((double)v, (double)lo, (double)hi));
}
static inline trit_real trit_at_least(trit_real v, double least) {
    return TRIT_R(trit_form_at_least((double)v, least));
}

/* 1 between lo and hi, the bounds included; NaN is outside. */
static inline trit_real trit_inside(trit_real u, trit_real lo, trit_real hi) {
    return u >= lo && u <= hi;
}

/* A knob that is a switch. */
static inline bool trit_form_switch(const trit_form_call *c, int knob) {
    return c->knob[knob] >= TRIT_R(0.5);
}

/* Levels 0..top are stored from -128 where they need all 8 bits: subtract this from level and zero
 * point alike. */
static inline trit_real trit_form_code_shift(trit_real top) {
    return top > 127 ? 128 : 0;
}

static inline double trit_sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static inline double trit_logit(double p) {
    return log(p / (1 - p));
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

/* Least and largest element with their places at[2] (the first of equals; NULL: not wanted); both
 * NaN when any element is. */
void trit_form_range(const trit_form_call *c, double *lo, double *hi, int64_t *at);
/* Spread about the mean, divided by n - 1; 0 for one element. mean may be NULL. */
double trit_form_std(const trit_form_call *c, double *mean);

/* levels() of forms with codes lo, lo+step .. hi: scale*(code - zero), rising. None where
 * the scale is NaN. */
int trit_form_levels_of_codes(const trit_form_call *c, int lo, int hi, int step, trit_real *out,
                              int cap);
/* The same for forms whose arithmetic runs over lo..hi in whole steps before the shift that
 * trit_form_decode noted. */
int trit_form_levels_between(const trit_form_call *c, double lo, double hi, trit_real *out,
                             int cap);
/* levels() of a sign: two, or three where an exact zero has the sign 0. */
int trit_form_levels_of_sign(const trit_form_call *c, trit_real zero, trit_real *out, int cap);
/* Sorts n levels and drops repetitions; returns how many are left. */
int trit_form_levels_sort(trit_real *level, int n);

#endif
