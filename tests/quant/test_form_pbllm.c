/* Partial binarization: the mask, what it freezes, and that it stays. */
#include "form_bench.h"

static const float SALIENT[8] = {0, 0, 0, 0, 0, 0, 0, 1};

static void known_answer(void **state) {
    (void)state;
    static const float y[] = {-.5f, -.5f, -.5f, 0, .5f, .5f, .5f, 2.1f};
    float gx[8];
    for (int i = 0; i < 8; i++) gx[i] = i < 7 ? .5f * FORM_G[i] : 0;
    form_expect(&(form_answer){.text = "pbllm", .knob = {{"fraction", 0.25}}, .y = y, .gx = gx});
    /* None and all; k = 0 counts as 1. */
    static const float none[] = {-.7f, -.7f, -.7f, 0, .7f, .7f, .7f, .7f};
    form_expect(&(form_answer){.text = "pbllm", .knob = {{"fraction", 0}}, .y = none});
    static const float g[] = {0, 0, 0, -.4f * 0, 0, 0, 0, 0};
    form_expect(&(form_answer){.text = "pbllm", .knob = {{"fraction", 1}}, .y = FORM_X, .gx = g});
}

static void mask_is_fixed(void **state) {
    (void)state;
    trit_spec sp = form_spec("pbllm", (const form_setting[]){{"fraction", 0.25}, {NULL, 0}});
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, (int64_t[]){1, 8},
               (bench_options){.mode = TRIT_TRAIN});
    bench_fill(&b, FORM_X, FORM_G);
    bench_run(&b);
    trit_param *mask = form_param(&b, "salient");
    assert_int_equal(mask->role, TRIT_ROLE_buffer);
    assert_memory_equal(trit_param_val(mask), SALIENT, sizeof SALIENT);
    trit_param_val(b.x)[0] = -50; /* grows beyond the others, later */
    bench_run(&b);
    assert_memory_equal(trit_param_val(mask), SALIENT, sizeof SALIENT);
    assert_near(bench_y(&b)[0], -(50 + 2.2) / 7, 1e-6);
    bench_close(&b);
}

/* k = 50 and l = 950 of 1000, as in double arithmetic: a fraction in single precision gives 949. */
static void counts(void **state) {
    (void)state;
    trit_spec sp = form_spec("pbllm", NULL);
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, (int64_t[]){10, 100},
               (bench_options){.mode = TRIT_TRAIN});
    for (int i = 0; i < 1000; i++) trit_param_val(b.x)[i] = (trit_real)(i * 7 % 1000 - 500);
    bench_run(&b);
    int n = 0;
    for (int i = 0; i < 1000; i++) {
        trit_real x = trit_param_val(b.x)[i];
        bool salient = x < -500 + 49 || x > -500 + 949;
        assert_true((trit_param_val(form_param(&b, "salient"))[i] != 0) == salient);
        n += salient;
    }
    assert_int_equal(n, 49 + 50);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer),
        cmocka_unit_test(mask_is_fixed),
        cmocka_unit_test(counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
