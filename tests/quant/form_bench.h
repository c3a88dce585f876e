/* Forms in a planned graph: known answers, and what tests of forms share. */
#ifndef TRIT_TESTS_FORM_BENCH_H
#define TRIT_TESTS_FORM_BENCH_H

#include "fakequant_bench.h"

/* The vector and gradient of most known answers. */
static const float FORM_X[8] = {-1.3f, -0.45f, -0.1f, 0, 0.2f, 0.55f, 0.9f, 2.1f};
static const float FORM_G[8] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, -0.8f};

#define FORM_TOLERANCE 5e-6 /* answers are given with six digits */

typedef struct form_setting {
    const char *name; /* of a knob; NULL ends a list */
    double value;
} form_setting;

/* A learnable: its first value, what it is set to then (NAN: left), and its gradient as it is and
 * as the optimizer sees it (NAN: not looked at). One value, or that of each. */
typedef struct form_learn {
    const char *name;
    double first, value, grad, scaled;
} form_learn;

/* One row of 8, or n; NULL arrays are not looked at. x NULL: FORM_X, and g. */
typedef struct form_answer {
    const char *text; /* short form */
    form_setting knob[5];
    form_learn learn[3];
    int64_t n;
    const float *x, *g;
    const float *y, *gx;
    const int *codes;
    double scale, zero; /* of the codes; NAN: not looked at */
} form_answer;

static inline void form_set_knob(trit_spec *sp, const char *name, double value) {
    const trit_knob *k = trit_spec_knobs(sp, TRIT_KNOB_FORM);
    int i = 0;
    while (k && k[i].name && strcmp(k[i].name, name) != 0) i++;
    if (!k || !k[i].name) {
        print_error("%s has no knob %s\n", trit_form_names[sp->form], name);
        fail();
    }
    assert_true(value >= k[i].lo && value <= k[i].hi);
    sp->knob[TRIT_KNOB_FORM][i].from = sp->knob[TRIT_KNOB_FORM][i].to = value;
}

static inline trit_param *form_param(const bench *b, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "q.%s", name);
    trit_param *p = trit_params_find(&b->ps, path);
    if (!p) {
        print_error("there is no %s\n", path);
        fail();
    }
    return p;
}

static inline trit_quant_kind form_kind(const trit_form *f) {
    return f->weights ? TRIT_QUANT_WEIGHT : TRIT_QUANT_ACTIVATION;
}

static inline trit_spec form_spec(const char *text, const form_setting *knob) {
    trit_error e = {0};
    trit_spec sp;
    if (trit_spec_parse(&sp, TRIT_QUANT_WEIGHT, text, &e)) {
        e = (trit_error){0};
        assert_ok(trit_spec_parse(&sp, TRIT_QUANT_ACTIVATION, text, &e));
    }
    for (; knob && knob->name; knob++) form_set_knob(&sp, knob->name, knob->value);
    return sp;
}

static inline void form_near(const char *what, int64_t i, double got, double want, double tol) {
    if (fabs(got - want) <= tol * (fabs(want) > 1 ? fabs(want) : 1)) return;
    print_error("%s[%d]: %.9g, expected %.9g\n", what, (int)i, got, want);
    fail();
}

/* Runs twice, so that learnables have the values of the answer, with and without scaling of their
 * gradients. */
static inline void form_expect(const form_answer *a) {
    trit_spec sp = form_spec(a->text, a->knob);
    int64_t n = a->n ? a->n : 8, row[2] = {1, n};
    const float *x = a->x ? a->x : FORM_X, *g = a->g ? a->g : FORM_G;
    for (int raw = 0; raw < 2; raw++) {
        bench b;
        bench_open(&b, &sp, form_kind(trit_forms[sp.form]), 2, row,
                   (bench_options){.mode = TRIT_TRAIN, .check = raw});
        bench_fill(&b, x, g);
        bench_run(&b);
        for (const form_learn *l = a->learn; l->name; l++) {
            trit_real *v = trit_param_val(form_param(&b, l->name));
            if (!isnan(l->first)) form_near(l->name, 0, (double)*v, l->first, FORM_TOLERANCE);
            if (!isnan(l->value)) *v = TRIT_R(l->value);
        }
        bench_run(&b);
        for (int64_t i = 0; i < n; i++) {
            if (a->y) form_near("y", i, (double)bench_y(&b)[i], (double)a->y[i], FORM_TOLERANCE);
            if (a->gx) {
                form_near("gx", i, (double)trit_param_grad(b.x)[i], (double)a->gx[i],
                          FORM_TOLERANCE);
            }
            if (a->codes) assert_int_equal(bench_code(&b, i), a->codes[i]);
        }
        const double *stat = trit_form_stats(b.y);
        if (a->codes && stat[2] == 0) {
            form_near("scale", 0, stat[0], a->scale, FORM_TOLERANCE);
            form_near("zero", 0, stat[1], a->zero, FORM_TOLERANCE);
        }
        for (const form_learn *l = a->learn; l->name; l++) {
            double want = raw ? l->grad : l->scaled;
            if (isnan(want)) continue;
            form_near(l->name, 0, (double)*trit_param_grad(form_param(&b, l->name)), want,
                      FORM_TOLERANCE);
        }
        bench_close(&b);
    }
}

#endif
