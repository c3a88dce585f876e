/* Known answers of ternary weights: twn, ttq, tequila, sherry. */
#include "form_bench.h"

static void twn(void **state) {
    (void)state;
    static const float y[] = {-1.2125f, 0, 0, 0, 0, 1.2125f, 1.2125f, 1.2125f};
    static const int codes[] = {-1, 0, 0, 0, 0, 1, 1, 1};
    form_expect(
        &(form_answer){.text = "twn", .y = y, .gx = FORM_G, .codes = codes, .scale = 1.2125});
}

static void ttq(void **state) {
    (void)state;
    static const float y[] = {-.8f, -.8f, 0, 0, 1.2f, 1.2f, 1.2f, 1.2f};
    static const float gx[] = {0.08f, -0.16f, 0.3f, -0.4f, 0.6f, -0.72f, 0.84f, -0.96f};
    static const int codes[] = {0, 0, 1, 1, 2, 2, 2, 2}; /* indices of -wn, 0, wp */
    form_answer a = {.text = "ttq",
                     .learn = {{"wp", .9375, 1.2, -.2, -.2}, {"wn", .875, .8, .1, .1}},
                     .y = y,
                     .gx = gx,
                     .codes = codes};
    form_expect(&a);
    a.knob[0] = (form_setting){"first", 1};
    a.learn[0].first = a.learn[1].first = 1;
    form_expect(&a);
    /* One outlier: all others are zero, and a side without weights starts at the mean. */
    static const float x[] = {100, 1, -1, 2}, g[] = {1, 2, 3, 4};
    static const float far[] = {100, 0, 0, 0}, slope[] = {100, 2, 3, 4};
    form_expect(&(form_answer){.text = "ttq",
                               .learn = {{"wp", 100, NAN, 1, 1}, {"wn", 26, NAN, 0, 0}},
                               .n = 4,
                               .x = x,
                               .g = g,
                               .y = far,
                               .gx = slope});
    /* Levels that an optimizer pushed below zero stay just above it. */
    static const float gone[] = {-1e-5f, -1e-5f, 0, 0, 1e-5f, 1e-5f, 1e-5f, 1e-5f};
    form_expect(&(form_answer){
        .text = "ttq", .learn = {{"wp", NAN, -1, -.2, -.2}, {"wn", NAN, -2, .1, .1}}, .y = gone});
    /* An element at the threshold is zero. */
    static const float at[] = {1, .5f, -.5f, -.50001f};
    static const float zone[] = {1, 0, 0, -1};
    form_expect(&(form_answer){.text = "ttq",
                               .knob = {{"threshold", 0.5}},
                               .learn = {{"wp", 1, 1, 3, 3}, {"wn", .50001, 1, -3, -3}},
                               .n = 4,
                               .x = at,
                               .g = (const float[]){3, 3, 3, 3},
                               .y = zone});
}

static void tequila(void **state) {
    (void)state;
    static const float y[] = {-.7f, -.7f, 0, 0, 0, .7f, .7f, .7f};
    static const int codes[] = {-1, -1, 0, 0, 0, 1, 1, 1};
    form_expect(&(form_answer){
        .text = "tequila-group8", .y = y, .gx = FORM_G, .codes = codes, .scale = .7});
    /* At the threshold an element is kept. */
    static const float x[] = {1, -.5f, .25f, -.25f}, g[] = {1, 1, 1, 1};
    form_expect(&(form_answer){.text = "tequila-group4",
                               .n = 4,
                               .x = x,
                               .g = g,
                               .codes = (const int[]){1, -1, 1, -1},
                               .scale = .5});
}

static void sherry(void **state) {
    (void)state;
    static const float y[] = {-.9f, -.9f, -.9f, 0, 0, .9f, .9f, .9f};
    static const int codes[] = {-1, -1, -1, 0, 0, 1, 1, 1};
    form_expect(
        &(form_answer){.text = "sherry-group8", .y = y, .gx = FORM_G, .codes = codes, .scale = .9});
    /* Two groups: blocks do not look past their four, scales not past their group. */
    static const float four[] = {-.61666667f, -.61666667f, -.61666667f, 0,
                                 0,           1.1833333f,  1.1833333f,  1.1833333f};
    form_expect(&(form_answer){.text = "sherry-group4", .y = four});
    /* Of equal magnitudes the last goes; two zeros in a block stay zeros. */
    static const float x[] = {1, -1, 1, -1, 0, 5, 0, -2};
    static const int equal[] = {1, -1, 1, 0, 0, 1, 0, -1};
    form_expect(&(form_answer){.text = "sherry-group8", .x = x, .codes = equal, .scale = 10.0 / 6});
}

/* Arenas: e*w comes on top in training, for the pruned weights too, and never in evaluation. */
static void sherry_residual(void **state) {
    (void)state;
    static const double q[] = {-.9, -.9, -.9, 0, 0, .9, .9, .9};
    float y[8], gx[8];
    for (int i = 0; i < 8; i++) {
        y[i] = TRIT_R(q[i] + 0.25 * (double)FORM_X[i]);
        gx[i] = TRIT_R(1.25 * (double)FORM_G[i]);
    }
    form_expect(
        &(form_answer){.text = "sherry-group8", .knob = {{"residual", 0.25}}, .y = y, .gx = gx});
    /* A schedule by steps: 0 before it begins and once it has ended; codes where e is 0. */
    trit_spec sp = form_spec("sherry-group8", NULL);
    sp.knob[TRIT_KNOB_FORM][0] = (trit_schedule){TRIT_SHAPE_hump, 0, 1, 0, 100, 0};
    static const struct {
        trit_mode mode;
        int64_t step;
        double e;
    } cases[] = {{TRIT_TRAIN, 0, 0}, {TRIT_TRAIN, 5, .5},  {TRIT_TRAIN, 55, .5},
                 {TRIT_EVAL, 55, 0}, {TRIT_TRAIN, 100, 0}, {TRIT_TRAIN, 101, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench b;
        trit_real level[8];
        bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, (int64_t[]){1, 8},
                   (bench_options){.mode = cases[i].mode});
        bench_fill(&b, FORM_X, FORM_G);
        trit_quant_step(&b.quant, cases[i].step);
        bench_run(&b);
        for (int k = 0; k < 8; k++) {
            form_near("y", k, (double)bench_y(&b)[k], q[k] + cases[i].e * (double)FORM_X[k], 1e-6);
        }
        assert_true(isnan(trit_form_stats(b.y)[0]) == (cases[i].e != 0));
        assert_int_equal(trit_form_levels(b.y, 0, level, 8), cases[i].e == 0 ? 3 : 0);
        bench_close(&b);
    }
}

static void sherry_needs_blocks(void **state) {
    (void)state;
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_quant q;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"sherry-group6", "up: sherry works on blocks of 4 elements, but groups have 6"},
        {"sherry-tensor", "up: sherry works on blocks of 4 elements, but rows have 18"},
    };
    for (int i = 0; i < 2; i++) {
        trit_spec sp = form_spec(cases[i].text, NULL);
        e = (trit_error){0};
        assert_int_equal(trit_quant_init(&q, &sp, TRIT_QUANT_WEIGHT, "up", 2, 18, &ps, &e),
                         TRIT_E_CONFIG);
        assert_string_equal(e.text, cases[i].says);
    }
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twn),
        cmocka_unit_test(ttq),
        cmocka_unit_test(tequila),
        cmocka_unit_test(sherry),
        cmocka_unit_test(sherry_residual),
        cmocka_unit_test(sherry_needs_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
