/* Reading metrics.jsonl, and smoothing. */
#include "run/metrics.h"

#include "io/file.h"
#include "testing.h"

#include <unistd.h>

static void reads_numbers_by_key(void **state) {
    (void)state;
    static const char text[] = "{\"step\":1,\"train_loss\":5.5,\"lr\":0.001}\n"
                               "{\"step\":2,\"train_loss\":5.25,\"lr\":0.002}\n"
                               "{\"step\":2,\"val_loss\":4.5,\"gap_to_source\":null}\n"
                               "{\"step\":2,\"quantizers\":{\"a\":{\"lr\":7}}}\n"
                               "{\"step\":3,\"train_loss\":9";
    static const char *const keys[] = {"train_loss", "gap_to_source", "lr"};
    char path[] = "/tmp/trit-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    trit_error e = {0};
    trit_series s[3] = {{0}};
    assert_ok(trit_file_replace(NULL, path, text, sizeof text - 1, &e));
    assert_ok(trit_metrics_read(path, keys, 3, s, &e));
    assert_int_equal(s[0].n, 2); /* half a line is none */
    assert_true(s[0].x[1] == 2 && s[0].y[1] == 5.25);
    assert_int_equal(s[1].n, 1);
    assert_true(isnan(s[1].y[0]));
    assert_int_equal(s[2].n, 2);
    for (int i = 0; i < 3; i++) trit_series_free(&s[i]);
    unlink(path);
    assert_int_equal(trit_metrics_read(path, keys, 3, s, &e), TRIT_E_IO);
}

static void statistics_by_quantizer(void **state) {
    (void)state;
    static const char text[] = "{\"step\":5,\"train_loss\":1}\n"
                               "{\"step\":5,\"quantizers\":{\"a.w\":{\"zero\":0.5,\"flip\":null},"
                               "\"a.x\":{\"zero\":0.1}}}\n"
                               "{\"step\":9,\"quantizers\":{\"b.w\":{\"zero\":0.7},\"a.w\":{"
                               "\"zero\":0.6,\"flip\":0.01}}}\n";
    char path[] = "/tmp/trit-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    trit_error e = {0};
    trit_quantizer_series s;
    assert_ok(trit_file_replace(NULL, path, text, sizeof text - 1, &e));
    assert_ok(trit_metrics_read_quantizers(path, "zero", "*.w", &s, &e));
    assert_int_equal(s.n, 2);
    assert_string_equal(s.path[0], "a.w");
    assert_int_equal(s.at[0].n, 2);
    assert_true(s.at[0].x[1] == 9 && s.at[0].y[1] == 0.6);
    assert_int_equal(s.at[1].n, 1);
    trit_quantizer_series_free(&s);
    assert_ok(trit_metrics_read_quantizers(path, "flip", "*", &s, &e));
    assert_int_equal(s.n, 1);
    assert_true(isnan(s.at[0].y[0]) && s.at[0].y[1] == 0.01);
    trit_quantizer_series_free(&s);
    unlink(path);
}

static void smoothing_keeps_lines_straight(void **state) {
    (void)state;
    trit_series line = {0}, smooth = {0};
    for (int i = 0; i < 100; i++) assert_true(trit_series_add(&line, i, 3 * i + (i % 2 ? 1 : -1)));
    assert_true(trit_series_smooth(&line, 0.2, &smooth));
    assert_int_equal(smooth.n, 100);
    for (int i = 10; i < 90; i++) assert_near(smooth.y[i], 3 * i, 0.05);
    assert_near(smooth.y[0], -1, 1e-12); /* at the ends the window shrinks */
    trit_series_free(&line);
    trit_series_free(&smooth);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers_by_key),
        cmocka_unit_test(statistics_by_quantizer),
        cmocka_unit_test(smoothing_keeps_lines_straight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
