/* Which points of a search go on. */
#include "sweep/halving.h"

#include "base/rng.h"
#include "testing.h"

#include <math.h>

/* "p" pruned, else the rungs that each point passed. known[n][2]: results at two rungs, NaN: none
 * yet, INFINITY: the cell failed. */
static void decide(trit_halving *h, int n, const double (*known)[2], char *out) {
    trit_halving_begin(h);
    for (int p = 0; p < n; p++) {
        int n_known = 0;
        bool failed = false;
        while (n_known < 2 && isfinite(known[p][n_known])) n_known++;
        if (n_known < 2) failed = isinf(known[p][n_known]);
        trit_halving_add(h, p, known[p], n_known, failed);
    }
    trit_halving_decide(h);
    for (int p = 0; p < n; p++) out[p] = h->pruned[p] ? 'p' : (char)('0' + h->passed[p]);
    out[n] = '\0';
}

#define MAX_POINT 32
static void expect(int n, const double (*known)[2], const char *wanted) {
    trit_error e = {0};
    trit_halving h = {0};
    char found[MAX_POINT + 1];
    assert_ok(trit_halving_open(&h, n, 2, 3, &e));
    decide(&h, n, known, found);
    assert_string_equal(found, wanted);
    trit_halving_free(&h);
}

static void best_third_goes_on(void **state) {
    (void)state;
    const double first[9][2] = {{9, NAN}, {8, NAN}, {1, NAN}, {7, NAN}, {2, NAN},
                                {6, NAN}, {3, NAN}, {5, NAN}, {4, NAN}};
    expect(9, first, "pp1p1p1pp");
    const double all[9][2] = {{9, NAN}, {8, NAN}, {1, 3},   {7, NAN}, {2, 2},
                              {6, NAN}, {3, 4},   {5, NAN}, {4, NAN}};
    expect(9, all, "pppp2pppp");
    /* One always goes on. */
    const double two[2][2] = {{2, NAN}, {1, NAN}};
    expect(2, two, "p1");
    /* Of equal ones the first. */
    const double equal[3][2] = {{1, NAN}, {1, NAN}, {1, NAN}};
    expect(3, equal, "1pp");
}

static void nothing_is_decided_that_may_change(void **state) {
    (void)state;
    /* Of 6 points 2 go on. Three are missing: the best so far may still be beaten by them. */
    const double half[6][2] = {{1, NAN}, {2, NAN}, {3, NAN}, {NAN, NAN}, {NAN, NAN}, {NAN, NAN}};
    expect(6, half, "00p000");
    const double one_less[6][2] = {{1, NAN}, {2, NAN}, {3, NAN}, {4, NAN}, {5, NAN}, {NAN, NAN}};
    expect(6, one_less, "10ppp0");
}

static void points_that_failed_leave_their_place(void **state) {
    (void)state;
    const double some[6][2] = {{INFINITY, NAN}, {2, NAN}, {3, NAN},
                               {INFINITY, NAN}, {5, NAN}, {6, NAN}};
    expect(6, some, "p11ppp");
    /* Fewer are good than might go on: what comes after does not wait for others. */
    const double few[6][2] = {{INFINITY, NAN}, {INFINITY, NAN}, {3, 1},
                              {INFINITY, NAN}, {INFINITY, NAN}, {INFINITY, NAN}};
    expect(6, few, "pp2ppp");
    const double late[6][2] = {{1, INFINITY}, {2, 9}, {3, NAN}, {4, NAN}, {5, NAN}, {6, NAN}};
    expect(6, late, "p2pppp");
    const double none[3][2] = {{INFINITY, NAN}, {INFINITY, NAN}, {INFINITY, NAN}};
    expect(3, none, "ppp");
}

/* Results become known in any order: whatever was decided early stays, and is what is decided in
 * the end. */
static void early_decisions_are_final(void **state) {
    (void)state;
    trit_rng rng = {.seed = 3, .stream = 1};
    uint64_t at = 0;
    for (int round = 0; round < 200; round++) {
        trit_error e = {0};
        trit_halving h = {0};
        int n = 1 + (int)(trit_rng_uniform(&rng, at++) * 20);
        double truth[MAX_POINT][2], known[MAX_POINT][2];
        char before[MAX_POINT + 1] = "", now[MAX_POINT + 1];
        for (int p = 0; p < n; p++) {
            for (int k = 0; k < 2; k++) {
                double u = trit_rng_uniform(&rng, at++);
                truth[p][k] = u < 0.15 ? INFINITY : floor(10 * u); /* with ties */
                known[p][k] = NAN;
            }
        }
        assert_ok(trit_halving_open(&h, n, 2, 3, &e));
        for (;;) {
            int open[MAX_POINT], n_open = 0;
            decide(&h, n, (const double(*)[2])known, now);
            for (int p = 0; p < n; p++) {
                if (before[p] == 'p') assert_int_equal(now[p], 'p');
                if (before[p] && now[p] != 'p') assert_true(now[p] >= before[p]);
                /* What may be trained further, and has not been. */
                if (now[p] != 'p' && h.passed[p] < 2 && isnan(known[p][h.passed[p]])) {
                    open[n_open++] = p;
                }
            }
            memcpy(before, now, sizeof now);
            if (!n_open) break;
            int p = open[(int)(trit_rng_uniform(&rng, at++) * n_open)];
            known[p][h.passed[p]] = truth[p][h.passed[p]];
        }
        /* Nothing waits for ever, and as many went on as should, if they could. */
        int n_end = 0, n_first = 0, n_good = 0;
        for (int p = 0; p < n; p++) {
            assert_true(now[p] == 'p' || now[p] == '2');
            n_end += now[p] == '2';
            n_first += !isnan(known[p][1]);
            n_good += isfinite(truth[p][0]);
        }
        int keep = (int)trit_halving_keep(n, 3);
        assert_int_equal(n_first, n_good < keep ? n_good : keep);
        assert_true(n_end <= (int)trit_halving_keep(keep, 3));
        trit_halving_free(&h);
    }
}

static void cells_of_a_point_count_together(void **state) {
    (void)state;
    trit_error e = {0};
    trit_halving h = {0};
    const double good[] = {1, 1}, bad[] = {4, 4};
    assert_ok(trit_halving_open(&h, 2, 2, 2, &e));
    for (int known = 0; known < 2; known++) {
        trit_halving_begin(&h);
        trit_halving_add(&h, 0, good, 1, false);
        trit_halving_add(&h, 0, bad, known, false);
        trit_halving_add(&h, 1, (const double[]){3}, 1, false);
        trit_halving_add(&h, 1, (const double[]){3}, 1, false);
        trit_halving_decide(&h);
        assert_int_equal(h.passed[0], known); /* 2.5 against 3, once all of it is known */
        assert_int_equal(h.pruned[1], known);
        assert_int_equal(h.at[0].n_known, 1 + known);
    }
    assert_true(h.at[0].cut == 2.5 && h.at[0].best == 0 && h.at[0].n_on == 1);
    trit_halving_begin(&h);
    trit_halving_add(&h, 0, good, 1, false);
    trit_halving_add(&h, 0, NULL, 0, true);
    trit_halving_add(&h, 1, NULL, 0, false);
    trit_halving_decide(&h);
    assert_true(h.pruned[0] && !h.pruned[1]);
    trit_halving_free(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(best_third_goes_on),
        cmocka_unit_test(nothing_is_decided_that_may_change),
        cmocka_unit_test(points_that_failed_leave_their_place),
        cmocka_unit_test(early_decisions_are_final),
        cmocka_unit_test(cells_of_a_point_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
