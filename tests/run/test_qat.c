/* When quantization begins, and what the optimizer makes of it. */
#include "run/qat.h"

#include "run_fixture.h"

/* Compute-Optimal QAT: shares of known statistics. */
static void known_answers(void **state) {
    (void)state;
    static const double at[][2] = {{10, .0537898}, {50, .179019},   {100, .231926},
                                   {200, .280787}, {1000, .377485}, {1e4, .481587},
                                   {1.01, .02},    {1, .02},        {.1, .02}};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        assert_near(trit_qat_share(at[i][0]), at[i][1], 1e-6);
    }
    double s = trit_qat_statistic(10e9, 124e6, 1.58);
    assert_near(s, 408.330, 1e-6);
    assert_near(trit_qat_share(s), .326487, 1e-6);
    s = trit_qat_statistic(10e9, 124e6, 4);
    assert_near(s, 161.290, 1e-5);
    assert_near(trit_qat_share(s), .266093, 1e-6);
    assert_near(trit_qat_share(trit_qat_statistic(1e9, 15e6, 1.58)), .314754, 1e-6);
}

static void the_rule_counts_the_model(void **state) {
    (void)state;
    fixture f;
    open_run(&f, "\"batch\": 4, \"accumulate\": 3",
             ", \"quant\": {\"method\": \"bitnet-b1.58\", \"start\": \"auto\"}", 1, TRIT_RUN_EVAL);
    const trit_qat *q = &f.r.qat;
    double n = (double)trit_params_count(&f.r.ps); /* absmean learns nothing */
    assert_true(q->automatic);
    assert_near(q->bits, log2(3), 1e-12);
    assert_near(q->n_params, n, 0);
    assert_near(q->statistic, 60. * 4 * 3 * 16 / (n * log2(3) / 8), 1e-12);
    assert_near(q->share, trit_qat_share(q->statistic), 0);
    assert_int_equal(q->start, llround((1 - q->share) * 60));
    assert_int_equal(q->weights, q->start);
    assert_int_equal(f.r.model.linear[0]->wq.spec.start, q->start);
    assert_int_equal(f.r.model.linear[0]->aq.spec.start, q->start);
    char text[TRIT_QAT_TEXT_BYTES];
    trit_qat_text(q, 60, text);
    assert_non_null(strstr(text, "full precision before step 59 of 60"));
    assert_non_null(strstr(text, "weights of 1.58 bits"));
    close_run(&f);
    /* Nothing to quantize: nothing to begin. */
    open_run(&f, "", ", \"quant\": {\"start\": \"auto\"}", 1, TRIT_RUN_EVAL);
    assert_int_equal(f.r.qat.start, 0);
    assert_string_equal(trit_qat_text(&f.r.qat, 60, text), "");
    close_run(&f);
}

/* A quantizer's own start may be later than the section's. */
static void starts_of_their_own(void **state) {
    (void)state;
    fixture f;
    open_run(&f, "",
             ", \"quant\": {\"start\": 0.5, \"weights\": {\"grid\": \"int\", \"bits\": 4, "
             "\"start\": 10}, \"activations\": {\"grid\": \"int\", \"bits\": 8, \"start\": 45}}",
             1, TRIT_RUN_EVAL);
    assert_int_equal(f.r.model.linear[0]->wq.spec.start, 30);
    assert_int_equal(f.r.model.linear[0]->aq.spec.start, 45);
    assert_int_equal(f.r.qat.weights, 30);
    assert_false(f.r.model.linear[0]->wq.on);
    trit_transformer_step(&f.r.model, 30);
    assert_true(f.r.model.linear[0]->wq.on && !f.r.model.linear[0]->aq.on);
    close_run(&f);
}

static void steps(trit_run *r, int n) {
    trit_error e = {0};
    trit_step_result out;
    for (int i = 0; i < n; i++) assert_ok(trit_run_step(r, NULL, &out, &e));
}

static const trit_real *moment(const trit_run *r, int k) {
    return r->opt.item[1].slot[k].val.data;
}

/* Moments that begin again are those of an optimizer that has seen one gradient. */
static void moments_are_forgotten(void **state) {
    (void)state;
    static const char *const more[2] = {
        ", \"quant\": {\"weights\": \"int8-absmax-row\", \"start\": 3}",
        ", \"quant\": {\"weights\": \"int8-absmax-row\", \"start\": 3}, "
        "\"optim\": {\"reset_at_quant\": true}"};
    fixture f[2];
    for (int i = 0; i < 2; i++) {
        open_run(&f[i], "", more[i], 1, TRIT_RUN_TRAIN);
        assert_int_equal(f[i].r.opt.cfg.quant_at, 3);
        steps(&f[i].r, 3);
    }
    assert_true(same_state(&f[0].r, &f[1].r));
    steps(&f[0].r, 1);
    steps(&f[1].r, 1);
    assert_false(same_state(&f[0].r, &f[1].r));
    /* m = (1 - beta1) g and v = (1 - beta2) g^2 of one g: m^2/v is the same number everywhere. */
    const trit_real *m = moment(&f[1].r, 0), *v = moment(&f[1].r, 1);
    for (int i = 0; i < 20; i++) {
        if (m[i] == 0) continue;
        assert_near((double)m[i] * (double)m[i] / (double)v[i], .1 * .1 / .05, 1e-4);
    }
    close_run(&f[0]);
    close_run(&f[1]);
}

static void a_start_behind_the_end(void **state) {
    (void)state;
    trit_error e = {0};
    trit_experiment x = {0};
    assert_int_equal(
        trit_experiment_parse(&x, "{\"train\": {\"steps\": 60}, \"quant\": {\"start\": 60}}",
                              "a.json", &e),
        TRIT_E_CONFIG);
    assert_error_has(e, "a.json: /quant/start: found 60, which is step 60, but training ends");
    trit_experiment_close(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),          cmocka_unit_test(the_rule_counts_the_model),
        cmocka_unit_test(starts_of_their_own),    cmocka_unit_test(moments_are_forgotten),
        cmocka_unit_test(a_start_behind_the_end),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
