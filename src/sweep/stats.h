/* Statistics of paired comparisons. Values are finite; equal inputs give equal bits. */
#ifndef TRIT_SWEEP_STATS_H
#define TRIT_SWEEP_STATS_H

#include <stdint.h>

double trit_stat_mean(const double *v, int n);
/* Standard error of the mean; NaN for fewer than two values. */
double trit_stat_error(const double *v, int n);
/* 95 % interval of the mean of d[n]: percentiles over resamples, drawn from `seed`. NaN for fewer
 * than two values. work: room for TRIT_STAT_RESAMPLES. */
enum { TRIT_STAT_RESAMPLES = 10000 };
void trit_stat_bootstrap(const double *d, int n, uint64_t seed, double *work, double *lo,
                         double *hi);
/* Two-sided p that d[n] lie symmetrically about 0: Wilcoxon's signed ranks, zeros left out, exact
 * for up to 50 differences (also with ties), else by the normal distribution. 1 when all are 0. */
double trit_stat_wilcoxon(const double *d, int n);
/* Two-sided p that d[n] are as often above as below 0; zeros left out. */
double trit_stat_sign(const double *d, int n);
/* The least that trit_stat_wilcoxon can be for n differences that are not 0. */
double trit_stat_least_p(int n);
/* Holm's correction of p[n] for n comparisons, in place; NaN ones are left out. */
void trit_stat_holm(double *p, int n);

#endif
