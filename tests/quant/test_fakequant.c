/* Known answers of published methods. X, G and the results are those of a transcription of the
 * formulas in double precision. */
#include "fakequant_bench.h"

static const float X[8] = {-1.3f, -0.45f, -0.1f, 0.0f, 0.2f, 0.55f, 0.9f, 2.1f};
static const float G[8] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, -0.8f};
static const int64_t ROW[2] = {1, 8};

typedef struct answer {
    const float *y, *gx; /* NULL: not looked at */
    double scale;
} answer;

static void expect(const trit_spec *sp, trit_quant_kind kind, answer want) {
    bench b;
    bench_open(&b, sp, kind, 2, ROW, (bench_options){.mode = TRIT_TRAIN});
    bench_fill(&b, X, G);
    bench_run(&b);
    assert_int_equal(b.n_group, 1);
    assert_near(bench_scales(&b)[0], want.scale, 1e-6);
    for (int i = 0; i < 8; i++) {
        if (want.y) assert_near(bench_y(&b)[i], want.y[i], 1e-5);
        if (want.gx) assert_near(trit_param_grad(b.x)[i], want.gx[i], 1e-6);
    }
    bench_close(&b);
}

static void straight_through(void **state) {
    (void)state;
    static const float y[] = {-1.5f, -0.5f, 0, 0, 0, 0.5f, 1, 1.5f};
    static const float inside[] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, 0};
    trit_spec sp = bench_fixed("int3-fixed", "ste", 0.5);
    expect(&sp, TRIT_QUANT_WEIGHT, (answer){y, G, 0.5});
    sp = bench_fixed("int3-fixed", "ste-clip", 0.5);
    expect(&sp, TRIT_QUANT_WEIGHT, (answer){y, inside, 0.5});
}

/* The clip is before the rounding and lets its bounds pass. */
static void clip_bounds(void **state) {
    (void)state;
    static const float x[] = {1.6f, 1.5f, 1.4f, -2.0f, -2.1f, -1.9f, 0, 1.50001f};
    static const float want[] = {0, 1, 1, 1, 0, 1, 1, 0};
    static const float ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
    trit_spec sp = bench_fixed("int3-fixed", "ste-clip", 0.5);
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, ROW, (bench_options){.mode = TRIT_TRAIN});
    bench_fill(&b, x, ones);
    bench_run(&b);
    for (int i = 0; i < 8; i++) assert_true(trit_param_grad(b.x)[i] == want[i]);
    bench_close(&b);
}

static void learned_steps(void **state) {
    (void)state;
    static const float y2[] = {-1, -0.5f, 0, 0, 0, 0.5f, 0.5f, 0.5f};
    static const float g2[] = {0, -0.2f, 0.3f, -0.4f, 0.5f, 0, 0, 0};
    static const float y3[] = {-1.5f, -0.5f, 0, 0, 0, 0.5f, 1, 1.5f};
    static const float g3[] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, 0};
    static const struct {
        const char *text;
        const float *y, *gx;
        double first, gs;
    } cases[] = {
        {"int2-learned", y2, g2, 1.4, -0.36062446},
        {"int3-learned", y3, g3, 0.80829038, -0.48173298},
    };
    for (int i = 0; i < 2; i++) {
        for (int half = 0; half < 2; half++) {
            trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, cases[i].text, "ste-clip");
            double lambda = half ? 0.5 : 1;
            sp.lambda.from = lambda;
            bench b;
            bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, ROW, (bench_options){.mode = TRIT_TRAIN});
            bench_fill(&b, X, G);
            trit_real *step = trit_param_val(bench_step(&b));
            bench_run(&b);
            assert_near(*step, cases[i].first, 1e-6);
            assert_near(bench_scales(&b)[0], cases[i].first, 1e-6);
            *step = 0.5f;
            bench_run(&b);
            assert_true(*step == 0.5f);
            for (int k = 0; k < 8; k++) {
                double y = X[k] + lambda * ((double)cases[i].y[k] - X[k]);
                double gx = G[k] + lambda * ((double)cases[i].gx[k] - G[k]);
                assert_near(bench_y(&b)[k], y, 1e-6);
                assert_near(trit_param_grad(b.x)[k], gx, 1e-6);
            }
            assert_near(*trit_param_grad(bench_step(&b)), lambda * cases[i].gs, 1e-6);
            b.exec.accumulate = true; /* the next micro-batch adds */
            bench_run(&b);
            assert_near(*trit_param_grad(bench_step(&b)), 2 * lambda * cases[i].gs, 1e-6);
            bench_close(&b);
        }
    }
}

/* With the identity as estimator the residual of a clipped element is q - u, not q. */
static void learned_step_with_identity(void **state) {
    (void)state;
    trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, "int2-learned", "ste");
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, ROW, (bench_options){.mode = TRIT_TRAIN});
    bench_fill(&b, X, G);
    bench_run(&b);
    *trit_param_val(bench_step(&b)) = 0.5f;
    bench_run(&b);
    assert_near(*trit_param_grad(bench_step(&b)), 2.0 / sqrt(8.0), 1e-6);
    for (int k = 0; k < 8; k++) assert_near(trit_param_grad(b.x)[k], G[k], 1e-6);
    bench_close(&b);
}

static void low_bit_methods(void **state) {
    (void)state;
    static const float mean[] = {-.7f, -.7f, 0, 0, 0, .7f, .7f, .7f};
    static const float median[] = {-.45f, -.45f, 0, 0, 0, .45f, .45f, .45f};
    static const float sign[] = {-.7f, -.7f, -.7f, .7f, .7f, .7f, .7f, .7f}; /* 0 goes to +1 */
    static const float quarter[] = {-1.15f, -0.5125f, -0.075f, 0, 0.15f, 0.5875f, 0.85f, 1.75f};
    trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, "ternary-absmean", "ste");
    expect(&sp, TRIT_QUANT_WEIGHT, (answer){mean, G, 0.7});
    sp.lambda.from = 0.25;
    expect(&sp, TRIT_QUANT_WEIGHT, (answer){quarter, G, 0.7});
    sp = bench_spec(TRIT_QUANT_WEIGHT, "ternary-absmedian", "ste");
    expect(&sp, TRIT_QUANT_WEIGHT, (answer){median, G, 0.45});
    sp = bench_spec(TRIT_QUANT_WEIGHT, "binary-absmean-row", "ste");
    expect(&sp, TRIT_QUANT_WEIGHT, (answer){sign, G, 0.7});
}

static void int8_of_a_token(void **state) {
    (void)state;
    static const float y[] = {-1.3063f,  -0.446457f, -0.0992126f, 0,
                              0.198425f, 0.545669f,  0.892913f,   2.1f};
    static const int codes[] = {-79, -27, -6, 0, 12, 33, 54, 127};
    trit_spec sp = bench_spec(TRIT_QUANT_ACTIVATION, "int8-absmax-token", "ste");
    expect(&sp, TRIT_QUANT_ACTIVATION, (answer){y, G, 2.1 / 127});
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_ACTIVATION, 2, ROW, (bench_options){.mode = TRIT_TRAIN});
    bench_fill(&b, X, G);
    bench_run(&b);
    for (int i = 0; i < 8; i++) assert_int_equal(bench_code(&b, i), codes[i]);
    bench_close(&b);
}

static void knobs_and_eps(void **state) {
    (void)state;
    static const char *const texts[] = {"int8-absmax", "ternary-absmean", "ternary-absmedian"};
    static const double plain[] = {2.1 / 127, 0.7, 0.45}, guarded[] = {10.0 / 127, 10, 10};
    for (int i = 0; i < 3; i++) {
        trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, texts[i], "ste");
        sp.knob[TRIT_KNOB_SCALE][0].from = 0.5;
        expect(&sp, TRIT_QUANT_WEIGHT, (answer){NULL, NULL, plain[i] / 2});
        sp.eps = 10;
        expect(&sp, TRIT_QUANT_WEIGHT, (answer){NULL, NULL, guarded[i] / 2});
    }
    trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, "int8-learned", "ste");
    sp.eps = 10;
    expect(&sp, TRIT_QUANT_WEIGHT, (answer){NULL, NULL, 10});
}

/* Half to even, and nothing beyond the outermost level. */
static void ties(void **state) {
    (void)state;
    static const float x[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 200, -200};
    static const float want[] = {0, 2, 2, 0, -2, -2, 7, -8};
    trit_spec sp = bench_fixed("int4-fixed", "ste", 1);
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, ROW, (bench_options){.mode = TRIT_EVAL});
    bench_fill(&b, x, NULL);
    bench_run(&b);
    for (int i = 0; i < 8; i++) {
        assert_true(bench_y(&b)[i] == want[i]);
        assert_int_equal(bench_code(&b, i), (int)want[i]);
    }
    bench_close(&b);
    sp.narrow = true;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, ROW, (bench_options){.mode = TRIT_EVAL});
    bench_fill(&b, x, NULL);
    bench_run(&b);
    assert_true(bench_y(&b)[7] == -7);
    bench_close(&b);
    static const float halves[] = {0.5f, -0.5f, 0.51f, -0.51f, -0.0f, 0, 3, -3};
    static const int levels[] = {0, 0, 1, -1, 0, 0, 1, -1};
    sp = bench_fixed("ternary-fixed", "ste", 1);
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, ROW, (bench_options){.mode = TRIT_EVAL});
    bench_fill(&b, halves, NULL);
    bench_run(&b);
    for (int i = 0; i < 8; i++) assert_int_equal(bench_code(&b, i), levels[i]);
    bench_close(&b);
}

static void unsigned_codes(void **state) {
    (void)state;
    static const float x[] = {-1, 0, 0.4f, 1, 127, 128, 255, 300};
    static const int want[] = {0, 0, 0, 1, 127, 128, 255, 255};
    trit_spec sp = bench_spec(TRIT_QUANT_ACTIVATION, "uint8-fixed-tensor", "ste");
    sp.knob[TRIT_KNOB_SCALE][0].from = 1;
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_ACTIVATION, 2, ROW, (bench_options){.mode = TRIT_EVAL});
    bench_fill(&b, x, NULL);
    bench_run(&b);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(bench_code(&b, i), want[i]);
        assert_true(bench_y(&b)[i] == (float)want[i]);
    }
    bench_close(&b);
}

/* ---- time ---------------------------------------------------------------------------------- */

static void strength(void **state) {
    (void)state;
    trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, "ternary-fixed", "ste-clip");
    sp.knob[TRIT_KNOB_SCALE][0] = (trit_schedule){TRIT_SHAPE_linear, 0.5, 1, 0, 10, 0};
    sp.lambda = (trit_schedule){TRIT_SHAPE_linear, 0, 1, 0, 10, 0};
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, ROW, (bench_options){.mode = TRIT_TRAIN});
    bench_fill(&b, X, G);
    for (int step = 0; step <= 12; step += 4) {
        trit_quant_step(&b.quant, step);
        bench_run(&b);
        double t = step < 10 ? step / 10.0 : 1, s = 0.5 + 0.5 * t;
        for (int i = 0; i < 8; i++) {
            double u = X[i] / s, q = rint(fmax(-1, fmin(1, u)));
            assert_near(bench_y(&b)[i], X[i] + t * (s * q - X[i]), 1e-6);
            assert_near(trit_param_grad(b.x)[i], fabs(u) <= 1 ? G[i] : G[i] * (1 - t), 1e-6);
        }
    }
    bench_close(&b);

    static const float mean[] = {-.7f, -.7f, 0, 0, 0, .7f, .7f, .7f};
    sp = bench_spec(TRIT_QUANT_WEIGHT, "ternary-absmean", "ste");
    sp.lambda.from = 0.25;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, ROW, (bench_options){.mode = TRIT_EVAL});
    bench_fill(&b, X, NULL);
    bench_run(&b);
    for (int i = 0; i < 8; i++) assert_near(bench_y(&b)[i], mean[i], 1e-6);
    bench_close(&b);
}

/* Before its start a quantizer is not there, and its step has no value. */
static void late_start(void **state) {
    (void)state;
    static const char *const texts[] = {"ternary-absmean", "int4-learned"};
    for (int k = 0; k < 4; k++) {
        trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, texts[k / 2], k % 2 ? "ste-clip" : "ste");
        sp.start = 3;
        bench b;
        bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, ROW, (bench_options){.mode = TRIT_TRAIN});
        bench_fill(&b, X, G);
        for (int step = 0; step < 3; step++) {
            trit_quant_step(&b.quant, step);
            if (bench_step(&b)) *trit_param_grad(bench_step(&b)) = 9;
            bench_run(&b);
            assert_memory_equal(bench_y(&b), X, sizeof X);
            assert_memory_equal(trit_param_grad(b.x), G, sizeof G);
            if (!bench_step(&b)) continue;
            assert_true(*trit_param_val(bench_step(&b)) == 0);
            assert_true(*trit_param_grad(bench_step(&b)) == 0);
        }
        trit_quant_step(&b.quant, 3);
        bench_run(&b);
        assert_memory_not_equal(bench_y(&b), X, sizeof X);
        if (bench_step(&b)) {
            assert_near(*trit_param_val(bench_step(&b)), 1.4 / sqrt(7), 1e-6);
            assert_true(*trit_param_grad(bench_step(&b)) != 0);
        }
        bench_close(&b);
    }
}

/* The first training batch gives the step; evaluation only borrows one. */
static void first_value(void **state) {
    (void)state;
    trit_spec sp = bench_spec(TRIT_QUANT_ACTIVATION, "int4-learned", "ste-clip");
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_ACTIVATION, 2, ROW, (bench_options){.mode = TRIT_EVAL});
    bench_fill(&b, X, NULL);
    bench_run(&b);
    assert_near(bench_scales(&b)[0], 1.4 / sqrt(7), 1e-6);
    assert_true(*trit_param_val(bench_step(&b)) == 0);
    for (int i = 0; i < 8; i++) trit_param_val(b.x)[i] *= 2;
    bench_run(&b);
    assert_near(bench_scales(&b)[0], 2.8 / sqrt(7), 1e-6);
    bench_close(&b);

    bench_open(&b, &sp, TRIT_QUANT_ACTIVATION, 2, ROW, (bench_options){.mode = TRIT_TRAIN});
    bench_fill(&b, X, G);
    bench_run(&b);
    trit_real first = *trit_param_val(bench_step(&b));
    assert_near(first, 1.4 / sqrt(7), 1e-6);
    for (int i = 0; i < 8; i++) trit_param_val(b.x)[i] *= 2;
    bench_run(&b);
    assert_true(*trit_param_val(bench_step(&b)) == first);
    assert_true(bench_scales(&b)[0] == first);
    *trit_param_val(bench_step(&b)) = -1; /* an optimizer step too far */
    bench_run(&b);
    assert_near(bench_scales(&b)[0], 1e-5, 1e-12);
    bench_close(&b);
}

/* ---- building ------------------------------------------------------------------------------ */

static void sharing(void **state) {
    (void)state;
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_graph g;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    trit_graph_init(&g, TRIT_TRAIN);
    static const struct {
        const char *first, *second;
        bool shared;
    } cases[] = {
        {"int8-token", "int8-absmax-token", true}, {"int8-token", "int8-tensor", false},
        {"int8-token", "int7-token", false},       {"int8-learned", "int8-learned", false},
        {"int8-token", "int8-learned", false},
    };
    for (int i = 0; i < 5; i++) {
        trit_quant q[2];
        char path[32];
        trit_spec sp[2] = {bench_spec(TRIT_QUANT_ACTIVATION, cases[i].first, "ste"),
                           bench_spec(TRIT_QUANT_ACTIVATION, cases[i].second, "ste")};
        trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, ROW), *y[2];
        for (int k = 0; k < 2; k++) {
            snprintf(path, sizeof path, "q%d.%d", i, k);
            assert_ok(trit_quant_init(&q[k], &sp[k], TRIT_QUANT_ACTIVATION, path, 0, 8, &ps, &e));
            y[k] = trit_quant_apply(&q[k], &g, x);
            assert_true(trit_quant_is(y[k]) && !trit_quant_is(x));
        }
        assert_ptr_equal(trit_quant_of(y[0]), &q[0]);
        assert_int_equal(y[0] == y[1], cases[i].shared);
        trit_node *other = trit_input(&g, "x", TRIT_REAL, 2, ROW);
        assert_ptr_not_equal(trit_quant_apply(&q[0], &g, other), y[0]);
    }
    trit_spec off = trit_spec_off();
    trit_quant none;
    assert_ok(trit_quant_init(&none, &off, TRIT_QUANT_WEIGHT, "none", 1, 8, &ps, &e));
    trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, ROW);
    assert_ptr_equal(trit_quant_apply(&none, &g, x), x);
    assert_null(trit_quant_apply(&none, &g, NULL));
    trit_graph_free(&g);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

static void refusals(void **state) {
    (void)state;
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_graph g;
    trit_quant q;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, "int4-group3", "ste");
    assert_int_equal(
        trit_quant_init(&q, &sp, TRIT_QUANT_WEIGHT, "head.weight_quant", 2, 8, &ps, &e),
        TRIT_E_CONFIG);
    assert_string_equal(e.text, "head.weight_quant: group 3 does not divide rows of 8 elements");
    e = (trit_error){0};
    sp.group = 16; /* longer than a row */
    assert_int_equal(trit_quant_init(&q, &sp, TRIT_QUANT_WEIGHT, "q", 2, 8, &ps, &e),
                     TRIT_E_CONFIG);

    static const char *const texts[] = {"int4", "int4-learned-row"};
    static const char *const parts[] = {"fakequant: x [1,8], but q has rows of 4",
                                        "fakequant: x [1,8] has 1 groups, but q has 2 steps"};
    for (int i = 0; i < 2; i++) {
        e = (trit_error){0};
        sp = bench_spec(TRIT_QUANT_WEIGHT, texts[i], "ste");
        assert_ok(trit_quant_init(&q, &sp, TRIT_QUANT_WEIGHT, "q", 2, i ? 8 : 4, &ps, &e));
        trit_graph_init(&g, TRIT_EVAL);
        assert_null(trit_quant_apply(&q, &g, trit_input(&g, "x", TRIT_REAL, 2, ROW)));
        assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
        assert_error_has(e, parts[i]);
        trit_graph_free(&g);
    }
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

/* A gradient far below its incoming one keeps its digits. */
static void small_slopes(void **state) {
    (void)state;
    trit_spec sp = bench_fixed("binary-fixed", "ede", 1);
    sp.knob[TRIT_KNOB_ESTIMATOR][0].from = sp.knob[TRIT_KNOB_ESTIMATOR][0].to = 1;
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, (int64_t[]){1, 2},
               (bench_options){.mode = TRIT_TRAIN});
    bench_fill(&b, (float[]){6, -8}, (float[]){1, 1});
    bench_run(&b);
    const double want[] = {1 / (cosh(6) * cosh(6)), 1 / (cosh(8) * cosh(8))};
    for (int i = 0; i < 2; i++) {
        assert_near(trit_param_grad(b.x)[i], want[i], 1e-6 * want[i]);
    }
    bench_close(&b);
}

/* Fewer bits on the same range where scales are measured; a learned step gets a first value anew.
 */
static void bits_follow_a_schedule(void **state) {
    (void)state;
    static const float x[8] = {-1.3f, -0.4f, -0.1f, 0, 0.2f, 0.55f, 0.9f, 2.1f};
    static const float g[8] = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, -0.8f};
    for (int learned = 0; learned < 2; learned++) {
        trit_spec sp =
            bench_spec(TRIT_QUANT_WEIGHT, learned ? "int2-learned" : "int2-absmax", "ste");
        sp.bits_at = (trit_schedule){TRIT_SHAPE_rungs, 8, 2, 0, 30, 0};
        bench b;
        bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 1, (int64_t[]){8},
                   (bench_options){.mode = TRIT_TRAIN, .no_codes = true});
        if (learned) {
            *trit_param_val(bench_step(&b)) = TRIT_R(0.01);
            *trit_param_val(b.quant.ready) = 1;
        }
        static const int64_t steps[3] = {0, 10, 20};
        static const double hi[3] = {127, 7, 1};
        for (int i = 0; i < 3; i++) {
            double mean = 5.55 / 8, gs = 0;
            double s = !learned ? 2.1 / hi[i] : i ? 2 * mean / sqrt(hi[i]) : 0.01;
            bench_fill(&b, x, g);
            trit_quant_step(&b.quant, steps[i]);
            assert_int_equal(b.quant.n_level, 2 * hi[i] + 2);
            assert_near(b.quant.hi, hi[i], 0);
            bench_run(&b);
            for (int k = 0; k < 8; k++) {
                double q = fmin(fmax(rint((double)x[k] / s), -hi[i] - 1), hi[i]);
                assert_near(bench_y(&b)[k], s * q, 1e-5);
                gs += (double)g[k] * (q - (double)x[k] / s);
            }
            assert_near(bench_scales(&b)[0], s, 1e-6);
            if (learned) {
                double scale = 1 / sqrt(8 * hi[i]);
                assert_near(*trit_param_grad(bench_step(&b)), gs * scale, 1e-5);
            }
        }
        bench_close(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(straight_through),
        cmocka_unit_test(clip_bounds),
        cmocka_unit_test(learned_steps),
        cmocka_unit_test(learned_step_with_identity),
        cmocka_unit_test(low_bit_methods),
        cmocka_unit_test(int8_of_a_token),
        cmocka_unit_test(knobs_and_eps),
        cmocka_unit_test(ties),
        cmocka_unit_test(unsigned_codes),
        cmocka_unit_test(strength),
        cmocka_unit_test(late_start),
        cmocka_unit_test(first_value),
        cmocka_unit_test(sharing),
        cmocka_unit_test(refusals),
        cmocka_unit_test(bits_follow_a_schedule),
        cmocka_unit_test(small_slopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
