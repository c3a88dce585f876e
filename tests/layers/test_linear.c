/* A quantized linear layer on integer codes against the same layer on fake-quantized numbers. */
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

static outcome run(const char *weights, const char *inputs, bool integer, int n_threads) {
    static outcome o;
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_quant_choice choice;
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
    g.integer = integer;
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
                                          {"ternary-absmedian", "int4-absmax-tensor"}};
    for (int i = 0; i < 4; i++) {
        outcome exact = run(pair[i][0], pair[i][1], false, 2);
        outcome coded = run(pair[i][0], pair[i][1], true, 1);
        outcome again = run(pair[i][0], pair[i][1], true, 3);
        assert_true(coded.coded && !exact.coded);
        assert_memory_equal(&coded, &again, sizeof coded);
        assert_true(distance(coded.y, exact.y, ROWS * N_OUT) < 1e-6);
        assert_true(distance(coded.gx, exact.gx, ROWS * N_IN) < 6e-3); /* bf16: 2^-8 */
        assert_true(distance(coded.gw, exact.gw, N_OUT * N_IN) < 6e-3);
        assert_memory_equal(coded.gb, exact.gb, sizeof coded.gb);
    }
}

/* Scales that are not shared by whole rows, and layers with one quantizer, use the numbers. */
static void others_use_values(void **state) {
    (void)state;
    static const char *const pair[][2] = {{"int4-absmax-group10", "int8-token"},
                                          {"ternary-absmean", "none"},
                                          {"binary-absmean-row", "int8-token"},
                                          {"int8-row", "uint8-absmax-tensor"}};
    for (int i = 0; i < 4; i++) {
        outcome exact = run(pair[i][0], pair[i][1], false, 1);
        outcome same = run(pair[i][0], pair[i][1], true, 1);
        assert_false(same.coded);
        assert_memory_equal(&exact, &same, sizeof exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_stand_for_values),
        cmocka_unit_test(others_use_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
