#include "rig.h"

/* Without momentum, decay and scale, a step of 1 from zero is minus the orthogonal matrix. */
static trit_optim_cfg bare(void) {
    return (trit_optim_cfg){.kind = rig_kind("muon"),
                            .lr = 1,
                            .schedule = TRIT_LR_constant,
                            .muon_scale = TRIT_MUON_none,
                            .ns_steps = 5};
}

static void iterations(void **state) {
    (void)state;
    static const struct {
        int64_t rows, cols;
        double g[6], o[6];
    } cases[] = {
        {2, 2, {3, 0, 0, 1}, {0.753033451, 0, 0, 1.13370622}},
        {2, 2, {1, 2, 3, 4}, {-0.68066099, 0.82553961, 0.741295418, 0.259440027}},
        {3,
         2,
         {1, 0, 0, 2, 2, 1},
         {.40541415, .0115259557, .0230519115, .8108283, .822354255, .428466061}},
        {2,
         3,
         {1, 0, 2, 0, 2, 1},
         {.40541415, .0230519115, .822354255, .0115259557, .8108283, .428466061}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r;
        const trit_optim_cfg cfg = bare();
        double w[6];
        rig_open(&r, &cfg, TRIT_ROLE_weight, cases[i].rows, cases[i].cols, NULL, 1);
        rig_step(&r, cases[i].g);
        for (int k = 0; k < 6; k++) w[k] = -cases[i].o[k];
        rig_expect(&r, w, 3e-6);
        rig_close(&r);
    }
}

/* A diagonal with elements far apart shows the polynomial of each singular value. */
static void singular_values(void **state) {
    (void)state;
    rig r;
    trit_optim_cfg cfg = bare();
    cfg.ns_steps = 1;
    const double a = 3.4445, b = -4.7750, c = 2.0315, s[2] = {0.6, 0.8};
    rig_open(&r, &cfg, TRIT_ROLE_weight, 2, 2, NULL, 1);
    rig_step(&r, (const double[]){s[0], 0, 0, s[1]});
    double w[4] = {0};
    for (int i = 0; i < 2; i++) w[3 * i] = -(a * s[i] + b * pow(s[i], 3) + c * pow(s[i], 5));
    rig_expect(&r, w, 1e-6);
    rig_close(&r);
}

static void momentum_scale_and_decay(void **state) {
    (void)state;
    static const double g1[] = {3, 0, 0, 0, 1, 0}, g2[] = {1, 0, 0, 0, 1, 0};
    for (int scale = 0; scale < 3; scale++) {
        for (int nesterov = 0; nesterov < 2; nesterov++) {
            const double lr = 0.1, mu = 0.9, decay = 0.5;
            trit_optim_cfg cfg = bare();
            cfg.lr = lr;
            cfg.momentum = mu;
            cfg.nesterov = nesterov;
            cfg.weight_decay = decay;
            cfg.muon_scale = scale;
            rig r;
            double w[6] = {1, 2, 3, 4, 5, 6}, m[2] = {0};
            rig_open(&r, &cfg, TRIT_ROLE_weight, 3, 2, w, 1);
            for (int step = 0; step < 2; step++) {
                const double *g = step ? g2 : g1;
                double d[6] = {g[0], 0, 0, g[4], 0, 0}, s[2], norm = 0;
                for (int i = 0; i < 2; i++) {
                    m[i] = mu * m[i] + (1 - mu) * d[3 * i];
                    s[i] = nesterov ? mu * m[i] + (1 - mu) * d[3 * i] : m[i];
                    norm += s[i] * s[i];
                }
                double k = scale == TRIT_MUON_rms   ? 0.2 * sqrt(3)
                           : scale == TRIT_MUON_fan ? sqrt(1.5)
                                                    : 1;
                for (int i = 0; i < 6; i++) w[i] *= 1 - lr * decay;
                for (int i = 0; i < 2; i++) {
                    double x = s[i] / (sqrt(norm) + 1e-7);
                    for (int it = 0; it < 5; it++) {
                        x = 3.4445 * x - 4.7750 * pow(x, 3) + 2.0315 * pow(x, 5);
                    }
                    w[3 * i] -= lr * k * x;
                }
                rig_step(&r, d);
            }
            rig_expect(&r, w, 3e-6);
            rig_close(&r);
        }
    }
}

static double noise(int64_t i, int64_t step) {
    trit_rng r = {.seed = 5, .step = (uint32_t)step};
    return trit_rng_normal(&r, (uint64_t)i);
}

static void threads_make_no_difference(void **state) {
    (void)state;
    enum { ROWS = 150, COLS = 210, N = ROWS * COLS };
    static double g[N];
    static trit_real first[N];
    trit_optim_cfg cfg = bare();
    cfg.momentum = 0.95;
    for (int threads = 1; threads <= 3; threads++) {
        rig r;
        rig_open(&r, &cfg, TRIT_ROLE_weight, ROWS, COLS, NULL, threads);
        for (int step = 0; step < 3; step++) {
            for (int64_t i = 0; i < N; i++) g[i] = noise(i, step);
            rig_step(&r, g);
        }
        if (threads == 1) memcpy(first, r.p->val.data, sizeof first);
        assert_memory_equal(first, r.p->val.data, sizeof first);
        rig_close(&r);
    }
}

/* What is no matrix inside the network is adamw's, with a learning rate of its own. */
static void the_rest(void **state) {
    (void)state;
    static const trit_role roles[] = {TRIT_ROLE_head, TRIT_ROLE_embedding, TRIT_ROLE_norm,
                                      TRIT_ROLE_weight};
    for (int i = 0; i < 4; i++) {
        trit_optim_cfg cfg = bare();
        cfg.lr = 0.5;
        cfg.adam_lr = 0.1;
        cfg.beta1 = 0.9;
        cfg.beta2 = 0.999;
        cfg.eps = 1e-8;
        rig r;
        rig_open(&r, &cfg, roles[i], i < 2 ? 2 : 0, 2, (const double[]){1, -2, 1, 1}, 1);
        assert_string_equal(r.o.item[0].type->name, "adamw");
        rig_step(&r, (const double[]){.1, -.3, 1, 1});
        rig_expect(&r, (const double[]){0.9, -1.9, 0.9, 0.9}, 1e-6);
        rig_close(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iterations),
        cmocka_unit_test(singular_values),
        cmocka_unit_test(momentum_scale_and_decay),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
