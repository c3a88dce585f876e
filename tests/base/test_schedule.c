#include "base/schedule.h"

#include "testing.h"

static double at(trit_shape shape, double from, double to, int64_t begin, int64_t end,
                 int64_t step) {
    return trit_schedule_at(&(trit_schedule){shape, from, to, begin, end, 0}, step);
}

/* Each shape begins at `from` and ends at `to`; halfway it is somewhere of its own. */
static void shapes(void **state) {
    (void)state;
    static const struct {
        trit_shape shape;
        double before, middle, after;
    } cases[] = {
        {TRIT_SHAPE_hold, 4, 4, 4},     {TRIT_SHAPE_linear, 4, 10, 16},
        {TRIT_SHAPE_cosine, 4, 10, 16}, {TRIT_SHAPE_exp, 4, 8, 16},
        {TRIT_SHAPE_step, 4, 4, 16},    {TRIT_SHAPE_hump, 4, 4 + 12 * 0.5868240888334652, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_shape s = cases[i].shape;
        assert_true(at(s, 4, 16, 20, 40, -5) == cases[i].before);
        assert_true(at(s, 4, 16, 20, 40, 20) == cases[i].before);
        assert_near(at(s, 4, 16, 20, 40, 30), cases[i].middle, 1e-12);
        assert_true(at(s, 4, 16, 20, 40, 40) == cases[i].after);
        assert_true(at(s, 4, 16, 20, 40, 1000) == cases[i].after);
    }
    assert_near(at(TRIT_SHAPE_cosine, 0, 1, 0, 3, 1), 0.25, 1e-12);
    /* An interval without length is a step. */
    assert_true(at(TRIT_SHAPE_linear, 1, 2, 7, 7, 6) == 1);
    assert_true(at(TRIT_SHAPE_linear, 1, 2, 7, 7, 7) == 2);
    assert_true(at(TRIT_SHAPE_hump, 1, 2, 7, 7, 7) == 1);
}

/* The residual of Sherry over 100 steps, as its code has it (arXiv 2601.07892). */
static void hump(void **state) {
    (void)state;
    static const struct {
        int64_t step;
        double value;
    } cases[] = {{0, 0}, {1, .1}, {5, .5}, {10, 1}, {55, .5}, {90, .030153690}, {100, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_near(at(TRIT_SHAPE_hump, 0, 1, 0, 100, cases[i].step), cases[i].value, 1e-8);
    }
}

static void check(trit_schedule s, int n, const int64_t *step, const double *want, double tol) {
    for (int i = 0; i < n; i++) assert_near(trit_schedule_at(&s, step[i]), want[i], tol);
}

/* Strengths of quantization while it is phased in, over T = 1000 steps. */
static void warm_ups(void **state) {
    (void)state;
    const int64_t at[] = {-5, 0, 250, 500, 1000, 1500};
    check((trit_schedule){TRIT_SHAPE_linear, 0, 1, 0, 1000, 0}, 6, at,
          (double[]){0, 0, 0.25, 0.5, 1, 1}, 1e-12);
    check((trit_schedule){TRIT_SHAPE_linear, 0, 1, 0, 500, 0}, 6, at,
          (double[]){0, 0, 0.5, 1, 1, 1}, 1e-12);
    check((trit_schedule){TRIT_SHAPE_power, 0, 1, 0, 1000, 4}, 6, at,
          (double[]){0, 0, 0.68359375, 0.9375, 1, 1}, 1e-12);
    check((trit_schedule){TRIT_SHAPE_power, 0, 1, 0, 1000, 10}, 6, at,
          (double[]){0, 0, 1 - pow(0.75, 10), 1 - pow(0.5, 10), 1, 1}, 1e-12);
    const int64_t soft[] = {-1, 0, 250, 500, 750, 1000, 1001};
    check(
        (trit_schedule){TRIT_SHAPE_sigmoid, 0, 1, 0, 1000, 20}, 7, soft,
        (double[]){0, 4.5397868702e-05, 0.0066928509243, 0.5, 0.9933071490757, 0.9999546021313, 1},
        1e-12);
    /* The other way, between other numbers. */
    check((trit_schedule){TRIT_SHAPE_power, 3, 1, 100, 200, 2}, 3, (const int64_t[]){100, 150, 200},
          (double[]){3, 1.5, 1}, 1e-12);
}

/* ReSTE's power (arXiv 2308.06689), IR-Net's t (arXiv 1909.10788), the weight of oscillation
 * dampening (arXiv 2203.11086). */
static void of_estimators(void **state) {
    (void)state;
    const int64_t at[] = {0, 10, 20, 30, 40};
    check((trit_schedule){TRIT_SHAPE_quarter, 1, 3, 0, 40, 0}, 5, at,
          (double[]){1, 1.15224, 1.58579, 2.23463, 3}, 1e-5);
    check((trit_schedule){TRIT_SHAPE_exp, 1e-3, 10, 0, 40, 0}, 5, at,
          (double[]){1e-3, 1e-2, 0.1, 1, 10}, 1e-9);
    check((trit_schedule){TRIT_SHAPE_cosine, 0, 0.1, 0, 40, 0}, 5, at,
          (double[]){0, 0.0146446609, 0.05, 0.0853553391, 0.1}, 1e-9);
}

static void edges(void **state) {
    (void)state;
    check((trit_schedule){TRIT_SHAPE_step, 8, 4, 0, 100, 0}, 3, (const int64_t[]){0, 99, 100},
          (double[]){8, 8, 4}, 0);
    check((trit_schedule){TRIT_SHAPE_rungs, 8, 2, 0, 90, 0}, 6,
          (const int64_t[]){0, 29, 30, 59, 60, 90}, (double[]){8, 8, 4, 4, 2, 2}, 0);
    check((trit_schedule){TRIT_SHAPE_rungs, 2, 4, 10, 20, 0}, 4, (const int64_t[]){9, 14, 15, 20},
          (double[]){2, 2, 4, 4}, 0);
    check((trit_schedule){TRIT_SHAPE_hold, 8, 4, 0, 0, 0}, 2, (const int64_t[]){0, 99},
          (double[]){8, 8}, 0);
    for (int shape = TRIT_SHAPE_linear; shape < TRIT_N_SHAPE; shape++) {
        if (shape == TRIT_SHAPE_hump) continue; /* ends where it begins */
        /* A jump: nothing is divided by a length of 0. */
        check((trit_schedule){(trit_shape)shape, 1, 2, 7, 7, 4}, 3, (const int64_t[]){6, 7, 8},
              (double[]){1, 2, 2}, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),        cmocka_unit_test(hump),  cmocka_unit_test(warm_ups),
        cmocka_unit_test(of_estimators), cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
