#include "op_check.h"

/* Lengths just above one and two blocks of 64 query rows. */
enum { ONE_BLOCK = 67, TWO_BLOCKS = 130 };

static trit_node *separate(op_case *c, int64_t b, int64_t t, int64_t n_head, int64_t n_kv_head,
                           int64_t width, double dropout) {
    trit_node *q = op_param(c, "q", b, t, n_head * width);
    trit_node *k = op_param(c, "k", b, t, n_kv_head * width);
    trit_node *v = op_param(c, "v", b, t, n_kv_head * width);
    return trit_attention(c->g, q, k, v, n_head, n_kv_head, dropout);
}
static trit_node *odd_width(op_case *c) {
    return separate(c, 2, 6, 2, 2, 3, 0);
}
static trit_node *two_groups(op_case *c) {
    return separate(c, 2, 5, 4, 2, 2, 0);
}
static trit_node *one_group(op_case *c) {
    return separate(c, 2, 5, 3, 1, 4, 0);
}
static trit_node *one_token(op_case *c) {
    return separate(c, 3, 1, 2, 1, 2, 0);
}
static trit_node *one_block(op_case *c) {
    return separate(c, 1, ONE_BLOCK, 2, 1, 1, 0);
}
static trit_node *dropped(op_case *c) {
    return separate(c, 2, 9, 4, 2, 2, 0.3);
}
static trit_node *dropped_blocks(op_case *c) {
    return separate(c, 1, ONE_BLOCK, 1, 1, 2, 0.5);
}
/* All three gradients land in one buffer. */
static trit_node *same_input(op_case *c) {
    trit_node *x = op_param(c, "x", 1, ONE_BLOCK, 1), *w = op_param(c, "w", 2, 1);
    trit_node *h = trit_linear(c->g, x, w, NULL);
    return trit_attention(c->g, h, h, h, 2, 2, 0);
}
static trit_node *same_keys_and_values(op_case *c) {
    trit_node *x = op_param(c, "x", 1, 6, 3), *w = op_param(c, "w", 2, 3);
    trit_node *h = trit_linear(c->g, x, w, NULL);
    return trit_attention(c->g, op_param(c, "q", 1, 6, 4), h, h, 2, 1, 0);
}
/* Gradients are added to what a residual branch left. */
static trit_node *residual(op_case *c) {
    trit_node *x = op_param(c, "x", 1, 6, 3), *w = op_param(c, "w", 4, 3);
    trit_node *q = trit_linear(c->g, x, w, NULL), *k = trit_mul(c->g, q, q);
    trit_node *v = trit_add(c->g, q, k);
    trit_node *y = trit_attention(c->g, q, k, v, 2, 2, 0);
    return trit_mul(c->g, trit_mul(c->g, y, q), trit_mul(c->g, k, v));
}
/* Keys come from data: only q and v have gradients. */
static trit_node *fixed_keys(op_case *c) {
    trit_node *k = trit_input(c->g, "k", TRIT_REAL, 3, (int64_t[]){1, 4, 2});
    for (int i = 0; i < 8; i++) trit_val(k)[i] = 0.3 * i;
    trit_node *q = op_param(c, "q", 1, 4, 2), *v = op_param(c, "v", 1, 4, 2);
    return trit_attention(c->g, q, k, v, 1, 1, 0);
}

static void attention_gradients(void **state) {
    (void)state;
    op_check(odd_width, 1, 1e-7);
    op_check(two_groups, 2, 1e-7);
    op_check(one_group, 3, 1e-7);
    op_check(one_token, 4, 1e-7);
    op_check(one_block, 5, 1e-7);
    op_check(dropped, 6, 1e-7);
    op_check(dropped_blocks, 7, 1e-7);
    op_check(same_input, 8, 1e-7);
    op_check(same_keys_and_values, 9, 1e-7);
    op_check(residual, 10, 1e-7);
    op_check(fixed_keys, 11, 1e-7);
}

/* A graph of one attention over data; the caller fills q, k, v between open and forward. */
typedef struct one {
    trit_graph g;
    trit_exec x;
    trit_node *q, *k, *v, *y;
    void *block;
} one;

static void one_open(one *o, trit_mode mode, int64_t b, int64_t t, int64_t n_head,
                     int64_t n_kv_head, int64_t width, double dropout) {
    trit_error e = {0};
    assert_ok(trit_runtime_open(&o->x, &(trit_runtime_options){.n_threads = 2}, &e));
    /* The op is built in `mode`; planned for evaluation, as data alone has nothing to train. */
    trit_graph_init(&o->g, mode);
    o->q = trit_input(&o->g, "q", TRIT_REAL, 3, (int64_t[]){b, t, n_head * width});
    o->k = trit_input(&o->g, "k", TRIT_REAL, 3, (int64_t[]){b, t, n_kv_head * width});
    o->v = trit_input(&o->g, "v", TRIT_REAL, 3, (int64_t[]){b, t, n_kv_head * width});
    o->y = trit_attention(&o->g, o->q, o->k, o->v, n_head, n_kv_head, dropout);
    assert_non_null(o->y);
    o->g.mode = TRIT_EVAL;
    assert_ok(trit_graph_plan(&o->g, o->y, TRIT_PLAN_REUSE, &e));
    assert_ok(trit_runtime_scratch(&o->x, o->g.scratch_bytes, &e));
    o->block = aligned_alloc(64, o->g.plan_bytes + 64);
    trit_graph_bind(&o->g, o->block);
}

static void one_close(one *o) {
    free(o->block);
    trit_graph_free(&o->g);
    trit_runtime_close(&o->x);
}

static void fill(trit_node *n, double size, uint64_t seed) {
    trit_rng r = {.seed = seed};
    for (int64_t i = 0; i < trit_len(n); i++) {
        trit_val(n)[i] = TRIT_R(size * trit_rng_normal(&r, (uint64_t)i));
    }
}

/* One output row by the definition: query t of head h in batch row b. */
static void direct(const one *o, int64_t b, int64_t t, int64_t h, int64_t group, int64_t width,
                   double *y) {
    int64_t n_tokens = o->q->val.dim[1], ld_q = trit_cols(o->q), ld_kv = trit_cols(o->k);
    const trit_real *q = trit_val(o->q) + (b * n_tokens + t) * ld_q + h * width;
    double p[TWO_BLOCKS], most = -1e300, sum = 0;
    for (int64_t j = 0; j <= t; j++) {
        const trit_real *k = trit_val(o->k) + (b * n_tokens + j) * ld_kv + h / group * width;
        p[j] = 0;
        for (int64_t d = 0; d < width; d++) p[j] += q[d] * k[d];
        p[j] /= sqrt((double)width);
        most = fmax(most, p[j]);
    }
    for (int64_t j = 0; j <= t; j++) sum += p[j] = exp(p[j] - most);
    for (int64_t d = 0; d < width; d++) {
        y[d] = 0;
        for (int64_t j = 0; j <= t; j++) {
            y[d] += p[j] / sum * trit_val(o->v)[(b * n_tokens + j) * ld_kv + h / group * width + d];
        }
    }
}

static void agrees_with_the_definition(void **state) {
    (void)state;
    static const struct {
        int64_t t, n_head, n_kv_head, width;
    } cases[] = {
        {TWO_BLOCKS, 4, 2, 5}, {ONE_BLOCK, 3, 1, 1}, {64, 2, 2, 4}, {1, 2, 1, 3}, {2, 6, 3, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n_tokens = cases[i].t, n_head = cases[i].n_head, width = cases[i].width;
        one o;
        one_open(&o, TRIT_EVAL, 2, n_tokens, n_head, cases[i].n_kv_head, width, 0.5);
        fill(o.q, 2, 1);
        fill(o.k, 2, 2);
        fill(o.v, 1, 3);
        trit_graph_forward(&o.g, &o.x);
        for (int64_t row = 0; row < 2 * n_tokens * n_head; row++) {
            int64_t h = row % n_head, t = row / n_head % n_tokens, b = row / n_head / n_tokens;
            double want[5];
            direct(&o, b, t, h, n_head / cases[i].n_kv_head, width, want);
            for (int64_t d = 0; d < width; d++) {
                assert_near(trit_val(o.y)[row * width + d], want[d], 1e-13);
            }
        }
        one_close(&o);
    }
}

/* With q = 0 all keys seen have the same probability, and with v the identity the output shows
 * them: P * mask / (1-p). */
static void dropout_masks_probabilities(void **state) {
    (void)state;
    enum { T = 24, B = 2, H = 2, N = B * T * H * T };
    const double p = 0.25;
    one o;
    one_open(&o, TRIT_TRAIN, B, T, H, 1, T, p);
    for (int64_t i = 0; i < trit_len(o.v); i++) trit_val(o.v)[i] = i / T % T == i % T;
    static trit_real first[N];
    trit_graph_forward(&o.g, &o.x);
    memcpy(first, trit_val(o.y), sizeof first);
    int n_seen = 0, n_dropped = 0, n_heads_differ = 0, n_batches_differ = 0, n_rows_differ = 0;
    for (int64_t i = 0; i < N; i++) {
        int64_t j = i % T, h = i / T % H, t = i / T / H % T, b = i / T / H / T;
        if (j > t) {
            assert_true(first[i] == 0);
            continue;
        }
        n_seen++;
        bool dropped_here = first[i] == 0;
        n_dropped += dropped_here;
        if (!dropped_here) assert_near(first[i], 1 / ((double)(t + 1) * (1 - p)), 1e-14);
        if (h > 0) n_heads_differ += dropped_here != (first[i - T] == 0);
        if (b > 0) n_batches_differ += dropped_here != (first[i - T * H * T] == 0);
        if (j < t) n_rows_differ += dropped_here != (first[i - T * H] == 0);
    }
    /* About p of all, and independent masks differ in 2p(1-p) of their elements. */
    double differ = 2 * p * (1 - p);
    assert_near(n_dropped, p * n_seen, 0.15);
    assert_near(n_heads_differ, differ * n_seen / 2, 0.2);
    assert_near(n_batches_differ, differ * n_seen / 2, 0.2);
    assert_near(n_rows_differ, differ * (n_seen - B * H * T), 0.2);
    trit_graph_forward(&o.g, &o.x);
    assert_memory_equal(first, trit_val(o.y), sizeof first);
    o.x.rng.step++;
    trit_graph_forward(&o.g, &o.x);
    assert_memory_not_equal(first, trit_val(o.y), sizeof first);
    one_close(&o);
}

static void error_of(int64_t q_cols, int64_t k_cols, int64_t v_tokens, int64_t n_head,
                     int64_t n_kv_head, double dropout, const char *part) {
    trit_error e = {0};
    trit_graph g;
    trit_graph_init(&g, TRIT_TRAIN);
    trit_node *q = trit_input(&g, "q", TRIT_REAL, 3, (int64_t[]){2, 5, q_cols});
    trit_node *k = trit_input(&g, "k", TRIT_REAL, 3, (int64_t[]){2, 5, k_cols});
    trit_node *v = trit_input(&g, "v", TRIT_REAL, 3, (int64_t[]){2, v_tokens, k_cols});
    trit_node *y = trit_attention(&g, q, k, v, n_head, n_kv_head, dropout);
    assert_null(y);
    assert_int_not_equal(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e), TRIT_OK);
    assert_error_has(e, part);
    trit_graph_free(&g);
}

static void errors(void **state) {
    (void)state;
    error_of(12, 12, 5, 3, 2, 0, "attention: 3 query heads cannot share 2 key/value heads");
    error_of(12, 12, 5, 3, 0, 0, "3 query heads cannot share 0 key/value heads");
    error_of(12, 12, 5, 5, 5, 0, "q [2,5,12] is not [B, T, heads*D] for 5 heads");
    error_of(12, 12, 5, 4, 2, 0,
             "k [2,5,12] and v [2,5,12] do not fit q [2,5,12] with 4 query heads and 2 key/value");
    error_of(12, 6, 4, 4, 2, 0, "v [2,4,6] do not fit q [2,5,12]");
    error_of(12, 12, 5, 4, 4, 1, "dropout 1 is not in [0, 1)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_gradients),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(dropout_masks_probabilities),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
