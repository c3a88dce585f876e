#include "optim/lr.h"

#include "testing.h"

typedef struct point {
    int64_t step;
    double lr;
} point;

static void expect(const trit_optim_cfg *c, int64_t total, const point *at, int n, double tol) {
    for (int i = 0; i < n; i++) {
        double lr = trit_lr_at(c, total, at[i].step);
        if (!(fabs(lr - at[i].lr) <= tol * fmax(at[i].lr, 1e-9))) {
            fail_msg("%s at %lld: %.12g, not %.12g", trit_lr_schedule_names[c->schedule],
                     (long long)at[i].step, lr, at[i].lr);
        }
    }
}
#define EXPECT(c, total, tol, ...)                                      \
    do {                                                                \
        static const point at_[] = {__VA_ARGS__};                       \
        expect(&(c), total, at_, (int)(sizeof at_ / sizeof *at_), tol); \
    } while (0)

static void plain_shapes(void **state) {
    (void)state;
    trit_optim_cfg c = {.lr = 1, .warmup = 10, .warmup_zero = true, .schedule = TRIT_LR_cosine};
    EXPECT(c, 110, 1e-8, {0, 0}, {5, .5}, {10, 1}, {35, .853553391}, {60, .5}, {85, .146446609},
           {110, 0});
    c = (trit_optim_cfg){.lr = 1e-3, .min_lr = 1e-4, .warmup = 100, .schedule = TRIT_LR_cosine};
    EXPECT(c, 5000, 1e-8, {0, 9.9009901e-6}, {99, 9.9009901e-4}, {100, 1e-3}, {2550, 5.5e-4},
           {5000, 1e-4});
    c.schedule = TRIT_LR_linear;
    EXPECT(c, 5000, 1e-12, {100, 1e-3}, {2550, 5.5e-4}, {5000, 1e-4}, {9000, 1e-4});
    c.schedule = TRIT_LR_constant;
    EXPECT(c, 5000, 1e-12, {100, 1e-3}, {2550, 1e-3}, {5000, 1e-3});
}

static void inverse_sqrt(void **state) {
    (void)state;
    trit_optim_cfg c = {.lr = .01, .schedule = TRIT_LR_inverse_sqrt};
    /* Adafactor's relative step: 1/sqrt(t), t = step + 1, once it is below the peak. */
    EXPECT(c, 1000, 1e-12, {0, .01}, {3, .005}, {99, .001});
    c.warmup = 10;
    c.warmup_zero = true;
    EXPECT(c, 1000, 1e-12, {0, 0}, {5, .005}, {10, .01}, {40, .005}, {1000, .001});
    c.min_lr = .002;
    EXPECT(c, 1000, 1e-12, {1000, .002});
}

static void warm_up_stable_decay(void **state) {
    (void)state;
    trit_optim_cfg c = {
        .lr = 1, .warmup = 10, .warmup_zero = true, .schedule = TRIT_LR_wsd, .cooldown = 20};
    EXPECT(c, 100, 1e-9, {5, .5}, {10, 1}, {80, 1}, {85, .75}, {90, .5}, {95, .25}, {100, 0});
    c.cooldown_shape = TRIT_COOLDOWN_cosine;
    EXPECT(c, 100, 1e-8, {80, 1}, {85, .853553391}, {90, .5}, {95, .146446609}, {100, 0});
    c.cooldown_shape = TRIT_COOLDOWN_sqrt;
    EXPECT(c, 100, 1e-8, {80, 1}, {85, .5}, {90, .292893219}, {95, .133974596}, {100, 0});
    c.cooldown_shape = TRIT_COOLDOWN_exp;
    c.min_lr = 1. / 16;
    EXPECT(c, 100, 1e-12, {79, 1}, {80, 1}, {85, .5}, {90, .25}, {95, .125}, {100, .0625});
    c.cooldown = 0; /* a tenth */
    EXPECT(c, 100, 1e-12, {90, 1}, {95, .25}, {100, .0625});
}

static void two_stages(void **state) {
    (void)state;
    trit_optim_cfg c = {.lr = 1.5e-3,
                        .min_lr = 3e-5,
                        .warmup = 375,
                        .warmup_zero = true,
                        .schedule = TRIT_LR_bitnet,
                        .stage2_at = .5,
                        .decay_until = .5};
    EXPECT(c, 100000, 1e-8, {0, 0}, {100, 4e-4}, {375, 1.5e-3}, {25000, 1.13664994e-3},
           {49999, 7.6778138e-4}, {50000, 5.16825596e-4}, {75000, 2.73412798e-4}, {100000, 3e-5});
    assert_true(trit_lr_decays(&c, 100000, 49999));
    assert_false(trit_lr_decays(&c, 100000, 50000));
    c = (trit_optim_cfg){.lr = 2.4e-3,
                         .stage2_lr = 1.5e-3,
                         .warmup = 500,
                         .warmup_zero = true,
                         .schedule = TRIT_LR_trilm,
                         .stage2_at = .5,
                         .decay_until = 2. / 3};
    EXPECT(c, 150000, 1e-8, {500, 2.4e-3}, {74999, 1.20402943e-3}, {75000, 7.52508361e-4},
           {100000, 5.01672241e-4}, {150000, 0});
    assert_true(trit_lr_decays(&c, 150000, 99999));
    assert_false(trit_lr_decays(&c, 150000, 100000));
    assert_true(trit_lr_decays(&(trit_optim_cfg){.lr = 1}, 10, 9));
}

/* A second stage that starts below the end would otherwise rise to it. */
static void never_above_its_peak(void **state) {
    (void)state;
    const trit_optim_cfg c = {.lr = 1, .min_lr = .9, .schedule = TRIT_LR_bitnet, .stage2_at = .5};
    for (int64_t step = 50; step <= 100; step++) {
        assert_true(trit_lr_at(&c, 100, step) <= 2. / 3 + 1e-12);
    }
}

static void lengths(void **state) {
    (void)state;
    trit_optim_cfg c = {
        .lr = 1, .unit = TRIT_LR_tokens, .warmup = 4097, .cooldown = 8192, .slow_warmup = 1};
    trit_optim_cfg_in_steps(&c, 1024);
    assert_int_equal(c.warmup, 5);
    assert_int_equal(c.cooldown, 8);
    assert_int_equal(c.slow_warmup, 1);
    trit_optim_cfg_in_steps(&c, 1024);
    assert_int_equal(c.warmup, 5);
    trit_error e = {0};
    assert_ok(trit_lr_check(&c, 5, &e));
    assert_int_equal(trit_lr_check(&c, 4, &e), TRIT_E_CONFIG);
    assert_error_has(e, "warmup: found 5 steps");
    e = (trit_error){0};
    c.schedule = TRIT_LR_wsd;
    assert_ok(trit_lr_check(&c, 13, &e));
    assert_int_equal(trit_lr_check(&c, 12, &e), TRIT_E_CONFIG);
    assert_error_has(e, "cooldown: 8 steps");
}

/* Where quantization begins: the published fused schedule, two stages that meet there, and a
 * schedule that runs twice. */
static void parts_that_meet_where_quantization_begins(void **state) {
    (void)state;
    trit_optim_cfg c = {.lr = 1,
                        .warmup = 50,
                        .warmup_zero = true,
                        .schedule = TRIT_LR_wsd,
                        .cooldown = 7,
                        .cooldown_shape = TRIT_COOLDOWN_sqrt,
                        .at_quant = TRIT_AT_QUANT_fused,
                        .quant_at = 700};
    EXPECT(c, 1000, 1e-8, {25, .5}, {500, 1}, {700, 1}, {775, .5}, {850, .292893219}, {1000, 0});
    c.quant_at = 0; /* nothing to meet: the schedule as it is */
    EXPECT(c, 1000, 1e-8, {25, .5}, {993, 1}, {1000, 0});
    c.quant_at = 700;
    c.at_quant = TRIT_AT_QUANT_restart;
    c.cooldown = 100;
    c.cooldown_shape = TRIT_COOLDOWN_linear;
    EXPECT(c, 1000, 1e-9, {25, .5}, {600, 1}, {650, .5}, {699, .01}, {700, 0}, {725, .5}, {750, 1},
           {900, 1}, {950, .5}, {1000, 0});
    trit_error e = {0};
    assert_ok(trit_lr_check(&c, 1000, &e));
    c.cooldown = 251; /* too long for the second part */
    assert_int_equal(trit_lr_check(&c, 1000, &e), TRIT_E_CONFIG);
    assert_error_has(e, "cooldown: 251 steps");
    c = (trit_optim_cfg){.lr = 1,
                         .schedule = TRIT_LR_bitnet,
                         .stage2_lr = .5,
                         .stage2_at = .5,
                         .decay_until = .5,
                         .at_quant = TRIT_AT_QUANT_fused,
                         .quant_at = 200};
    EXPECT(c, 1000, 1e-9, {0, 1}, {199, .801}, {200, .4}, {600, .2});
    assert_true(trit_lr_decays(&c, 1000, 199));
    assert_false(trit_lr_decays(&c, 1000, 200));
    c.at_quant = TRIT_AT_QUANT_restart;
    EXPECT(c, 1000, 1e-9, {99, .505}, {100, .25}, {200, 1}, {599, .50125}, {600, .25});
    assert_false(trit_lr_decays(&c, 1000, 150));
    assert_true(trit_lr_decays(&c, 1000, 200));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_that_meet_where_quantization_begins),
        cmocka_unit_test(plain_shapes),
        cmocka_unit_test(inverse_sqrt),
        cmocka_unit_test(warm_up_stable_decay),
        cmocka_unit_test(two_stages),
        cmocka_unit_test(never_above_its_peak),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
