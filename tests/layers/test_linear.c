/* A quantized linear layer on integer codes against the same layer on fake-quantized numbers, and
 * known answers of what quantizers do to a whole layer. */
#include "layers/linear.h"

#include "autograd/ops.h"
#include "autograd/runtime.h"
#include "testing.h"

enum { ROWS = 37, N_IN = 70, N_OUT = 51 };

typedef struct outcome {
    trit_real y[ROWS * N_OUT], gx[ROWS * N_IN], gw[N_OUT * N_IN], gb[N_OUT];
    bool coded; /* the operands' values were never written */
} outcome;

static void fill(trit_param *p, uint32_t stream) {
    trit_rng r = {.seed = 3, .stream = stream};
    for (int64_t i = 0; i < trit_tensor_len(&p->val); i++) {
        trit_param_val(p)[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i));
    }
}

/* Whether layers run on codes, and their backward too. */
typedef enum { VALUES, CODES, CODES_FORWARD } way;

static outcome run(const char *weights, const char *inputs, way how, int n_threads) {
    static outcome o;
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_quant_choice choice = {.lora = {0}};
    trit_linear_layer l;
    trit_param *in;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = n_threads}, &e));
    assert_ok(trit_spec_parse(&choice.weights, TRIT_QUANT_WEIGHT, weights, &e));
    assert_ok(trit_spec_parse(&choice.activations, TRIT_QUANT_ACTIVATION, inputs, &e));
    assert_ok(trit_linear_layer_init(&l, "up", N_IN, N_OUT, true, NULL, TRIT_ROLE_weight, &choice,
                                     &ps, &e));
    assert_ok(trit_params_add(&ps, "x", TRIT_ROLE_weight, 2, (int64_t[]){ROWS, N_IN}, &in, &e));
    fill(l.w, 1);
    fill(l.b, 2);
    fill(in, 3);
    trit_graph_init(&g, TRIT_TRAIN);
    g.integer = how != VALUES;
    g.fp32_backward = how == CODES_FORWARD;
    trit_node *y = trit_linear_layer_apply(&l, &g, trit_leaf(&g, in));
    trit_node *k = trit_input(&g, "k", TRIT_REAL, 2, (int64_t[]){ROWS, N_OUT});
    trit_rng r = {.seed = 4};
    for (int64_t i = 0; i < trit_len(k); i++) {
        trit_val(k)[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i));
    }
    y->keep = true;
    assert_ok(trit_graph_plan(&g, trit_sum(&g, trit_mul(&g, y, k)), TRIT_PLAN_POISON, &e));
    assert_ok(trit_runtime_scratch(&x, g.scratch_bytes, &e));
    assert_ok(trit_runtime_work(&x, g.work_bytes, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    trit_graph_bind(&g, block);
    trit_graph_forward(&g, &x);
    trit_graph_backward(&g, &x, 1);
    memcpy(o.y, y->val.data, sizeof o.y);
    memcpy(o.gx, in->grad.data, sizeof o.gx);
    memcpy(o.gw, l.w->grad.data, sizeof o.gw);
    memcpy(o.gb, l.b->grad.data, sizeof o.gb);
    o.coded = !y->in[0]->val.data && !y->in[1]->val.data;
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);
    trit_params_free(&ps);
    trit_arena_free(&mem);
    return o;
}

static double distance(const trit_real *a, const trit_real *b, int n) {
    double most = 0, size = 0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        size = fmax(size, fabs((double)b[i]));
    }
    return most / size;
}

static void codes_stand_for_values(void **state) {
    (void)state;
    static const char *const pair[][2] = {{"ternary-absmean", "int8-token"},
                                          {"int4-absmax-row", "int8-token"},
                                          {"int8-learned-row", "int8-learned-tensor"},
                                          {"ternary-absmedian", "int4-absmax-tensor"},
                                          {"int4-row-hadamard-half", "int8-hadamard-half"},
                                          {"ternary-hadamard-native", "int8-hadamard-half"}};
    for (int i = 0; i < 6; i++) {
        outcome exact = run(pair[i][0], pair[i][1], VALUES, 2);
        outcome coded = run(pair[i][0], pair[i][1], CODES, 1);
        outcome again = run(pair[i][0], pair[i][1], CODES, 3);
        assert_true(coded.coded && !exact.coded);
        assert_memory_equal(&coded, &again, sizeof coded);
        assert_true(distance(coded.y, exact.y, ROWS * N_OUT) < 1e-6);
        assert_true(distance(coded.gx, exact.gx, ROWS * N_IN) < 6e-3); /* bf16: 2^-8 */
        assert_true(distance(coded.gw, exact.gw, N_OUT * N_IN) < 6e-3);
        assert_memory_equal(coded.gb, exact.gb, sizeof coded.gb);
        /* The numbers that codes stand for give the gradients of the numbers. */
        outcome back = run(pair[i][0], pair[i][1], CODES_FORWARD, 2);
        assert_true(back.coded);
        assert_memory_equal(back.y, coded.y, sizeof back.y);
        assert_memory_equal(back.gx, exact.gx, sizeof back.gx);
        assert_memory_equal(back.gw, exact.gw, sizeof back.gw);
    }
}

/* Scales that are not shared by whole rows, and layers with one quantizer, use the numbers. */
static void others_use_values(void **state) {
    (void)state;
    static const char *const pair[][2] = {
        {"int4-absmax-group10", "int8-token"}, {"ternary-absmean", "none"},
        {"binary-absmean-row", "int8-token"},  {"int8-row", "uint8-absmax-tensor"},
        {"int8-row-hadamard", "int8-token"},   {"int8-row", "int8-hadamard"}};
    for (int i = 0; i < 6; i++) {
        outcome exact = run(pair[i][0], pair[i][1], VALUES, 1);
        outcome same = run(pair[i][0], pair[i][1], CODES, 1);
        assert_false(same.coded);
        assert_memory_equal(&exact, &same, sizeof exact);
    }
}

/* A rotation of both operands changes nothing but the errors of quantization, which are small with
 * 8 bits, and a layer with one rotated operand is refused. */
static void rotated_operands(void **state) {
    (void)state;
    outcome plain = run("none", "none", false, 1);
    static const char *const pair[][2] = {{"int8-row-hadamard", "none"},
                                          {"int8-row-hadamard", "int8-hadamard"},
                                          {"int8-row-hadamard-half", "int8-hadamard-half"}};
    for (int i = 0; i < 3; i++) {
        outcome rotated = run(pair[i][0], pair[i][1], VALUES, 1);
        assert_true(distance(rotated.y, plain.y, ROWS * N_OUT) < 0.01);
        assert_true(distance(rotated.gx, plain.gx, ROWS * N_IN) < 0.01);
        assert_true(distance(rotated.gw, plain.gw, N_OUT * N_IN) < 0.01);
    }
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_quant_choice choice;
    trit_linear_layer l;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    assert_ok(trit_spec_parse(&choice.weights, TRIT_QUANT_WEIGHT, "ternary", &e));
    assert_ok(
        trit_spec_parse(&choice.activations, TRIT_QUANT_ACTIVATION, "int8-hadamard-half", &e));
    assert_int_equal(trit_linear_layer_init(&l, "blocks.1.up", N_IN, N_OUT, true, NULL,
                                            TRIT_ROLE_weight, &choice, &ps, &e),
                     TRIT_E_CONFIG);
    assert_error_has(e, "blocks.1.up: transform: activations are in the rotated domain");
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

/* ---- known answers ------------------------------------------------------------------------- */

/* A layer of a few numbers: opened, filled, run. */
typedef struct small {
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_linear_layer l;
    trit_param *in;
    trit_node *y;
    void *block;
} small;

/* weights, inputs: short forms; knob: of the weights' form, NAN leaves it; in, g: [rows, n_in] and
 * [rows, n_out]. Parameters are filled between open and run. */
static void open_small(small *s, const char *weights, int knob, double value, trit_lora_cfg lora,
                       int64_t n_in, int64_t n_out, bool bias) {
    trit_error e = {0};
    trit_quant_choice choice = {.activations = trit_spec_off(), .lora = lora};
    *s = (small){0};
    trit_arena_init(&s->mem, "test");
    trit_params_init(&s->ps, &s->mem);
    assert_ok(trit_runtime_open(&s->x, &(trit_runtime_options){.n_threads = 2}, &e));
    assert_ok(trit_spec_parse(&choice.weights, TRIT_QUANT_WEIGHT, weights, &e));
    if (!isnan(value)) choice.weights.knob[TRIT_KNOB_FORM][knob].from = value;
    assert_ok(trit_linear_layer_init(&s->l, "up", n_in, n_out, bias, NULL, TRIT_ROLE_weight,
                                     &choice, &s->ps, &e));
}

static void run_small(small *s, trit_mode mode, int64_t rows, const float *in, const float *g) {
    trit_error e = {0};
    int64_t dim[2] = {rows, s->l.n_in};
    assert_ok(trit_params_add(&s->ps, "x", TRIT_ROLE_weight, 2, dim, &s->in, &e));
    for (int64_t i = 0; i < rows * s->l.n_in; i++) trit_param_val(s->in)[i] = TRIT_R(in[i]);
    trit_graph_init(&s->g, mode);
    s->y = trit_linear_layer_apply(&s->l, &s->g, trit_leaf(&s->g, s->in));
    assert_non_null(s->y);
    trit_node *k = trit_input(&s->g, "k", TRIT_REAL, 2, (int64_t[]){rows, s->l.n_out});
    for (int64_t i = 0; i < rows * s->l.n_out; i++) trit_val(k)[i] = TRIT_R(g[i]);
    s->y->keep = true;
    trit_node *loss = trit_sum(&s->g, trit_mul(&s->g, s->y, k));
    assert_ok(trit_graph_plan(&s->g, loss, TRIT_PLAN_POISON, &e));
    assert_ok(trit_runtime_scratch(&s->x, s->g.scratch_bytes, &e));
    s->block = aligned_alloc(64, s->g.plan_bytes + 64);
    trit_graph_bind(&s->g, s->block);
    trit_quant_step(&s->l.wq, 0);
    trit_quant_step(&s->l.aq, 0);
    trit_graph_forward(&s->g, &s->x);
    if (mode == TRIT_TRAIN) trit_graph_backward(&s->g, &s->x, 1);
}

static void close_small(small *s) {
    free(s->block);
    trit_graph_free(&s->g);
    trit_runtime_close(&s->x);
    trit_params_free(&s->ps);
    trit_arena_free(&s->mem);
}

static void set(trit_param *p, const float *v) {
    for (int64_t i = 0; i < trit_tensor_len(&p->val); i++) trit_param_val(p)[i] = TRIT_R(v[i]);
}
static void near(const trit_real *got, const double *want, int n) {
    for (int i = 0; i < n; i++) assert_near(got[i], want[i], 2e-6);
}

static const float W[8] = {-1.3f, -0.45f, -0.1f, 0, 0.2f, 0.55f, 0.9f, 2.1f};
static const float TOKENS[16] = {1,   2,  -1, .5f, 0, 1,  -2, 1, /**/
                                 .5f, -1, 1,  1,   2, -1, 0,  1};

/* Tequila's own code gives these: dead weights -.1, 0 and .2 make the bias 1e-3 * .1, and get a
 * thousandth of its gradient .3 - .1. */
static void tequila(void **state) {
    (void)state;
    static const float g[] = {.3f, -.1f};
    static const double gw[] = {.25, .7, -.3998, .0502, -.1998, .4, -.6, .2};
    static const double plain[] = {.25, .7, -.4, .05, -.2, .4, -.6, .2};
    for (int i = 0; i < 5; i++) {
        bool made = i != 1, biased = i == 2;
        trit_mode mode = i == 3 ? TRIT_EVAL : TRIT_TRAIN;
        small s;
        open_small(&s, "tequila-group8", 1, made ? NAN : 0, (trit_lora_cfg){0}, 8, 1, biased);
        set(s.l.w, W);
        if (biased) *trit_param_val(s.l.b) = 3;
        run_small(&s, mode, 2, TOKENS, g);
        double more = (made ? 1e-4 : 0) + (biased ? 3 : 0);
        near(trit_val(s.y), (double[]){-2.1 + more, .35 + more}, 2);
        if (mode == TRIT_TRAIN) {
            near(trit_param_grad(s.l.w), made ? gw : plain, 8);
            if (biased) assert_near(*trit_param_grad(s.l.b), .2, 1e-6);
        }
        close_small(&s);
    }
}

/* The bias is that of the rotated weights: a transform gives what a layer gives whose weights and
 * inputs were rotated before. */
static void rotated_tequila(void **state) {
    (void)state;
    static const float g[] = {.3f, -.1f};
    small a, b;
    float w[8], tokens[16];
    open_small(&a, "tequila-group8-hadamard", 1, 1, (trit_lora_cfg){0}, 8, 1, false);
    set(a.l.w, W);
    run_small(&a, TRIT_TRAIN, 2, TOKENS, g);
    a.x.k.hadamard(8, 8, W, w);
    a.x.k.hadamard(16, 8, TOKENS, tokens);
    open_small(&b, "tequila-group8", 1, 1, (trit_lora_cfg){0}, 8, 1, false);
    set(b.l.w, w);
    run_small(&b, TRIT_TRAIN, 2, tokens, g);
    b.x.k.hadamard(8, 8, trit_param_grad(b.l.w), w);
    for (int i = 0; i < 2; i++) assert_near(trit_val(a.y)[i], trit_val(b.y)[i], 2e-6);
    for (int i = 0; i < 8; i++) assert_near(trit_param_grad(a.l.w)[i], w[i], 2e-6);
    close_small(&a);
    close_small(&b);
}

/* Arenas: x Q(w)^T + e*(x w^T). */
static void sherry(void **state) {
    (void)state;
    static const float g[] = {.3f, -.1f};
    static const double y[] = {-.9 - 1.8 + .9 + .9 - 1.8 + .9, -.45 + .9 - .9 - .9 + .9},
                        xw[] = {-1.3 - .9 + .1 + .55 - 1.8 + 2.1, -.65 + .45 - .1 + .4 - .55 + 2.1};
    static const double ga[] = {.25, .7, -.4, .05, -.2, .4, -.6, .2};
    for (int i = 0; i < 2; i++) {
        double e = i ? 0 : 0.5;
        small s;
        open_small(&s, "sherry-group8", 0, 0.5, (trit_lora_cfg){0}, 8, 1, false);
        set(s.l.w, W);
        run_small(&s, i ? TRIT_EVAL : TRIT_TRAIN, 2, TOKENS, g);
        near(trit_val(s.y), (double[]){y[0] + e * xw[0], y[1] + e * xw[1]}, 2);
        for (int k = 0; k < 8 && !i; k++) {
            assert_near(trit_param_grad(s.l.w)[k], 1.5 * ga[k], 2e-6);
        }
        close_small(&s);
    }
}

/* L4Q on a row of two: w + .5*b*a = [.5, -.8], on a step of .5 [.5, -1]. The gradient of the weight
 * is the first token's input times its gradient. */
static void l4q(void **state) {
    (void)state;
    static const float w0[] = {.3f, -.9f}, a[] = {.4f, .2f}, b[] = {1}, step[] = {.5f};
    static const float in[] = {.2f, -.3f}, g[] = {1};
    small s;
    open_small(&s, "lsqplus3-row", 0, 1, (trit_lora_cfg){.rank = 1, .alpha = .5}, 2, 1, false);
    trit_param *ps = trit_params_find(&s.ps, "up.weight_quant.step");
    set(s.l.w, w0);
    set(s.l.lora_a, a);
    set(s.l.lora_b, b);
    set(ps, step);
    *trit_param_val(trit_params_find(&s.ps, "up.weight_quant.ready")) = 1;
    run_small(&s, TRIT_TRAIN, 1, in, g);
    assert_near(*trit_val(s.y), .2 * .5 + .3 * 1, 1e-6);
    assert_near(*trit_param_grad(s.l.lora_b), .01, 1e-6);
    near(trit_param_grad(s.l.lora_a), (double[]){.1, -.15}, 2);
    assert_near(*trit_param_grad(ps), .12 / sqrt(2 * 3), 1e-6);
    assert_true(s.l.w->frozen && !s.l.w->grad.data && !s.l.w->used);
    assert_near(trit_param_val(s.l.w)[0], .3, 1e-7);
    assert_string_equal(s.l.lora_a->path, "up.lora_a");
    assert_string_equal(s.l.lora_b->path, "up.lora_b");
    close_small(&s);
}

/* Only quantized weights that are a layer's own have adapters. */
static void adapters_have_a_place(void **state) {
    (void)state;
    static const trit_lora_cfg lora = {.rank = 2, .alpha = 4};
    small s;
    open_small(&s, "ternary-absmean", 0, NAN, lora, 6, 4, false);
    assert_int_equal(trit_tensor_len(&s.l.lora_a->val), 2 * 6);
    assert_int_equal(trit_tensor_len(&s.l.lora_b->val), 4 * 2);
    assert_true(s.l.lora_scale == 2 && s.l.w->frozen);
    assert_int_equal(trit_params_count(&s.ps), 24 + 12 + 8);
    assert_int_equal(trit_params_count_frozen(&s.ps), 24);
    trit_error e = {0};
    trit_linear_layer tied;
    trit_quant_choice choice = {.activations = trit_spec_off(), .lora = lora};
    assert_ok(trit_spec_parse(&choice.weights, TRIT_QUANT_WEIGHT, "ternary-absmean", &e));
    assert_ok(trit_linear_layer_init(&tied, "head", 6, 4, false, s.l.w, TRIT_ROLE_weight, &choice,
                                     &s.ps, &e));
    assert_null(tied.lora_a);
    close_small(&s);
    open_small(&s, "none", 0, NAN, lora, 6, 4, false);
    assert_true(!s.l.lora_a && !s.l.w->frozen && s.l.w->grad.data);
    close_small(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tequila),
        cmocka_unit_test(rotated_tequila),
        cmocka_unit_test(sherry),
        cmocka_unit_test(l4q),
        cmocka_unit_test(adapters_have_a_place),
        cmocka_unit_test(codes_stand_for_values),
        cmocka_unit_test(others_use_values),
        cmocka_unit_test(rotated_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
