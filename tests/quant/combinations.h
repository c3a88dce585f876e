/* Combinations of rows for tests that hold for all: every legal pair of rows of two axes occurs in
 * one, and every row. (All combinations are too many by now.) */
#ifndef TRIT_TESTS_COMBINATIONS_H
#define TRIT_TESTS_COMBINATIONS_H

#include "quant/spec.h"
#include "testing.h"

enum { AXIS_GRID, AXIS_SCALE, AXIS_ESTIMATOR, AXIS_GRANULARITY, AXIS_KIND, N_AXIS, MAX_ROW = 40 };

/* Which combinations a test is about; NULL: all. */
typedef bool (*combination_wanted)(const trit_spec *sp);

/* The spec of a row of each axis, groups of `group`; whether it is legal and wanted. */
static inline bool combination_make(trit_spec *sp, const int row[N_AXIS], int64_t group,
                                    combination_wanted wanted) {
    trit_quant_kind kind = (trit_quant_kind)row[AXIS_KIND];
    *sp = trit_spec_make(kind, row[AXIS_GRID]);
    sp->scale = row[AXIS_SCALE];
    sp->estimator = row[AXIS_ESTIMATOR];
    sp->granularity = (trit_granularity)row[AXIS_GRANULARITY];
    sp->group = group;
    trit_spec_reset_knobs(sp);
    return !trit_spec_check(sp, kind, NULL) && (!wanted || wanted(sp));
}

static inline void combinations_each(int64_t group, combination_wanted wanted,
                                     void (*f)(const trit_spec *sp, trit_quant_kind kind)) {
    static bool met[N_AXIS][N_AXIS][MAX_ROW][MAX_ROW];
    memset(met, 0, sizeof met);
    int size[N_AXIS] = {0, 0, 0, TRIT_N_GRANULARITY, 2};
    while (trit_grids[size[AXIS_GRID]]) size[AXIS_GRID]++;
    while (trit_scales[size[AXIS_SCALE]]) size[AXIS_SCALE]++;
    while (trit_estimators[size[AXIS_ESTIMATOR]]) size[AXIS_ESTIMATOR]++;
    for (int i = 0; i < N_AXIS; i++) assert_true(size[i] <= MAX_ROW);
    int turn = 0;
    for (int a = 0; a < N_AXIS; a++) {
        for (int b = a + 1; b < N_AXIS; b++) {
            for (int pair = 0; pair < size[a] * size[b]; pair++) {
                int row[N_AXIS], others = 1;
                row[a] = pair / size[b];
                row[b] = pair % size[b];
                if (met[a][b][row[a]][row[b]]) continue;
                for (int i = 0; i < N_AXIS; i++) others *= i == a || i == b ? 1 : size[i];
                trit_spec sp;
                bool found = false;
                for (int k = 0; k < others && !found; k++) { /* a new start every time */
                    int rest = (k + 31 * turn) % others;
                    for (int i = N_AXIS - 1; i >= 0; i--) {
                        if (i == a || i == b) continue;
                        row[i] = rest % size[i];
                        rest /= size[i];
                    }
                    found = combination_make(&sp, row, group, wanted);
                }
                if (!found) continue; /* no legal combination has this pair */
                turn++;
                for (int i = 0; i < N_AXIS; i++) {
                    for (int j = i + 1; j < N_AXIS; j++) met[i][j][row[i]][row[j]] = true;
                }
                f(&sp, (trit_quant_kind)row[AXIS_KIND]);
            }
        }
    }
    assert_true(turn > 0);
}

#endif
