/* One form on one tensor: its knobs, learnables and noise by name. */
#ifndef TRIT_TESTS_FORM_RUN_H
#define TRIT_TESTS_FORM_RUN_H

#include "fakequant_bench.h"

/* The vector and the incoming gradient of most known answers. */
static const float FORM_X[8] = {-1.3f, -0.45f, -0.1f, 0.0f, 0.2f, 0.55f, 0.9f, 2.1f};
static const float FORM_G[8] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, -0.8f};

static inline trit_spec form_spec(trit_quant_kind kind, const char *text) {
    trit_error e = {0};
    trit_spec sp;
    assert_ok(trit_spec_parse(&sp, kind, text, &e));
    assert_true(sp.form > 0);
    return sp;
}

static inline void form_knob(trit_spec *sp, const char *name, double value) {
    const trit_knob *k = trit_spec_knobs(sp, TRIT_KNOB_FORM);
    int i = 0;
    while (k[i].name && strcmp(k[i].name, name) != 0) i++;
    assert_non_null(k[i].name);
    assert_true(value >= k[i].lo && value <= k[i].hi);
    sp->knob[TRIT_KNOB_FORM][i].from = sp->knob[TRIT_KNOB_FORM][i].to = value;
}

static inline void form_open(bench *b, const trit_spec *sp, trit_quant_kind kind, trit_mode mode,
                             int64_t rows, int64_t cols) {
    bench_open(b, sp, kind, 2, (int64_t[]){rows, cols}, (bench_options){.mode = mode});
}

static inline trit_param *form_param(const bench *b, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "q.%s", name);
    trit_param *p = trit_params_find(&b->ps, path);
    assert_non_null(p);
    return p;
}

/* Gives every element of a learnable this value, in place of what the form starts with. */
static inline void form_set(bench *b, const char *name, double value) {
    trit_param *p = form_param(b, name);
    for (int64_t i = 0; i < trit_tensor_len(&p->val); i++) trit_param_val(p)[i] = TRIT_R(value);
    *trit_param_val(form_param(b, "ready")) = 1;
}

static inline double form_value(const bench *b, const char *name, int64_t i) {
    return (double)trit_param_val(form_param(b, name))[i];
}

/* Gradient that the optimizer would see; bare: before the form's factor on it. */
static inline double form_grad(const bench *b, const char *name, int64_t i) {
    return (double)trit_param_grad(form_param(b, name))[i];
}
static inline double form_bare_grad(const bench *b, const char *name, int64_t i) {
    const trit_form *f = trit_forms[b->quant.spec.form];
    int k = 0;
    while (strcmp(f->learn[k].name, name) != 0) k++;
    double (*scale)(const trit_spec *, int64_t, int64_t) = f->learn[k].grad_scale;
    return form_grad(b, name, i) / (scale ? scale(&b->quant.spec, b->n / b->n_group, b->n) : 1);
}

static inline void assert_values_at(const trit_real *got, const double *want, int64_t n,
                                    const char *what, const char *file, int line) {
    for (int64_t i = 0; i < n; i++) {
        if (fabs((double)got[i] - want[i]) <= 1e-5 * fmax(1, fabs(want[i]))) continue;
        print_error("%s[%d] is %.9g, not %.9g\n", what, (int)i, (double)got[i], want[i]);
        _fail(file, line);
    }
}
/* y and gx of all elements; the values follow. */
#define assert_y(b, ...)                                                                     \
    assert_values_at(bench_y(b), (const double[]){__VA_ARGS__},                              \
                     (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), "y", \
                     __FILE__, __LINE__)
#define assert_gx(b, ...)                                                                     \
    assert_values_at(trit_param_grad((b)->x), (const double[]){__VA_ARGS__},                  \
                     (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), "gx", \
                     __FILE__, __LINE__)

static inline void assert_codes_at(const bench *b, const int *want, int n, const char *file,
                                   int line) {
    for (int i = 0; i < n; i++) {
        const int8_t got = ((const int8_t *)b->y->code.data)[i];
        if (got == want[i]) continue;
        print_error("code[%d] is %d, not %d\n", i, got, want[i]);
        _fail(file, line);
    }
}
#define assert_codes(b, ...)                       \
    assert_codes_at(b, (const int[]){__VA_ARGS__}, \
                    (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)), __FILE__, __LINE__)

/* Every value is a level of its group, and what its code says. */
static inline void form_check_codes(const bench *b) {
    int64_t len = b->n / b->n_group;
    for (int64_t i = 0; i < b->n; i++) {
        const double *stat = trit_form_stats(b->y) + i / len * TRIT_FORM_STAT;
        trit_real level[256], y = bench_y(b)[i];
        int n = trit_form_levels(b->y, i / len, level, 256), at = 0;
        const int8_t code = ((const int8_t *)b->y->code.data)[i];
        assert_true(n > 1 && n <= 256);
        while (at < n && level[at] != y) at++;
        assert_true(at < n);
        if (stat[2] != 0) {
            assert_int_equal((uint8_t)code, at);
        } else {
            assert_true(TRIT_R(stat[0] * (code - stat[1])) == y);
        }
    }
}

/* What a group gets does not depend on the others: the same as alone. Learnables of the whole
 * tensor, and what is looked at in it, are left to the form's own test. */
static inline void form_check_groups(const trit_spec *sp, trit_quant_kind kind, int64_t group) {
    bench b, alone;
    trit_spec grouped = *sp, one = *sp;
    grouped.granularity = TRIT_GRANULARITY_group;
    grouped.group = group;
    one.granularity = TRIT_GRANULARITY_tensor;
    form_open(&b, &grouped, kind, TRIT_TRAIN, 3, 2 * group);
    bench_random(&b);
    bench_run(&b);
    assert_int_equal(b.n_group, 6);
    for (int64_t k = 0; k < b.n_group; k++) {
        form_open(&alone, &one, kind, TRIT_TRAIN, 1, group);
        size_t bytes = (size_t)group * sizeof(trit_real);
        memcpy(trit_param_val(alone.x), trit_param_val(b.x) + k * group, bytes);
        memcpy(trit_val(alone.g), trit_val(b.g) + k * group, bytes);
        bench_run(&alone);
        assert_memory_equal(bench_y(&alone), bench_y(&b) + k * group, bytes);
        assert_memory_equal(trit_param_grad(alone.x), trit_param_grad(b.x) + k * group, bytes);
        for (int j = 0; j < trit_forms[sp->form]->n_learn; j++) {
            const trit_form_learn *l = &trit_forms[sp->form]->learn[j];
            if (l->size != TRIT_LEARN_GROUP || l->buffer) continue;
            assert_near(form_bare_grad(&b, l->name, k), form_bare_grad(&alone, l->name, 0), 1e-6);
        }
        bench_close(&alone);
    }
    bench_close(&b);
}

#endif
