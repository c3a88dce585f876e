/* One parameter and an optimizer, stepped with gradients that a test gives. */
#ifndef TRIT_TESTS_OPTIM_RIG_H
#define TRIT_TESTS_OPTIM_RIG_H

#include "autograd/runtime.h"
#include "optim/optim.h"
#include "testing.h"

typedef struct rig {
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_optim o;
    trit_param *p;
    int64_t step;
} rig;

/* rows 0: a vector of cols elements. w: [len], or NULL for zeros. */
static inline void rig_open(rig *r, const trit_optim_cfg *cfg, trit_role role, int64_t rows,
                            int64_t cols, const double *w, int n_threads) {
    trit_error e = {0};
    *r = (rig){.step = 0};
    trit_arena_init(&r->mem, "rig");
    trit_params_init(&r->ps, &r->mem);
    assert_ok(trit_runtime_open(&r->x, &(trit_runtime_options){.n_threads = n_threads}, &e));
    const int64_t dim[] = {rows, cols};
    assert_ok(trit_params_add(&r->ps, "w", role, rows ? 2 : 1, rows ? dim : dim + 1, &r->p, &e));
    for (int64_t i = 0; w && i < trit_tensor_len(&r->p->val); i++) {
        trit_param_val(r->p)[i] = TRIT_R(w[i]);
    }
    trit_graph_init(&r->g, TRIT_TRAIN);
    trit_leaf(&r->g, r->p);
    assert_ok(trit_optim_init(&r->o, cfg, &r->ps, 1000, n_threads, &e));
}

static inline void rig_step(rig *r, const double *g) {
    for (int64_t i = 0; i < trit_tensor_len(&r->p->val); i++) {
        trit_param_grad(r->p)[i] = TRIT_R(g[i]);
    }
    r->x.rng.step = (uint32_t)r->step;
    trit_optim_update(&r->o, &r->x, r->step++, trit_optim_grad_norm(&r->o, &r->x));
}

static inline void rig_close(rig *r) {
    trit_graph_free(&r->g);
    trit_params_free(&r->ps);
    trit_runtime_close(&r->x);
    trit_arena_free(&r->mem);
}

/* The weights are n numbers, within tol of the size of each. */
static inline void rig_expect(const rig *r, const double *w, double tol) {
    for (int64_t i = 0; i < trit_tensor_len(&r->p->val); i++) {
        assert_near(trit_param_val(r->p)[i], w[i], tol);
    }
}

/* The state of a name; NULL: there is none. */
static inline const trit_real *rig_state(const rig *r, const char *name) {
    const trit_optim_item *it = &r->o.item[0];
    for (int k = 0; k < it->type->n_slot; k++) {
        if (it->slot[k].name && strcmp(it->slot[k].name, name) == 0)
            return trit_slot_at(&it->slot[k], 0);
    }
    return NULL;
}

static inline int rig_kind(const char *name) {
    int i = 0;
    while (strcmp(trit_optim_names[i], name) != 0) i++;
    return i;
}

#endif
