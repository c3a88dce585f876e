/* Known answers of activations: tbt, adabin_act, rsign. */
#include "form_bench.h"

static void tbt_unsigned(void **state) {
    (void)state;
    static const float y[] = {-1.3f, -.3f, -.3f, -.3f, -.3f, -.3f, -.3f, -.3f};
    static const float gx[] = {.1f, -.2f, 0, 0, 0, 0, 0, 0};
    form_expect(&(form_answer){.text = "tbt",
                               .knob = {{"unsigned", 1}},
                               .learn = {{"alpha", 2.8 / sqrt(3), .5, -.66, -.165}},
                               .y = y,
                               .gx = gx,
                               .codes = (const int[]){0, 2, 2, 2, 2, 2, 2, 2},
                               .scale = .5,
                               .zero = 2.6});
    /* 1 bit: no shift. u = x/.5: only .2 and 0 are inside; ties go to the even level. */
    static const float y1[] = {0, 0, 0, 0, 0, .5f, .5f, .5f};
    static const float gx1[] = {0, 0, 0, -.4f, .5f, 0, 0, 0};
    form_expect(&(form_answer){.text = "tbt1",
                               .knob = {{"unsigned", 1}},
                               .learn = {{"alpha", 2.8, .5, -.2 - .6 + .7 - .8, -.9 / sqrt(8)}},
                               .y = y1,
                               .gx = gx1});
}

static void tbt_signed(void **state) {
    (void)state;
    static const float y[] = {-.5f, -.5f, 0, 0, 0, .5f, .5f, .5f};
    static const float gx[] = {0, -.2f, .3f, -.4f, .5f, 0, 0, 0};
    double raw = -.1 + .02 + .06 - .2 - .6 + .7 - .8;
    form_expect(&(form_answer){
        .text = "tbt", .learn = {{"alpha", 1.4, .5, raw, raw / sqrt(8)}}, .y = y, .gx = gx});
    static const float y1[] = {-.7f, -.7f, -.7f, 0, .7f, .7f, .7f, .7f};
    static const float gx1[] = {0, -.2f, .3f, -.4f, .5f, -.6f, 0, 0};
    form_expect(&(form_answer){
        .text = "tbt1", .learn = {{"alpha", 1.4, .7, -.4, -.4 / sqrt(8)}}, .y = y1, .gx = gx1});
    /* An optimizer step too far. */
    static const float least[] = {-1e-5f, -1e-5f, -1e-5f, 0, 1e-5f, 1e-5f, 1e-5f, 1e-5f};
    form_expect(
        &(form_answer){.text = "tbt1", .learn = {{"alpha", 1.4, -3, NAN, NAN}}, .y = least});
}

static void adabin_act(void **state) {
    (void)state;
    /* alpha 1, beta 0: ApproxSign of Bi-Real Net. */
    static const float sign[] = {-1, -1, -1, 0, 1, 1, 1, 1};
    static const float gx[] = {0, -.22f, .54f, -.8f, .8f, -.54f, .14f, 0};
    form_expect(
        &(form_answer){.text = "adabin_act",
                       .learn = {{"alpha", 1, NAN, -.434, -.434}, {"beta", 0, NAN, -.32, -.32}},
                       .y = sign,
                       .gx = gx});
    /* alpha 2, beta -0.5: t = (x + .5)/2 = -.4, .025, .2, .25, .35, .525, .7, 1.3, slopes 1.2,
     * 1.95, 1.6, 1.5, 1.3, .95, .6, 0. dalpha = sum g*(sign - slope*t), dbeta = sum g*(1 - slope).
     */
    static const float t[] = {-.4f, .025f, .2f, .25f, .35f, .525f, .7f, 1.3f};
    static const float slope[] = {1.2f, 1.95f, 1.6f, 1.5f, 1.3f, .95f, .6f, 0};
    float y[8], by[8], g2[8];
    double dalpha = 0, dbeta = 0, sum = 0;
    for (int i = 0; i < 8; i++) {
        double g = (double)FORM_G[i], s = i ? 1 : -1;
        y[i] = i ? 1.5f : -2.5f;
        by[i] = i ? 1 : -3; /* 2*(sign - .5), the released form */
        g2[i] = FORM_G[i] * slope[i];
        dalpha += g * (s - (double)slope[i] * (double)t[i]);
        dbeta += g * (1 - (double)slope[i]);
        sum += g;
    }
    form_answer a = {.text = "adabin_act",
                     .learn = {{"alpha", 1, 2, dalpha, dalpha}, {"beta", 0, -.5, dbeta, dbeta}},
                     .y = y,
                     .gx = g2,
                     .codes = (const int[]){-1, 1, 1, 1, 1, 1, 1, 1},
                     .scale = 2,
                     .zero = .25};
    form_expect(&a);
    a.knob[0] = (form_setting){"code", 1};
    a.learn[0].grad = a.learn[0].scaled = dalpha - .5 * sum; /* + beta for each */
    a.learn[1].grad = a.learn[1].scaled = dbeta + sum;       /* alpha - slope */
    a.y = by;
    a.zero = .5;
    form_expect(&a);
}

static void rsign(void **state) {
    (void)state;
    static const float sign[] = {-1, -1, -1, 0, 1, 1, 1, 1};
    static const float gx[] = {0, -.22f, .54f, -.8f, .8f, -.54f, .14f, 0};
    form_expect(&(form_answer){.text = "rsign",
                               .y = sign,
                               .gx = gx,
                               .codes = (const int[]){-1, -1, -1, 0, 1, 1, 1, 1},
                               .scale = 1});
}

/* More rows than one task takes: each column has its shift, and gets the sum of its column. */
static void rsign_by_column(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t dim[3];
    } cases[] = {{"rsign", {37, 1, 6}}, {"rsign", {4, 12, 6}}, {"rsign-group3", {37, 2, 6}}};
    for (int i = 0; i < 3; i++) {
        trit_spec sp = form_spec(cases[i].text, NULL);
        bench b;
        bench_open(&b, &sp, TRIT_QUANT_ACTIVATION, 3, cases[i].dim,
                   (bench_options){.mode = TRIT_TRAIN});
        bench_random(&b);
        trit_param *shift = form_param(&b, "shift");
        assert_int_equal(trit_tensor_len(&shift->val), 6);
        for (int j = 0; j < 6; j++) trit_param_val(shift)[j] = TRIT_R(0.3 * (j - 2));
        bench_run(&b);
        double want[6] = {0};
        for (int64_t k = 0; k < b.n; k++) {
            trit_real at = trit_param_val(b.x)[k] + trit_param_val(shift)[k % 6];
            assert_true(bench_y(&b)[k] == (at < 0 ? -1 : 1));
            want[k % 6] += (double)trit_param_grad(b.x)[k];
        }
        for (int j = 0; j < 6; j++) {
            assert_near(trit_param_grad(shift)[j], want[j], 1e-6);
            assert_true(want[j] != 0);
        }
        trit_real before[6];
        memcpy(before, trit_param_grad(shift), sizeof before);
        b.exec.accumulate = true; /* the next micro-batch adds */
        bench_run(&b);
        for (int j = 0; j < 6; j++) {
            assert_near(trit_param_grad(shift)[j], 2 * (double)before[j], 1e-6);
        }
        bench_close(&b);
    }
    trit_error e = {0};
    trit_spec sp;
    assert_int_equal(trit_spec_parse(&sp, TRIT_QUANT_ACTIVATION, "rsign-tensor", &e),
                     TRIT_E_CONFIG);
    assert_error_has(e, "rsign learns a number for each column, so it goes row by row");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tbt_unsigned),    cmocka_unit_test(tbt_signed),
        cmocka_unit_test(adabin_act),      cmocka_unit_test(rsign),
        cmocka_unit_test(rsign_by_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
