#include "base/schedule.h"

#include "testing.h"

static double at(trit_shape shape, double from, double to, int64_t begin, int64_t end,
                 int64_t step) {
    return trit_schedule_at(&(trit_schedule){shape, from, to, begin, end}, step);
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes), cmocka_unit_test(hump)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
