/* What only the float build and its BLAS can show; gradients are proved in f64_op_attention.c. */
#include "autograd/ops.h"
#include "autograd/runtime.h"
#include "testing.h"

enum { B = 2, T = 150, H = 4, KV = 2, D = 16, N_Q = B * T * H * D, N_KV = B * T * KV * D };

typedef struct result {
    trit_real y[N_Q], gq[N_Q], gk[N_KV], gv[N_KV];
} result;

/* Standard normal q and k times `size`, v standard normal; from token `changed` on other numbers.
 */
static trit_node *leaf(trit_graph *g, trit_params *ps, const char *path, int64_t cols, double size,
                       int64_t changed) {
    trit_error e = {0};
    trit_param *p;
    assert_ok(trit_params_add(ps, path, TRIT_ROLE_weight, 3, (int64_t[]){B, T, cols}, &p, &e));
    trit_rng r = {.stream = trit_hash32(path)};
    for (int64_t i = 0; i < B * T * cols; i++) {
        r.seed = i / cols % T >= changed;
        trit_param_val(p)[i] = TRIT_R(size * trit_rng_normal(&r, (uint64_t)i));
    }
    return trit_leaf(g, p);
}

static void run(trit_mode mode, double size, int64_t changed, int n_threads, double dropout,
                result *out) {
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = n_threads}, &e));
    trit_graph_init(&g, mode);
    trit_node *q = leaf(&g, &ps, "q", H * D, size, changed);
    trit_node *k = leaf(&g, &ps, "k", KV * D, size, changed);
    trit_node *v = leaf(&g, &ps, "v", KV * D, 1, changed);
    trit_node *y = trit_attention(&g, q, k, v, H, KV, dropout);
    assert_non_null(y);
    y->keep = true;
    trit_node *loss = trit_sum(&g, trit_mul(&g, y, y));
    assert_ok(trit_graph_plan(&g, loss, TRIT_PLAN_REUSE, &e));
    assert_ok(trit_runtime_scratch(&x, g.scratch_bytes, &e));
    void *block = aligned_alloc(64, g.plan_bytes + 64);
    trit_graph_bind(&g, block);
    trit_graph_forward(&g, &x);
    memcpy(out->y, trit_val(y), sizeof out->y);
    if (mode == TRIT_TRAIN) {
        trit_graph_backward(&g, &x, 1);
        memcpy(out->gq, trit_grad(q), sizeof out->gq);
        memcpy(out->gk, trit_grad(k), sizeof out->gk);
        memcpy(out->gv, trit_grad(v), sizeof out->gv);
    }
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

static result a, b;

static void threads_change_no_bit(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        run(TRIT_TRAIN, 1, T, 1, i * 0.1, &a);
        run(TRIT_TRAIN, 1, T, 2, i * 0.1, &b);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void the_past_does_not_see_the_future(void **state) {
    (void)state;
    static const int64_t from[] = {1, 63, 64, 65, 100, T - 1};
    run(TRIT_EVAL, 1, T, 2, 0, &a);
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        run(TRIT_EVAL, 1, from[i], 2, 0, &b);
        for (int64_t row = 0; row < B * T; row++) {
            const trit_real *ya = a.y + row * H * D, *yb = b.y + row * H * D;
            if (row % T < from[i]) {
                assert_memory_equal(ya, yb, H * D * sizeof *ya);
            } else {
                assert_memory_not_equal(ya, yb, H * D * sizeof *ya);
            }
        }
    }
}

static void training_and_evaluation_agree(void **state) {
    (void)state;
    run(TRIT_TRAIN, 1, T, 2, 0, &a);
    run(TRIT_EVAL, 1, T, 2, 0.5, &b); /* no dropout when evaluating */
    assert_memory_equal(a.y, b.y, sizeof a.y);
    run(TRIT_TRAIN, 1, T, 2, 0.5, &b);
    assert_memory_not_equal(a.y, b.y, sizeof a.y);
}

/* q k^T reaches 1e4 and more: the largest logit wins, and nothing overflows. */
static void large_logits_stay_finite(void **state) {
    (void)state;
    trit_error e = {0};
    trit_kernels k;
    assert_ok(trit_kernels_pick(&k, NULL, &e));
    run(TRIT_TRAIN, 100, T, 2, 0, &a);
    assert_true(k.all_finite(sizeof a / sizeof(trit_real), a.y));
    assert_true(k.abs_max(N_Q, a.y) < 6); /* a mean of standard normals is not above the largest */
    assert_true(k.abs_max(N_KV, a.gv) > 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(the_past_does_not_see_the_future),
        cmocka_unit_test(training_and_evaluation_agree),
        cmocka_unit_test(large_logits_stay_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
