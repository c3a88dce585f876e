/* Transforms round quantizers: what specs say of them, and what the nodes compute. */
#include "fakequant_bench.h"

#define W TRIT_QUANT_WEIGHT
#define A TRIT_QUANT_ACTIVATION

static trit_spec spec(trit_quant_kind kind, const char *text) {
    trit_error e = {0};
    trit_spec sp;
    assert_ok(trit_spec_parse(&sp, kind, text, &e));
    return sp;
}

static void words(void **state) {
    (void)state;
    static const struct {
        const char *text, *transform, *estimator, *for_people;
        int block;
    } cases[] = {
        {"half2-rms-row-trust-hadamard", "hadamard", "trust", "half2-rms-row trust hadamard128",
         128},
        {"half2-hadamard-trust-row-rms", "hadamard", "trust", "half2-rms-row trust hadamard128",
         128},
        {"int4-hadamard64", "hadamard", "ste", "int4-absmax-tensor ste hadamard64", 64},
        {"int4-hadamard-half-row", "hadamard-half", "ste", "int4-absmax-row ste hadamard-half128",
         128},
        {"int4-hadamard-half4-ste-round-clip", "hadamard-half", "ste-round-clip",
         "int4-absmax-tensor ste-round-clip hadamard-half4", 4},
        {"ternary-hadamard-native", "hadamard-native", "ste",
         "ternary-absmean-tensor ste hadamard-native128", 128},
        {"int4-stochastic", "none", "stochastic", "int4-absmax-tensor stochastic", 128},
        {"twn-hadamard", "hadamard", "ste", "twn-row hadamard128", 128},
        {"lwc3-hadamard-half64-row", "hadamard-half", "ste", "lwc3-row hadamard-half64", 64},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[96];
        trit_spec sp = spec(W, cases[i].text);
        assert_string_equal(trit_transform_names[sp.transform], cases[i].transform);
        assert_string_equal(trit_estimator_names[sp.estimator], cases[i].estimator);
        assert_int_equal(sp.block, cases[i].block);
        assert_string_equal(trit_spec_text(&sp, text), cases[i].for_people);
    }
    assert_true(spec(W, "int4-ewgs").knob[TRIT_KNOB_ESTIMATOR][0].from > 0); /* its default */
}

static void bad_words(void **state) {
    (void)state;
    static const struct {
        trit_quant_kind kind;
        const char *text, *part;
    } bad[] = {
        {W, "int4-hadamrad", "unknown word \"hadamrad\"; did you mean \"hadamard\"?"},
        {W, "int4-hadamard-quarter", "unknown word \"quarter\""},
        {W, "int4-none", "unknown word \"none\""},
        {W, "int4-hadamard64x", "unknown word \"hadamard64x\""},
        {W, "int4-trust2", "unknown word \"trust2\""},
        {W, "int4-hadamard-hadamard-half", "\"hadamard-half\" is a second transform"},
        {W, "int4-ste-trust", "\"trust\" is a second estimator"},
        {W, "int4-hadamard0", "block: found 0, expected a power of two in 1..65536"},
        {W, "int4-hadamard-half48", "block: found 48, expected a power of two"},
        {W, "int4-hadamard131072", "block: found 131072, expected a power of two"},
        {A, "int4-hadamard-native", "transform: hadamard-native is for weights"},
        {W, "twn-trust", "twn is one piece and has no estimator"},
        {W, "twn-absmean", "twn is one piece and has no scale rule"},
        {W, "twn-hadamard3", "block: found 3"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        trit_error e = {0};
        trit_spec sp;
        assert_int_equal(trit_spec_parse(&sp, bad[i].kind, bad[i].text, &e), TRIT_E_CONFIG);
        assert_error_has(e, bad[i].part);
    }
}

static void rows_are_complete(void **state) {
    (void)state;
    int n = 0;
    for (; trit_transforms[n]; n++) {
        const trit_transform *t = trit_transforms[n];
        assert_string_equal(t->name, trit_transform_names[n]);
        assert_true(t->doc && *t->doc);
        assert_true(n == 0 || (t->cite && t->formula));
        assert_true(!t->undo || t->apply);
        assert_false(t->moves && t->undo);
    }
    assert_null(trit_transform_names[n]);
    assert_string_equal(trit_transforms[0]->name, "none");
    assert_null(trit_transforms[0]->apply);
}

static void blocks_fit_rows(void **state) {
    (void)state;
    static const int64_t cases[][3] = {{128, 256, 128}, {128, 192, 64}, {128, 8, 8},
                                       {128, 7, 1},     {64, 256, 64},  {4, 12, 4},
                                       {8, 12, 4},      {1, 256, 1},    {65536, 96, 32}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_spec sp = spec(W, "int4-hadamard");
        sp.block = cases[i][0];
        assert_int_equal(trit_spec_block(&sp, cases[i][1]), cases[i][2]);
    }
}

static void operands_must_agree(void **state) {
    (void)state;
    static const struct {
        const char *weights, *activations, *error; /* NULL: fine */
    } cases[] = {
        {"none", "none", NULL},
        {"int4", "int8", NULL},
        {"int4-hadamard", "none", NULL},
        {"int4-hadamard", "int8-hadamard64", NULL},
        {"int4-hadamard-half", "int8-hadamard-half", NULL},
        {"twn-hadamard-half", "int8-hadamard-half", NULL},
        {"ternary-hadamard-native", "int8-hadamard-half", NULL},
        {"int4-hadamard-half", "int8",
         "weights are in the rotated domain (hadamard-half), but "
         "activations are not (none)"},
        {"int4-hadamard-half", "none", "activations are not (none)"},
        {"int4-hadamard-half", "int8-hadamard", "activations are not (hadamard)"},
        {"int4", "int8-hadamard-half",
         "activations are in the rotated domain (hadamard-half), but "
         "weights are not (none)"},
        {"none", "int8-hadamard-half", "weights are not (none)"},
        {"ternary-hadamard-native", "int8", "weights are in the rotated domain (hadamard-native)"},
        {"int4-hadamard-half64", "int8-hadamard-half",
         "weights are rotated in blocks of 64, activations in blocks of 128"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_error e = {0};
        trit_spec w = spec(W, cases[i].weights), a = spec(A, cases[i].activations);
        trit_status status = trit_spec_check_pair(&w, &a, &e);
        assert_int_equal(status, cases[i].error ? TRIT_E_CONFIG : TRIT_OK);
        if (cases[i].error) assert_error_has(e, cases[i].error);
    }
}

/* ---- on numbers ---------------------------------------------------------------------------- */

enum { ROWS = 3, COLS = 24, N = ROWS * COLS }; /* blocks of 8 */

static trit_spec off_at_first(trit_spec sp) {
    sp.start = 1;
    return sp;
}

/* x or g of bench_random, rotated. */
static void rotate(const bench *b, const trit_real *v, trit_real *out) {
    b->exec.k.hadamard(N, 8, v, out);
}

/* y and gx of a spec without transform on given numbers. */
static void run_plain(const trit_spec *sp, trit_quant_kind kind, const trit_real *x,
                      const trit_real *g, trit_real *y, trit_real *gx) {
    bench b;
    trit_spec plain = *sp;
    plain.transform = 0;
    bench_open(&b, &plain, kind, 2, (int64_t[]){ROWS, COLS}, (bench_options){.mode = TRIT_TRAIN});
    memcpy(trit_param_val(b.x), x, N * sizeof *x);
    memcpy(trit_val(b.g), g, N * sizeof *g);
    bench_run(&b);
    memcpy(y, bench_y(&b), N * sizeof *y);
    memcpy(gx, trit_param_grad(b.x), N * sizeof *gx);
    bench_close(&b);
}

static void near_all(const trit_real *got, const trit_real *want) {
    for (int i = 0; i < N; i++) assert_near(got[i], want[i], 2e-6);
}

/* Full: y = H Q(H x), gx = H d (H g). Half: y = Q(H x), gx = H d g. Native: as without. */
static void what_is_computed(void **state) {
    (void)state;
    static const char *const texts[] = {"half2-rms-row-trust", "int4-absmax-group8-ste-clip",
                                        "ternary", "twn", "lwc4-row"};
    static const char *const suffix[] = {"-hadamard", "-hadamard-half", "-hadamard-native"};
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 3; k++) {
            char text[64];
            snprintf(text, sizeof text, "%s%s", texts[i], suffix[k]);
            trit_spec sp = spec(W, text);
            trit_real x[N], g[N], y[N], gx[N];
            bench b;
            bench_open(&b, &sp, W, 2, (int64_t[]){ROWS, COLS},
                       (bench_options){.mode = TRIT_TRAIN, .no_codes = true});
            bench_random(&b);
            bench_run(&b);
            memcpy(x, trit_param_val(b.x), sizeof x);
            memcpy(g, trit_val(b.g), sizeof g);
            if (k < 2) rotate(&b, x, x);
            if (k == 0) rotate(&b, g, g);
            run_plain(&sp, W, x, g, y, gx);
            if (k == 0) rotate(&b, y, y);
            if (k < 2) rotate(&b, gx, gx);
            near_all(bench_y(&b), y);
            near_all(trit_param_grad(b.x), gx);
            bench_close(&b);
        }
    }
}

/* Before its first step, and at strength 0, a full transform gives x, a half one H x. */
static void strength(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        trit_spec sp = spec(W, k % 2 ? "int4-hadamard" : "int4-hadamard-half");
        if (k < 2) sp = off_at_first(sp);
        if (k >= 2) sp.lambda.from = sp.lambda.to = 0;
        bench b;
        trit_real want[N];
        bench_open(&b, &sp, W, 2, (int64_t[]){ROWS, COLS},
                   (bench_options){.mode = TRIT_TRAIN, .no_codes = true});
        bench_random(&b);
        bench_run(&b);
        memcpy(want, trit_param_val(b.x), sizeof want);
        if (k % 2 == 0) rotate(&b, want, want);
        near_all(bench_y(&b), want);
        bench_close(&b);
    }
}

/* Consumers of one input share its rotation; codes are those of the quantizer's own node. */
static void nodes(void **state) {
    (void)state;
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_graph g;
    trit_quant q[3];
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    trit_graph_init(&g, TRIT_TRAIN);
    static const char *const texts[] = {"int8-hadamard-half", "int8-hadamard-half",
                                        "int8-hadamard"};
    trit_node *x = trit_input(&g, "x", TRIT_REAL, 2, (int64_t[]){ROWS, COLS}), *y[3];
    for (int i = 0; i < 3; i++) {
        trit_spec sp = spec(A, texts[i]);
        assert_ok(trit_quant_init(&q[i], &sp, A, "q", 0, COLS, &ps, &e));
        y[i] = trit_quant_apply(&q[i], &g, x);
    }
    assert_ptr_equal(y[0], y[1]);
    assert_true(trit_quant_is(y[0]) && y[0]->coding);
    assert_false(trit_quant_is(y[2]) || y[2]->coding); /* real numbers again */
    assert_true(trit_quant_is(y[2]->in[0]));
    assert_ptr_equal(y[2]->in[0]->in[0], y[0]->in[0]); /* one rotation */
    assert_ptr_equal(y[0]->in[0]->in[0], x);
    trit_node *wrong = trit_input(&g, "wrong", TRIT_REAL, 2, (int64_t[]){ROWS, COLS + 1});
    assert_null(trit_quant_apply(&q[2], &g, wrong));
    assert_error_has(g.err, "has rows of 24");
    trit_graph_free(&g);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(bad_words),
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(blocks_fit_rows),
        cmocka_unit_test(operands_must_agree),
        cmocka_unit_test(what_is_computed),
        cmocka_unit_test(strength),
        cmocka_unit_test(nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
