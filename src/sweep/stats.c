#include "sweep/stats.h"

#include "base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

double trit_stat_mean(const double *v, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += v[i];
    return n ? sum / n : (double)NAN;
}

double trit_stat_error(const double *v, int n) {
    if (n < 2) return (double)NAN;
    double mean = trit_stat_mean(v, n), sum = 0;
    for (int i = 0; i < n; i++) sum += (v[i] - mean) * (v[i] - mean);
    return sqrt(sum / (n - 1) / n);
}

static int rising(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void trit_stat_bootstrap(const double *d, int n, uint64_t seed, double *work, double *lo,
                         double *hi) {
    *lo = *hi = (double)NAN;
    if (n < 2) return;
    for (uint32_t k = 0; k < TRIT_STAT_RESAMPLES; k++) {
        trit_rng rng = {.seed = seed, .stream = trit_hash32("bootstrap"), .step = k};
        double sum = 0;
        uint32_t bits[4] = {0};
        for (int i = 0; i < n; i++) {
            if (i % 4 == 0) trit_rng_bits4(&rng, (uint64_t)i / 4, bits);
            sum += d[(uint64_t)bits[i % 4] * (uint64_t)n >> 32];
        }
        work[k] = sum / n;
    }
    qsort(work, TRIT_STAT_RESAMPLES, sizeof *work, rising);
    *lo = work[TRIT_STAT_RESAMPLES / 40];
    *hi = work[TRIT_STAT_RESAMPLES - 1 - TRIT_STAT_RESAMPLES / 40];
}

/* ---- signed ranks ---- */

enum { MAX_EXACT = 50, MAX_SUM = MAX_EXACT * (MAX_EXACT + 1) + 1 };

/* P of a sum of ranks at most `sum`, all doubled so that they are whole: counts of sign patterns.
 */
static double share_up_to(const int *rank2, int n, int sum2) {
    double count[MAX_SUM] = {1}, below = 0;
    int most = 0;
    for (int i = 0; i < n; i++) {
        most += rank2[i];
        for (int s = most; s >= rank2[i]; s--) count[s] += count[s - rank2[i]];
    }
    for (int s = 0; s <= sum2 && s <= most; s++) below += count[s];
    return below / exp2(n);
}

static double two_sided(double p) {
    return fmin(1, 2 * p);
}

typedef struct ranked {
    double size;
    bool above;
} ranked;

static int smaller_first(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    return (x->size > y->size) - (x->size < y->size);
}

/* Twice the mean ranks of r[n], which is sorted; returns the sum of (t^3 - t) over ties. */
static double give_ranks(const ranked *r, int n, int *rank2) {
    double ties = 0;
    for (int i = 0; i < n;) {
        int end = i + 1;
        while (end < n && r[end].size == r[i].size) end++;
        for (int k = i; k < end; k++) rank2[k] = i + 1 + end;
        double t = end - i;
        ties += t * t * t - t;
        i = end;
    }
    return ties;
}

double trit_stat_wilcoxon(const double *d, int n) {
    ranked *r = malloc(sizeof *r * (size_t)(n + 1));
    int *rank2 = malloc(sizeof *rank2 * (size_t)(n + 1)), m = 0;
    double p = (double)NAN;
    if (r && rank2) {
        for (int i = 0; i < n; i++) {
            if (d[i] != 0) r[m++] = (ranked){fabs(d[i]), d[i] > 0};
        }
        qsort(r, (size_t)m, sizeof *r, smaller_first);
        double ties = give_ranks(r, m, rank2), above = 0, all = (double)m * (m + 1);
        for (int i = 0; i < m; i++) above += r[i].above ? rank2[i] : 0;
        double less = fmin(above, all - above);
        if (!m) {
            p = 1;
        } else if (m <= MAX_EXACT) {
            p = two_sided(share_up_to(rank2, m, (int)less));
        } else {
            double var = all * (2.0 * m + 1) / 24 - ties / 48;
            double z = (less / 2 - all / 4 + 0.5) / sqrt(var);
            p = two_sided(0.5 * erfc(-fmin(z, 0) / sqrt(2)));
        }
    }
    free(r);
    free(rank2);
    return p;
}

double trit_stat_sign(const double *d, int n) {
    int above = 0, below = 0;
    for (int i = 0; i < n; i++) {
        above += d[i] > 0;
        below += d[i] < 0;
    }
    int m = above + below, less = above < below ? above : below;
    double p = 0;
    for (int k = 0; k <= less; k++) {
        p += exp(lgamma(m + 1.0) - lgamma(k + 1.0) - lgamma(m - k + 1.0) - m * log(2));
    }
    return two_sided(p);
}

double trit_stat_least_p(int n) {
    return n ? two_sided(exp2(-n)) : 1;
}

void trit_stat_holm(double *p, int n) {
    int m = 0;
    for (int i = 0; i < n; i++) m += !isnan(p[i]);
    double most = 0; /* corrected p never fall where p rise */
    for (int k = 0; k < m; k++) {
        int best = -1;
        for (int i = 0; i < n; i++) {
            /* Treated ones are negative (or -0), so that they are told apart. */
            if (isnan(p[i]) || signbit(p[i])) continue;
            if (best < 0 || p[i] < p[best]) best = i;
        }
        most = fmax(most, fmin(1, p[best] * (m - k)));
        p[best] = -most;
    }
    for (int i = 0; i < n; i++) {
        p[i] = fabs(p[i]);
    }
}
