#include "testing.h"

#include "base/rng.h"
#include "io/checkpoint.h"
#include "io_faults.h"

#include <hdf5.h>
#include <malloc.h>
#include <xxhash.h>

static char dir[256], path[512];

/* A small state with every type and rank; weight is large enough for several chunks. */
typedef struct state {
    trit_real weight[900][601], bias[2][3][1][5];
    int64_t position[2];
    int32_t ids[3];
    uint16_t moments[7];
    int8_t codes[1000];
    uint8_t text[5];
    trit_real loss;
} state;

enum { N_TENSOR = 9, N_ATTR = 3 };

static void fill(state *s) {
    trit_rng r = {.seed = 5};
    unsigned char *p = (unsigned char *)s;
    for (size_t i = 0; i < sizeof *s; i++) p[i] = (unsigned char)trit_rng_bits(&r, i);
    for (int i = 0; i < 900 * 601; i++)
        (&s->weight[0][0])[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i));
    s->loss = TRIT_R(1.25);
}

static void list(state *s, trit_ckpt_tensor t[N_TENSOR]) {
    trit_ckpt_tensor all[N_TENSOR] = {
        {"param/blocks.0.attn.q.weight", TRIT_REAL, 2, {900, 601}, s->weight, NULL, false},
        {"param/blocks.0.attn.q.bias", TRIT_REAL, 4, {2, 3, 1, 5}, s->bias, "logits", false},
        {"data/position", TRIT_I64, 1, {2}, s->position, "tokens", false},
        {"data/ids", TRIT_I32, 1, {3}, s->ids, NULL, false},
        {"slot/m/blocks.0.attn.q.weight", TRIT_BF16, 1, {7}, s->moments, NULL, false},
        {"slot/codes", TRIT_I8, 2, {8, 125}, s->codes, NULL, false},
        {"tokenizer", TRIT_U8, 1, {5}, s->text, NULL, false},
        {"loss", TRIT_REAL, 0, {0}, &s->loss, "nats", false},
        {"empty", TRIT_REAL, 2, {0, 4}, NULL, NULL, false},
    };
    memcpy(t, all, sizeof all);
}

static const trit_ckpt_attr attrs[N_ATTR] = {
    {"step", TRIT_ATTR_INT, INT64_C(9007199254740993), 0, NULL},
    {"best_loss", TRIT_ATTR_REAL, 0, 0.1, NULL},
    {"config", TRIT_ATTR_TEXT, 0, 0, "{\"name\": \"\xC3\xA9\"}"},
};

static state *old, *got;

static int setup(void **unused) {
    (void)unused;
    scratch_make(dir);
    scratch_path(path, dir, "step-1.h5");
    old = calloc(1, sizeof *old);
    got = calloc(1, sizeof *got);
    fill(old);
    return 0;
}

static int teardown(void **unused) {
    (void)unused;
    scratch_remove(dir);
    free(old);
    free(got);
    return 0;
}

static void save(state *s) {
    trit_ckpt_tensor t[N_TENSOR];
    trit_error e = {0};
    list(s, t);
    assert_ok(trit_checkpoint_write(NULL, path, t, N_TENSOR, attrs, N_ATTR, &e));
}

static trit_text read_bytes(const char *at) {
    trit_text bytes = {0};
    trit_error e = {0};
    assert_ok(trit_file_read(at, SIZE_MAX / 4, &bytes, &e));
    return bytes;
}

static void write_bytes(const char *at, const void *data, size_t n) {
    FILE *f = fopen(at, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void assert_refused(const char *at, const char *part) {
    trit_checkpoint *c = NULL;
    trit_error e = {0};
    assert_int_not_equal(trit_checkpoint_open(&c, at, &e), TRIT_OK);
    assert_null(c);
    assert_error_has(e, at);
    assert_error_has(e, part);
}

static void same_after_load(void **unused) {
    (void)unused;
    trit_ckpt_tensor t[N_TENSOR];
    trit_checkpoint *c = NULL;
    trit_error e = {0};
    save(old);
    assert_ok(trit_checkpoint_open(&c, path, &e));
    list(got, t);
    assert_ok(trit_checkpoint_load(c, t, N_TENSOR, &e));
    assert_memory_equal(old->weight, got->weight, sizeof old->weight);
    assert_memory_equal(old->bias, got->bias, sizeof old->bias);
    assert_memory_equal(old->position, got->position, sizeof old->position);
    assert_memory_equal(old->ids, got->ids, sizeof old->ids);
    assert_memory_equal(old->moments, got->moments, sizeof old->moments);
    assert_memory_equal(old->codes, got->codes, sizeof old->codes);
    assert_memory_equal(old->text, got->text, sizeof old->text);
    assert_true(got->loss == TRIT_R(1.25));
    assert_int_equal(trit_checkpoint_n_tensors(c), N_TENSOR);
    assert_string_equal(trit_checkpoint_tensor(c, 0)->path, "data/ids");
    assert_string_equal(trit_checkpoint_tensor(c, N_TENSOR - 1)->path, "tokenizer");
    const trit_ckpt_tensor *m = trit_checkpoint_find(c, "slot/m/blocks.0.attn.q.weight");
    assert_int_equal(m->dtype, TRIT_BF16);
    assert_string_equal(trit_checkpoint_find(c, "loss")->unit, "nats");
    assert_null(trit_checkpoint_find(c, "loss/x"));
    trit_checkpoint_close(c);
}

static void attributes(void **unused) {
    (void)unused;
    trit_checkpoint *c = NULL;
    trit_error e = {0};
    int64_t i = 0;
    double d = 0;
    const char *text = NULL;
    save(old);
    assert_ok(trit_checkpoint_open(&c, path, &e));
    assert_ok(trit_checkpoint_attr_int(c, "step", &i, &e));
    assert_true(i == INT64_C(9007199254740993));
    assert_ok(trit_checkpoint_attr_real(c, "best_loss", &d, &e));
    assert_true(d == 0.1);
    assert_ok(trit_checkpoint_attr_text(c, "config", &text, &e));
    assert_string_equal(text, attrs[2].text);
    assert_ok(trit_checkpoint_attr_int(c, "trit_format", &i, &e));
    assert_int_equal(i, 1);
    assert_int_equal(trit_checkpoint_n_attrs(c), N_ATTR + 1);
    assert_int_equal(trit_checkpoint_attr_int(c, "best_loss", &i, &e), TRIT_E_FORMAT);
    assert_error_has(e, "best_loss");
    e = (trit_error){0};
    assert_int_equal(trit_checkpoint_attr_text(c, "none", &text, &e), TRIT_E_FORMAT);
    trit_checkpoint_close(c);
}

/* No time, no memory garbage, no order of listing in the file. */
static void equal_state_equal_bytes(void **unused) {
    (void)unused;
    trit_ckpt_tensor t[N_TENSOR], back[N_TENSOR];
    trit_error e = {0};
    mallopt(M_PERTURB, 0x55);
    save(old);
    trit_text first = read_bytes(path);
    usleep(1100000);
    mallopt(M_PERTURB, 0xAA);
    list(old, t);
    for (int i = 0; i < N_TENSOR; i++) back[i] = t[N_TENSOR - 1 - i];
    assert_ok(trit_checkpoint_write(NULL, path, back, N_TENSOR, attrs, N_ATTR, &e));
    mallopt(M_PERTURB, 0);
    trit_text second = read_bytes(path);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.at, second.at, first.len);
    assert_true(first.len < sizeof *old + 60000);
    trit_text_free(&first);
    trit_text_free(&second);
}

static void save_faults(void **unused) {
    (void)unused;
    static const int errors[] = {ENOSPC, EIO, EDQUOT};
    trit_ckpt_tensor t[N_TENSOR];
    save(old);
    trit_text before = read_bytes(path);
    fill(got);
    got->loss = 7;
    list(got, t);
    for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) {
        for (int at = 1;; at++) {
            faults f = {.at = at, .err = errors[k], .forever = at & 1, .at_most = 1 << 20};
            trit_io io = faults_io(&f);
            trit_error e = {0};
            write_bytes(path, before.at, before.len);
            trit_status status = trit_checkpoint_write(&io, path, t, N_TENSOR, attrs, N_ATTR, &e);
            if (f.n < at) {
                assert_int_equal(status, TRIT_OK);
                assert_true(at > 6);
                break;
            }
            assert_int_equal(status, TRIT_E_IO);
            assert_error_has(e, path);
            assert_error_has(e, strerror(errors[k]));
            assert_int_equal(scratch_count(dir), 1);
            trit_text after = read_bytes(path);
            bool replaced = strstr(e.text, "may not survive a power loss");
            assert_true(replaced !=
                        (after.len == before.len && !memcmp(after.at, before.at, after.len)));
            trit_text_free(&after);
        }
    }
    trit_text_free(&before);
}

/* A checkpoint of few bytes, so that many damages can be tried. */
static trit_text small_file(void) {
    trit_ckpt_tensor t[N_TENSOR];
    trit_error e = {0};
    list(old, t);
    assert_ok(trit_checkpoint_write(NULL, path, t + 1, N_TENSOR - 1, attrs, N_ATTR, &e));
    return read_bytes(path);
}

static void every_truncation(void **unused) {
    (void)unused;
    trit_text whole = small_file();
    for (int i = 0; i < 100; i++) {
        write_bytes(path, whole.at, whole.len * (size_t)i / 100);
        assert_refused(path, "'");
    }
    write_bytes(path, whole.at, whole.len - 1);
    assert_refused(path, "cut short");
    write_bytes(path, whole.at, whole.len - 32);
    assert_refused(path, "cut short");
    write_bytes(path, whole.at, whole.len);
    FILE *f = fopen(path, "ab");
    fputc(0, f);
    fclose(f);
    assert_refused(path, "cut short");
    trit_text_free(&whole);
}

static void every_bit_flip(void **unused) {
    (void)unused;
    trit_text whole = small_file();
    trit_rng r = {.seed = 11};
    for (uint64_t i = 0; i < 2000; i++) {
        /* the last 256 flips: every bit of the trailer */
        size_t bit = i < 1744 ? (size_t)(trit_rng_uniform(&r, i) * (double)(8 * whole.len))
                              : 8 * whole.len - (2000 - (size_t)i);
        whole.at[bit / 8] ^= (char)(1 << bit % 8);
        write_bytes(path, whole.at, whole.len);
        assert_refused(path, "'");
        whole.at[bit / 8] ^= (char)(1 << bit % 8);
    }
    trit_checkpoint *c = NULL;
    trit_error e = {0};
    write_bytes(path, whole.at, whole.len);
    assert_ok(trit_checkpoint_open(&c, path, &e));
    trit_checkpoint_close(c);
    trit_text_free(&whole);
}

#define WRITE_TEXT(literal) write_bytes(path, literal, sizeof(literal) - 1)

static void foreign_files(void **unused) {
    (void)unused;
    WRITE_TEXT("");
    assert_refused(path, "empty");
    WRITE_TEXT("hello, this is not a checkpoint, whatever it is called");
    assert_refused(path, "not an HDF5 file");
    WRITE_TEXT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR and more and more");
    assert_refused(path, "not an HDF5 file");
    unlink(path);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    assert_true(H5Fclose(file) >= 0);
    assert_refused(path, "not a trit checkpoint");
    assert_refused(dir, "directory");
}

/* Loads old's list after an edit; the status, with the message in *e. */
static trit_status load_edited(trit_ckpt_tensor *t, int n, trit_error *e) {
    trit_checkpoint *c = NULL;
    *e = (trit_error){0};
    trit_status status = trit_checkpoint_open(&c, path, e);
    if (!status) status = trit_checkpoint_load(c, t, n, e);
    trit_checkpoint_close(c);
    return status;
}

static void strict_loading(void **unused) {
    (void)unused;
    trit_ckpt_tensor t[N_TENSOR + 1];
    trit_error e;
    trit_real untouched = 3;
    save(old);
    list(got, t);
    assert_int_equal(load_edited(t + 1, N_TENSOR - 1, &e), TRIT_E_FORMAT);
    assert_error_has(e, "'param/blocks.0.attn.q.weight' is in the file");
    assert_int_equal(load_edited(t, 0, &e), TRIT_E_FORMAT);
    t[N_TENSOR] = (trit_ckpt_tensor){"param/new", TRIT_REAL, 0, {0}, &untouched, NULL, false};
    assert_int_equal(load_edited(t, N_TENSOR + 1, &e), TRIT_E_FORMAT);
    assert_error_has(e, "'param/new' is missing");
    assert_error_has(e, path);
    t[N_TENSOR].optional = true;
    assert_ok(load_edited(t, N_TENSOR + 1, &e));
    assert_true(untouched == 3);
    t[1].dim[3] = 6;
    memset(got, 0, sizeof *got);
    assert_int_equal(load_edited(t, N_TENSOR, &e), TRIT_E_SHAPE);
    assert_error_has(e, "'param/blocks.0.attn.q.bias' is f32[2,3,1,5]");
    assert_error_has(e, "f32[2,3,1,6]");
    assert_true(got->weight[0][0] == 0); /* nothing was loaded */
    list(got, t);
    t[4].dtype = TRIT_I32; /* bf16 in the file */
    assert_int_equal(load_edited(t, N_TENSOR, &e), TRIT_E_SHAPE);
    assert_error_has(e, "bf16[7]");
    list(got, t);
    t[8] = t[7];
    assert_int_equal(load_edited(t, N_TENSOR, &e), TRIT_E_STATE);
    assert_error_has(e, "'loss' is listed twice");
}

/* Strict in the part; tensors outside the prefix do not matter. */
static void loading_a_part(void **unused) {
    (void)unused;
    trit_ckpt_tensor t[N_TENSOR];
    trit_error e = {0};
    trit_real fresh = 3;
    trit_checkpoint *c = NULL;
    save(old);
    list(got, t);
    memset(got, 0, sizeof *got);
    trit_ckpt_tensor want[] = {t[0], t[1], {"param/new", TRIT_REAL, 0, {0}, &fresh, NULL, false}};
    assert_ok(trit_checkpoint_open(&c, path, &e));
    assert_int_equal(trit_checkpoint_load_part(c, "param/", want, 3, &e), TRIT_E_FORMAT);
    assert_error_has(e, "'param/new' is missing");
    e = (trit_error){0};
    assert_int_equal(trit_checkpoint_load_part(c, "param/", want, 1, &e), TRIT_E_FORMAT);
    assert_error_has(e, "'param/blocks.0.attn.q.bias' is in the file, but");
    assert_true(got->weight[0][0] == 0);
    assert_ok(trit_checkpoint_load_part(c, "param/", want, 2, &e));
    assert_memory_equal(got->weight, old->weight, sizeof got->weight);
    assert_memory_equal(got->bias, old->bias, sizeof got->bias);
    assert_ok(trit_checkpoint_load_part(c, "no/such/", want, 0, &e));
    trit_checkpoint_close(c);
}

static void verified_without_reading(void **unused) {
    (void)unused;
    trit_error e = {0};
    trit_text whole = small_file();
    assert_ok(trit_checkpoint_verify(path, &e));
    whole.at[whole.len / 2] ^= 1;
    write_bytes(path, whole.at, whole.len);
    assert_int_equal(trit_checkpoint_verify(path, &e), TRIT_E_FORMAT);
    assert_error_has(e, path);
    assert_error_has(e, "damaged");
    whole.at[whole.len / 2] ^= 1;
    whole.at[whole.len - 25]++; /* "TRITSUM2" */
    write_bytes(path, whole.at, whole.len);
    assert_refused(path, "of a newer program");
    trit_text_free(&whole);
}

static void two_open_at_once(void **unused) {
    (void)unused;
    char other[512];
    trit_checkpoint *c[2] = {NULL, NULL};
    trit_error e = {0};
    int64_t step[2] = {1, 2}, found = 0;
    for (int i = 0; i < 2; i++) {
        trit_ckpt_attr a = {"step", TRIT_ATTR_INT, step[i], 0, NULL};
        const char *to = i ? scratch_path(other, dir, "other.h5") : path;
        assert_ok(trit_checkpoint_write(NULL, to, NULL, 0, &a, 1, &e));
        assert_ok(trit_checkpoint_open(&c[i], to, &e));
    }
    for (int i = 0; i < 2; i++) {
        assert_ok(trit_checkpoint_attr_int(c[i], "step", &found, &e));
        assert_int_equal(found, step[i]);
        trit_checkpoint_close(c[i]);
    }
}

static void one_tensor(void **unused) {
    (void)unused;
    trit_checkpoint *c = NULL;
    trit_error e = {0};
    trit_ckpt_tensor t[N_TENSOR];
    save(old);
    list(got, t);
    assert_ok(trit_checkpoint_open(&c, path, &e));
    assert_ok(trit_checkpoint_read_one(c, &t[5], &e));
    assert_memory_equal(old->codes, got->codes, sizeof old->codes);
    t[5].path = "slot";
    assert_int_equal(trit_checkpoint_read_one(c, &t[5], &e), TRIT_E_FORMAT);
    assert_error_has(e, "'slot' is missing");
    trit_checkpoint_close(c);
}

/* As deep as a path may be, and deeper. */
static const char deep[] = "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a";
static const char too_deep[] = "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a";

static void refuses_bad_lists(void **unused) {
    (void)unused;
    static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "a/../b", too_deep};
    trit_real x = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        trit_ckpt_tensor t = {bad[i], TRIT_REAL, 0, {0}, &x, NULL, false};
        trit_error e = {0};
        assert_int_equal(trit_checkpoint_write(NULL, path, &t, 1, NULL, 0, &e), TRIT_E_STATE);
        assert_error_has(e, "path of a tensor");
    }
    trit_ckpt_tensor clash[] = {{"a", TRIT_REAL, 0, {0}, &x, NULL, false},
                                {"a/b", TRIT_REAL, 0, {0}, &x, NULL, false}};
    trit_error e = {0};
    assert_int_equal(trit_checkpoint_write(NULL, path, clash, 2, NULL, 0, &e), TRIT_E_FORMAT);
    assert_error_has(e, "a/b");
    char *big = malloc(70000);
    memset(big, 'x', 69999);
    big[69999] = '\0';
    trit_ckpt_attr a = {"config", TRIT_ATTR_TEXT, 0, 0, big};
    e = (trit_error){0};
    assert_int_equal(trit_checkpoint_write(NULL, path, clash, 1, &a, 1, &e), TRIT_E_UNSUPPORTED);
    big[60000] = '\0';
    e = (trit_error){0};
    assert_ok(trit_checkpoint_write(NULL, path, clash, 1, &a, 1, &e));
    clash[1].path = deep;
    clash[0].path = "b";
    assert_ok(trit_checkpoint_write(NULL, path, clash, 2, &a, 1, &e));
    trit_checkpoint *c = NULL;
    const char *text = NULL;
    assert_ok(trit_checkpoint_open(&c, path, &e));
    assert_int_equal(trit_checkpoint_n_tensors(c), 2);
    assert_ok(trit_checkpoint_attr_text(c, "config", &text, &e));
    assert_string_equal(text, big);
    trit_checkpoint_close(c);
    free(big);
}

/* HDF5's own tools read the file in spite of the trailer. */
static void plain_hdf5_reads_it(void **unused) {
    (void)unused;
    save(old);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    hid_t data = H5Dopen2(file, "param/blocks.0.attn.q.weight", H5P_DEFAULT);
    assert_true(data >= 0);
    hid_t type = sizeof(trit_real) == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
    assert_true(H5Dread(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, got->weight) >= 0);
    assert_memory_equal(old->weight, got->weight, sizeof old->weight);
    H5Dclose(data);
    H5Fclose(file);
}

/* Appends a checksum that fits to an HDF5 file, as no accident would. */
static void sign(void) {
    trit_text image = read_bytes(path);
    uint64_t n = image.len;
    XXH128_canonical_t sum;
    XXH128_canonicalFromHash(&sum, XXH3_128bits(image.at, image.len));
    trit_text_add_bytes(&image, "TRITSUM1", 8);
    trit_text_add_bytes(&image, (const char *)&n, 8);
    trit_text_add_bytes(&image, (const char *)&sum, 16);
    assert_int_equal(image.len, n + 32);
    write_bytes(path, image.at, image.len);
    trit_text_free(&image);
}

static void add_int(hid_t file, const char *name, int64_t value) {
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(file, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attr, H5T_NATIVE_INT64, &value) >= 0);
    H5Aclose(attr);
    H5Sclose(space);
}

/* A signed HDF5 file made by edit(). */
static void assert_forged_refused(void (*edit)(hid_t file), int64_t format, const char *part) {
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    if (format) add_int(file, "trit_format", format);
    if (edit) edit(file);
    assert_true(H5Fclose(file) >= 0);
    sign();
    assert_refused(path, part);
}

static void edit_soft_link(hid_t file) {
    assert_true(H5Lcreate_soft("/other", file, "soft", H5P_DEFAULT, H5P_DEFAULT) >= 0);
}

static void edit_loop(hid_t file) {
    assert_true(H5Lcreate_hard(file, "/", file, "loop", H5P_DEFAULT, H5P_DEFAULT) >= 0);
}

static void edit_dataset(hid_t file, hid_t type, int ndim, hsize_t *dim, bool chunked) {
    hsize_t chunk[] = {1, 1, 1, 1, 1};
    hid_t space = H5Screate_simple(ndim, dim, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    if (chunked) assert_true(H5Pset_chunk(list, ndim, chunk) >= 0);
    hid_t data = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(data >= 0);
    H5Dclose(data);
    H5Pclose(list);
    H5Sclose(space);
}

static void edit_big_endian(hid_t file) {
    edit_dataset(file, H5T_IEEE_F32BE, 1, (hsize_t[]){4}, true);
}

static void edit_plain_u16(hid_t file) {
    edit_dataset(file, H5T_STD_U16LE, 1, (hsize_t[]){4}, true);
}

static void edit_rank_5(hid_t file) {
    edit_dataset(file, H5T_STD_I8LE, 5, (hsize_t[]){1, 1, 1, 1, 1}, true);
}

static void edit_vast(hid_t file) {
    edit_dataset(file, H5T_STD_I8LE, 3, (hsize_t[]){1 << 20, 1 << 20, 1 << 20}, true);
}

/* Few enough bytes to pass for what the file holds, but none are stored. */
static void edit_hollow(hid_t file) {
    edit_dataset(file, H5T_STD_I8LE, 1, (hsize_t[]){64}, true);
}

static void edit_no_sum(hid_t file) {
    edit_dataset(file, H5T_STD_I8LE, 1, (hsize_t[]){0}, false);
}

static void edit_odd_attr(hid_t file) {
    hid_t space = H5Screate_simple(1, (hsize_t[]){3}, NULL);
    hid_t attr = H5Acreate2(file, "list", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(attr >= 0);
    H5Aclose(attr);
    H5Sclose(space);
}

static void forged_files(void **unused) {
    (void)unused;
    assert_forged_refused(NULL, 0, "no attribute 'trit_format'");
    assert_forged_refused(NULL, 2, "checkpoint format 2, but this program reads up to 1");
    assert_forged_refused(edit_soft_link, 1, "'soft' is a soft or external link");
    assert_forged_refused(edit_loop, 1, "nested too deeply");
    assert_forged_refused(edit_big_endian, 1, "'x' has a number type");
    assert_forged_refused(edit_plain_u16, 1, "'x' has a number type");
    assert_forged_refused(edit_rank_5, 1, "'x' has 5 dimensions");
    assert_forged_refused(edit_vast, 1, "'x' claims more data");
    assert_forged_refused(edit_hollow, 1, "'x' claims more data");
    assert_forged_refused(edit_no_sum, 1, "'x' has no checksum");
    assert_forged_refused(edit_odd_attr, 1, "attribute 'list'");
    WRITE_TEXT("\x89HDF\r\n\x1a\n and then nothing that HDF5 could read");
    sign();
    assert_refused(path, "HDF5: cannot open");
}

/* The file's checksum fits, one tensor's does not. */
static void wrong_tensor_sum(void **unused) {
    (void)unused;
    save(old);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t data = H5Dopen2(file, "data/ids", H5P_DEFAULT);
    int32_t ids[3] = {1, 2, 3};
    assert_true(H5Dwrite(data, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, ids) >= 0);
    H5Dclose(data);
    assert_true(H5Fclose(file) >= 0);
    sign();
    trit_ckpt_tensor t[N_TENSOR];
    trit_error e;
    list(got, t);
    assert_int_equal(load_edited(t, N_TENSOR, &e), TRIT_E_FORMAT);
    assert_error_has(e, "'data/ids' is damaged");
}

/* Files made to crash HDF5: refused before it sees them. */
static void hostile_files(void **unused) {
    (void)unused;
    const char *archive = TRIT_SOURCE_DIR "/../shared/data/hdf5-cve-corpus/cvefiles.tar.gz";
    if (access(archive, R_OK)) {
        print_message("skipped: no collection of hostile HDF5 files beside the sources\n");
        return;
    }
    char command[1024], at[1024];
    snprintf(command, sizeof command, "tar xzf '%s' -C '%s'", archive, dir);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "%s/cvefiles", dir);
    DIR *d = opendir(command);
    assert_non_null(d);
    int n = 0;
    for (struct dirent *f; (f = readdir(d));) {
        if (!strstr(f->d_name, ".h5")) continue;
        assert_true(snprintf(at, sizeof at, "%s/%s", command, f->d_name) < (int)sizeof at);
        assert_refused(at, "not a");
        n++;
    }
    closedir(d);
    assert_true(n > 100);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(same_after_load),   T(attributes),          T(equal_state_equal_bytes),
        T(save_faults),       T(every_truncation),    T(every_bit_flip),
        T(foreign_files),     T(strict_loading),      T(one_tensor),
        T(two_open_at_once),  T(loading_a_part),      T(verified_without_reading),
        T(refuses_bad_lists), T(plain_hdf5_reads_it), T(forged_files),
        T(wrong_tensor_sum),  T(hostile_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
