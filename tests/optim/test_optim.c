#include "rig.h"

#include "autograd/ops.h"
#include "base/rng.h"

/* Parameters of every kind that the driver must tell apart, all in one graph but `unused`. */
typedef struct fixture {
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_optim o;
} fixture;

static const int64_t sizes[] = {1, 255, 8193};
enum { N_SIZE = 3 };

static trit_param *add(fixture *f, const char *path, trit_role role, int64_t n) {
    trit_error e = {0};
    trit_param *p;
    assert_ok(trit_params_add(&f->ps, path, role, 1, &n, &p, &e));
    trit_rng r = {.seed = 7, .stream = trit_hash32(path)};
    for (int64_t i = 0; i < n; i++) trit_param_val(p)[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i));
    return p;
}

static void open_fixture(fixture *f, const trit_optim_cfg *cfg, int64_t steps, int n_threads) {
    trit_error e = {0};
    *f = (fixture){0};
    trit_arena_init(&f->mem, "test");
    trit_params_init(&f->ps, &f->mem);
    assert_ok(trit_runtime_open(&f->x, &(trit_runtime_options){.n_threads = n_threads}, &e));
    add(f, "w1", TRIT_ROLE_weight, sizes[0]);
    add(f, "w255", TRIT_ROLE_weight, sizes[1]);
    add(f, "w8193", TRIT_ROLE_weight, sizes[2]);
    add(f, "embed", TRIT_ROLE_embedding, 300);
    add(f, "bias", TRIT_ROLE_bias, 5);
    add(f, "norm", TRIT_ROLE_norm, 5);
    add(f, "step", TRIT_ROLE_step_size, 5);
    add(f, "quantizer", TRIT_ROLE_quantizer, 5);
    add(f, "frozen", TRIT_ROLE_weight, 100)->frozen = true;
    trit_param *unused = add(f, "unused", TRIT_ROLE_weight, 100);
    add(f, "buffer", TRIT_ROLE_buffer, 10);
    trit_graph_init(&f->g, TRIT_TRAIN);
    for (int i = 0; i < f->ps.n; i++) {
        if (f->ps.at[i] != unused) trit_leaf(&f->g, f->ps.at[i]);
    }
    assert_ok(trit_optim_init(&f->o, cfg, &f->ps, steps, n_threads, &e));
}

static void close_fixture(fixture *f) {
    trit_graph_free(&f->g);
    trit_params_free(&f->ps);
    trit_runtime_close(&f->x);
    trit_arena_free(&f->mem);
}

static const double pow10_of[] = {1e-3, 1e-2, 1e-1, 1, 10};
/* Gradient of element i of parameter p at a step: of very different sizes. */
static double gradient(int p, int64_t step, int64_t i) {
    uint32_t bits = (uint32_t)(i * 131 + step * 31337 + p * 7) * 2654435761u;
    bits = (bits ^ bits >> 15) * 2246822519u;
    return (double)TRIT_R(((bits >> 8) / 8388608.0 - 1) * pow10_of[i % 5]);
}

static void fill_gradients(fixture *f, int64_t step) {
    for (int p = 0; p < f->ps.n; p++) {
        trit_real *g = trit_param_grad(f->ps.at[p]);
        for (int64_t i = 0; g && i < trit_tensor_len(&f->ps.at[p]->val); i++) {
            g[i] = TRIT_R(gradient(p, step, i));
        }
    }
}

static bool is_trained(const trit_param *p) {
    return p->role != TRIT_ROLE_buffer && strcmp(p->path, "frozen") && strcmp(p->path, "unused");
}

static bool decays(const trit_param *p) {
    return p->role == TRIT_ROLE_weight || p->role == TRIT_ROLE_head ||
           p->role == TRIT_ROLE_embedding;
}

static double cosine_lr(const trit_optim_cfg *c, int64_t step, int64_t steps) {
    if (step < c->warmup) return c->lr * (double)(step + 1) / (double)(c->warmup + 1);
    double at = (double)(step - c->warmup) / (double)(steps - c->warmup);
    return c->min_lr + (c->lr - c->min_lr) * (1 + cos(acos(-1.0) * at)) / 2;
}

/* One update of everything as the papers write it, in double. m, v: [3][n] per parameter. */
static void oracle_update(const trit_optim_cfg *c, const fixture *f, double **w, double **m,
                          double **v, int64_t step, int64_t steps, bool adam) {
    double norm = 0, lr = cosine_lr(c, step, steps);
    for (int p = 0; p < f->ps.n; p++) {
        int64_t n = trit_tensor_len(&f->ps.at[p]->val);
        for (int64_t i = 0; is_trained(f->ps.at[p]) && i < n; i++) {
            norm += gradient(p, step, i) * gradient(p, step, i);
        }
    }
    norm = sqrt(norm);
    double k = c->clip_norm > 0 && norm > c->clip_norm ? c->clip_norm / norm : 1;
    for (int p = 0; p < f->ps.n; p++) {
        const trit_param *q = f->ps.at[p];
        for (int64_t i = 0; is_trained(q) && i < trit_tensor_len(&q->val); i++) {
            double g = k * gradient(p, step, i);
            if (decays(q)) w[p][i] -= lr * c->weight_decay * w[p][i];
            if (!adam) {
                m[p][i] = c->momentum * m[p][i] + g;
                w[p][i] -= lr * m[p][i];
                continue;
            }
            m[p][i] = c->beta1 * m[p][i] + (1 - c->beta1) * g;
            v[p][i] = c->beta2 * v[p][i] + (1 - c->beta2) * g * g;
            double mh = m[p][i] / (1 - pow(c->beta1, (double)step + 1));
            double vh = v[p][i] / (1 - pow(c->beta2, (double)step + 1));
            w[p][i] -= lr * mh / (sqrt(vh) + c->eps);
        }
    }
}

static void agrees_with_the_oracle(int kind, double clip) {
    enum { STEPS = 100 };
    const trit_optim_cfg cfg = {.kind = kind,
                                .lr = 1e-2,
                                .min_lr = 1e-3,
                                .schedule = TRIT_LR_cosine,
                                .warmup = 10,
                                .beta1 = 0.9,
                                .beta2 = 0.95,
                                .eps = 1e-8,
                                .momentum = 0.9,
                                .weight_decay = 0.1,
                                .clip_norm = clip};
    bool adam = strcmp(trit_optim_names[kind], "adamw") == 0;
    fixture f;
    open_fixture(&f, &cfg, STEPS, 2);
    double *w[16], *m[16], *v[16];
    for (int p = 0; p < f.ps.n; p++) {
        int64_t n = trit_tensor_len(&f.ps.at[p]->val);
        w[p] = malloc((size_t)n * sizeof(double));
        m[p] = calloc((size_t)n, sizeof(double));
        v[p] = calloc((size_t)n, sizeof(double));
        for (int64_t i = 0; i < n; i++) w[p][i] = (double)trit_param_val(f.ps.at[p])[i];
    }
    for (int64_t step = 0; step < STEPS; step++) {
        fill_gradients(&f, step);
        trit_optim_update(&f.o, &f.x, step, trit_optim_grad_norm(&f.o, &f.x));
        oracle_update(&cfg, &f, w, m, v, step, STEPS, adam);
    }
    for (int p = 0; p < f.ps.n; p++) {
        const trit_param *q = f.ps.at[p];
        double off = 0, size = 0;
        for (int64_t i = 0; i < trit_tensor_len(&q->val); i++) {
            double d = w[p][i] - (double)trit_param_val(q)[i];
            off += d * d;
            size += w[p][i] * w[p][i];
        }
        /* What is not trained keeps its bits. */
        if (!(sqrt(off) <= (is_trained(q) ? 1e-6 : 0) * sqrt(size))) {
            fail_msg("%s: %s is off by %g of %g", trit_optim_names[kind], q->path, sqrt(off),
                     sqrt(size));
        }
        free(w[p]);
        free(m[p]);
        free(v[p]);
    }
    close_fixture(&f);
}

static void updates(void **state) {
    (void)state;
    for (int clip = 0; clip < 2; clip++) {
        agrees_with_the_oracle(rig_kind("adamw"), clip);
        agrees_with_the_oracle(rig_kind("sgd"), clip);
    }
}

static void learning_rates(void **state) {
    (void)state;
    static const struct {
        trit_lr_schedule schedule;
        int64_t step;
        double lr;
    } cases[] = {
        {TRIT_LR_constant, 0, 0.2},
        {TRIT_LR_constant, 3, 0.8},
        {TRIT_LR_constant, 4, 1.0},
        {TRIT_LR_constant, 103, 1.0},
        {TRIT_LR_linear, 2, 0.6},
        {TRIT_LR_linear, 4, 1.0},
        {TRIT_LR_linear, 54, 0.55},
        {TRIT_LR_linear, 104, 0.1},
        {TRIT_LR_linear, 500, 0.1},
        {TRIT_LR_cosine, 4, 1.0},
        {TRIT_LR_cosine, 54, 0.55},
        {TRIT_LR_cosine, 104, 0.1},
        {TRIT_LR_cosine, 29, 0.1 + 0.45 * (1 + 0.70710678118654752)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_optim o = {
            .cfg = {.lr = 1, .min_lr = 0.1, .warmup = 4, .schedule = (int)cases[i].schedule},
            .total_steps = 104};
        assert_near(trit_optim_lr(&o, cases[i].step), cases[i].lr, 1e-12);
    }
    trit_optim all = {.cfg = {.lr = 1, .warmup = 7}, .total_steps = 7};
    assert_near(trit_optim_lr(&all, 6), 7.0 / 8, 1e-12);
}

/* Only the direction of a gradient beyond the limit counts; SGD shows it directly. */
static void clipping(void **state) {
    (void)state;
    const trit_optim_cfg cfg = {.kind = rig_kind("sgd"), .lr = 1, .clip_norm = 0.5};
    fixture f;
    open_fixture(&f, &cfg, 10, 1);
    fill_gradients(&f, 0);
    double norm = trit_optim_grad_norm(&f.o, &f.x), moved = 0;
    assert_true(norm > 1);
    trit_param *p = trit_params_find(&f.ps, "w8193");
    double before = (double)trit_param_val(p)[77], g = (double)trit_param_grad(p)[77];
    trit_optim_update(&f.o, &f.x, 0, norm);
    assert_near((double)trit_param_val(p)[77], before - g * 0.5 / norm, 1e-6);
    for (int i = 0; i < f.ps.n; i++) {
        const trit_param *q = f.ps.at[i];
        trit_rng r = {.seed = 7, .stream = trit_hash32(q->path)};
        for (int64_t k = 0; k < trit_tensor_len(&q->val); k++) {
            double d =
                (double)trit_param_val(q)[k] - (double)TRIT_R(trit_rng_normal(&r, (uint64_t)k));
            moved += d * d;
        }
    }
    assert_near(sqrt(moved), 0.5, 1e-5);
    close_fixture(&f);
}

static void bad_gradients_show_in_the_norm(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, &(trit_optim_cfg){.lr = 1}, 10, 2);
    fill_gradients(&f, 0);
    assert_true(isfinite(trit_optim_grad_norm(&f.o, &f.x)));
    trit_real *g = trit_param_grad(trit_params_find(&f.ps, "w8193"));
    g[8192] = TRIT_R(NAN);
    assert_true(isnan(trit_optim_grad_norm(&f.o, &f.x)));
    g[8192] = TRIT_R(-INFINITY);
    assert_false(isfinite(trit_optim_grad_norm(&f.o, &f.x)));
    g[8192] = TRIT_R(3e38); /* its square is no float, but a double */
    assert_near(trit_optim_grad_norm(&f.o, &f.x) / 3e38, 1, 1e-6);
    g[8192] = 0;
    /* Nobody looks at what is not trained. */
    trit_param_grad(trit_params_find(&f.ps, "unused"))[0] = TRIT_R(NAN);
    trit_param_grad(trit_params_find(&f.ps, "frozen"))[0] = TRIT_R(NAN);
    assert_true(isfinite(trit_optim_grad_norm(&f.o, &f.x)));
    close_fixture(&f);
}

static void threads_make_no_difference(void **state) {
    (void)state;
    for (int kind = 0; trit_optim_names[kind]; kind++) {
        const trit_optim_cfg cfg = {.kind = kind,
                                    .lr = 1e-2,
                                    .beta1 = 0.9,
                                    .beta2 = 0.95,
                                    .eps = 1e-8,
                                    .momentum = 0.9,
                                    .weight_decay = 0.1,
                                    .clip_norm = 1};
        fixture f[3];
        for (int n = 0; n < 3; n++) {
            open_fixture(&f[n], &cfg, 10, n + 1);
            for (int64_t step = 0; step < 5; step++) {
                fill_gradients(&f[n], step);
                trit_optim_update(&f[n].o, &f[n].x, step, trit_optim_grad_norm(&f[n].o, &f[n].x));
            }
            for (int p = 0; n && p < f[n].ps.n; p++) {
                assert_memory_equal(f[n].ps.at[p]->val.data, f[0].ps.at[p]->val.data,
                                    trit_tensor_bytes(&f[0].ps.at[p]->val));
            }
        }
        for (int n = 0; n < 3; n++) close_fixture(&f[n]);
    }
}

static void state_is_kept_for_what_is_trained(void **state) {
    (void)state;
    fixture f;
    open_fixture(&f, &(trit_optim_cfg){.kind = rig_kind("adamw"), .lr = 1}, 10, 1);
    int64_t n = 0;
    for (int p = 0; p < f.ps.n; p++) {
        const trit_param *q = f.ps.at[p];
        assert_int_equal(trit_optim_find(&f.o, q) != NULL, is_trained(q));
        if (is_trained(q)) n += trit_tensor_len(&q->val);
    }
    assert_int_equal(trit_optim_state_bytes(&f.o), 2 * n * (int64_t)sizeof(trit_real));
    close_fixture(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates),
        cmocka_unit_test(learning_rates),
        cmocka_unit_test(clipping),
        cmocka_unit_test(bad_gradients_show_in_the_norm),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(state_is_kept_for_what_is_trained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
