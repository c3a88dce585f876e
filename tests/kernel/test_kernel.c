/* Every kernel of every instruction set that this machine has gives the bits of the baseline, and
 * touches nothing outside its arrays. */
#include "base/rng.h"
#include "kernel/kernel.h"
#include "testing.h"

enum { N_ARRAY = 6, GUARD = 16, MAX_N = 1000, ARRAY_LEN = GUARD + 1 + MAX_N + GUARD };

/* What the arrays hold: ordinary numbers; those, zeros of both signs, denormals and huge numbers;
 * all that, NaN and infinities. */
typedef enum { PLAIN, EXTREME, WITH_NAN, N_KIND } data_kind;

/* One call of a kernel on arrays a[] of n elements. */
typedef struct call {
    const trit_kernels *k;
    int64_t n;
    int variant;
    data_kind kind;
    trit_real *a[N_ARRAY];
    double result[2]; /* what the kernel returned */
} call;

/* ---- one function a row of TRIT_KERNEL_LIST: makes variant c->variant of the call, with other
 * optional arguments, aliases and parameters; returns how many variants there are ---- */

static int run_add(call *c) {
    trit_real *const y[] = {c->a[2], c->a[0], c->a[1]};
    c->k->add(c->n, c->a[0], c->a[1], y[c->variant]);
    return 3;
}
static int run_scale(call *c) {
    static const trit_real k[] = {0.3f, 0.3f, -7.1f};
    c->k->scale(c->n, k[c->variant], c->a[0], c->a[c->variant != 1], c->variant == 2);
    return 3;
}
static int run_mul(call *c) {
    trit_real *const y[] = {c->a[2], c->a[2], c->a[0], c->a[1]};
    c->k->mul(c->n, c->a[0], c->a[1], y[c->variant], c->variant == 0);
    return 4;
}
static int run_mul_add(call *c) {
    c->k->mul_add(c->n, 1.7f, c->a[0], c->a[1], c->a[2]);
    return 1;
}
static int run_sum(call *c) {
    c->result[0] = c->k->sum(c->n, c->a[0]);
    return 1;
}
static int run_sum_abs(call *c) {
    c->result[0] = c->k->sum_abs(c->n, c->a[0]);
    return 1;
}
static int run_sum_sq(call *c) {
    c->result[0] = c->k->sum_sq(c->n, c->a[0]);
    return 1;
}
static int run_dot(call *c) {
    c->result[0] = c->k->dot(c->n, c->a[0], c->a[1]);
    return 1;
}
static int run_abs_max(call *c) {
    c->result[0] = (double)c->k->abs_max(c->n, c->a[0]);
    return 1;
}
static int run_all_finite(call *c) {
    c->result[0] = c->k->all_finite(c->n, c->a[0]);
    return 1;
}
static int run_act(call *c) {
    int v = c->variant / TRIT_N_ACT;
    c->k->act((trit_act)(c->variant % TRIT_N_ACT), c->n, c->a[0], c->a[v]);
    return 2 * TRIT_N_ACT;
}
static int run_act_back(call *c) {
    trit_real *const gx[] = {c->a[2], c->a[2], c->a[1]};
    int v = c->variant / TRIT_N_ACT;
    c->k->act_back((trit_act)(c->variant % TRIT_N_ACT), c->n, c->a[0], c->a[1], gx[v], v == 0);
    return 3 * TRIT_N_ACT;
}
static int run_gate(call *c) {
    trit_real *const y[] = {c->a[2], c->a[0], c->a[1]};
    int v = c->variant / TRIT_N_ACT;
    c->k->gate((trit_act)(c->variant % TRIT_N_ACT), c->n, c->a[0], c->a[1], y[v]);
    return 3 * TRIT_N_ACT;
}
static int run_gate_back(call *c) {
    trit_real *a = c->a[0], *b = c->a[1], *g = c->a[2], *ga = c->a[3], *gb = c->a[4];
    const struct {
        trit_real *ga, *gb;
        bool acc_a, acc_b;
    } out[] = {
        {ga, gb, false, false},  {ga, gb, false, true},    {ga, gb, true, false},
        {ga, gb, true, true},    {ga, NULL, true, false},  {ga, NULL, false, false},
        {NULL, gb, false, true}, {NULL, gb, false, false}, {a, g, false, false},
        {a, gb, false, true},    {ga, g, true, false},     {ga, ga, false, true},
    };
    int v = c->variant / TRIT_N_ACT;
    c->k->gate_back((trit_act)(c->variant % TRIT_N_ACT), c->n, a, b, g, out[v].ga, out[v].acc_a,
                    out[v].gb, out[v].acc_b);
    return TRIT_N_ACT * (int)(sizeof out / sizeof *out);
}
static int run_rms_norm(call *c) {
    trit_real *w = c->variant & 1 ? c->a[1] : NULL;
    c->result[0] = (double)c->k->rms_norm(c->n, 1e-5f, c->a[0], w, c->a[c->variant & 2]);
    return 4;
}
static int run_rms_norm_back(call *c) {
    trit_real *const gx[] = {c->a[3], c->a[3], c->a[1]}, *w = c->variant & 1 ? c->a[2] : NULL;
    int v = c->variant / 2;
    c->k->rms_norm_back(c->n, 0.8f, c->a[0], w, c->a[1], gx[v], v == 0);
    return 6;
}
static int run_layer_norm(call *c) {
    trit_real stat[2], *y = c->a[c->variant & 4 ? 0 : 3];
    c->k->layer_norm(c->n, 1e-5f, c->a[0], c->variant & 1 ? c->a[1] : NULL,
                     c->variant & 2 ? c->a[2] : NULL, y, stat);
    c->result[0] = (double)stat[0];
    c->result[1] = (double)stat[1];
    return 8;
}
static int run_layer_norm_back(call *c) {
    static const trit_real stat[2] = {0.2f, 0.8f};
    trit_real *const gx[] = {c->a[3], c->a[3], c->a[1]}, *w = c->variant & 1 ? c->a[2] : NULL;
    int v = c->variant / 2;
    c->k->layer_norm_back(c->n, stat, c->a[0], w, c->a[1], gx[v], v == 0);
    return 6;
}
static int run_norm_weight_back(call *c) {
    c->k->norm_weight_back(c->n, 0.2f, 0.8f, c->a[0], c->a[1], c->a[2]);
    return 1;
}
static int run_exp_row(call *c) {
    trit_real sum;
    c->result[0] = (double)c->k->exp_row(c->n, c->variant ? 1.0f : -0.3f, c->a[0], &sum);
    c->result[1] = (double)sum;
    return 2;
}
static int run_exp_shift(call *c) {
    c->k->exp_shift(c->n, 0.7f, 0.4f, c->a[0], c->a[c->variant]);
    return 2;
}
static int run_log_sum_exp(call *c) {
    c->result[0] = (double)c->k->log_sum_exp(c->n, c->a[0]);
    return 1;
}
static int run_rotate_half(call *c) {
    trit_real *const y[] = {c->a[3], c->a[3], c->a[0]}, sign = c->variant & 1 ? -1.0f : 1.0f;
    int v = c->variant / 2;
    c->k->rotate_half(c->n, c->a[1], c->a[2], sign, c->a[0], y[v], v == 0);
    return 6;
}
static int run_hadamard(call *c) {
    int64_t block = INT64_C(1) << c->variant / 2;
    c->k->hadamard(c->n / block * block, block, c->a[0], c->a[c->variant % 2]);
    return 20;
}
static int run_softmax_back(call *c) {
    c->k->softmax_back(c->n, 0.7f, 0.4f, c->a[0], c->a[1]);
    return 1;
}
static int run_fake_quant(call *c) {
    static const struct {
        trit_real s, z, lo, hi;
    } grid[] = {{0.5f, 0, -8, 7}, {0.1f, 3, 0, 15}, {0.037f, 0, -127, 127}, {2, 0.5f, -1, 1}};
    int v = c->variant / 4;
    /* The code of a NaN is not defined. */
    int8_t *codes = c->variant & 1 && c->kind != WITH_NAN ? (int8_t *)c->a[2] : NULL;
    c->k->fake_quant(c->n, grid[v].s, grid[v].z, grid[v].lo, grid[v].hi, c->a[0],
                     c->variant & 2 ? c->a[1] : NULL, codes);
    return 16;
}
static int run_adamw(call *c) {
    static const trit_adam_args args = {1e-3f, 0.9f,  0.95f, 1e-8f, 0.1f,
                                        10.0f, 20.0f, 0.7f,  0.1f,  0.05f};
    for (int64_t i = 0; i < c->n; i++) c->a[3][i] = fabsf(c->a[3][i]); /* a mean of squares */
    c->k->adamw(c->n, &args, c->a[0], c->a[1], c->a[2], c->a[3]);
    return 1;
}

/* Codes are compared by what they stand for too: some bytes look like a NaN. */
static int run_dyn8_encode(call *c) {
    uint8_t *code = (uint8_t *)c->a[2];
    if (c->variant & 2) { /* 1/a overflows */
        for (int64_t i = 0; i < c->n; i++) c->a[0][i] *= 1e-39f;
    }
    for (int64_t i = 0; !(c->variant & 1) && i < c->n; i++) c->a[0][i] = fabsf(c->a[0][i]);
    trit_real a = c->k->abs_max(c->n, c->a[0]);
    if (c->kind == WITH_NAN) return 4; /* codes of a NaN are not defined */
    c->k->dyn8_encode(c->n, c->variant & 1, a, c->a[0], code);
    c->k->dyn8_decode(c->n, c->variant & 1, 1, code, c->a[1]);
    return 4;
}
static int run_dyn8_decode(call *c) {
    c->k->dyn8_decode(c->n, c->variant, 0.3f, (const uint8_t *)c->a[2], c->a[1]);
    return 2;
}
static int run_adamw8(call *c) {
    static const trit_adam_args args = {1e-3f, 0.9f,  0.95f, 1e-8f, 0.1f,
                                        10.0f, 20.0f, 0.7f,  0.1f,  0.05f};
    static const trit_real scale[] = {0.7f, 1e-39f, 0, 3e5f, 1e-12f};
    if (c->kind == WITH_NAN) return 2;   /* gradients are finite */
    for (int64_t i = 0; i < c->n; i++) { /* and so are their squares */
        if (fabsf(c->a[1][i]) > 1e18f || c->variant) c->a[1][i] *= 1e-21f;
    }
    int64_t block = c->variant ? 256 : 64;
    for (int64_t i = 0; i < c->n; i += block) {
        c->a[4][i / block] = scale[i / block % 5];
        c->a[5][i / block] = scale[(i / block + 1) % 5];
    }
    c->k->adamw8(c->n, block, &args, c->a[0], c->a[1], c->a[4], (uint8_t *)c->a[2], c->a[5],
                 (uint8_t *)c->a[3]);
    return 2;
}
static int run_dyn4_encode(call *c) {
    uint8_t *code = (uint8_t *)c->a[2];
    trit_real a = c->k->abs_max(c->n, c->a[0]);
    if (c->kind == WITH_NAN) return 2;
    c->k->dyn4_encode(c->n, c->variant, a, c->a[0], code);
    c->k->dyn4_decode(c->n, c->variant, 1, code, c->a[1]);
    return 2;
}
static int run_dyn4_decode(call *c) {
    c->k->dyn4_decode(c->n, c->variant, 0.3f, (const uint8_t *)c->a[2], c->a[1]);
    return 2;
}
static int run_bf16_encode(call *c) {
    c->k->bf16_encode(c->n, c->a[0], (uint16_t *)c->a[2]);
    c->k->bf16_decode(c->n, (const uint16_t *)c->a[2], c->a[1]);
    return 1;
}
static int run_bf16_decode(call *c) {
    c->k->bf16_decode(c->n, (const uint16_t *)c->a[2], c->a[1]);
    return 1;
}

/* A new row of the list does not compile until it has a function above. */
static const struct {
    const char *name;
    int (*run)(call *c);
} rows[] = {
#define X(name, ret, args) {#name, run_##name},
    TRIT_KERNEL_LIST(X)
#undef X
};
enum { N_ROW = sizeof rows / sizeof *rows };

static trit_real number(data_kind kind, const trit_rng *r, uint64_t i) {
    static const float extremes[] = {0.0f,  -0.0f, 1e-40f, -1e-45f, 1e30f, -3e38f, 1e-30f, 0.5f,
                                     -0.5f, 1.5f,  2.5f,   -3.5f,   88.5f, -87.0f, 1.0f,   -1e-6f};
    uint32_t bits = trit_rng_bits(r, 2 * i);
    if (kind == WITH_NAN && bits % 29 == 0) return bits & 64 ? NAN : -INFINITY;
    if (kind != PLAIN && bits & 32) return extremes[bits >> 8 & 15];
    /* A quarter of the plain ones are multiples of 1/4: exact halves on the grids above. */
    double u = 8 * trit_rng_uniform(r, 2 * i + 1) - 4;
    return bits & 3 ? (trit_real)u : (trit_real)(rint(4 * u) / 4);
}

static bool same(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

typedef trit_real arrays[N_ARRAY][ARRAY_LEN];

/* Runs a row on a copy of `before` in m; the arrays start `offset` elements off their alignment. */
static int run_copy(size_t row, call *c, int offset, arrays before, arrays m) {
    size_t bytes = (size_t)(GUARD + offset + c->n + GUARD) * sizeof(trit_real);
    for (int j = 0; j < N_ARRAY; j++) {
        memcpy(m[j], before[j], bytes);
        c->a[j] = m[j] + GUARD + offset;
    }
    return rows[row].run(c);
}

static void check_row(size_t row, call c, const trit_kernels *base, int offset, arrays before,
                      arrays want, arrays got) {
    int n_variant = 1;
    for (c.variant = 0; c.variant < n_variant; c.variant++) {
        call b = c;
        b.k = base;
        n_variant = run_copy(row, &b, offset, before, want);
        run_copy(row, &c, offset, before, got);
        for (int i = 0; i < 2; i++) {
            if (same(c.result[i], b.result[i])) continue;
            print_error("%s of %s, n = %d, kind %d, variant %d: returns %.17g, base %.17g\n",
                        rows[row].name, c.k->isa, (int)c.n, c.kind, c.variant, c.result[i],
                        b.result[i]);
            fail();
        }
        for (int j = 0; j < N_ARRAY; j++) {
            for (int i = 0; i < GUARD + offset + c.n + GUARD; i++) {
                bool inside = i >= GUARD + offset && i < GUARD + offset + c.n;
                trit_real is = got[j][i], should = inside ? want[j][i] : before[j][i];
                if (same((double)is, (double)should)) continue;
                print_error("%s of %s, n = %d, offset %d, kind %d, variant %d: array %d[%d] is "
                            "%.9g, %s %.9g\n",
                            rows[row].name, c.k->isa, (int)c.n, offset, c.kind, c.variant, j,
                            i - GUARD - offset, (double)is, inside ? "base has" : "outside, was",
                            (double)should);
                fail();
            }
        }
    }
}

static void every_kernel_gives_the_bits_of_base(void **state) {
    (void)state;
    trit_error e = {0};
    trit_kernels base;
    const char *isas[4];
    int n_isa = trit_cpu_isas(isas);
    assert_ok(trit_kernels_pick(&base, "base", &e));
    arrays *before = malloc(sizeof *before), *want = malloc(sizeof *want),
           *got = malloc(sizeof *got);
    for (int s = 0; s < n_isa; s++) { /* base itself too: its guards */
        trit_kernels k;
        assert_ok(trit_kernels_pick(&k, isas[s], &e));
        assert_string_equal(k.isa, isas[s]);
        for (data_kind kind = 0; kind < N_KIND; kind++) {
            trit_rng r = {.seed = 5, .step = kind};
            for (uint64_t i = 0; i < N_ARRAY * ARRAY_LEN; i++) {
                (*before)[i / ARRAY_LEN][i % ARRAY_LEN] = number(kind, &r, i);
            }
            for (int64_t n = 0; n <= MAX_N; n++) {
                if (n > 70 && (n < 127 || n > 130) && n != MAX_N) continue;
                for (size_t row = 0; row < N_ROW; row++) {
                    call c = {.k = &k, .n = n, .kind = kind};
                    for (int offset = 0; offset < 2; offset++) {
                        check_row(row, c, &base, offset, *before, *want, *got);
                    }
                }
            }
        }
    }
    free(before);
    free(want);
    free(got);
}

static void caps_are_obeyed(void **state) {
    (void)state;
    trit_error e = {0};
    trit_kernels k;
    const char *isas[4];
    int n_isa = trit_cpu_isas(isas);
    assert_string_equal(isas[0], "base");
    assert_ok(trit_kernels_pick(&k, NULL, &e));
    assert_string_equal(k.isa, isas[n_isa - 1]);
    assert_ok(trit_kernels_pick(&k, "", &e));
    assert_string_equal(k.isa, isas[n_isa - 1]);
    assert_int_equal(trit_kernels_pick(&k, "sse9", &e), TRIT_E_CONFIG);
    assert_error_has(e, "\"sse9\": allowed are base, avx2, avx512, avx512vbmi");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_gives_the_bits_of_base),
        cmocka_unit_test(caps_are_obeyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
