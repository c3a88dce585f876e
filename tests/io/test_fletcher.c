#include "testing.h"

#include "base/rng.h"
#include "io/fletcher.h"

#include <hdf5.h>

/* The sum that HDF5's own filter stores behind a chunk of data[n]. */
static uint32_t of_hdf5(const unsigned char *data, size_t n) {
    hsize_t dim = n, at = 0;
    uint32_t mask = 0;
    unsigned char *stored = malloc(n + 4);
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS), dcpl = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_fapl_core(fapl, 1 << 20, 0) >= 0);
    assert_true(H5Pset_chunk(dcpl, 1, &dim) >= 0 && H5Pset_fletcher32(dcpl) >= 0);
    hid_t file = H5Fcreate("fletcher", H5F_ACC_TRUNC, H5P_DEFAULT, fapl);
    hid_t space = H5Screate_simple(1, &dim, NULL);
    hid_t set = H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    assert_true(H5Dflush(set) >= 0);
    assert_true(H5Dread_chunk(set, H5P_DEFAULT, &at, &mask, stored) >= 0);
    const unsigned char *s = stored + n;
    uint32_t sum = s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 | (uint32_t)s[3] << 24;
    H5Dclose(set);
    H5Sclose(space);
    H5Fclose(file);
    H5Pclose(dcpl);
    H5Pclose(fapl);
    free(stored);
    return sum;
}

enum { MOST = 300000 };

/* Lengths on both sides of a round, of a block of rounds, and odd ones. */
static const size_t lengths[] = {1,  2,  3,    4,    15,   16,   17,   18,    31,    32,  33,
                                 97, 98, 5759, 5760, 5761, 5776, 5777, 11520, 11523, MOST};

static void as_hdf5(void **state) {
    (void)state;
    unsigned char *data = malloc(MOST + 1);
    trit_rng r = {.seed = 3};
    for (int kind = 0; kind < 4; kind++) {
        for (size_t i = 0; i <= MOST; i++) {
            /* numbers; all ones, which are 0 modulo 65535; zeros; zeros but for the end */
            data[i] = kind == 0   ? (unsigned char)trit_rng_bits(&r, i)
                      : kind == 1 ? 0xFF
                      : kind == 2 ? 0
                                  : (unsigned char)(i % 4096 > 4090);
        }
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            size_t n = lengths[i];
            assert_int_equal(trit_fletcher32(data, n, 0), of_hdf5(data, n));
            /* Not aligned. */
            if (n < MOST) assert_int_equal(trit_fletcher32(data + 1, n, 0), of_hdf5(data + 1, n));
        }
    }
    free(data);
}

static void zeros_behind(void **state) {
    (void)state;
    static const size_t zeros[] = {1, 2, 3, 30, 131071, 200000};
    unsigned char *data = calloc(1, MOST);
    trit_rng r = {.seed = 4};
    for (size_t i = 0; i < 50001; i++) data[i] = (unsigned char)trit_rng_bits(&r, i);
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        uint32_t sum = trit_fletcher32(data, 50001, zeros[i]);
        assert_int_equal(sum, trit_fletcher32(data, 50001 + zeros[i], 0));
        assert_int_equal(sum, of_hdf5(data, 50001 + zeros[i]));
        data[50000] ^= 1;
        assert_int_not_equal(sum, trit_fletcher32(data, 50001, zeros[i]));
    }
    free(data);
}

static void known_answers(void **state) {
    (void)state;
    assert_int_equal(trit_fletcher32("", 0, 0), 0);
    assert_int_equal(trit_fletcher32("\1\2", 2, 0), 0x01020102);
    assert_int_equal(trit_fletcher32("\1\2\3\4", 4, 0), 0x05080406);
    assert_int_equal(trit_fletcher32("\1\2\3", 3, 0), 0x05040402);
    assert_int_equal(trit_fletcher32("\xFF\xFF", 2, 0), 0xFFFFFFFF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_hdf5),
        cmocka_unit_test(zeros_behind),
        cmocka_unit_test(known_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
