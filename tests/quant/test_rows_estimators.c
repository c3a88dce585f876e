/* Slopes, step gradients and random rounding of each estimator against their formulas, written out
 * again, on a line of x that holds the ends of every mask. */
#include "rows_bench.h"

enum { N_LINE = 241 };
static const double PI = 3.14159265358979323846;

/* -6 .. 6 in steps of 0.05, all of them numbers that 1/2 and 1 divide exactly at the mask ends. */
static double line(int i) {
    return (i - 120) / 20.0;
}

static bool near_tie(double x, double s) { /* rounding of x/s is not certain */
    double u = x / s, f = fabs(u - floor(u) - 0.5);
    return f > 0 && f < 1e-5;
}

typedef double (*formula)(double x, double s, double g);

/* Every x of the line, both signs of g. */
static void follow(rows_bench *b, double s, formula f) {
    for (int i = 0; i < N_LINE; i++) {
        if (near_tie(line(i), s)) continue;
        for (int sign = -1; sign <= 1; sign += 2) {
            double want = f(line(i), s, sign * 0.7), got = rows_slope(b, line(i), s, sign * 0.7);
            if (!(fabs(got - want) <= 2e-5 * fmax(1, fabs(want)))) {
                fail_msg("%s at %g: %g, expected %g", trit_estimator_names[b->spec.estimator],
                         line(i), got, want);
            }
        }
    }
    assert_true(rows_slope(b, NAN, s, 1) == 0 || isnan(rows_slope(b, NAN, s, 1)) ||
                rows_slope(b, NAN, s, 1) == 1);
}

/* ---- masks: int3 has the levels -4 .. 3 ----------------------------------------------------- */

static double round_clip(double x, double s, double g) {
    (void)g;
    return rint(x / s) >= -4 && rint(x / s) <= 3;
}
static double raw_clip(double x, double s, double g) {
    (void)s, (void)g;
    return fabs(x) <= 1;
}
static double raw_clip_scaled(double x, double s, double g) {
    return s * raw_clip(x, s, g);
}
static double scale_clip(double x, double s, double g) {
    (void)g;
    return fabs(x / s) <= 4;
}
static double trust_int3(double x, double s, double g) {
    (void)g;
    double u = x / s, q = fmax(-4, fmin(3, rint(u)));
    return fabs(q - u) <= 0.5;
}
static double trust_narrow(double x, double s, double g) {
    (void)g;
    double u = x / s, q = fmax(-4, fmin(3, rint(u)));
    return fabs(q - u) <= 0.21;
}

static void masks(void **state) {
    (void)state;
    static const struct {
        const char *name, *knob;
        double value;
        formula f;
    } cases[] = {
        {"ste-round-clip", NULL, 0, round_clip},
        {"ste-raw-clip", NULL, 0, raw_clip},
        {"ste-raw-clip", "scaled", 1, raw_clip_scaled},
        {"ste-scale-clip", NULL, 0, scale_clip},
        {"trust", NULL, 0, trust_int3},
        {"trust", "T", 0.21, trust_narrow},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rows_bench b;
        rows_open(&b, TRIT_QUANT_WEIGHT, "int3", cases[i].name);
        if (cases[i].knob) rows_knob(&b, TRIT_KNOB_ESTIMATOR, cases[i].knob, cases[i].value);
        follow(&b, 0.5, cases[i].f);
        follow(&b, 1, cases[i].f);
    }
    rows_bench b;
    rows_open(&b, TRIT_QUANT_WEIGHT, "binary", "ste-raw-clip");
    rows_knob(&b, TRIT_KNOB_ESTIMATOR, "threshold", 0.1);
    assert_true(rows_slope(&b, 0.1f, 3, 1) == 1); /* x itself, not (x/s)*s */
    assert_true(rows_slope(&b, 0.1001, 3, 1) == 0);
    rows_open(&b, TRIT_QUANT_WEIGHT, "int3", "ste-scale-clip");
    rows_knob(&b, TRIT_KNOB_ESTIMATOR, "kappa", 0.5);
    assert_true(rows_slope(&b, 2, 1, 1) == 1 && rows_slope(&b, 2.001, 1, 1) == 0);
}

/* Half the distance of the two outermost levels, whatever the grid. */
static void trust_of_grids(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double top, limit;
    } cases[] = {{"half2-rms", 1.5, 0.5},
                 {"binary", 1, 1},
                 {"e2m1", 6, 1},
                 {"nf4", 1, 0.1385},
                 {"lloyd1", 0.797885, 0.797885}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rows_bench b;
        rows_open(&b, TRIT_QUANT_WEIGHT, cases[i].text, "trust");
        double end = cases[i].top + cases[i].limit;
        assert_true(rows_slope(&b, end * 0.999, 1, 1) == 1);
        assert_true(rows_slope(&b, end * 1.001, 1, 1) == 0);
    }
    rows_bench b;
    rows_open(&b, TRIT_QUANT_WEIGHT, "half2-rms", "trust");
    assert_true(rows_slope(&b, 0, 0.3, 1) == 1); /* exactly half a step away */
    trit_error e = {0};
    for (b.spec.scale = 0; !trit_scales[b.spec.scale]->learned;) b.spec.scale++;
    assert_int_equal(trit_spec_check(&b.spec, TRIT_QUANT_WEIGHT, &e), TRIT_E_CONFIG);
    assert_error_has(e, "estimator: trust does not go with a learned scale");
}

/* ---- rounding: int8, so that nothing is clipped -------------------------------------------- */

static double ewgs(double x, double s, double g) {
    return 1 + 0.2 * (g > 0 ? 1 : -1) * (x / s - rint(x / s));
}
static double rdfs(double x, double s, double g) {
    (void)g;
    double c = sqrt(2) * PI * 0.21 * cos(PI * (x / s + rint(x / s)));
    return (1 - c) / (1 + c);
}
static double dgm(double x, double s, double g) {
    (void)g;
    double f = x / s - floor(x / s), t = tanh(f - 0.5);
    return (1 - t * t) / (2 * tanh(0.5));
}
static double dgm_steep(double x, double s, double g) {
    (void)g;
    double f = x / s - floor(x / s), h = 1e-5;
    return (tanh(6 * (f + h - 0.5)) - tanh(6 * (f - h - 0.5))) / (4 * h * tanh(3));
}
static double staircase(double x, double s, double g) {
    (void)g;
    double f = x / s - floor(x / s), z = 1 / (1 + exp(-4 * (f - 0.5)));
    return 4 * z * (1 - z) / (2 / (1 + exp(-2.0)) - 1);
}

static void roundings(void **state) {
    (void)state;
    static const struct {
        const char *name, *knob;
        double value;
        formula f;
    } cases[] = {{"ewgs", NULL, 0, ewgs},
                 {"rdfs", NULL, 0, rdfs},
                 {"dgm", NULL, 0, dgm},
                 {"dgm", "beta", 6, dgm_steep},
                 {"stacked-sigmoid", "a", 4, staircase}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rows_bench b;
        rows_open(&b, TRIT_QUANT_WEIGHT, "int8", cases[i].name);
        if (cases[i].knob) rows_knob(&b, TRIT_KNOB_ESTIMATOR, cases[i].knob, cases[i].value);
        follow(&b, 0.5, cases[i].f);
        follow(&b, 0.37, cases[i].f);
    }
    /* The knob's small end is a plain clip, and the masks: on u, or on the rounded value. */
    static const struct {
        const char *name, *knob;
        double small;
        bool rounded;
    } ends[] = {{"ewgs", "delta", 0, true},
                {"rdfs", "A", 0, false},
                {"dgm", "beta", 1e-3, false},
                {"stacked-sigmoid", "a", 1e-3, true}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        rows_bench b;
        rows_open(&b, TRIT_QUANT_WEIGHT, "int3", ends[i].name);
        rows_knob(&b, TRIT_KNOB_ESTIMATOR, ends[i].knob, ends[i].small);
        assert_near(rows_slope(&b, 2.7, 1, 1), 1, 1e-5);
        assert_near(rows_slope(&b, 3, 1, 1), 1, 1e-5);
        assert_near(rows_slope(&b, 3.3, 1, 1), ends[i].rounded, 1e-5);
        assert_near(rows_slope(&b, -4.3, 1, 1), ends[i].rounded, 1e-5);
        assert_near(rows_slope(&b, 3.6, 1, 1), 0, 0);
        assert_near(rows_slope(&b, -5, 1, 1), 0, 0);
    }
    rows_bench b;
    rows_open(&b, TRIT_QUANT_WEIGHT, "int8", "ewgs");
    assert_near(rows_slope(&b, 0.4, 1, 0), 1, 0); /* no gradient, no side */
    rows_open(&b, TRIT_QUANT_WEIGHT, "int3", "ewgs");
    rows_knob(&b, TRIT_KNOB_ESTIMATOR, "rounded", 0);
    assert_near(rows_slope(&b, 3.3, 1, 1), 0, 0);
}

/* ---- sign ------------------------------------------------------------------------------------ */

static double approx_sign(double x, double s, double g) {
    (void)s, (void)g;
    return fabs(x) >= 1 ? 0 : x < 0 ? 2 + 2 * x : 2 - 2 * x;
}
static double ede_late(double x, double s, double g) {
    (void)s, (void)g;
    return 10 / (cosh(10 * x) * cosh(10 * x));
}
static double ede_early(double x, double s, double g) {
    (void)s, (void)g;
    return 1 / (cosh(0.01 * x) * cosh(0.01 * x));
}
static double reste(double x, double s, double g) {
    (void)s, (void)g;
    double a = fabs(x);
    return a <= 0.1 + 1e-9 ? sqrt(0.1) / 0.1 : a <= 1.5 ? 0.5 / sqrt(a) : 0;
}
static double reste_first(double x, double s, double g) {
    (void)s, (void)g;
    return fabs(x) <= 1.5;
}
static double fourier(double x, double s, double g) {
    (void)s, (void)g;
    double sum = 0;
    for (int k = 1; k <= 21; k += 2) sum += cos(0.1 * k * x);
    return fabs(x) <= 1 ? 0.4 / PI * sum : 0;
}
static double approx_sign_scaled(double x, double s, double g) {
    return s * approx_sign(x, s, g);
}
static double ede_scaled(double x, double s, double g) {
    return s * ede_late(x, s, g);
}
static double fourier_scaled(double x, double s, double g) {
    return s * fourier(x, s, g);
}

static void signs(void **state) {
    (void)state;
    static const struct {
        const char *name, *knob;
        double value;
        formula f;
        bool scaled;
    } cases[] = {
        {"approx-sign", NULL, 0, approx_sign, false},
        {"approx-sign", NULL, 0, approx_sign_scaled, true},
        {"ede", "t", 10, ede_late, false},
        {"ede", "t", 10, ede_scaled, true},
        {"ede", "t", 0.01, ede_early, false},
        {"reste", "o", 2, reste, false},
        {"reste", "progress", 0, reste_first, false},
        {"fourier-sign", NULL, 0, fourier, false},
        {"fourier-sign", NULL, 0, fourier_scaled, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rows_bench b;
        rows_open(&b, TRIT_QUANT_WEIGHT, "binary", cases[i].name);
        if (cases[i].knob) rows_knob(&b, TRIT_KNOB_ESTIMATOR, cases[i].knob, cases[i].value);
        if (cases[i].scaled) rows_knob(&b, TRIT_KNOB_ESTIMATOR, "scaled", 1);
        follow(&b, 0.7, cases[i].f); /* the scale matters only where it is asked for */
        follow(&b, 1, cases[i].f);
    }
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void step_gradients(void **state) {
    (void)state;
    rows_bench b;
    /* As LSQ, whatever the slope. */
    static const char *const lsq[] = {"rdfs", "ste-calibrated"};
    for (int i = 0; i < 2; i++) {
        rows_open(&b, TRIT_QUANT_WEIGHT, "int3", lsq[i]);
        assert_near(rows_rho(&b, 1.3, 1), -0.3, 1e-6);
        assert_near(rows_rho(&b, 2.6, 1), 0.4, 1e-6);
        assert_near(rows_rho(&b, 3.2, 1), 3, 1e-6);
        assert_near(rows_rho(&b, -9, 1), -4, 1e-6);
    }
    /* The chain rule elsewhere: q - u*d. */
    rows_open(&b, TRIT_QUANT_WEIGHT, "int3", "ewgs");
    assert_near(rows_rho(&b, 3.2, 1), 3 - 3.2, 1e-6);
    assert_near(rows_rho(&b, 3.6, 1), 3, 1e-6);
}

/* ---- random rounding ------------------------------------------------------------------------- */

/* The mean is x itself inside the range; only the two neighbours are drawn. */
static void unbiased(void **state) {
    (void)state;
    static const struct {
        const char *text, *name;
        double x, lower, upper;
    } cases[] = {
        {"int4", "stochastic", 1.3, 1, 2},
        {"int4", "stochastic", -1.3, -2, -1},
        {"int4", "stochastic", 7.4, 7, 7},
        {"int4", "stochastic", 3, 3, 3},
        {"half2-rms", "stochastic", 0.1, -0.5, 0.5},
        {"half2-rms", "stochastic", -1.5, -1.5, -1.5},
        {"e2m1", "stochastic", 2.25, 2, 3},
        {"e2m1", "stochastic", 5.5, 4, 6},
        {"binary", "stochastic", -0.4, -1, 1},
        {"ternary", "stochastic-ternary", -0.3, -1, 0},
        {"ternary", "stochastic-ternary", 0.3, 0, 1},
        {"ternary", "stochastic-ternary", 1.7, 1, 1},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        rows_bench b;
        trit_real x[1000], g[1000] = {0}, q[1000], noise[1000];
        rows_open(&b, TRIT_QUANT_WEIGHT, cases[c].text, cases[c].name);
        for (int given = 0; given < 2; given++) {
            double sum = 0, middle = fmax(cases[c].lower, fmin(cases[c].upper, cases[c].x));
            for (int i = 0; i < 1000; i++) {
                x[i] = TRIT_R(cases[c].x);
                noise[i] = TRIT_R((i + 0.5) / 1000);
            }
            rows_run(&b, 1000, x, 1, g, given ? noise : NULL, q, NULL, NULL);
            for (int i = 0; i < 1000; i++) {
                assert_true(q[i] == cases[c].lower || q[i] == cases[c].upper);
                sum += (double)q[i];
            }
            double spread = cases[c].upper - cases[c].lower;
            assert_true(fabs(sum / 1000 - middle) <= (given ? 0.0011 : 0.06) * spread + 1e-9);
        }
    }
    rows_bench b;
    rows_open(&b, TRIT_QUANT_WEIGHT, "int3", "stochastic");
    assert_true(rows_slope(&b, 9, 1, 1) == 1);
    rows_knob(&b, TRIT_KNOB_ESTIMATOR, "clipped", 1);
    assert_true(rows_slope(&b, 9, 1, 1) == 0 && rows_slope(&b, 3, 1, 1) == 1);
    trit_error e = {0};
    rows_open(&b, TRIT_QUANT_WEIGHT, "int2", "stochastic-ternary");
    assert_int_equal(trit_spec_check(&b.spec, TRIT_QUANT_WEIGHT, &e), TRIT_E_CONFIG);
    assert_error_has(e, "stochastic-ternary draws -1, 0 or 1, which grid int does not have");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks), cmocka_unit_test(trust_of_grids), cmocka_unit_test(roundings),
        cmocka_unit_test(signs), cmocka_unit_test(step_gradients), cmocka_unit_test(unbiased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
