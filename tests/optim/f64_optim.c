/* Known answers of every optimizer, in double: the formulas, without the arithmetic's rounding. */
#include "rig.h"

enum { MOST = 8 };

typedef struct answer {
    const char *kind;
    trit_optim_cfg cfg; /* kind and schedule are filled in */
    int64_t rows, cols;
    int n_step;
    double w[MOST], g[3][MOST], expected[3][MOST];
} answer;

#define ADAM .lr = .1, .weight_decay = .01, .beta1 = .9, .beta2 = .999, .eps = 1e-8
#define SGD  .lr = .1, .weight_decay = .01, .momentum = .9, .decay_mode = TRIT_DECAY_coupled
static const answer answers[] = {
    {.kind = "adamw",
     .cfg = {ADAM},
     .cols = 2,
     .n_step = 2,
     .w = {1, -2},
     .g = {{.1, -.3}, {.2, .1}},
     .expected = {{0.89900001, -1.898}, {0.801582814, -1.85608015}}},
    {.kind = "adamw",
     .cfg = {ADAM, .decay_mode = TRIT_DECAY_last},
     .cols = 2,
     .n_step = 2,
     .w = {1, -2},
     .g = {{.1, -.3}, {.2, .1}},
     .expected = {{0.89910001, -1.8981}, {0.801779232, -1.85622007}}},
    {.kind = "adam",
     .cfg = {ADAM, .decay_mode = TRIT_DECAY_coupled},
     .cols = 2,
     .n_step = 2,
     .w = {1, -2},
     .g = {{.1, -.3}, {.2, .1}},
     .expected = {{0.900000009, -1.9}, {0.802947348, -1.85331346}}},
    {.kind = "sgd",
     .cfg = {SGD},
     .cols = 1,
     .n_step = 3,
     .w = {1},
     .g = {{.5}, {.25}, {-.1}},
     .expected = {{0.949}, {0.877151}, {0.821609749}}},
    {.kind = "sgd",
     .cfg = {SGD, .nesterov = true},
     .cols = 1,
     .n_step = 3,
     .w = {1},
     .g = {{.5}, {.25}, {-.1}},
     .expected = {{0.9031}, {0.81257411}, {0.771869708}}},
    {.kind = "lion",
     .cfg = {.lr = .01, .weight_decay = .1, .beta1 = .9, .beta2 = .99},
     .cols = 3,
     .n_step = 2,
     .w = {1, -2, .5},
     .g = {{.1, -.3, 0}, {-2, .1, 0}},
     .expected = {{.989, -1.988, .4995}, {.998011, -1.996012, .4990005}}},
    {.kind = "adafactor",
     .cfg = {.lr = .1, .eps = 1e-30, .decay_power = .8, .update_clip = 1},
     .rows = 2,
     .cols = 2,
     .n_step = 2,
     .w = {1, 2, 3, 4},
     .g = {{.1, .2, .3, -.4}, {.2, -.1, .1, .1}},
     .expected = {{0.922540333, 1.89045549, 2.89607695, 4.09797959},
                  {0.785269474, 1.94940943, 2.85138009, 4.05958752}}},
    {.kind = "muon",
     .cfg = {.lr = 1, .muon_scale = TRIT_MUON_none, .ns_steps = 5},
     .rows = 2,
     .cols = 2,
     .n_step = 1,
     .g = {{1, 2, 3, 4}},
     .expected = {{0.68066099, -0.82553961, -0.741295418, -0.259440027}}},
    {.kind = "muon",
     .cfg = {.lr = 1, .muon_scale = TRIT_MUON_fan, .ns_steps = 5},
     .rows = 3,
     .cols = 2,
     .n_step = 1,
     .g = {{1, 0, 0, 2, 2, 1}},
     .expected = {{-.40541415 * 1.224744871391589, -.0115259557 * 1.224744871391589,
                   -.0230519115 * 1.224744871391589, -.8108283 * 1.224744871391589,
                   -.822354255 * 1.224744871391589, -.428466061 * 1.224744871391589}}},
};

static void known_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const answer *a = &answers[i];
        trit_optim_cfg cfg = a->cfg;
        cfg.kind = rig_kind(a->kind);
        rig r;
        rig_open(&r, &cfg, TRIT_ROLE_weight, a->rows, a->cols, a->w, 1);
        for (int step = 0; step < a->n_step; step++) {
            rig_step(&r, a->g[step]);
            rig_expect(&r, a->expected[step], 1e-8);
        }
        rig_close(&r);
    }
}

static void known_states(void **state) {
    (void)state;
    rig r;
    trit_optim_cfg cfg = {.kind = rig_kind("adamw"), ADAM};
    rig_open(&r, &cfg, TRIT_ROLE_weight, 0, 2, (const double[]){1, -2}, 1);
    rig_step(&r, (const double[]){.1, -.3});
    rig_step(&r, (const double[]){.2, .1});
    assert_near(rig_state(&r, "moment1")[0], .029, 1e-12);
    assert_near(rig_state(&r, "moment1")[1], -.017, 1e-12);
    assert_near(rig_state(&r, "moment2")[0], 4.999e-5, 1e-12);
    assert_near(rig_state(&r, "moment2")[1], 9.991e-5, 1e-12);
    rig_close(&r);
    cfg = (trit_optim_cfg){.kind = rig_kind("lion"), .lr = .01, .beta1 = .9, .beta2 = .99};
    rig_open(&r, &cfg, TRIT_ROLE_weight, 0, 2, (const double[]){1, -2}, 1);
    rig_step(&r, (const double[]){.1, -.3});
    rig_step(&r, (const double[]){-2, .1});
    assert_near(rig_state(&r, "moment1")[0], -.01901, 1e-12);
    assert_near(rig_state(&r, "moment1")[1], -.00197, 1e-12);
    rig_close(&r);
}

/* Adafactor keeps a row and a column of a matrix, and the whole of a vector. */
static void factored_state(void **state) {
    (void)state;
    const trit_optim_cfg cfg = {
        .kind = rig_kind("adafactor"), .lr = .1, .eps = 1e-30, .decay_power = .8, .update_clip = 1};
    rig r;
    rig_open(&r, &cfg, TRIT_ROLE_weight, 2, 3, NULL, 1);
    assert_null(rig_state(&r, "moment2"));
    rig_step(&r, (const double[]){1, 2, 3, 4, 5, 6});
    const double row[] = {14. / 3, 77. / 3}, column[] = {17. / 2, 29. / 2, 45. / 2};
    for (int i = 0; i < 2; i++) assert_near(rig_state(&r, "row")[i], row[i], 1e-12);
    for (int i = 0; i < 3; i++) assert_near(rig_state(&r, "column")[i], column[i], 1e-12);
    assert_int_equal(trit_optim_state_bytes(&r.o), 5 * (int64_t)sizeof(trit_real));
    rig_close(&r);
    rig_open(&r, &cfg, TRIT_ROLE_norm, 0, 3, NULL, 1);
    assert_null(rig_state(&r, "row"));
    rig_step(&r, (const double[]){1, -2, 0.5});
    rig_expect(&r, (const double[]){-.1, .1, -.1}, 1e-12); /* g over its own size */
    rig_close(&r);
}

/* Without a mean of its own size, the step would follow the scale of the weights. */
static void adafactor_scales_with_the_weights(void **state) {
    (void)state;
    trit_optim_cfg cfg = {.kind = rig_kind("adafactor"),
                          .lr = .1,
                          .eps = 1e-30,
                          .decay_power = .8,
                          .update_clip = 1,
                          .scale_lr = true};
    rig r;
    rig_open(&r, &cfg, TRIT_ROLE_weight, 0, 2, (const double[]){3, 4}, 1);
    rig_step(&r, (const double[]){1, 1});
    double step = .1 * sqrt(12.5);
    rig_expect(&r, (const double[]){3 - step, 4 - step}, 1e-12);
    rig_close(&r);
    rig_open(&r, &cfg, TRIT_ROLE_weight, 0, 2, NULL, 1);
    rig_step(&r, (const double[]){1, 1});
    rig_expect(&r, (const double[]){-1e-4, -1e-4}, 1e-15);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(known_states),
        cmocka_unit_test(factored_state),
        cmocka_unit_test(adafactor_scales_with_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
