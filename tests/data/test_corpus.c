/* Corpora: documents, tokens and errors. Well under 1 s. */
#include "data/corpus.h"

#include "data/tales.h"
#include "testing.h"

#include <sys/stat.h>
#include <unistd.h>

enum { EOT = TRIT_BYTE_EOT };

/* All tokens as text, end-of-text shown as '$'. */
static char *shown(const trit_corpus *c) {
    int64_t n = trit_corpus_n_tokens(c);
    int32_t *token = malloc((size_t)n * sizeof *token);
    char *text = malloc((size_t)n + 1);
    trit_corpus_read(c, 0, n, token);
    for (int64_t i = 0; i < n; i++) text[i] = token[i] == EOT ? '$' : (char)token[i];
    text[n] = '\0';
    free(token);
    return text;
}

static void assert_cut(const char *text, const char *separator, const char *want) {
    trit_error e = {0};
    trit_corpus *c;
    assert_ok(trit_corpus_open_bytes(&c, text, (int64_t)strlen(text), separator, &e));
    char *got = shown(c);
    assert_string_equal(got, want);
    free(got);
    trit_corpus_close(c);
}

static void cutting(void **state) {
    (void)state;
    assert_cut("one two", "", "one two$");
    assert_cut("a|bc|d", "|", "a$bc$d$");
    assert_cut("|a||b|", "|", "a$b$");
    assert_cut("aaa", "aa", "a$"); /* left to right, not overlapping */
    assert_cut("xaaay", "aa", "x$ay$");
    assert_cut("abab", "abc", "abab$");
    assert_cut("a\n|\nb", "|", "a$b$");          /* alone on its line */
    assert_cut("|\na\n|\n|\nb\n|", "|", "a$b$"); /* at both ends, and twice */
    assert_cut("a\n|b", "|", "a\n$b$");          /* not alone */
    assert_cut("a|\nb\n", "|", "a$\nb\n$");
    assert_cut("\n\n|\n\nb", "|", "\n$\nb$"); /* one newline on either side */
}

static void no_documents(void **state) {
    (void)state;
    static const char *const text[] = {"", "|||", "|\n|\n"};
    for (int i = 0; i < 3; i++) {
        trit_error e = {0};
        trit_corpus *c;
        assert_int_equal(trit_corpus_open_bytes(&c, text[i], (int64_t)strlen(text[i]), "|", &e),
                         TRIT_E_DATA);
        assert_null(c);
    }
    trit_corpus_close(NULL);
}

/* Bytes above 127 are tokens 128..255, not negative. */
static void all_bytes(void **state) {
    (void)state;
    unsigned char text[256];
    int32_t token[257];
    for (int i = 0; i < 256; i++) text[i] = (unsigned char)i;
    trit_error e = {0};
    trit_corpus *c;
    assert_ok(trit_corpus_open_bytes(&c, text, 256, "", &e));
    assert_int_equal(trit_corpus_n_tokens(c), 257);
    trit_corpus_read(c, 0, 257, token);
    for (int i = 0; i < 257; i++) assert_int_equal(token[i], i);
    trit_corpus_close(c);
}

static void reading_in_parts(void **state) {
    (void)state;
    trit_error e = {0};
    trit_corpus *c;
    assert_ok(trit_corpus_open_bytes(&c, "a|bcd|e|fg|h", 12, "|", &e));
    const char *want = "a$bcd$e$fg$h$";
    int64_t n = trit_corpus_n_tokens(c);
    assert_int_equal(n, 13);
    assert_int_equal(trit_corpus_n_documents(c), 5);
    for (int64_t from = 0; from <= n; from++) {
        int64_t start = from;
        while (start > 0 && start < n && want[start - 1] != '$') start--;
        assert_int_equal(trit_corpus_document_start(c, from), start);
        int64_t bytes = 0;
        for (int64_t to = from; to <= n; to++) {
            int32_t token[14];
            token[to - from] = -7; /* one behind: untouched */
            trit_corpus_read(c, from, to - from, token);
            for (int64_t i = from; i < to; i++) {
                assert_int_equal(token[i - from], want[i] == '$' ? EOT : want[i]);
            }
            assert_int_equal(token[to - from], -7);
            assert_int_equal(trit_corpus_text_bytes(c, from, to), bytes);
            bytes += to < n && want[to] != '$';
        }
    }
    assert_true(isnan(trit_corpus_source_nats(c, 0, n)));
    trit_corpus_close(c);
}

/* ---- files ---- */

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/trit_corpus_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

/* A path below the folder, in one of four buffers. */
static const char *at(const char *name) {
    static char path[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

static void put(const char *name, const char *text, size_t n) {
    FILE *f = fopen(at(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void assert_files(const char *const *paths, int n, const char *separator, const char *want) {
    trit_error e = {0};
    trit_corpus *c;
    assert_ok(trit_corpus_open_files(&c, paths, n, separator, &e));
    char *got = shown(c);
    assert_string_equal(got, want);
    free(got);
    trit_corpus_close(c);
}

static void files_and_folders(void **state) {
    (void)state;
    mkdir(at("d"), 0755);
    mkdir(at("d/sub"), 0755);
    mkdir(at("d/.git"), 0755);
    put("d/b", "bee", 3);
    put("d/a", "ay|x", 4);
    put("d/B", "big", 3);
    put("d/sub/z", "zed", 3);
    put("d/sub.txt", "s", 1);
    put("d/.hidden", "no", 2);
    put("d/.git/config", "no", 2);
    put("d/empty", "", 0);
    assert_int_equal(symlink("a", at("d/link")), 0);
    assert_int_equal(symlink("..", at("d/up")), 0); /* would never end */
    /* bytewise: "sub.txt" before "sub/z" */
    assert_files((const char *[]){at("d")}, 1, "", "big$ay|x$bee$ay|x$s$zed$");
    assert_files((const char *[]){at("d/b"), at("d/a")}, 2, "|", "bee$ay$x$");
    assert_files((const char *[]){at("d/sub/"), at("d/b")}, 2, "", "zed$bee$");
}

static void assert_refused(const char *name, const char *separator, trit_status code,
                           const char *part) {
    trit_error e = {0};
    trit_corpus *c;
    const char *path = at(name);
    assert_int_equal(trit_corpus_open_files(&c, &path, 1, separator, &e), code);
    assert_null(c);
    assert_error_has(e, path);
    assert_error_has(e, part);
}

static void refusals(void **state) {
    (void)state;
    mkdir(at("r"), 0755);
    mkdir(at("r/none"), 0755);
    put("r/stories.txt", "text", 4);
    put("r/empty", "", 0);
    put("r/bars", "||", 2);
    assert_refused("r/storis.txt", "", TRIT_E_DATA, "did you mean \"stories.txt\"");
    assert_refused("r/completely-else", "", TRIT_E_DATA, "no such file");
    assert_refused("r/nowhere/x", "", TRIT_E_DATA, "there is no folder");
    assert_refused("r/stories.txt/x", "", TRIT_E_DATA, "no such file");
    assert_refused("r/empty", "", TRIT_E_DATA, "empty");
    assert_refused("r/none", "", TRIT_E_DATA, "no files");
    assert_refused("r/bars", "|", TRIT_E_DATA, "no documents");
    assert_int_equal(mkfifo(at("r/fifo"), 0644), 0);
    assert_refused("r/fifo", "", TRIT_E_DATA, "neither");
    if (geteuid()) { /* root may read everything */
        put("r/secret", "x", 1);
        chmod(at("r/secret"), 0);
        assert_refused("r/secret", "", TRIT_E_IO, "ermission");
    }
}

static uint64_t fingerprint(const char *name, const char *separator) {
    trit_error e = {0};
    trit_corpus *c;
    const char *path = at(name);
    assert_ok(trit_corpus_open_files(&c, &path, 1, separator, &e));
    uint64_t h = trit_corpus_fingerprint(c);
    trit_corpus_close(c);
    return h;
}

static void fingerprints(void **state) {
    (void)state;
    enum { BIG = 1 << 20 };
    char *text = malloc(BIG);
    for (int i = 0; i < BIG; i++) text[i] = (char)('a' + i % 26);
    put("big", text, BIG);
    put("big2", text, BIG);
    uint64_t h = fingerprint("big", "");
    assert_true(h == fingerprint("big2", "")); /* contents, not paths */
    assert_true(h != fingerprint("big", "wxyz"));
    static const int change[] = {0, 65535, BIG - 1, BIG - 65536};
    for (int i = 0; i < 4; i++) {
        text[change[i]] ^= 1;
        put("big2", text, BIG);
        assert_true(h != fingerprint("big2", ""));
        text[change[i]] ^= 1;
    }
    put("big2", text, BIG - 1);
    assert_true(h != fingerprint("big2", ""));
    put("small", text, 1000);
    h = fingerprint("small", "");
    text[500] ^= 1;
    put("small", text, 1000);
    assert_true(h != fingerprint("small", ""));
    free(text);
}

/* ---- tales ---- */

static void tales_hold_the_stories(void **state) {
    (void)state;
    trit_error e = {0};
    trit_corpus *c, *again, *other;
    assert_ok(trit_corpus_open_tales(&c, 5, 50000, &e));
    int64_t n_docs = trit_corpus_n_documents(c), n = trit_corpus_n_tokens(c), from = 0;
    assert_true(n - n_docs >= 50000 && n - n_docs < 50000 + TRIT_TALES_MAX_TOKENS);
    char *text = shown(c);
    double nats = 0;
    for (int64_t k = 0; k < n_docs; k++) {
        trit_text story = {0};
        double story_nats;
        assert_int_equal(trit_tales_story(5, (uint64_t)k, &story, &story_nats), TRIT_OK);
        assert_memory_equal(text + from, story.at, story.len);
        int64_t to = from + (int64_t)story.len + 1;
        assert_int_equal(text[to - 1], '$');
        assert_near(trit_corpus_source_nats(c, from, to), story_nats, 1e-9);
        nats += story_nats;
        from = to;
        trit_text_free(&story);
    }
    assert_int_equal(from, n);
    assert_near(trit_corpus_source_nats(c, 0, n), nats, 1e-12);
    /* Parts add up, token by token. */
    double sum = 0;
    for (int64_t i = 0; i < 2000; i++) {
        double one = trit_corpus_source_nats(c, i, i + 1);
        assert_true(one > -1e-9);
        sum += one;
    }
    assert_near(sum, trit_corpus_source_nats(c, 0, 2000), 1e-9);
    free(text);
    assert_ok(trit_corpus_open_tales(&again, 5, 50000, &e));
    assert_ok(trit_corpus_open_tales(&other, 6, 50000, &e));
    assert_true(trit_corpus_fingerprint(c) == trit_corpus_fingerprint(again));
    assert_true(trit_corpus_fingerprint(c) != trit_corpus_fingerprint(other));
    trit_corpus_close(c);
    trit_corpus_close(again);
    trit_corpus_close(other);
    assert_int_equal(trit_corpus_open_tales(&c, 1, 0, &e), TRIT_E_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cutting),           cmocka_unit_test(no_documents),
        cmocka_unit_test(all_bytes),         cmocka_unit_test(reading_in_parts),
        cmocka_unit_test(files_and_folders), cmocka_unit_test(refusals),
        cmocka_unit_test(fingerprints),      cmocka_unit_test(tales_hold_the_stories),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
