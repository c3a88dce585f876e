/* `trit data`, run as a program. */
#include "data/tales.h"
#include "testing.h"

#include <sys/wait.h>
#include <unistd.h>

static char out[1 << 16];

static int trit(const char *args) {
    char line[1024];
    snprintf(line, sizeof line, "exec 2>&1; '%s' data %s", TRIT_CLI, args);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    out[fread(out, 1, sizeof out - 1, f)] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void tales_are_written(void **state) {
    (void)state;
    trit_text want = {0};
    for (uint64_t k = 0, bytes = 0; bytes < 5000; k++) {
        size_t before = want.len;
        assert_int_equal(trit_tales_story(7, k, &want, NULL), TRIT_OK);
        bytes += want.len - before;
        trit_text_add(&want, "\n<|endoftext|>\n");
    }
    assert_int_equal(trit("tales --bytes 5k --seed 7"), 0);
    assert_string_equal(out, want.at);
    trit_text_free(&want);
}

static void facts_as_json(void **state) {
    (void)state;
    assert_int_equal(trit("tales --bytes 5000 --json"), 0);
    long long bytes, stories;
    double token, byte;
    assert_int_equal(sscanf(out,
                            "{\"bytes\": %lld, \"stories\": %lld, \"entropy_nats_per_token\": %lf, "
                            "\"entropy_bits_per_byte\": %lf}",
                            &bytes, &stories, &token, &byte),
                     4);
    trit_tales_facts f = trit_tales_expect();
    assert_in_range(bytes, 5000, 5000 + f.longest);
    assert_in_range(stories, 5000 / f.longest, 20);
    assert_near(token, trit_tales_entropy_nats_per_token(), 1e-8);
    assert_near(byte * log(2) * f.bytes, f.nats, 1e-6);
}

/* What tales writes is read back as the same documents. */
static void check_counts(void **state) {
    (void)state;
    char path[] = "/tmp/trit_verb_data_XXXXXX", args[256];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(args, sizeof args, "tales --bytes 5000 > %s", path);
    assert_int_equal(trit(args), 0);
    assert_int_equal(trit("tales --bytes 5000 --json"), 0);
    long long bytes, stories, docs, doc_bytes, tokens, distinct;
    assert_int_equal(sscanf(out, "{\"bytes\": %lld, \"stories\": %lld", &bytes, &stories), 2);
    snprintf(args, sizeof args, "check %s --separator '<|endoftext|>'", path);
    assert_int_equal(trit(args), 0);
    assert_int_equal(sscanf(out, "documents %lld bytes %lld tokens %lld distinct bytes %lld", &docs,
                            &doc_bytes, &tokens, &distinct),
                     4);
    assert_int_equal(docs, stories);
    assert_int_equal(doc_bytes, bytes);
    assert_int_equal(tokens, bytes + stories);
    assert_in_range(distinct, 30, 70);
    unlink(path);
}

static void refusals(void **state) {
    (void)state;
    assert_int_equal(trit(""), 2);
    assert_int_equal(trit("tale"), 2);
    assert_non_null(strstr(out, "\"tale\""));
    assert_int_equal(trit("tales --bytes 0"), 2);
    assert_int_equal(trit("tales more"), 2);
    assert_int_equal(trit("check"), 2);
    assert_int_equal(trit("check /tmp/no/such/place"), 65);
    assert_non_null(strstr(out, "no such file"));
    /* Ends at once instead of generating text for nobody. */
    assert_int_equal(trit("tales --bytes 1000G > /dev/full"), 74);
    assert_non_null(strstr(out, "could not be written"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tales_are_written),
        cmocka_unit_test(facts_as_json),
        cmocka_unit_test(check_counts),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
