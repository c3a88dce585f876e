/* Against small samples whose answers are known, and against slow independent calculation. */
#include "sweep/stats.h"

#include "testing.h"

/* Over all 2^n sign patterns: how many have a sum of ranks as far from the middle. */
static double wilcoxon_by_counting(const double *d, int n) {
    double rank[16], above = 0, all = 0;
    int m = 0;
    double kept[16] = {0};
    for (int i = 0; i < n; i++) {
        if (d[i] != 0) kept[m++] = d[i];
    }
    for (int i = 0; i < m; i++) {
        double less = 0, same = 0;
        for (int k = 0; k < m; k++) {
            less += fabs(kept[k]) < fabs(kept[i]);
            same += fabs(kept[k]) == fabs(kept[i]);
        }
        rank[i] = less + (same + 1) / 2;
        all += rank[i];
        if (kept[i] > 0) above += rank[i];
    }
    long extreme = 0;
    for (long signs = 0; signs < 1L << m; signs++) {
        double sum = 0;
        for (int i = 0; i < m; i++) sum += signs >> i & 1 ? rank[i] : 0;
        extreme += fabs(sum - all / 2) >= fabs(above - all / 2);
    }
    return (double)extreme / (double)(1L << m);
}

static void wilcoxon(void **state) {
    (void)state;
    /* The example of Wilcoxon 1945: Darwin's maize, T = 24 of 15 pairs. */
    static const double maize[] = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
    assert_near(trit_stat_wilcoxon(maize, 15), 0.04126, 5e-5);
    static const double same_sign[] = {1, 2, 3, 4, 5};
    assert_near(trit_stat_wilcoxon(same_sign, 5), 0.0625, 1e-12);
    assert_near(trit_stat_least_p(5), 0.0625, 1e-12);
    static const double none[] = {0, 0};
    assert_near(trit_stat_wilcoxon(none, 2), 1, 0);
    static const double samples[][9] = {{1, 1, -1, 2, 2, -3, 0, 4, 4},
                                        {0.5, -0.25, 0.125, 3, -2, 7, 9, 1, -1},
                                        {-1, -2, -3, -4, -5, -6, -7, -8, 9},
                                        {1, 1, 1, 1, -1, -1, -1, -1, 0}};
    for (size_t k = 0; k < 4; k++) {
        for (int n = 1; n <= 9; n++) {
            assert_near(trit_stat_wilcoxon(samples[k], n), wilcoxon_by_counting(samples[k], n),
                        1e-12);
        }
    }
    /* Exact and approximate distributions meet where one takes over from the other. */
    double many[51];
    for (int i = 0; i < 51; i++) many[i] = (i % 3 ? 1 : -1) * (i + 1.0);
    assert_true(fabs(trit_stat_wilcoxon(many, 50) - trit_stat_wilcoxon(many, 51)) < 0.02);
}

static void signs(void **state) {
    (void)state;
    static const double d[] = {1, 2, 3, -1, 0, 4, 5, 6, 7, 8};
    /* 8 above, 1 below: 2 * (1 + 9) / 512. */
    assert_near(trit_stat_sign(d, 10), 20.0 / 512, 1e-12);
    assert_near(trit_stat_sign(d, 0), 1, 0);
    static const double even[] = {1, -1};
    assert_near(trit_stat_sign(even, 2), 1, 1e-12);
}

static void means(void **state) {
    (void)state;
    static const double v[] = {2, 4, 4, 4, 5, 5, 7, 9};
    assert_near(trit_stat_mean(v, 8), 5, 0);
    assert_near(trit_stat_error(v, 8), sqrt(32.0 / 7 / 8), 1e-12);
    assert_true(isnan(trit_stat_error(v, 1)));
}

/* For many values the percentiles are those of a normal distribution about the mean. */
static void bootstrap(void **state) {
    (void)state;
    static double work[TRIT_STAT_RESAMPLES], d[200];
    double lo, hi, lo2, hi2;
    for (int i = 0; i < 200; i++) d[i] = i % 2 ? 1 : 3;
    trit_stat_bootstrap(d, 200, 1, work, &lo, &hi);
    double half = 1.96 / sqrt(200);
    assert_near(lo, 2 - half, 0.01);
    assert_near(hi, 2 + half, 0.01);
    trit_stat_bootstrap(d, 200, 1, work, &lo2, &hi2);
    assert_true(lo == lo2 && hi == hi2);
    /* Three values: the least mean of a resample has chance 1/27 > 2.5 %. */
    static const double three[] = {1, 2, 6};
    trit_stat_bootstrap(three, 3, 1, work, &lo, &hi);
    assert_near(lo, 1, 0);
    assert_near(hi, 6, 0);
    trit_stat_bootstrap(d, 1, 1, work, &lo, &hi);
    assert_true(isnan(lo) && isnan(hi));
}

static void holm(void **state) {
    (void)state;
    double p[] = {0.01, NAN, 0.04, 0.03, 0.005};
    trit_stat_holm(p, 5);
    assert_near(p[4], 0.02, 1e-12);
    assert_near(p[0], 0.03, 1e-12);
    assert_near(p[3], 0.06, 1e-12);
    assert_near(p[2], 0.06, 1e-12); /* not below that of a smaller p */
    assert_true(isnan(p[1]));
    double small[] = {1e-30, 0, 1e-20};
    trit_stat_holm(small, 3);
    assert_true(small[0] == 2e-30 && small[1] == 0 && small[2] == 1e-20);
    double one[] = {0.7, 0.9};
    trit_stat_holm(one, 2);
    assert_near(one[0], 1, 0);
    assert_near(one[1], 1, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilcoxon),  cmocka_unit_test(signs), cmocka_unit_test(means),
        cmocka_unit_test(bootstrap), cmocka_unit_test(holm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
