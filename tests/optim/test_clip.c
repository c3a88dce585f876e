#include "rig.h"

/* SGD without momentum and a learning rate of 1 shows the gradient that is left. */
static trit_optim_cfg bare(void) {
    return (trit_optim_cfg){.kind = rig_kind("sgd"), .lr = 1};
}

static void left(const trit_optim_cfg *cfg, double g0, double g1, double w0, double w1) {
    rig r;
    rig_open(&r, cfg, TRIT_ROLE_weight, 0, 2, NULL, 1);
    rig_step(&r, (const double[]){g0, g1});
    rig_expect(&r, (const double[]){-w0, -w1}, 1e-6);
    rig_close(&r);
}

static void global_norm(void **state) {
    (void)state;
    trit_optim_cfg cfg = bare();
    cfg.clip_norm = 1;
    left(&cfg, 3, 4, .6, .8);
    left(&cfg, .3, .4, .3, .4);
    cfg.clip_norm = 0;
    left(&cfg, 3, 4, 3, 4);
}

/* After the norm, and before the decay that is part of the gradient. */
static void value(void **state) {
    (void)state;
    trit_optim_cfg cfg = bare();
    cfg.clip_value = .7;
    left(&cfg, 3, -.5, .7, -.5);
    left(&cfg, -3, .5, -.7, .5);
    cfg.clip_norm = 1;
    left(&cfg, 3, 4, .6, .7);
    cfg.decay_mode = TRIT_DECAY_coupled;
    cfg.weight_decay = .5;
    rig r;
    rig_open(&r, &cfg, TRIT_ROLE_weight, 0, 2, (const double[]){1, -1}, 1);
    rig_step(&r, (const double[]){3, 4});
    rig_expect(&r, (const double[]){1 - .6 - .5, -1 - .7 + .5}, 1e-6);
    rig_close(&r);
}

static void percentile(void **state) {
    (void)state;
    static const double norm[] = {1, 2, 10, .5}, scale[] = {1, .5, .1, 1};
    trit_optim_cfg cfg = bare();
    cfg.clip_percentile = 5;
    rig r;
    rig_open(&r, &cfg, TRIT_ROLE_weight, 0, 2, NULL, 1);
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += norm[i] * scale[i];
        rig_step(&r, (const double[]){.6 * norm[i], .8 * norm[i]});
        rig_expect(&r, (const double[]){-.6 * sum, -.8 * sum}, 1e-6);
    }
    /* 100 updates later the small one is forgotten. */
    for (int i = 0; i < 100; i++) rig_step(&r, (const double[]){6, 8});
    double before = (double)*trit_param_val(r.p);
    rig_step(&r, (const double[]){6, 8});
    assert_near((double)*trit_param_val(r.p) - before, -6, 1e-5);
    rig_close(&r);
}

/* Four parameters with gradients of norm 3, 4, 12 and 1: two in a group of their own. */
static void groups(void **state) {
    (void)state;
    static const char *const path[] = {"a.x", "a.y", "b", "c"};
    static const double g[] = {3, 4, 12, 1};
    trit_optim_group group[] = {
        {.match = "a.*",
         .lr = NAN,
         .weight_decay = NAN,
         .beta1 = NAN,
         .beta2 = NAN,
         .clip_norm = 1},
        {.match = "c", .lr = NAN, .weight_decay = NAN, .beta1 = NAN, .beta2 = NAN, .clip_norm = 0}};
    trit_optim_cfg cfg = bare();
    cfg.clip_norm = 6;
    cfg.n_group = 2;
    cfg.group = group;
    trit_error e = {0};
    rig r = {.step = 0};
    trit_arena_init(&r.mem, "rig");
    trit_params_init(&r.ps, &r.mem);
    assert_ok(trit_runtime_open(&r.x, &(trit_runtime_options){.n_threads = 1}, &e));
    trit_graph_init(&r.g, TRIT_TRAIN);
    trit_param *p[4];
    for (int i = 0; i < 4; i++) {
        assert_ok(trit_params_add(&r.ps, path[i], TRIT_ROLE_weight, 1, (int64_t[]){1}, &p[i], &e));
        trit_leaf(&r.g, p[i]);
        *trit_param_grad(p[i]) = TRIT_R(g[i]);
    }
    assert_ok(trit_optim_init(&r.o, &cfg, &r.ps, 10, 1, &e));
    trit_optim_update(&r.o, &r.x, 0, trit_optim_grad_norm(&r.o, &r.x));
    static const double expected[] = {.6, .8, 6, 1};
    for (int i = 0; i < 4; i++) assert_near(*trit_param_val(p[i]), -expected[i], 1e-6);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(global_norm),
        cmocka_unit_test(value),
        cmocka_unit_test(percentile),
        cmocka_unit_test(groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
