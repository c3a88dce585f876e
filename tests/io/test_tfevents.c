/* Event files, byte by byte: checksums from the published vectors, messages read back. */
#include "io/tfevents.h"

#include "testing.h"

static uint64_t fixed(const char *at, int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++) v |= (uint64_t)(unsigned char)at[i] << 8 * i;
    return v;
}

static double real(const char *at) {
    uint64_t bits = fixed(at, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void checksums(void **state) {
    (void)state;
    char zeros[32] = {0};
    assert_int_equal(trit_crc32c(zeros, 32), 0x8A9136AA);
    assert_int_equal(trit_crc32c("123456789", 9), 0xE3069283);
    assert_int_equal(trit_crc32c_masked("\x1A\x11"
                                        "CRC test, one two",
                                        19),
                     0x5794D08A);
}

/* Checks a record's frame; returns its data and length. */
static const char *record(const trit_text *t, size_t *at, size_t *n) {
    const char *frame = t->at + *at;
    *n = (size_t)fixed(frame, 8);
    assert_int_equal(fixed(frame + 8, 4), trit_crc32c_masked(frame, 8));
    assert_int_equal(fixed(frame + 12 + *n, 4), trit_crc32c_masked(frame + 12, *n));
    *at += 16 + *n;
    return frame + 12;
}

static void records(void **state) {
    (void)state;
    trit_text t = {0};
    size_t at = 0, n;
    trit_tfevents_version(&t, 1.5);
    trit_tfevents_start(&t, 2, 300);
    trit_tfevents_scalar(&t, 2, 300, "loss", 0.25);
    assert_false(t.failed);
    const char *d = record(&t, &at, &n);
    assert_int_equal(n, 9 + 2 + 13);
    assert_true(d[0] == 0x09 && real(d + 1) == 1.5);
    assert_memory_equal(d + 9,
                        "\x1A\x0D"
                        "brain.Event:2",
                        15);
    d = record(&t, &at, &n);
    assert_memory_equal(d + 9, "\x10\xAC\x02\x3A\x02\x08\x01", 7); /* 300 = 0xAC 0x02 */
    d = record(&t, &at, &n);
    assert_memory_equal(d + 12,
                        "\x2A\x0D\x0A\x0B\x0A\x04"
                        "loss"
                        "\x15\x00\x00\x80\x3E",
                        15);
    assert_int_equal(at, t.len);
    trit_text_free(&t);
}

static void histograms(void **state) {
    (void)state;
    static const double share[] = {0.25, 0.5, 0.25};
    trit_text t = {0};
    size_t at = 0, n;
    trit_tfevents_levels(&t, 2, 1, "q", share, 3);
    const char *d = record(&t, &at, &n);
    /* Event: 11 bytes of time and step; 2A len, 0A len(2 bytes), 0A 01 q, 2A len, histogram. */
    const char *h = memchr(d + 11, 'q', n - 11);
    assert_non_null(h);
    h += 1;
    assert_int_equal(h[0], 0x2A);
    h += 2;
    static const double numbers[] = {0, 2, 1, 1, 1.5};
    for (int i = 0; i < 5; i++, h += 9) {
        assert_int_equal(h[0], 0x09 + 8 * i);
        assert_true(real(h + 1) == numbers[i]);
    }
    assert_memory_equal(h, "\x32\x20", 2);
    assert_true(real(h + 2) == -0.5 && real(h + 10) == 0.5 && real(h + 18) == 1.5);
    h += 34;
    assert_memory_equal(h, "\x3A\x20", 2);
    assert_true(real(h + 2) == 0 && real(h + 10) == 0.25 && real(h + 18) == 0.5);
    trit_text_free(&t);
}

/* Field of a message: its tag byte, and what it holds; at moves behind it. Only lengths below 128.
 */
static const char *bytes_of(const char **at, int tag, size_t *n) {
    assert_int_equal((unsigned char)(*at)[0], tag);
    *n = (unsigned char)(*at)[1];
    assert_true(*n < 128);
    const char *inside = *at + 2;
    *at = inside + *n;
    return inside;
}

/* Enters a message. */
static const char *inside(const char *at, int tag) {
    size_t n;
    return bytes_of(&at, tag, &n);
}

static void images(void **state) {
    (void)state;
    trit_text t = {0};
    size_t at = 0, n;
    trit_tfevents_image(&t, 2, 7, "p", 300, 2, "PNG", 3);
    const char *d = record(&t, &at, &n);
    const char *value = inside(inside(d + 11, 0x2A), 0x0A);
    assert_memory_equal(bytes_of(&value, 0x0A, &n), "p", 1);
    assert_memory_equal(inside(value, 0x22), "\x08\x02\x10\xAC\x02\x18\x03\x22\x03PNG", 12);
    assert_int_equal(at, t.len);
    trit_text_free(&t);
}

/* HParamsPluginData in the metadata of a value. */
static const char *plugin_of(const trit_text *t, size_t *at, const char *tag) {
    size_t n;
    const char *d = record(t, at, &n);
    assert_memory_equal(d + 9, "\x10\x00\x2A", 3); /* step 0 */
    /* Lengths of the summary and its value may take two bytes. */
    d += 12 + ((unsigned char)d[12] < 128 ? 1 : 2);
    assert_int_equal(d[0], 0x0A);
    d += 1 + ((unsigned char)d[1] < 128 ? 1 : 2);
    assert_memory_equal(bytes_of(&d, 0x0A, &n), tag, strlen(tag));
    assert_memory_equal(bytes_of(&d, 0x42, &n), "\x08\x01\x12\x00\x2A\x04\0\0\0\0", 10);
    d = inside(d, 0x4A);
    const char *plugin = bytes_of(&d, 0x0A, &n);
    assert_memory_equal(d, "\x20\x02", 2);
    assert_memory_equal(bytes_of(&plugin, 0x0A, &n), "hparams", 7);
    return inside(plugin, 0x12);
}

static void settings(void **state) {
    (void)state;
    static const trit_tfevents_setting set[] = {{"lr", NULL, 0.25}, {"est", "ste", 0}};
    trit_text t = {0};
    size_t at = 0, n;
    trit_tfevents_session(&t, 2, "lr=0.25", set, 2);
    trit_tfevents_session_end(&t, 3, TRIT_SESSION_FAILURE);
    const char *d = inside(plugin_of(&t, &at, "_hparams_/session_start_info"), 0x1A);
    const char *entry = bytes_of(&d, 0x0A, &n);
    assert_memory_equal(bytes_of(&entry, 0x0A, &n), "lr", 2);
    const char *value = bytes_of(&entry, 0x12, &n);
    assert_true(n == 9 && value[0] == 0x11 && real(value + 1) == 0.25);
    entry = bytes_of(&d, 0x0A, &n);
    assert_memory_equal(bytes_of(&entry, 0x0A, &n), "est", 3);
    assert_memory_equal(bytes_of(&entry, 0x12, &n), "\x1A\x03ste", 5);
    assert_memory_equal(bytes_of(&d, 0x22, &n), "lr=0.25", 7);
    assert_true(d[0] == 0x29 && real(d + 1) == 2);
    d = inside(plugin_of(&t, &at, "_hparams_/session_end_info"), 0x22);
    assert_memory_equal(d, "\x08\x02\x11", 3);
    assert_true(real(d + 3) == 3);
    assert_int_equal(at, t.len);
    trit_text_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums), cmocka_unit_test(records),  cmocka_unit_test(histograms),
        cmocka_unit_test(images),    cmocka_unit_test(settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
