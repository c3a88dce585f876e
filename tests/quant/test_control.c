/* Controllers: the numbers of the papers, and what each leaves alone. */
#include "control_bench.h"

static const double X[8] = {-1.3, -0.45, -0.1, 0.0, 0.2, 0.55, 0.9, 2.1};

static void set_weights(control_bench *b, int i, const double *w, int64_t n) {
    for (int64_t k = 0; k < n; k++) trit_param_val(b->w[i])[k] = TRIT_R(w[k]);
}

static void set_step(control_bench *b, double s) {
    b->quant[0].knob[TRIT_KNOB_SCALE][0] = TRIT_R(s); /* of scale rule fixed */
}

static void assert_grads(const trit_param *p, const double *want, int n, double tol) {
    for (int i = 0; i < n; i++) assert_near(trit_param_grad(p)[i], want[i], tol);
}

static void dampening(void **state) {
    (void)state;
    control_bench b;
    bench_quantizers(&b, "int3-fixed", 1, 1, 8, 1);
    set_step(&b, 0.5);
    set_weights(&b, 0, X, 8);
    bench_control(&b, "dampening");
    bench_knob(&b, "weight", 1);
    assert_near(bench_gradient(&b), 0.105, 1e-6);
    assert_grads(b.w[0], (double[]){0.4, 0.1, -0.2, 0, 0.4, 0.1, -0.2, 0}, 8, 1e-6);
    /* A schedule; and nothing while the quantizer is not on. */
    b.cfg.knob[0] = (trit_schedule){TRIT_SHAPE_cosine, 0, 0.1, 0, 100, 0};
    trit_controls_gradient(&b.controls, &b.exec, 50);
    assert_near(b.controls.at[0].penalty, 0.05 * 0.105, 1e-7);
    b.quant[0].on = false;
    assert_near(bench_gradient(&b), 0, 0);
    assert_grads(b.w[0], (double[8]){0}, 8, 0);
    bench_free(&b);
}

/* One weight whose level goes 0, 1, 0, 1, 0, 0, 1. */
static void freezing_counts(void **state) {
    (void)state;
    static const int seen[] = {0, 1, 0, 1, 0, 0, 1};
    static const double want[] = {0, 0, 0.1, 0.19, 0.271, 0.2439, 0.31951};
    control_bench b;
    bench_quantizers(&b, "int4-fixed", 1, 1, 1, 1);
    set_step(&b, 0.5);
    bench_control(&b, "freeze");
    bench_knob(&b, "momentum", 0.1);
    bench_knob(&b, "threshold", 0.5);
    for (int i = 0; i < 7; i++) {
        *trit_param_val(b.w[0]) = TRIT_R(0.5 * seen[i] + 0.1);
        trit_controls_gradient(&b.controls, &b.exec, i);
        trit_controls_before(&b.controls, &b.exec);
        trit_controls_after(&b.controls, &b.exec);
        assert_string_equal(b.states.at[2].path, "control/freeze/layer0.weight_quant.osc");
        assert_near(*(const trit_real *)b.states.at[2].val.data, want[i], 1e-6);
        assert_near(*trit_param_val(b.w[0]), 0.5 * seen[i] + 0.1, 1e-7);
    }
    bench_free(&b);
}

/* The level is kept, at the mean of what was seen before; its value moves with the step, which gets
 * the gradient of y = s*level. */
static void freezing_holds_levels(void **state) {
    (void)state;
    control_bench b;
    bench_quantizers(&b, "int4-learned", 1, 1, 2, 1);
    trit_real *w = trit_param_val(b.w[0]), *s = trit_param_val(b.quant[0].step);
    *s = TRIT_R(0.5);
    *trit_param_val(b.quant[0].ready) = 1;
    bench_control(&b, "freeze");
    bench_knob(&b, "momentum", 0.1);
    bench_knob(&b, "threshold", 0.15);
    /* f after 2, 3, 2, 3 is 0.19: frozen there, at round(0.1*2 + ... ) = 2. */
    static const int seen[] = {2, 3, 2, 3};
    for (int i = 0; i < 4; i++) {
        w[0] = TRIT_R(0.5 * seen[i]);
        w[1] = TRIT_R(0.6);
        trit_controls_gradient(&b.controls, &b.exec, i);
        trit_controls_before(&b.controls, &b.exec);
        if (i == 3) *s = TRIT_R(0.4);
        trit_controls_after(&b.controls, &b.exec);
    }
    assert_near(w[0], 0.8, 1e-7);
    assert_near(w[1], 0.6, 1e-7);
    bench_gradient(&b);
    trit_param_grad(b.w[0])[0] = 3;
    trit_param_grad(b.w[0])[1] = 5;
    *trit_param_grad(b.quant[0].step) = 1;
    trit_controls_gradient(&b.controls, &b.exec, 4);
    assert_grads(b.w[0], (double[]){0, 5}, 2, 0);
    /* 1/sqrt(N*Qp) * g*level */
    assert_near(*trit_param_grad(b.quant[0].step), 1 + 3 * 2 / sqrt(2 * 7), 1e-5);
    trit_controls_before(&b.controls, &b.exec);
    w[0] = 7; /* whatever an optimizer did */
    *s = TRIT_R(0.25);
    trit_controls_after(&b.controls, &b.exec);
    assert_near(w[0], 0.5, 1e-7);
    bench_free(&b);
}

/* Thresholds between levels of half-integers; -1.5, -0.5 and 0.5 after the shift of the paper. */
static void annealing(void **state) {
    (void)state;
    static const int moves[] = {0, 0, 1, 1, 0, 0, 0, 0};
    control_bench b;
    bench_quantizers(&b, "half2-absmean-row", 1, 1, 8, 1); /* s = mean|x|, as StatsQ with 2 bits */
    set_weights(&b, 0, X, 8);
    bench_control(&b, "cga");
    bench_knob(&b, "range", 0.2);
    bench_gradient(&b);
    for (int i = 0; i < 8; i++) trit_param_grad(b.w[0])[i] = 1;
    trit_controls_gradient(&b.controls, &b.exec, 0);
    for (int i = 0; i < 8; i++) {
        assert_near(trit_param_grad(b.w[0])[i], moves[i], 0);
        trit_param_val(b.w[0])[i] += 1;
    }
    trit_controls_after(&b.controls, &b.exec);
    for (int i = 0; i < 8; i++) assert_near(trit_param_val(b.w[0])[i], X[i] + moves[i], 1e-6);
    /* Levels that do not occur have no thresholds: one level only, so nothing moves. */
    set_weights(&b, 0, (double[]){1, 1, 1, 1, 1, 1, 1, 1}, 8);
    bench_knob(&b, "range", 0.5);
    for (int i = 0; i < 8; i++) trit_param_grad(b.w[0])[i] = 1;
    trit_controls_gradient(&b.controls, &b.exec, 0);
    assert_grads(b.w[0], (double[8]){0}, 8, 0);
    bench_free(&b);
}

static void clipping(void **state) {
    (void)state;
    control_bench b;
    bench_quantizers(&b, "binary-fixed", 1, 1, 8, 1);
    set_weights(&b, 0, X, 8);
    bench_control(&b, "clip");
    trit_controls_gradient(&b.controls, &b.exec, 0);
    trit_controls_after(&b.controls, &b.exec);
    static const double want[8] = {-1, -0.45, -0.1, 0, 0.2, 0.55, 0.9, 1};
    for (int i = 0; i < 8; i++) assert_near(trit_param_val(b.w[0])[i], want[i], 1e-7);
    bench_free(&b);
}

/* EQ-Net's values on X; two tensors alike give the mean, which is the same. */
static void shapes_of_distributions(void **state) {
    (void)state;
    for (int n = 1; n <= 2; n++) {
        control_bench b;
        bench_quantizers(&b, "int3-fixed", n, 1, 8, 1);
        for (int i = 0; i < n; i++) set_weights(&b, i, X, 8);
        bench_control(&b, "kurtosis");
        bench_knob(&b, "weight", 1);
        assert_near(bench_gradient(&b), 0.20163999, 1e-6);
        bench_control(&b, "skew");
        assert_near(bench_gradient(&b), 0.11925258, 1e-6);
        bench_free(&b);
    }
    /* A tensor without spread has no shape. */
    control_bench b;
    bench_quantizers(&b, "int3-fixed", 1, 1, 8, 1);
    bench_control(&b, "kurtosis");
    assert_near(bench_gradient(&b), 0, 0);
    bench_control(&b, "skew");
    assert_near(bench_gradient(&b), 0, 0);
    bench_free(&b);
}

static void biper(void **state) {
    (void)state;
    control_bench b;
    bench_quantizers(&b, "biper", 1, 1, 6, 1);
    set_weights(&b, 0, (double[]){-.1, -.02, 0, .03, .08, .2}, 6);
    bench_control(&b, "biper");
    bench_knob(&b, "tau", 1);
    static const double want[] = {2.52267, -2.39119, 0, 3.1068, -.19458, 3.29786};
    assert_near(bench_gradient(&b), .47819783, 1e-6);
    assert_grads(b.w[0], want, 6, 1e-5);
    bench_knob(&b, "sign", -1);
    assert_near(bench_gradient(&b), -.47819783, 1e-6);
    for (int i = 0; i < 6; i++) assert_near(trit_param_grad(b.w[0])[i], -want[i], 1e-5);
    bench_free(&b);
}

static void learnables(void **state) {
    (void)state;
    control_bench b;
    bench_quantizers(&b, "+pact4", 2, 4, 8, 1);
    bench_control(&b, "pact-l2");
    bench_knob(&b, "weight", 0.5);
    for (int i = 0; i < 2; i++) *trit_param_val(b.quant[i].learn[0]) = TRIT_R(2 + 2 * i);
    assert_near(bench_gradient(&b), 0.25 * (4 + 16), 1e-6);
    assert_near(*trit_param_grad(b.quant[1].learn[0]), 2, 1e-6);
    bench_free(&b);

    bench_quantizers(&b, "diffq", 2, 4, 16, 1); /* 8 groups of 8 in each */
    bench_control(&b, "diffq-size");
    bench_knob(&b, "weight", 8388608);
    for (int i = 0; i < 8; i++) trit_param_val(b.quant[0].learn[0])[i] = TRIT_R(0.3 * i);
    double size = 0;
    for (int i = 0; i < 8; i++) size += 8 * (2 + 13 / (1 + exp(-0.3 * i))) + 8 * 8.5;
    assert_near(bench_gradient(&b), size, 1e-5);
    double p = 1 / (1 + exp(-0.6));
    assert_near(trit_param_grad(b.quant[0].learn[0])[2], 8 * 13 * p * (1 - p), 1e-5);
    bench_free(&b);

    bench_quantizers(&b, "nipq", 2, 4, 16, 1);
    bench_control(&b, "nipq-bits");
    bench_knob(&b, "weight", 8388608);
    *trit_param_val(b.quant[0].learn[1]) = TRIT_R(-0.5); /* 6.53 bits, rounded to 7; the other 8 */
    assert_near(bench_gradient(&b), 64 * (7 + 8 - 2 * 4) - 0.5, 1e-5);
    p = 1 / (1 + exp(0.5));
    assert_near(*trit_param_grad(b.quant[0].learn[1]), 64 * 12 * p * (1 - p), 1e-4);
    bench_knob(&b, "target", 7.5);
    assert_near(bench_gradient(&b), 0, 1e-5);
    assert_near(*trit_param_grad(b.quant[1].learn[1]), 0, 0);
    bench_knob(&b, "target", 10);
    bench_gradient(&b);
    assert_near(*trit_param_grad(b.quant[1].learn[1]), -64 * 12 * 0.25, 1e-4);
    bench_free(&b);
}

static void nonsense(void **state) {
    (void)state;
    static const struct {
        const char *spec, *name, *layers, *part;
    } cases[] = {
        {"int4-absmax", "cga", "*",
         "controllers/0: controller cga, quantizer layer0.weight_quant: "},
        {"int4-absmax", "cga", "*", "on grid half"},
        {"lsqplus4", "freeze", "*", "lsqplus is one piece"},
        {"dorefa2", "dampening", "*", "dorefa is one piece"},
        {"int4-absmax-hadamard8", "dampening", "*", "transform hadamard mixes the weights"},
        {"int4-absmax", "biper", "*", "found int"},
        {"int4-absmax", "diffq-size", "*", "no trained quantizer of form diffq"},
        {"int4-absmax", "dampening", "head", "finds nothing to act on in layers \"head\""},
        {"+pact4", "clip", "*", "no quantizer of weights"},
        {"+nipq4", "nipq-bits", "*", "nothing to act on"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_error e = {0};
        control_bench b;
        bench_quantizers(&b, cases[i].spec, 1, 1, 8, 1);
        assert_int_equal(bench_try(&b, cases[i].name, cases[i].layers, &e), TRIT_E_CONFIG);
        assert_error_has(e, cases[i].part);
        bench_free(&b);
    }
    /* Two of a kind may not share a quantizer. */
    trit_error e = {0};
    control_bench b;
    bench_quantizers(&b, "int4-absmax", 2, 1, 8, 1);
    trit_control_cfg twice[2] = {{.type = bench_controller("freeze"), .layers = "layer0"},
                                 {.type = bench_controller("freeze"), .layers = "layer?"}};
    assert_int_equal(trit_controls_init(&b.controls, twice, 2, b.view, 2, &b.states, &b.mem, &e),
                     TRIT_E_CONFIG);
    assert_error_has(e, "controllers/1: a second controller freeze acts on layer0.weight_quant");
    e = (trit_error){0};
    twice[1].layers = "layer1";
    assert_ok(trit_controls_init(&b.controls, twice, 2, b.view, 2, &b.states, &b.mem, &e));
    bench_free(&b);
}

/* Pieces and threads make no difference, for every row on a tensor of several pieces. */
static void threads_make_no_difference(void **state) {
    (void)state;
    static const char *const specs[][2] = {{"dampening", "int4-absmax-row"},
                                           {"freeze", "int2-learned-row"},
                                           {"cga", "half2-row"},
                                           {"clip", "binary"},
                                           {"kurtosis", "ternary"},
                                           {"skew", "ternary"},
                                           {"biper", "biper"},
                                           {"pact-l2", "+pact4"},
                                           {"diffq-size", "diffq"},
                                           {"nipq-bits", "nipq-row"}};
    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
        control_bench b[2];
        double penalty[2] = {0};
        for (int t = 0; t < 2; t++) {
            bench_quantizers(&b[t], specs[k][1], 1, 130, 160, t + 1);
            bench_control(&b[t], specs[k][0]);
            const trit_rng rng = {.seed = 3};
            trit_real *w = trit_param_val(b[t].w[0]), *g = trit_param_grad(b[t].w[0]);
            for (int s = 0; s < 6; s++) {
                for (int64_t i = 0; i < 130 * 160; i++) {
                    w[i] += TRIT_R(trit_rng_normal(&rng, (uint64_t)(i + s * 130 * 160)));
                    g[i] = w[i];
                }
                trit_controls_gradient(&b[t].controls, &b[t].exec, s);
                trit_controls_before(&b[t].controls, &b[t].exec);
                trit_controls_after(&b[t].controls, &b[t].exec);
                penalty[t] += b[t].controls.at[0].penalty;
            }
        }
        assert_true(penalty[0] == penalty[1]);
        for (int i = 0; i < b[0].ps.n; i++) {
            const trit_param *p = b[0].ps.at[i], *o = b[1].ps.at[i];
            assert_memory_equal(p->val.data, o->val.data, trit_tensor_bytes(&p->val));
            if (!p->grad.data) continue;
            assert_memory_equal(p->grad.data, o->grad.data, trit_tensor_bytes(&p->val));
        }
        for (int i = 0; i < b[0].states.n; i++) {
            const trit_tensor *p = &b[0].states.at[i].val;
            assert_memory_equal(p->data, b[1].states.at[i].val.data, trit_tensor_bytes(p));
        }
        for (int t = 0; t < 2; t++) bench_free(&b[t]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dampening),
        cmocka_unit_test(freezing_counts),
        cmocka_unit_test(freezing_holds_levels),
        cmocka_unit_test(annealing),
        cmocka_unit_test(clipping),
        cmocka_unit_test(shapes_of_distributions),
        cmocka_unit_test(biper),
        cmocka_unit_test(learnables),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(threads_make_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
