/* Lines of metrics.jsonl become events. */
#include "run/tensorboard.h"

#include "io/file.h"
#include "testing.h"

#include <dirent.h>
#include <unistd.h>

static int count_files(const char *dir, char *last, size_t cap) {
    int n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *one; d && (one = readdir(d));) {
        if (one->d_name[0] == '.') continue;
        assert_non_null(strstr(one->d_name, "tfevents"));
        snprintf(last, cap, "%s/%s", dir, one->d_name);
        n++;
    }
    if (d) closedir(d);
    return n;
}

static bool holds(const trit_text *t, const char *part) {
    return memmem(t->at, t->len, part, strlen(part)) != NULL;
}

static void each_start_has_a_file(void **state) {
    (void)state;
    char dir[] = "/tmp/trit-test-XXXXXX", events[100], path[400], line[100];
    assert_non_null(mkdtemp(dir));
    snprintf(events, sizeof events, "%s/tensorboard", dir);
    trit_error e = {0};
    trit_tensorboard t = {0};
    trit_text file = {0};
    assert_ok(
        trit_tensorboard_add(&t, dir, 0, "{\"step\":1,\"train_loss\":2.5,\"lr\":null}\n", &e));
    assert_ok(trit_tensorboard_add(&t, dir, 0,
                                   "{\"step\":2,\"quantizers\":{\"a.w\":{\"zero\":0.5,\"levels\":"
                                   "[0.25,0.75]}}}\n{\"step\":3,\"penalties\":{\"clip\":1}}\n",
                                   &e));
    assert_int_equal(count_files(events, path, sizeof path), 1);
    assert_ok(trit_file_read(path, 1 << 20, &file, &e));
    assert_true(holds(&file, "brain.Event:2") && holds(&file, "train_loss"));
    assert_true(holds(&file, "quantizers/a.w/zero") && holds(&file, "quantizers/a.w/levels"));
    assert_true(holds(&file, "penalties/clip"));
    assert_false(holds(&file, "lr")); /* null is no number */
    trit_text_free(&file);
    /* A picture, with its size from the file's header: 3 x 2. */
    static const char png[] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\3\0\0\0\2\10\2\0\0\0crc!rest";
    char picture[400];
    snprintf(picture, sizeof picture, "%s/loss.png", dir);
    assert_ok(trit_file_replace(NULL, picture, png, sizeof png - 1, &e));
    assert_ok(trit_tensorboard_image(&t, 3, "plots/loss", picture, &e));
    assert_ok(trit_file_read(path, 1 << 20, &file, &e));
    assert_true(holds(&file, "plots/loss") && holds(&file, "\x08\2\x10\3\x18\3\x22"));
    assert_non_null(memmem(file.at, file.len, png, sizeof png - 1));
    trit_text_free(&file);
    assert_ok(trit_file_replace(NULL, picture, "x", 1, &e));
    assert_int_equal(trit_tensorboard_image(&t, 3, "plots/loss", picture, &e), TRIT_E_FORMAT);
    e = (trit_error){0};
    trit_tensorboard_free(&t);
    assert_ok(trit_tensorboard_image(&t, 3, "plots/loss", picture, &e)); /* no lines: no file */
    assert_int_equal(count_files(events, path, sizeof path), 1);
    assert_ok(trit_tensorboard_add(&t, dir, 4, "{\"step\":4,\"train_loss\":2}\n", &e));
    assert_int_equal(count_files(events, path, sizeof path), 2);
    trit_tensorboard_free(&t);
    snprintf(line, sizeof line, "rm -rf '%s'", dir);
    assert_int_equal(system(line), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_start_has_a_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
