/* Files come into being without a copy of their tensors, and are those of HDF5 all the same. */
#include "testing.h"

#include "base/rng.h"
#include "io/h5.h"

#include <hdf5.h>

/* Tensors on both sides of what is chunked; chunks of one and of several rows, of a part of a row,
 * of a part of an inner one, with edges that are not full, and of odd bytes. */
static const trit_tensor shapes[] = {
    {TRIT_REAL, 0, {0}, NULL},           {TRIT_I64, 1, {3}, NULL},
    {TRIT_I8, 1, {1023}, NULL},          {TRIT_I8, 1, {1024}, NULL},
    {TRIT_U8, 1, {1025}, NULL},          {TRIT_REAL, 2, {900, 601}, NULL},
    {TRIT_I8, 2, {3, 1 << 20}, NULL},    {TRIT_I8, 2, {2, (1 << 20) + 1}, NULL},
    {TRIT_U8, 3, {2, 5, 300001}, NULL},  {TRIT_BF16, 4, {3, 1, 700, 401}, NULL},
    {TRIT_I32, 4, {1, 2, 3, 100}, NULL}, {TRIT_REAL, 2, {0, 40}, NULL},
};
enum { N_SHAPE = sizeof shapes / sizeof *shapes };

static trit_tensor tensor[N_SHAPE];

static int make_tensors(void **state) {
    (void)state;
    trit_rng r = {.seed = 8};
    for (int i = 0; i < N_SHAPE; i++) {
        tensor[i] = shapes[i];
        size_t n = trit_tensor_bytes(&tensor[i]);
        unsigned char *p = malloc(n + 1);
        for (size_t k = 0; k < n; k++) p[k] = (unsigned char)trit_rng_bits(&r, k);
        tensor[i].data = p;
    }
    return 0;
}

static int free_tensors(void **state) {
    (void)state;
    for (int i = 0; i < N_SHAPE; i++) free(tensor[i].data);
    return 0;
}

/* A file of them, in three groups and each with an attribute. */
static trit_h5 *written(size_t *n_bytes) {
    trit_h5 *h = NULL;
    trit_error e = {0};
    assert_ok(trit_h5_create(&h, &e));
    for (int i = 0; i < N_SHAPE; i++) {
        char path[32];
        snprintf(path, sizeof path, "g%d/tensor.%d", i % 3, i);
        trit_h5_value value = {.kind = TRIT_H5_INT, .i = i};
        assert_ok(trit_h5_write(h, path, &tensor[i], &e));
        assert_ok(trit_h5_write_attr(h, path, "number", &value, &e));
    }
    assert_ok(trit_h5_finish(h, n_bytes, &e));
    return h;
}

static char *bytes_of(const trit_h5 *h, size_t n) {
    char *bytes = malloc(n);
    assert_non_null(bytes);
    trit_h5_copy(h, 0, n, bytes);
    return bytes;
}

static void read_back(void **state) {
    (void)state;
    size_t n;
    trit_error e = {0};
    trit_h5 *h = written(&n), *back = NULL;
    char *bytes = bytes_of(h, n);
    trit_h5_free(h);
    assert_ok(trit_h5_open(&back, bytes, n, &e));
    for (int i = 0; i < N_SHAPE; i++) {
        char path[32];
        snprintf(path, sizeof path, "g%d/tensor.%d", i % 3, i);
        size_t n_tensor = trit_tensor_bytes(&tensor[i]);
        trit_tensor got = tensor[i];
        got.data = malloc(n_tensor + 1);
        assert_ok(trit_h5_read(back, path, &got, &e));
        assert_memory_equal(got.data, tensor[i].data, n_tensor);
        free(got.data);
    }
    trit_h5_free(back);
    free(bytes);
}

/* Pieces of any size, from any place. */
static void in_pieces(void **state) {
    (void)state;
    size_t n;
    trit_h5 *h = written(&n);
    char *whole = bytes_of(h, n), *piece = malloc(n);
    static const size_t sizes[] = {4093, 65536, 262144, 1048583};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (size_t at = 0, part; at < n; at += part) {
            part = sizes[s] < n - at ? sizes[s] : n - at;
            trit_h5_copy(h, at, part, piece);
            assert_memory_equal(piece, whole + at, part);
        }
    }
    trit_rng r = {.seed = 9};
    for (uint64_t i = 0; i < 2000; i++) {
        size_t at = trit_rng_bits(&r, 2 * i) % n;
        size_t part = trit_rng_bits(&r, 2 * i + 1) % 3000;
        if (part > n - at) part = n - at;
        trit_h5_copy(h, at, part, piece);
        assert_memory_equal(piece, whole + at, part);
    }
    free(piece);
    free(whole);
    trit_h5_free(h);
}

static hid_t type_of(trit_dtype t) {
    return t == TRIT_REAL   ? (sizeof(trit_real) == 4 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE)
           : t == TRIT_BF16 ? H5T_STD_U16LE
           : t == TRIT_I64  ? H5T_STD_I64LE
           : t == TRIT_I32  ? H5T_STD_I32LE
           : t == TRIT_I8   ? H5T_STD_I8LE
                            : H5T_STD_U8LE;
}

static void add_attr(hid_t set, const char *name, hid_t type, const void *value) {
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(set, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attr, type, value) >= 0);
    H5Aclose(attr);
    H5Sclose(space);
}

/* What HDF5 makes of the same tensors with its own driver, cache and filter, bit for bit: chunks,
 * sums and places in the file are not ours to choose. */
static void as_hdf5_writes_it(void **state) {
    (void)state;
    size_t n;
    trit_h5 *h = written(&n);
    char *ours = bytes_of(h, n), *theirs = malloc(n);
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS), fcpl = H5Pcreate(H5P_FILE_CREATE);
    assert_true(H5Pset_fapl_core(fapl, 1 << 16, 0) >= 0);
    assert_true(H5Pset_libver_bounds(fapl, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) >= 0);
    assert_true(H5Pset_obj_track_times(fcpl, 0) >= 0);
    hid_t file = H5Fcreate("plain", H5F_ACC_TRUNC, fcpl, fapl);
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE);
    assert_true(H5Pset_create_intermediate_group(lcpl, 1) >= 0);
    for (int i = 0; i < N_SHAPE; i++) {
        const trit_tensor *t = &tensor[i];
        char path[32];
        hsize_t dim[TRIT_MAX_DIM], chunk[TRIT_MAX_DIM] = {0};
        snprintf(path, sizeof path, "g%d/tensor.%d", i % 3, i);
        for (int k = 0; k < t->ndim; k++) dim[k] = (hsize_t)t->dim[k];
        hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
        assert_true(H5Pset_obj_track_times(dcpl, 0) >= 0);
        if (trit_tensor_bytes(t) >= 1024) {
            static const hsize_t wanted[N_SHAPE][TRIT_MAX_DIM] = {[3] = {1024},
                                                                  [4] = {1025},
                                                                  [5] = {300, 601},
                                                                  [6] = {1, 1 << 20},
                                                                  [7] = {1, (1 << 19) + 1},
                                                                  [8] = {1, 3, 300001},
                                                                  [9] = {1, 1, 700, 401},
                                                                  [10] = {1, 2, 3, 100}};
            memcpy(chunk, wanted[i], sizeof chunk);
            assert_true(H5Pset_chunk(dcpl, t->ndim, chunk) >= 0 && H5Pset_fletcher32(dcpl) >= 0);
        }
        hid_t space = t->ndim ? H5Screate_simple(t->ndim, dim, NULL) : H5Screate(H5S_SCALAR);
        hid_t type = type_of(t->dtype);
        hid_t set = H5Dcreate2(file, path, type, space, lcpl, dcpl, H5P_DEFAULT);
        assert_true(set >= 0);
        if (trit_tensor_len(t)) {
            assert_true(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, t->data) >= 0);
        }
        H5Dclose(set);
        set = H5Dopen2(file, path, H5P_DEFAULT);
        if (t->dtype == TRIT_BF16) {
            hid_t text = H5Tcopy(H5T_C_S1);
            assert_true(H5Tset_size(text, 5) >= 0 && H5Tset_cset(text, H5T_CSET_UTF8) >= 0);
            add_attr(set, "dtype", text, "bf16");
            H5Tclose(text);
        }
        int64_t number = i;
        add_attr(set, "number", H5T_STD_I64LE, &number);
        H5Dclose(set);
        H5Sclose(space);
        H5Pclose(dcpl);
    }
    assert_true(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0);
    assert_int_equal(H5Fget_file_image(file, NULL, 0), n);
    assert_int_equal(H5Fget_file_image(file, theirs, n), n);
    assert_memory_equal(ours, theirs, n);
    H5Fclose(file);
    H5Pclose(lcpl);
    H5Pclose(fcpl);
    H5Pclose(fapl);
    trit_h5_free(h);
    free(theirs);
    free(ours);
}

/* Nothing of it is left over, whatever was open. */
static void given_up(void **state) {
    (void)state;
    trit_h5 *h = NULL;
    trit_error e = {0};
    trit_h5_free(NULL);
    assert_ok(trit_h5_create(&h, &e));
    trit_h5_free(h);
    assert_ok(trit_h5_create(&h, &e));
    assert_ok(trit_h5_write(h, "a/b", &tensor[5], &e));
    assert_int_equal(trit_h5_write(h, "a", &tensor[5], &e), TRIT_E_FORMAT);
    assert_error_has(e, "cannot write 'a'");
    trit_h5_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_back),
        cmocka_unit_test(in_pieces),
        cmocka_unit_test(as_hdf5_writes_it),
        cmocka_unit_test(given_up),
    };
    return cmocka_run_group_tests(tests, make_tensors, free_tensors);
}
