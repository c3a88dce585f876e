#include "distill/inside.h"

#include "testing.h"

static void known_answer(void **state) {
    (void)state;
    trit_error e = {0};
    const trit_real x[] = {2, 0, 0, 1, -2, -1};
    trit_real out[4];
    assert_ok(trit_principal(3, 2, x, 2, out, &e));
    assert_near(out[0], .957092026, 1e-7);
    assert_near(out[1], .289784149, 1e-7);
    assert_near(fabs((double)out[2]), .289784149, 1e-7);
    assert_near((double)out[2] * (double)out[0] + (double)out[3] * (double)out[1], 0, 1e-7);
}

/* Of a cloud with known axes: these, in the order of their variance, whatever its mean. */
static void axes_of_a_cloud(void **state) {
    (void)state;
    enum { N = 4000, C = 24 };
    trit_error e = {0};
    trit_rng r = {.seed = 8};
    static trit_real x[N * C];
    trit_real axis[C * C], out[C * C], again[5 * C];
    /* A reflection: its columns are orthonormal. */
    double v[C], norm = 0;
    for (int i = 0; i < C; i++) {
        v[i] = trit_rng_normal(&r, (uint64_t)i);
        norm += v[i] * v[i];
    }
    for (int i = 0; i < C * C; i++) {
        axis[i] = TRIT_R((i / C == i % C) - 2 * v[i / C] * v[i % C] / norm);
    }
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < C; k++) x[i * C + k] = TRIT_R(3 * k);
        for (int a = 0; a < C; a++) {
            double along = pow(0.8, a) * trit_rng_normal(&r, 100 + (uint64_t)i * C + (uint64_t)a);
            for (int k = 0; k < C; k++) x[i * C + k] += TRIT_R(along) * axis[a * C + k];
        }
    }
    assert_ok(trit_principal(N, C, x, C, out, &e));
    for (int a = 0; a < C; a++) {
        for (int b = 0; b < C; b++) {
            double dot = 0, with = 0;
            for (int k = 0; k < C; k++) {
                dot += (double)out[a * C + k] * (double)out[b * C + k];
                with += (double)out[a * C + k] * (double)axis[b * C + k];
            }
            assert_near(dot, a == b, 1e-6);
            if (a == b && a < 4) assert_true(fabs(with) > 0.97);
        }
    }
    assert_ok(trit_principal(N, C, x, 5, again, &e));
    assert_memory_equal(again, out, sizeof again);
}

/* Directions without variance are still some that are orthonormal. */
static void too_few_rows(void **state) {
    (void)state;
    trit_error e = {0};
    const trit_real x[] = {1, 2, 3, 1, 2, 3};
    trit_real out[9];
    assert_ok(trit_principal(2, 3, x, 3, out, &e));
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 3; b++) {
            double dot = 0;
            for (int k = 0; k < 3; k++) dot += (double)out[3 * a + k] * (double)out[3 * b + k];
            assert_near(dot, a == b, 1e-6);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer),
        cmocka_unit_test(axes_of_a_cloud),
        cmocka_unit_test(too_few_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
