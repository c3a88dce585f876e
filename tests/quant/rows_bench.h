/* One grid and one estimator on plain arrays, without a graph. */
#ifndef TRIT_TESTS_ROWS_BENCH_H
#define TRIT_TESTS_ROWS_BENCH_H

#include "quant/rows.h"
#include "testing.h"

typedef struct rows_bench {
    trit_spec spec;
    trit_real level[TRIT_MAX_LEVEL], lo, hi;
    int n_level;
} rows_bench;

/* A short form and an estimator; what it says of the scale does not matter. */
static inline void rows_open(rows_bench *b, trit_quant_kind kind, const char *text,
                             const char *estimator) {
    trit_error e = {0};
    memset(b, 0, sizeof *b);
    assert_ok(trit_spec_parse(&b->spec, kind, text, &e));
    while (strcmp(trit_estimator_names[b->spec.estimator], estimator) != 0) b->spec.estimator++;
    trit_spec knobs = b->spec;
    trit_spec_reset_knobs(&knobs);
    memcpy(b->spec.knob[TRIT_KNOB_ESTIMATOR], knobs.knob[TRIT_KNOB_ESTIMATOR],
           sizeof knobs.knob[TRIT_KNOB_ESTIMATOR]);
}

static inline void rows_knob(rows_bench *b, trit_knob_axis axis, const char *name, double value) {
    const trit_knob *k = trit_spec_knobs(&b->spec, axis);
    int i = 0;
    while (k[i].name && strcmp(k[i].name, name) != 0) i++;
    assert_non_null(k[i].name);
    b->spec.knob[axis][i].from = b->spec.knob[axis][i].to = value;
}

/* Runs project (soft: the estimator's training forward) and then slope and rho, those wanted:
 * q, d, r may be NULL. noise: [n] or NULL. */
static inline void rows_run(rows_bench *b, int n, const trit_real *x, trit_real s,
                            const trit_real *g, const trit_real *noise, trit_real *q, trit_real *d,
                            trit_real *r) {
    const trit_grid *grid = trit_grids[b->spec.grid];
    const trit_estimator *est = trit_estimators[b->spec.estimator];
    trit_real u[TRIT_QUANT_SPAN], level[TRIT_QUANT_SPAN], slope[TRIT_QUANT_SPAN];
    trit_real knob[TRIT_N_KNOB_AXIS][TRIT_MAX_KNOB];
    assert_true(n <= TRIT_QUANT_SPAN);
    for (int a = 0; a < TRIT_N_KNOB_AXIS; a++) {
        for (int i = 0; i < TRIT_MAX_KNOB; i++) knob[a][i] = TRIT_R(b->spec.knob[a][i].from);
    }
    b->n_level = grid->levels(&b->spec, b->level, TRIT_MAX_LEVEL);
    grid->bounds(&b->spec, &b->lo, &b->hi);
    for (int i = 0; i < n; i++) u[i] = x[i] / s;
    trit_span span = {.spec = &b->spec,
                      .n = n,
                      .x = x,
                      .u = u,
                      .q = level,
                      .g = g,
                      .s = s,
                      .lo = b->lo,
                      .hi = b->hi,
                      .level = b->level,
                      .n_level = b->n_level,
                      .knob = knob[TRIT_KNOB_GRID],
                      .noise = noise};
    span.rng.seed = 3;
    if (!est->soft) grid->project(&span, level);
    span.knob = knob[TRIT_KNOB_ESTIMATOR];
    if (est->soft) est->soft(&span, level);
    if (q) memcpy(q, level, (size_t)n * sizeof *q);
    est->slope(&span, slope);
    if (d) memcpy(d, slope, (size_t)n * sizeof *d);
    if (r && est->rho) est->rho(&span, slope, r);
}

static inline trit_real rows_level(rows_bench *b, double u) {
    trit_real x = TRIT_R(u), zero = 0, q;
    rows_run(b, 1, &x, 1, &zero, NULL, &q, NULL, NULL);
    return q;
}

/* The slope at x where the gradient is g. */
static inline double rows_slope(rows_bench *b, double x, double s, double g) {
    trit_real v = TRIT_R(x), in = TRIT_R(g), d;
    rows_run(b, 1, &v, TRIT_R(s), &in, NULL, NULL, &d, NULL);
    return (double)d;
}

/* dy/ds at x; the default where the estimator has no own. */
static inline double rows_rho(rows_bench *b, double x, double s) {
    trit_real v = TRIT_R(x), zero = 0, q, d, r = NAN;
    rows_run(b, 1, &v, TRIT_R(s), &zero, NULL, &q, &d, &r);
    return trit_estimators[b->spec.estimator]->rho ? (double)r
                                                   : (double)q - (double)(v / TRIT_R(s) * d);
}

#endif
