#include "quant/rows.h"

void trit_project_uniform(const trit_span *a, trit_real *q) {
    for (int64_t i = 0; i < a->n; i++) {
        trit_real u = a->u[i];
        u = u < a->lo ? a->lo : u;
        u = u > a->hi ? a->hi : u;
        q[i] = trit_rint(u);
    }
}

int trit_levels_uniform(const trit_spec *sp, trit_real *out, int cap) {
    trit_real lo, hi;
    trit_grids[sp->grid]->bounds(sp, &lo, &hi);
    int n = (int)(hi - lo) + 1;
    for (int i = 0; i < n && i < cap; i++) out[i] = lo + (trit_real)i;
    return n;
}

void trit_measure_sum_abs(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                          double *m) {
    (void)work;
    m[0] = k->sum_abs(n, x);
}

void trit_measure_max_abs(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                          double *m) {
    (void)work;
    m[0] = (double)k->abs_max(n, x);
}

void trit_measure_moments(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                          double *m) {
    (void)work;
    m[0] = (double)k->abs_max(n, x);
    m[1] = k->sum_abs(n, x);
    m[2] = k->sum(n, x);
    m[3] = k->sum_sq(n, x);
}

double trit_sigma_range(const double *m, int64_t n, double sigmas) {
    double count = (double)n, mean = m[2] / count;
    double square = (m[3] - m[2] * mean) / (n > 1 ? count - 1 : 1);
    return fabs(mean) + sigmas * sqrt(square < 0 ? 0 : square);
}

int trit_level_below(const trit_real *level, int n_level, trit_real v) {
    int at = 0;
    for (int n = n_level; n > 1;) { /* the answer lies in at .. at+n-1 */
        int half = n / 2;
        at += v >= level[at + half] ? half : 0;
        n -= half;
    }
    return at;
}

void trit_project_nearest(const trit_span *a, trit_real *q) {
    const trit_real *level = a->level;
    for (int64_t i = 0; i < a->n; i++) {
        trit_real u = a->u[i];
        int k = trit_level_below(level, a->n_level, u);
        bool up = k + 1 < a->n_level && level[k + 1] - u < u - level[k];
        q[i] = isnan(u) ? u : level[k + up];
    }
}

void trit_bounds_table(const trit_spec *sp, trit_real *lo, trit_real *hi) {
    trit_real level[TRIT_MAX_LEVEL];
    int n = trit_grids[sp->grid]->levels(sp, level, TRIT_MAX_LEVEL);
    *lo = level[0];
    *hi = level[n - 1];
}

int trit_levels_mirror(const double *up, int n, bool zero, bool both, trit_real *out, int cap) {
    int at = 0;
    for (int i = n - 1; both && i >= 0; i--, at++) {
        if (at < cap) out[at] = TRIT_R(-up[i]);
    }
    if (zero && at++ < cap) out[at - 1] = 0;
    for (int i = 0; i < n; i++, at++) {
        if (at < cap) out[at] = TRIT_R(up[i]);
    }
    return at;
}

bool trit_span_rounds_inside(const trit_span *a, int64_t i) {
    trit_real u = a->u[i];
    if (a->hi - a->lo == (trit_real)(a->n_level - 1)) { /* steps of one: a tie rounds to even */
        trit_real shift = a->hi - trit_rint(a->hi - TRIT_R(0.25)); /* half a step, or none */
        trit_real near = trit_rint(u - shift) + shift;
        return near >= a->lo && near <= a->hi;
    }
    const trit_real *level = a->level, *top = level + a->n_level - 1;
    return u >= a->lo - (level[1] - level[0]) / 2 && u <= a->hi + (top[0] - top[-1]) / 2;
}

void trit_rho_clipped(const trit_span *a, const trit_real *d, trit_real *r) {
    (void)d;
    for (int64_t i = 0; i < a->n; i++) r[i] = trit_span_inside(a, i) ? a->q[i] - a->u[i] : a->q[i];
}

double trit_normal_clip(int64_t bits) {
    static const double clip[] = {0.7978845587, 1.49353462, 2.05106835, 2.51393058,
                                  2.91609388,   3.27659728, 3.60104972, 3.88493868};
    return clip[bits - 1];
}
