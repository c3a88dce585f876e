/* Encodings of state on their own; in an update they are tested in test_state_update.c. */
#include "optim/state.h"

#include "optim/state_map.h"
#include "testing.h"

static trit_kernels kernels(const char *isa) {
    trit_error e = {0};
    trit_kernels k;
    assert_ok(trit_kernels_pick(&k, isa, &e));
    return k;
}

static const trit_state_type *type_of(const char *name) {
    for (int i = 0; trit_state_names[i]; i++) {
        if (strcmp(trit_state_names[i], name) == 0) return trit_state_types[i];
    }
    fail_msg("no encoding %s", name);
    return NULL;
}

static trit_slot open_slot(trit_arena *mem, const char *name, bool is_signed, int64_t n) {
    trit_error e = {0};
    trit_slot s = {.name = "s", .is_signed = is_signed};
    trit_tensor shape = trit_tensor_make(TRIT_REAL, 1, &n);
    trit_arena_init(mem, "test");
    assert_ok(trit_slot_init(&s, type_of(name), 0, &shape, mem, &e));
    return s;
}

/* Codes, absmax and decoded values of the tables in Dettmers et al.'s reference code. */
static void known_answers(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool is_signed;
        trit_real x[5], a;
        uint8_t code[5];
        double back[5];
        int n;
    } cases[] = {
        {"8bit",
         true,
         {.1f, -.5f, 1, -2},
         2,
         {173, 53, 219, 0},
         {.1015625, -.495312512, 1.00156248, -1.98593748},
         4},
        {"8bit",
         true,
         {3e-7f, -3e-7f, 1e-6f, 1},
         1,
         {128, 126, 128, 255},
         {5.5e-7, -5.5e-7, 5.5e-7, 1},
         4},
        {"8bit",
         false,
         {.1f, .5f, 1, 2},
         2,
         {91, 148, 183, 255},
         {.100156248, .502343774, .994531274, 2},
         4},
        {"8bit", false, {1e-7f, 2e-7f, 1e-6f, 1}, 1, {0, 1, 2, 255}, {0, 3.25e-7, 7.75e-7, 1}, 4},
        {"8bit",
         true,
         {1, -1e-7f, 1e-7f, -0.0f, 0},
         1,
         {255, 126, 127, 126, 127},
         {1, -5.5e-7, 0, -5.5e-7, 0},
         5},
        {"4bit", true, {.1f, -.5f, 1, -2}, 2, {0x93, 0xc0}, {.065, -.425, .875, -1.775}, 4},
        {"4bit", false, {.1f, .5f, 1, 2}, 2, {0x03, 0x7f}, {.125, .5, 1, 2}, 4},
        {"4bit", false, {0, 1}, 1, {0x0f}, {.0625, 1}, 2},
        {"4bit", true, {0, 0, 0}, 0, {0x77, 0x70}, {0, 0, 0}, 3},
        {"8bit", true, {0, -0.0f}, 0, {127, 127}, {0, 0}, 2},
        {"8bit", false, {0, 0}, 0, {0, 0}, {0, 0}, 2},
    };
    const char *isas[4];
    int n_isa = trit_cpu_isas(isas);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int j = 0; j < n_isa; j++) {
            trit_kernels k = kernels(isas[j]);
            trit_arena mem;
            trit_slot s = open_slot(&mem, cases[i].name, cases[i].is_signed, cases[i].n);
            trit_real x[5];
            memcpy(x, cases[i].x, sizeof x);
            trit_slot_encode(&s, &k, 0, cases[i].n, x, NULL);
            assert_true(*(trit_real *)s.absmax.data == cases[i].a);
            assert_memory_equal(s.val.data, cases[i].code, trit_tensor_bytes(&s.val));
            trit_slot_decode(&s, &k, 0, cases[i].n, x);
            for (int c = 0; c < cases[i].n; c++) {
                assert_near(x[c], cases[i].back[c], 2.5e-7 * fabs(cases[i].back[c]));
            }
            trit_arena_free(&mem);
        }
    }
}

/* Every code stands for the value that the rule gives it, on every instruction set. */
static void kernels_have_the_maps(void **state) {
    (void)state;
    const char *isas[4];
    int n_isa = trit_cpu_isas(isas);
    uint8_t all[256], pairs[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    for (int c = 0; c < 256; c++) all[c] = (uint8_t)c;
    for (int j = 0; j < n_isa; j++) {
        trit_kernels k = kernels(isas[j]);
        for (int sign = 0; sign < 2; sign++) {
            float map[256], x[256];
            trit_state_map(8, sign, map);
            k.dyn8_decode(256, sign, 1, all, x);
            assert_memory_equal(x, map, sizeof map);
            k.dyn8_decode(255, sign, 1, all + 1, x); /* another place in the vectors */
            assert_memory_equal(x, map + 1, sizeof map - sizeof *map);
            trit_state_map(4, sign, map);
            k.dyn4_decode(16, sign, 1, pairs, x);
            assert_memory_equal(x, map, 16 * sizeof *map);
        }
    }
}

/* No code is nearer than the one that is taken, on both sides of every middle. A little beside it
 * single precision may decide otherwise. */
static void codes_are_nearest(void **state) {
    (void)state;
    const char *isas[4];
    int n_isa = trit_cpu_isas(isas);
    for (int j = 0; j < n_isa; j++) {
        trit_kernels k = kernels(isas[j]);
        for (int sign = 0; sign < 2; sign++) {
            float map[256];
            trit_state_map(8, sign, map);
            for (int c = 0; c < 255; c++) {
                double gap = (double)map[c + 1] - (double)map[c];
                static const double at[] = {0, 0.2, 0.49, 0.4998, 0.5002, 0.51, 0.8};
                for (int i = 0; i < 7; i++) {
                    float x[81]; /* whole vectors, and a rest */
                    uint8_t code[81];
                    int want = at[i] > 0.5 ? c + 1 : c;
                    for (int q = 0; q < 81; q++) x[q] = (float)((double)map[c] + gap * at[i]);
                    /* What is below 0 keeps its sign. */
                    if (sign && want == 127 && x[0] < 0) want = 126;
                    k.dyn8_encode(81, sign, 1, x, code);
                    for (int q = 0; q < 81; q++) assert_int_equal(code[q], want);
                }
            }
        }
    }
}

/* Number by number around every middle, where rounding decides, all instruction sets take the same
 * code. */
static void codes_agree_at_middles(void **state) {
    (void)state;
    const char *isas[4];
    int n_isa = trit_cpu_isas(isas);
    enum { BESIDE = 40, N = 2 * BESIDE };
    for (int sign = 0; sign < 2; sign++) {
        float map[256], x[N];
        uint8_t want[N], got[N];
        trit_state_map(8, sign, map);
        for (int c = 0; c < 255; c++) {
            x[0] = map[c] + (map[c + 1] - map[c]) / 2;
            for (int i = 0; i < BESIDE; i++) x[0] = nextafterf(x[0], -2);
            for (int i = 1; i < N; i++) x[i] = nextafterf(x[i - 1], 2);
            kernels("base").dyn8_encode(N, sign, 1, x, want);
            assert_true(want[0] == (sign && c == 127 ? 127 : c) || (sign && c == 126));
            for (int j = 1; j < n_isa; j++) {
                kernels(isas[j]).dyn8_encode(N, sign, 1, x, got);
                assert_memory_equal(got, want, N);
            }
        }
    }
}

/* Worst relative error in each decade below the largest magnitude. */
static void round_trip_bounds(void **state) {
    (void)state;
    static const double bound[2][6] = {{.0331, .0621, .111, .181, .281, .471},
                                       {.0621, .111, .181, .281, .471, .711}};
    trit_kernels k = kernels(NULL);
    enum { N = 256 };
    for (int sign = 0; sign < 2; sign++) {
        trit_arena mem;
        trit_slot s = open_slot(&mem, "8bit", sign, N);
        for (int decade = 0; decade < 6; decade++) {
            double worst = 0;
            for (int run = 0; run < 100; run++) {
                trit_real x[N], y[N], a = run % 2 ? 1e-12f : 3e4f;
                for (int i = 1; i < N; i++) {
                    double part = (run * (N - 1) + i) / (100.0 * (N - 1));
                    x[i] = (trit_real)((double)a * pow(10, -decade - part));
                    if (sign && i % 2) x[i] = -x[i];
                }
                x[0] = a;
                memcpy(y, x, sizeof y);
                trit_slot_encode(&s, &k, 0, N, y, NULL);
                trit_slot_decode(&s, &k, 0, N, y);
                assert_true(y[0] == a);
                for (int i = 1; i < N; i++) {
                    assert_true(!sign || signbit(y[i]) == signbit(x[i]));
                    worst = fmax(worst, fabs((double)(y[i] / x[i]) - 1));
                }
            }
            assert_true(worst < bound[sign][decade]);
            assert_true(worst > 0.5 * bound[sign][decade]);
        }
        trit_arena_free(&mem);
    }
}

/* A negative maximum loses 0.7 % each time, a positive one nothing, and nothing gets larger. */
static void negative_maximum(void **state) {
    (void)state;
    trit_kernels k = kernels(NULL);
    trit_arena mem;
    trit_slot s = open_slot(&mem, "8bit", true, 256);
    for (int sign = 0; sign < 2; sign++) {
        trit_real x[256] = {0};
        x[3] = sign ? -2 : 2;
        double want = (double)x[3];
        for (int step = 0; step < 1000; step++) {
            trit_slot_encode(&s, &k, 0, 256, x, NULL);
            trit_slot_decode(&s, &k, 0, 256, x);
            if (sign) want *= 0.99296875;
            assert_near(x[3] / (trit_real)want, 1, 1e-4);
            assert_true(x[2] == 0 && x[4] == 0);
        }
    }
    trit_arena_free(&mem);
}

/* Tails: elements and codes behind the last are not touched, and absmax has a number a block. */
static void tails(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 255, 256, 257, 511, 8193};
    trit_kernels k = kernels(NULL);
    for (int t = 1; trit_state_types[t]; t++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            int64_t n = sizes[i];
            trit_arena mem;
            trit_slot s = open_slot(&mem, trit_state_names[t], true, n);
            trit_real *x = malloc((size_t)(n + 8) * sizeof *x),
                      *y = calloc((size_t)n + 8, sizeof *y);
            for (int64_t c = 0; c < n; c++) x[c] = sinf((float)c + 1);
            for (int64_t c = n; c < n + 8; c++) x[c] = y[c] = 77;
            trit_slot_encode(&s, &k, 0, n, x, NULL);
            trit_slot_decode(&s, &k, 0, n, y);
            for (int64_t c = 0; c < n; c++) assert_true(fabsf(x[c] - y[c]) < 0.15f);
            for (int64_t c = n; c < n + 8; c++) assert_true(y[c] == 77);
            if (s.absmax.data) {
                assert_int_equal(s.absmax.dim[0], (n + s.block - 1) / s.block);
            }
            int64_t bytes = (n * trit_state_types[t]->bits + 7) / 8;
            if (s.absmax.data) bytes += 4 * s.absmax.dim[0];
            assert_int_equal(trit_slot_bytes(&s), bytes);
            free(x);
            free(y);
            trit_arena_free(&mem);
        }
    }
}

/* The mean over many draws is the number itself; what is representable never moves. */
static void random_rounding(void **state) {
    (void)state;
    trit_kernels k = kernels(NULL);
    enum { N = 64, DRAWS = 4000 };
    for (int t = 1; trit_state_types[t]; t++) {
        for (int sign = 0; sign < 2; sign++) {
            trit_arena mem;
            trit_slot s = open_slot(&mem, trit_state_names[t], sign, N);
            trit_real x[N], y[N];
            double mean[N] = {0}, square[N] = {0};
            for (int i = 0; i < N; i++) {
                x[i] = (trit_real)(0.07 + 0.9 * i / N) * (sign && i % 2 ? -1 : 1);
                if (sign) x[i] *= 0.9f; /* -1 is no value */
            }
            x[5] = 1;
            for (int d = 0; d < DRAWS; d++) {
                const trit_rng r = {.seed = 3, .step = (uint32_t)d};
                memcpy(y, x, sizeof y);
                trit_slot_encode(&s, &k, 0, N, y, &r);
                trit_slot_decode(&s, &k, 0, N, y);
                assert_true(y[5] == 1);
                for (int i = 0; i < N; i++) {
                    mean[i] += (double)y[i] / DRAWS;
                    square[i] += (double)y[i] * (double)y[i] / DRAWS;
                }
            }
            for (int i = 0; i < N; i++) {
                double sd = sqrt(fmax(0, square[i] - mean[i] * mean[i]) / DRAWS);
                if (!(fabs(mean[i] - (double)x[i]) <= 5 * sd + 1e-6)) {
                    fail_msg("%s, sign %d: mean of %g is %g, +- %g", trit_state_names[t], sign,
                             (double)x[i], mean[i], sd);
                }
            }
            trit_arena_free(&mem);
        }
    }
}

/* The same draws whatever is encoded at a time. */
static void random_rounding_knows_no_order(void **state) {
    (void)state;
    trit_kernels k = kernels(NULL);
    const trit_rng r = {.seed = 3, .stream = 9};
    enum { N = 1000 };
    for (int t = 1; trit_state_types[t]; t++) {
        trit_arena mem[2];
        trit_slot a = open_slot(&mem[0], trit_state_names[t], true, N);
        trit_slot b = open_slot(&mem[1], trit_state_names[t], true, N);
        trit_real x[N];
        for (int i = 0; i < N; i++) x[i] = sinf((float)i);
        trit_slot_encode(&a, &k, 0, N, x, &r);
        for (int64_t at = 768; at >= 0; at -= 256) {
            trit_slot_encode(&b, &k, at, at + 256 < N ? 256 : N - at, x + at, &r);
        }
        assert_memory_equal(a.val.data, b.val.data, trit_tensor_bytes(&a.val));
        trit_arena_free(&mem[0]);
        trit_arena_free(&mem[1]);
    }
}

/* bf16: half to even, and the known odds of 1.001 and 0.1. */
static void bf16(void **state) {
    (void)state;
    trit_kernels k = kernels(NULL);
    trit_real x[6] = {1.001f, 0.1f, 1 + 0x1p-8f, 1 + 3 * 0x1p-8f, INFINITY, NAN};
    uint16_t code[6];
    k.bf16_encode(6, x, code);
    k.bf16_decode(6, code, x);
    assert_true(x[0] == 1 && x[1] == 0.100097656f && x[2] == 1 && x[3] == 1 + 0x1p-6f);
    assert_true(isinf(x[4]) && isnan(x[5]));
    trit_arena mem;
    trit_slot s = open_slot(&mem, "bf16", true, 2);
    int up[2] = {0};
    enum { DRAWS = 20000 };
    for (int d = 0; d < DRAWS; d++) {
        const trit_rng r = {.seed = 5, .step = (uint32_t)d};
        trit_real y[2] = {1.001f, 0.1f};
        trit_slot_encode(&s, &k, 0, 2, y, &r);
        trit_slot_decode(&s, &k, 0, 2, y);
        assert_true((y[0] == 1 || y[0] == 1.0078125f) &&
                    (y[1] == .099609375f || y[1] == .100097656f));
        up[0] += y[0] > 1;
        up[1] += y[1] > .0999f;
    }
    assert_near(up[0] / (double)DRAWS, .128006, 0.01);
    assert_near(up[1] / (double)DRAWS, .800003, 0.01);
    trit_arena_free(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(kernels_have_the_maps),
        cmocka_unit_test(codes_are_nearest),
        cmocka_unit_test(codes_agree_at_middles),
        cmocka_unit_test(round_trip_bounds),
        cmocka_unit_test(negative_maximum),
        cmocka_unit_test(tails),
        cmocka_unit_test(random_rounding),
        cmocka_unit_test(random_rounding_knows_no_order),
        cmocka_unit_test(bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
