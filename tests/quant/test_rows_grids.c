/* Levels and rounding of each grid. */
#include "rows_bench.h"

#define W TRIT_QUANT_WEIGHT
#define A TRIT_QUANT_ACTIVATION

static int list(const char *text, trit_quant_kind kind, trit_real out[TRIT_MAX_LEVEL]) {
    trit_error e = {0};
    trit_spec sp;
    assert_ok(trit_spec_parse(&sp, kind, text, &e));
    return trit_grids[sp.grid]->levels(&sp, out, TRIT_MAX_LEVEL);
}

/* What a config is refused with. */
static void refused(const trit_spec *sp, trit_quant_kind kind, const char *part) {
    trit_error e = {0};
    assert_int_equal(trit_spec_check(sp, kind, &e), TRIT_E_CONFIG);
    assert_error_has(e, part);
}

static void halves(void **state) {
    (void)state;
    /* u, and its level with zero going up and down */
    static const double ties[][3] = {{0, 0.5, -0.5},    {-0.0, 0.5, -0.5},  {1, 0.5, 1.5},
                                     {-1, -1.5, -0.5},  {2, 2.5, 1.5},      {-2, -1.5, -2.5},
                                     {0.3, 0.5, 0.5},   {-0.3, -0.5, -0.5}, {99, 3.5, 3.5},
                                     {-99, -3.5, -3.5}, {3.99, 3.5, 3.5},   {4, 3.5, 3.5},
                                     {-4, -3.5, -3.5}};
    rows_bench b;
    rows_open(&b, W, "half3", "ste");
    for (size_t i = 0; i < sizeof ties / sizeof *ties; i++) {
        for (int down = 0; down < 2; down++) {
            rows_knob(&b, TRIT_KNOB_GRID, "zero", down ? -1 : 1);
            assert_near(rows_level(&b, ties[i][0]), ties[i][1 + down], 0);
        }
    }
    for (int bits = 1; bits <= 8; bits++) {
        char text[16];
        trit_real level[TRIT_MAX_LEVEL];
        snprintf(text, sizeof text, "half%d", bits);
        assert_int_equal(list(text, W, level), 1 << bits);
        assert_near(level[0], 0.5 - (1 << bits) / 2.0, 0);
        assert_near(level[1] - level[0], 1, 0);
    }
    rows_knob(&b, TRIT_KNOB_GRID, "zero", 0);
    refused(&b.spec, W, "zero: grid half has no level at zero");
    rows_knob(&b, TRIT_KNOB_GRID, "zero", 1);
    b.spec.is_signed = false;
    refused(&b.spec, A, "signed: grid half is symmetric about zero");
    b.spec.is_signed = true;
    b.spec.knob[TRIT_KNOB_GRID][0].shape = TRIT_SHAPE_linear;
    refused(&b.spec, W, "zero: a knob of a grid says which levels exist, and holds still");
}

static void signs(void **state) {
    (void)state;
    rows_bench b;
    rows_open(&b, W, "binary", "ste");
    for (int zero = -1; zero <= 1; zero++) {
        trit_real level[TRIT_MAX_LEVEL];
        rows_knob(&b, TRIT_KNOB_GRID, "zero", zero);
        assert_near(rows_level(&b, 0), zero, 0);
        assert_near(rows_level(&b, -0.0), zero, 0);
        assert_near(rows_level(&b, 1e-40), 1, 0);
        assert_near(rows_level(&b, -1e-40), -1, 0);
        assert_true(isnan(rows_level(&b, NAN)));
        assert_int_equal(trit_grids[b.spec.grid]->levels(&b.spec, level, 3), zero ? 2 : 3);
        assert_int_equal(trit_spec_storage_bits(&b.spec), zero ? 1 : 2);
    }
    rows_knob(&b, TRIT_KNOB_GRID, "zero", 0.5);
    refused(&b.spec, W, "zero: found 0.5, expected -1, 0 or 1");
}

/* A number of E exponent and M mantissa bits by its definition: value of a code without sign. */
static double decode(int code, int E, int M) {
    int field = code >> M, mantissa = code & ((1 << M) - 1), bias = (1 << (E - 1)) - 1;
    if (field == 0) return ldexp(mantissa, 1 - bias - M);
    return ldexp((1 << M) + mantissa, field - bias - M);
}

static void floats(void **state) {
    (void)state;
    for (int bits = 2; bits <= 8; bits++) {
        for (int E = 1; E < bits; E++) {
            int M = bits - 1 - E, codes = 1 << (bits - 1);
            if (E == 4 && M == 3) codes -= 1;      /* NaN */
            if (E == 5 && M == 2) codes -= 1 << M; /* infinity and NaNs */
            char text[40];
            trit_real level[TRIT_MAX_LEVEL];
            snprintf(text, sizeof text, "e%dm%d-absmax", E, M);
            assert_int_equal(list(text, W, level), 2 * codes - 1);
            for (int c = 0; c < codes; c++) {
                assert_near(level[codes - 1 + c], decode(c, E, M), 0);
                assert_near(level[codes - 1 - c], -decode(c, E, M), 0);
            }
            /* Between two neighbours: the nearer one, of two the one with the even code. */
            rows_bench b;
            rows_open(&b, W, text, "ste");
            for (int c = 0; c + 1 < codes; c++) {
                double lower = decode(c, E, M), upper = decode(c + 1, E, M);
                double mid = (lower + upper) / 2;
                if (M > 0 || c == 0) { /* without a mantissa there is no even one */
                    assert_near(rows_level(&b, mid), c % 2 ? upper : lower, 0);
                    assert_near(rows_level(&b, -mid), c % 2 ? -upper : -lower, 0);
                }
                assert_near(rows_level(&b, mid * (1 - 1e-6)), lower, 0);
                assert_near(rows_level(&b, mid * (1 + 1e-6)), upper, 0);
            }
            double top = decode(codes - 1, E, M);
            assert_near(rows_level(&b, 1.99 * top), top, 0);
            assert_near(rows_level(&b, -(double)INFINITY), -top, 0);
        }
    }
    /* max, smallest normal and subnormal */
    static const struct {
        const char *text;
        double most, least;
    } known[] = {{"e2m1", 6, 0.5},
                 {"e2m3", 7.5, 0.125},
                 {"e3m2", 28, 0.0625},
                 {"e4m3", 448, 1 / 512.0},
                 {"e5m2", 57344, 1 / 65536.0}};
    for (int i = 0; i < 5; i++) {
        trit_real level[TRIT_MAX_LEVEL];
        int n = list(known[i].text, W, level);
        assert_near(level[n - 1], known[i].most, 0);
        assert_near(level[n / 2 + 1], known[i].least, 0);
        assert_near(level[n / 2], 0, 0);
    }
}

static void words_of_floats(void **state) {
    (void)state;
    static const struct {
        const char *text, *name;
        int bits;
    } cases[] = {{"e4m3", "e4m3-absmax-tensor ste", 8},
                 {"e1m0", "e1m0-absmax-tensor ste", 2},
                 {"float", "e2m1-absmax-tensor ste", 4},
                 {"float8", "e4m3-absmax-tensor ste", 8},
                 {"float6", "e3m2-absmax-tensor ste", 6},
                 {"float3", "e2m0-absmax-tensor ste", 3},
                 {"float2", "e1m0-absmax-tensor ste", 2},
                 {"e7m0", "e7m0-absmax-tensor ste", 8},
                 {"e2m1-pow2-group32", "e2m1-pow2-group32 ste", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rows_bench b;
        char text[96];
        rows_open(&b, W, cases[i].text, "ste");
        assert_string_equal(trit_spec_text(&b.spec, text), cases[i].name);
        assert_int_equal(trit_spec_storage_bits(&b.spec), cases[i].bits);
    }
    static const char *const bad[] = {"e8m1",  "e0m3",   "e4m4",   "e4",    "e4m",
                                      "e4m33", "float9", "float1", "ufloat"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        trit_spec sp;
        assert_int_equal(trit_spec_parse(&sp, A, bad[i], NULL), TRIT_E_CONFIG);
    }
    rows_bench b;
    rows_open(&b, W, "float4", "ste");
    rows_knob(&b, TRIT_KNOB_GRID, "E", 4);
    refused(&b.spec, W, "E: found 4, but a float of 4 bits has a whole number 1..3");
    rows_knob(&b, TRIT_KNOB_GRID, "E", 1.5);
    refused(&b.spec, W, "E: found 1.5");
}

/* Every level is the mean of its cell, and the errors are those of the literature. */
static void lloyd(void **state) {
    (void)state;
    static const double error[] = {0.36338, 0.11748, 0.034548, 0.0095006};
    for (int bits = 1; bits <= 8; bits++) {
        char text[16];
        trit_real level[TRIT_MAX_LEVEL];
        snprintf(text, sizeof text, "lloyd%d", bits);
        int n = list(text, W, level);
        assert_int_equal(n, 1 << bits);
        double mse = 1;
        for (int i = 0; i < n; i++) {
            double a = i ? (double)(level[i - 1] + level[i]) / 2 : -INFINITY;
            double b = i + 1 < n ? (double)(level[i] + level[i + 1]) / 2 : INFINITY;
            double mass = (erf(b / sqrt(2)) - erf(a / sqrt(2))) / 2;
            double moment = (exp(-a * a / 2) - exp(-b * b / 2)) / sqrt(2 * acos(-1));
            assert_near(moment / mass, level[i], 1e-4);
            assert_true(level[i] == -level[n - 1 - i]);
            mse -= mass * (double)level[i] * (double)level[i];
        }
        if (bits <= 4) assert_near(mse, error[bits - 1], 1e-5);
    }
    trit_real level[TRIT_MAX_LEVEL];
    list("lloyd2", W, level);
    assert_near(level[3], 1.5104176, 1e-6);
    rows_bench b;
    rows_open(&b, W, "lloyd2", "ste");
    assert_near(rows_level(&b, 0), level[1], 0); /* a tie takes the lower */
    assert_near(rows_level(&b, -50), level[0], 0);
}

static void nf4(void **state) {
    (void)state;
    rows_bench b;
    rows_open(&b, W, "nf4", "ste");
    assert_near(rows_level(&b, 0), 0, 0);
    assert_near(rows_level(&b, 1), 1, 0);
    assert_near(rows_level(&b, -7), -1, 0);
    assert_near(rows_level(&b, 0.0397), 0, 0);
    assert_near(rows_level(&b, 0.0399), 0.07958029955625534, 1e-7);
    assert_near(rows_level(&b, -0.0456), -0.09105003625154495, 1e-7);
    assert_near(rows_level(&b, 0.8614), 0.7229568362236023, 1e-7);
    assert_near(rows_level(&b, 0.8616), 1, 0);
}

static void sums_of_powers(void **state) {
    (void)state;
    trit_real level[TRIT_MAX_LEVEL];
    static const double three[] = {-1, -.8, -.6, -.4, -.3, -.2, -.1, 0, .1, .2, .3, .4, .6, .8, 1};
    assert_int_equal(list("apot4", W, level), 15);
    for (int i = 0; i < 15; i++) assert_near(level[i], three[i], 1e-7);
    assert_int_equal(list("apot2", W, level), 3); /* uniform */
    for (int i = 0; i < 3; i++) assert_near(level[i], i - 1, 0);
    for (int bits = 2; bits <= 6; bits++) { /* 2^bits sums, no two alike */
        char text[16];
        snprintf(text, sizeof text, "uapot%d", bits);
        int n = list(text, A, level);
        assert_int_equal(n, 1 << bits);
        assert_true(level[0] == 0 && level[n - 1] == 1);
        for (int i = 1; i < n; i++) assert_true(level[i] - level[i - 1] > 1e-4f);
    }
    /* 6 bits: the smallest is 2^-9 over 2^-1 + 2^-2 + 2^-3 */
    assert_near(level[1], 0.001953125 / 0.875, 1e-9);
    assert_int_equal(list("apot7", W, level), 127);
    trit_spec sp;
    trit_error e = {0};
    assert_int_equal(trit_spec_parse(&sp, A, "uapot7", &e), TRIT_E_CONFIG);
    assert_error_has(e, "bits: found 7, but unsigned grid apot has 2..6");
}

static void powers(void **state) {
    (void)state;
    trit_real level[TRIT_MAX_LEVEL];
    static const double four[] = {-1, -.5, -.25, -.125, -.0625, -.03125, -.015625, 0};
    assert_int_equal(list("pot4", W, level), 15);
    for (int i = 0; i < 8; i++) assert_near(level[i], four[i], 0);
    assert_int_equal(list("upot3", A, level), 8);
    assert_near(level[1], 1 / 64.0, 0);
    rows_bench b;
    rows_open(&b, W, "pot4", "ste");
    assert_near(rows_level(&b, 0.75), 0.5, 0); /* a tie in the linear domain takes the lower */
    assert_near(rows_level(&b, -0.75), -1, 0);
    assert_near(rows_level(&b, 0.73), 0.5, 0); /* nearer to 1 in the logarithm */
    assert_near(rows_level(&b, 0.008), 1 / 64.0, 0);
    assert_near(rows_level(&b, 0.007), 0, 0);
    rows_knob(&b, TRIT_KNOB_GRID, "octaves", 0.5);
    assert_near(rows_level(&b, 0.7), sqrt(0.5), 1e-7);
    assert_near(rows_level(&b, 0.07), 0.125, 0);
}

static void logarithms(void **state) {
    (void)state;
    rows_bench b;
    rows_open(&b, A, "log3", "ste");
    assert_false(b.spec.is_signed);
    static const double u[] = {1, 1.5, 0.75, 0.70, 0.08, 0.0079, 0.0056, 0.0055, 0, -1, 1e-30};
    static const double two[] = {1, 1, 1, 0.5, 0.0625, 0.0078125, 0.0078125, 0, 0, 0, 0};
    for (int i = 0; i < 11; i++) assert_near(rows_level(&b, u[i]), two[i], 0);
    assert_true(isnan(rows_level(&b, NAN)));
    rows_open(&b, A, "log6", "ste");
    assert_near(rows_level(&b, 0), 0, 0); /* 2^-50 as released */
    assert_near(rows_level(&b, ldexp(1, -63)), ldexp(1, -63), 0);
    rows_knob(&b, TRIT_KNOB_GRID, "octaves", 0.5);
    b.spec.bits = 3;
    assert_near(rows_level(&b, 0.1), 0.0883883, 1e-7);
    assert_near(rows_level(&b, 0.07), 0, 0);
    trit_spec sp = b.spec;
    sp.is_signed = true;
    refused(&sp, A, "signed: grid log has no levels below zero");
    b.spec.granularity = TRIT_GRANULARITY_tensor;
    refused(&b.spec, W, "signed: weights have both signs");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves),          cmocka_unit_test(signs),  cmocka_unit_test(floats),
        cmocka_unit_test(words_of_floats), cmocka_unit_test(lloyd),  cmocka_unit_test(nf4),
        cmocka_unit_test(sums_of_powers),  cmocka_unit_test(powers), cmocka_unit_test(logarithms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
