#include "base/rng.h"
#include "testing.h"

/* Known answers published with the Random123 distribution (kat_vectors, philox4x32 10 rounds). */
static void philox_known_answers(void **state) {
    (void)state;
    uint32_t out[4];
    trit_philox((uint32_t[4]){0, 0, 0, 0}, (uint32_t[2]){0, 0}, out);
    assert_int_equal(out[0], 0x6627e8d5);
    assert_int_equal(out[1], 0xe169c58d);
    assert_int_equal(out[2], 0xbc57ac4c);
    assert_int_equal(out[3], 0x9b00dbd8);
    uint32_t ones = 0xffffffff;
    trit_philox((uint32_t[4]){ones, ones, ones, ones}, (uint32_t[2]){ones, ones}, out);
    assert_int_equal(out[0], 0x408f276d);
    assert_int_equal(out[1], 0x41c83b0e);
    assert_int_equal(out[2], 0xa20bc7c6);
    assert_int_equal(out[3], 0x6d5451fd);
    trit_philox((uint32_t[4]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                (uint32_t[2]){0xa4093822, 0x299f31d0}, out);
    assert_int_equal(out[0], 0xd16cfe09);
    assert_int_equal(out[1], 0x94fdcceb);
    assert_int_equal(out[2], 0x5001e420);
    assert_int_equal(out[3], 0x24126ea1);
}

static void permutation_is_one(void **state) {
    (void)state;
    static const uint64_t sizes[] = {1, 2, 3, 7, 64, 65, 1000, 4097};
    for (int k = 0; k < 8; k++) {
        uint64_t n = sizes[k];
        char *seen = calloc(n, 1);
        trit_rng r = {.seed = 42 + n, .stream = 7};
        uint64_t fixed = 0;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t p = trit_rng_permute(&r, n, i);
            assert_true(p < n);
            assert_int_equal(seen[p], 0);
            seen[p] = 1;
            fixed += p == i;
        }
        if (n >= 64) assert_true(fixed < n / 8); /* it shuffles */
        free(seen);
    }
}

static void permutation_depends_on_all(void **state) {
    (void)state;
    trit_rng a = {.seed = 1, .stream = 1, .step = 1}, b = a, c = a;
    b.seed = 2;
    c.step = 2;
    int same_b = 0, same_c = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t p = trit_rng_permute(&a, 1000, i);
        same_b += p == trit_rng_permute(&b, 1000, i);
        same_c += p == trit_rng_permute(&c, 1000, i);
    }
    assert_true(same_b < 20);
    assert_true(same_c < 20);
}

static void moments(void **state) {
    (void)state;
    trit_rng r = {.seed = 5, .stream = 9};
    enum { N = 200000 };
    double mean = 0, m2 = 0, normal = 0, normal2 = 0;
    for (uint64_t i = 0; i < N; i++) {
        double u = trit_rng_uniform(&r, i), z = trit_rng_normal(&r, i);
        assert_true(u >= 0 && u < 1);
        mean += u / N;
        m2 += u * u / N;
        normal += z / N;
        normal2 += z * z / N;
    }
    assert_near(mean, 0.5, 0.003);
    assert_near(m2, 1.0 / 3, 0.003);
    assert_near(normal, 0, 0.01);
    assert_near(normal2, 1, 0.02);
}

static void four_at_once(void **state) {
    (void)state;
    trit_rng r = {.seed = 3, .stream = 1, .sub = 4, .step = 9};
    uint32_t four[4];
    trit_rng_bits4(&r, 5, four);
    for (uint64_t k = 0; k < 4; k++) assert_int_equal(trit_rng_bits(&r, 20 + k), four[k]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(permutation_is_one),
        cmocka_unit_test(permutation_depends_on_all),
        cmocka_unit_test(moments),
        cmocka_unit_test(four_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
