/* s = mult * median|x|, the lower of the two middle values for an even count (as torch.median). */
#include "quant/rows.h"

#include <string.h>

static void swap(trit_real *a, trit_real *b) {
    trit_real t = *a;
    *a = *b;
    *b = t;
}

/* Quickselect with median-of-three. */
trit_real trit_select(trit_real *v, int64_t n, int64_t k) {
    int64_t lo = 0, hi = n - 1;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (v[mid] < v[lo]) swap(&v[mid], &v[lo]);
        if (v[hi] < v[lo]) swap(&v[hi], &v[lo]);
        if (v[hi] < v[mid]) swap(&v[hi], &v[mid]);
        trit_real pivot = v[mid];
        int64_t i = lo, j = hi;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (pivot < v[j]) j--;
            if (i <= j) swap(&v[i++], &v[j--]);
        }
        if (k <= j) {
            hi = j;
        } else if (k >= i) {
            lo = i;
        } else {
            return v[k];
        }
    }
    return v[k];
}

static void measure(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                    double *m) {
    m[0] = (double)k->abs_max(n, x);
    if (isnan(m[0])) return; /* no order with a NaN: the scale becomes NaN */
    for (int64_t i = 0; i < n; i++) work[i] = x[i] < 0 ? -x[i] : x[i];
    m[0] = (double)trit_select(work, n, (n - 1) / 2);
}

static double finish(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi) {
    (void)n;
    (void)lo;
    (void)hi;
    double size = m[0];
    return (double)knob[0] * (size < sp->eps ? sp->eps : size);
}

static const trit_knob knobs[] = {{"mult", 1, 1e-3, 1e3, "factor on the median magnitude"}, {0}};

const trit_scale_rule trit_scale_absmedian = {
    .name = "absmedian",
    .doc = "median magnitude (lower of two), held constant in the gradient",
    .cite = "Nielsen & Schneider-Kamp 2024, arXiv 2407.09527",
    .formula = "s = mult * max(median|x|, eps), the lower of the two middle values",
    .pitfall = "where half of a group is zero the median is too, and eps becomes the scale",
    .knob = knobs,
    .combine = TRIT_MEASURE_WHOLE,
    .measure = measure,
    .finish = finish,
};
