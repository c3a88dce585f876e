/* A token or two of width 2 each, the student's a parameter, the teacher's given: what known
 * answers of losses inside of models are for. */
#ifndef TRIT_TESTS_TWO_TOKENS_H
#define TRIT_TESTS_TWO_TOKENS_H

#include "autograd/op_check.h"

typedef struct two_tokens {
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_param *p;
    int64_t n;
    trit_node *student, *teacher, *labels;
} two_tokens;

/* s, t: [n, 2]; label[n], NULL: all have one. */
static inline void tokens_open(two_tokens *f, const double *s, const double *t, int64_t n,
                               const int32_t *label) {
    trit_error e = {0};
    const int64_t dim[3] = {1, n, 2};
    *f = (two_tokens){.n = n};
    trit_arena_init(&f->mem, "test");
    trit_params_init(&f->ps, &f->mem);
    assert_ok(trit_runtime_open(&f->x, &(trit_runtime_options){.n_threads = 2}, &e));
    assert_ok(trit_params_add(&f->ps, "s", TRIT_ROLE_weight, 3, dim, &f->p, &e));
    for (int i = 0; i < 2 * n; i++) trit_param_val(f->p)[i] = TRIT_R(s[i]);
    trit_graph_init(&f->g, TRIT_TRAIN);
    f->labels = trit_input(&f->g, "labels", TRIT_I32, 2, dim);
    if (label) memcpy(f->labels->val.data, label, (size_t)n * sizeof *label);
    f->teacher = trit_input(&f->g, "t", TRIT_REAL, 3, dim);
    for (int i = 0; i < 2 * n; i++) trit_val(f->teacher)[i] = TRIT_R(t[i]);
    f->student = trit_leaf(&f->g, f->p);
}

/* The loss y, and its gradient [n, 2] by the student's. Closes f. */
static inline double tokens_loss(two_tokens *f, trit_node *y, double *gradient) {
    void *block = op_forward(&f->x, &f->g, y);
    trit_graph_backward(&f->g, &f->x, 1);
    double loss = (double)*trit_val(y);
    for (int i = 0; i < 2 * f->n; i++) gradient[i] = (double)trit_param_grad(f->p)[i];
    free(block);
    trit_graph_free(&f->g);
    trit_runtime_close(&f->x);
    trit_params_free(&f->ps);
    trit_arena_free(&f->mem);
    return loss;
}

#endif
