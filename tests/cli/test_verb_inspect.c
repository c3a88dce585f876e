/* `trit inspect`, run as a program. */
#include "merged.h"

#include "io/checkpoint.h"
#include "io/io_faults.h"
#include "io/json.h"

static char dir[256];

static int trit(const char *args) {
    return merged_run("inspect", args);
}

/* `trit inspect DIR/NAME OPTION` */
static int inspect(const char *name, const char *option) {
    char args[512];
    snprintf(args, sizeof args, "%s%s %s", dir, name, option);
    return trit(args);
}

static void save(const char *name, int64_t step) {
    static float w[2][3] = {{0, 1, 2}, {0, -1, -2}}, bad[2] = {NAN, 4};
    static uint16_t half[2] = {0x3F80, 0xC000}; /* 1, -2 */
    trit_ckpt_tensor t[] = {
        {"param/w", TRIT_REAL, 2, {2, 3}, w, "grid steps", false},
        {"param/bad", TRIT_REAL, 1, {2}, bad, NULL, false},
        {"slot/half", TRIT_BF16, 1, {2}, half, NULL, false},
        {"none", TRIT_I8, 1, {0}, NULL, NULL, false},
    };
    trit_ckpt_attr a[] = {{"step", TRIT_ATTR_INT, step, 0, NULL},
                          {"best", TRIT_ATTR_REAL, 0, 0.5, NULL},
                          {"config", TRIT_ATTR_TEXT, 0, 0, "{\n\"a\": 1\n}"}};
    char path[512];
    trit_error e = {0};
    assert_ok(trit_checkpoint_write(NULL, scratch_path(path, dir, name), t, 4, a, 3, &e));
}

static void put(const char *name, const char *text) {
    char path[512];
    trit_error e = {0};
    assert_ok(trit_file_replace(NULL, scratch_path(path, dir, name), text, strlen(text), &e));
}

static int setup(void **state) {
    (void)state;
    char path[512];
    trit_error e = {0};
    scratch_make(dir);
    assert_ok(trit_file_make_dir(NULL, scratch_path(path, dir, "checkpoints"), &e));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void as_text(void **state) {
    (void)state;
    save("a.h5", 1200);
    assert_int_equal(inspect("/a.h5", ""), 0);
    assert_non_null(strstr(out, "4 tensors, 10 values"));
    assert_non_null(strstr(out, "integrity ok"));
    assert_non_null(strstr(out, "step         1200\n"));
    assert_non_null(strstr(out, "config       { ...\n"));
    assert_non_null(strstr(out, "param/w    f32   [2,3]                      0       1.291"
                                "          -2           2   33.3%\n"));
    assert_non_null(strstr(out, "NOT FINITE: 1\n"));
    assert_non_null(strstr(out, "slot/half  bf16  [2]                     -0.5         1.5"));
}

static void as_json(void **state) {
    (void)state;
    save("a.h5", 1200);
    assert_int_equal(inspect("/a.h5", "--json"), 0);
    cJSON *tree = NULL;
    trit_error e = {0};
    assert_ok(trit_json_parse(&tree, out, strlen(out), "output", &e));
    const cJSON *attrs = trit_json_get(tree, "attributes");
    assert_near(trit_json_get(attrs, "step")->valuedouble, 1200, 0);
    assert_string_equal(trit_json_get(attrs, "config")->valuestring, "{\n\"a\": 1\n}");
    const cJSON *list = trit_json_get(tree, "tensors");
    assert_int_equal(cJSON_GetArraySize(list), 4);
    const cJSON *none = cJSON_GetArrayItem(list, 0), *w = cJSON_GetArrayItem(list, 2);
    assert_string_equal(trit_json_get(none, "path")->valuestring, "none");
    assert_true(cJSON_IsNull(trit_json_get(none, "mean")));
    assert_string_equal(trit_json_get(w, "unit")->valuestring, "grid steps");
    assert_near(trit_json_get(w, "std")->valuedouble, sqrt(10.0 / 6), 1e-12);
    assert_near(trit_json_get(w, "zeros")->valuedouble, 2, 0);
    cJSON_Delete(tree);
}

static void newest_of_a_run(void **state) {
    (void)state;
    assert_int_equal(inspect("", ""), 65);
    assert_non_null(strstr(out, "holds no checkpoint"));
    save("checkpoints/step-900.h5", 900);
    save("checkpoints/step-1000.h5", 1000);
    put("checkpoints/.step-2000.h5.tmp-1", "half a file");
    assert_int_equal(inspect("", ""), 0);
    assert_non_null(strstr(out, "checkpoints/step-1000.h5\n"));
    put("checkpoints/latest", "step-900.h5\n");
    assert_int_equal(inspect("", ""), 0);
    assert_non_null(strstr(out, "checkpoints/step-900.h5\n"));
    put("checkpoints/latest", "step-950.h5\n"); /* names no file */
    assert_int_equal(inspect("", ""), 0);
    assert_non_null(strstr(out, "checkpoints/step-1000.h5\n"));
    put("checkpoints/latest", "../../etc/passwd");
    assert_int_equal(inspect("", ""), 0);
}

/* A refused file is looked at by a child process, which says what it recognises. */
static void damaged_and_foreign(void **state) {
    (void)state;
    char path[512];
    trit_error e = {0};
    trit_text file = {0};
    save("hurt.h5", 1);
    scratch_path(path, dir, "hurt.h5");
    assert_ok(trit_file_read(path, 1 << 20, &file, &e));
    static const float row[3] = {0, -1, -2};
    char *at = memmem(file.at, file.len, row, sizeof row);
    assert_non_null(at);
    at[5] ^= 1;
    assert_ok(trit_file_replace(NULL, path, file.at, file.len, &e));
    assert_int_equal(inspect("/hurt.h5", ""), 65);
    assert_non_null(strstr(out, "damaged: its checksum differs from its content"));
    assert_non_null(strstr(out, "  none i8[0]: whole\n"));
    assert_non_null(strstr(out, "  param/bad f32[2]: whole\n"));
    assert_non_null(strstr(out, "  param/w f32[2,3]: damaged\n"));
    /* Without a trailer it is any HDF5 file. */
    assert_ok(trit_file_replace(NULL, path, file.at, file.len - 32, &e));
    assert_int_equal(inspect("/hurt.h5", ""), 65);
    assert_non_null(strstr(out, "not a trit checkpoint"));
    assert_non_null(strstr(out, "  slot/half bf16[2]: whole\n"));
    memset(file.at + 64, 0xFF, file.len - 64);
    assert_ok(trit_file_replace(NULL, path, file.at, file.len, &e));
    assert_int_equal(inspect("/hurt.h5", ""), 65);
    trit_text_free(&file);
}

static void refusals(void **state) {
    (void)state;
    put("text", "no checkpoint at all");
    assert_int_equal(inspect("/text", ""), 65);
    assert_non_null(strstr(out, "not an HDF5 file"));
    assert_int_equal(inspect("/none", ""), 65);
    assert_non_null(strstr(out, "no such checkpoint"));
    assert_int_equal(trit(""), 2);
    assert_int_equal(trit("a b c"), 2);
    assert_int_equal(trit("a --jsn"), 2);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {T(as_text), T(as_json), T(newest_of_a_run),
                                       T(damaged_and_foreign), T(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
