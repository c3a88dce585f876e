/* Windows for training and validation. Well under 1 s. */
#include "data/data.h"

#include "data/corpus.h"
#include "testing.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/trit_data_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static FILE *create(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    return f;
}

/* A file of n bytes whose neighbourhoods tell where they are. */
static void put(const char *name, int n) {
    FILE *f = create(name);
    for (int i = 0; i < n; i++) fputc(i % 2 ? i / 2 / 256 % 256 : i / 2 % 256, f);
    assert_int_equal(fclose(f), 0);
}

static const char *const builtin[] = {"builtin:tales"};

static trit_data_cfg config(const char *const *source) {
    return (trit_data_cfg){.source = {1, source},
                           .valid_fraction = 0.1,
                           .separator = "",
                           .tales_bytes = 20000,
                           .tales_seed = 1};
}

static trit_data *opened(const trit_data_cfg *cfg, int64_t context) {
    trit_error e = {0};
    trit_data *d;
    assert_ok(trit_data_open(&d, cfg, folder, context, &e));
    return d;
}

static void split(void **state) {
    (void)state;
    put("a", 999);
    const char *path[] = {"a"};
    trit_data_cfg cfg = config(path);
    trit_data *d = opened(&cfg, 16);
    assert_int_equal(trit_data_vocab(d), 257);
    assert_int_equal(trit_data_train_tokens(d), 900);
    assert_int_equal(trit_data_valid_tokens(d), 100);
    trit_data_close(d);
    put("v", 49);
    const char *valid[] = {"v"};
    cfg.valid = (trit_texts){1, valid};
    d = opened(&cfg, 16);
    assert_int_equal(trit_data_train_tokens(d), 1000);
    assert_int_equal(trit_data_valid_tokens(d), 50);
    trit_data_close(d);
    trit_data_close(NULL);
}

/* The validation part of tales is whole stories, about a tenth. */
static void tales_are_split_between_stories(void **state) {
    (void)state;
    trit_error e = {0};
    trit_data_cfg cfg = config(builtin);
    trit_data *d = opened(&cfg, 64);
    trit_corpus *c;
    assert_ok(trit_corpus_open_tales(&c, 1, 20000, &e));
    int64_t n = trit_corpus_n_tokens(c), cut = trit_data_train_tokens(d);
    assert_int_equal(cut + trit_data_valid_tokens(d), n);
    assert_int_equal(trit_corpus_document_start(c, cut), cut);
    assert_in_range(trit_data_valid_tokens(d), n / 10, n / 10 + 700);
    /* The known code length of what validation predicts. */
    int64_t n_tokens, n_bytes;
    double nats;
    trit_data_valid_span(d, 64, 3, &n_tokens, &n_bytes, &nats);
    assert_int_equal(n_tokens, 3 * 64);
    assert_near(nats, trit_corpus_source_nats(c, cut + 1, cut + 1 + 3 * 64), 1e-12);
    assert_int_equal(n_bytes, trit_corpus_text_bytes(c, cut + 1, cut + 1 + 3 * 64));
    trit_data_valid_span(d, 64, INT64_MAX, &n_tokens, &n_bytes, &nats);
    assert_int_equal(n_tokens, n - cut - 1);
    assert_near(nats, trit_corpus_source_nats(c, cut + 1, n), 1e-12);
    trit_corpus_close(c);
    trit_data_close(d);
}

/* Where in the file of put() a window was cut; any eight bytes tell. */
static int64_t position(const int32_t *x) {
    for (int64_t at = 0;; at++) {
        int same = 0;
        while (same < 8 &&
               x[same] == ((at + same) % 2 ? (at + same) / 512 : (at + same) / 2 % 256)) {
            same++;
        }
        if (same == 8) return at;
        assert_true(at < 1 << 16);
    }
}

static void training_windows(void **state) {
    (void)state;
    put("t", 5000);
    const char *path[] = {"t"};
    trit_data_cfg cfg = config(path);
    trit_data *d = opened(&cfg, 32);
    enum { T = 32, MAX = 200 };
    int64_t n = trit_data_train_windows(d, T), n_train = trit_data_train_tokens(d);
    assert_true(n < MAX && (n + 2) * T > n_train);
    int32_t *x = malloc(3 * MAX * T * sizeof *x), *y = malloc(3 * MAX * T * sizeof *y);
    int64_t first_order[MAX], offset[3];
    int moved = 0;
    trit_data_train(d, 11, 0, 3 * n, T, x, y);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        bool seen[MAX] = {false};
        for (int64_t i = 0; i < n; i++) {
            const int32_t *xi = x + (epoch * n + i) * T, *yi = y + (epoch * n + i) * T;
            int64_t at = position(xi);
            for (int64_t t = 0; t < T; t++) {
                int64_t p = at + t, q = p + 1;
                assert_int_equal(xi[t], p % 2 ? p / 2 / 256 : p / 2 % 256);
                assert_int_equal(yi[t], q % 2 ? q / 2 / 256 : q / 2 % 256);
            }
            assert_true(at + T < n_train); /* nothing of the validation part */
            if (!i) offset[epoch] = at % T;
            assert_int_equal(at % T, offset[epoch]);
            assert_true(at / T < n && !seen[at / T]); /* so each once */
            seen[at / T] = true;
            if (!epoch) first_order[i] = at / T;
            moved += epoch && first_order[i] != at / T;
        }
    }
    assert_true(moved > n); /* epochs differ in order ... */
    assert_true(offset[0] != offset[1] || offset[0] != offset[2]);

    /* Any part asked for alone is the same; another seed is not. */
    int32_t px[7 * T], py[7 * T];
    for (int64_t first = 0; first + 7 <= 3 * n; first += 13) {
        trit_data_train(d, 11, first, 7, T, px, py);
        assert_memory_equal(px, x + first * T, sizeof px);
        assert_memory_equal(py, y + first * T, sizeof py);
    }
    trit_data_train(d, 12, 0, 7, T, px, py);
    assert_memory_not_equal(px, x, sizeof px);
    free(x);
    free(y);
    trit_data_close(d);
}

/* Documents of 5 to 28 tokens, and one of 301. */
static void put_documents(const char *name) {
    FILE *f = create(name);
    for (int i = 0; i < 120; i++) {
        fputc('<', f);
        for (int k = i == 60 ? 300 : 4 + i * 7 % 24; k > 1; k--) fputc('0' + i % 10, f);
        fputc('|', f);
    }
    assert_int_equal(fclose(f), 0);
}

/* In the long one windows stay where they are. */
static void windows_of_documents(void **state) {
    (void)state;
    put_documents("documents");
    const char *path[] = {"documents"};
    trit_data_cfg cfg = config(path);
    cfg.separator = "|";
    cfg.windows = TRIT_WINDOW_documents;
    enum { T = 32 };
    trit_data *d = opened(&cfg, T);
    int64_t n = 4 * trit_data_train_windows(d, T), n_inside = 0;
    for (int64_t i = 0; i < n; i++) {
        int32_t x[T], y[T];
        trit_data_train(d, 3, i, 1, T, x, y);
        assert_memory_equal(y, x + 1, sizeof y - sizeof *y);
        if (x[0] == '<') continue;
        assert_true(x[0] == '0' || x[0] == TRIT_BYTE_EOT); /* in the long one alone */
        n_inside++;
    }
    assert_in_range(n_inside, 20, 45); /* (301 - 32) / 32 in each of 4 epochs */
    trit_data_close(d);
}

/* Every token once, and behind what precedes it in its document or half a window of that. */
static void validation_in_documents(void **state) {
    (void)state;
    put_documents("all");
    const char *path[] = {"all"};
    trit_data_cfg cfg = config(path);
    cfg.separator = "|";
    cfg.valid = (trit_texts){1, path};
    enum { T = 32 };
    trit_data *d = opened(&cfg, T);
    cfg.windows = TRIT_WINDOW_documents;
    trit_data *docs = opened(&cfg, T);
    int64_t n = trit_data_valid_windows(docs, T, 0), n_plain = trit_data_valid_windows(d, T, 0);
    assert_true(n > n_plain && n <= 2 * n_plain);
    int64_t at = 0, total = trit_data_valid_tokens(d);
    for (int64_t w = 0; w < n; w++) {
        int32_t x[T], y[T], px[T], py[T];
        int labels = trit_data_valid(docs, w, T, x, y), first = 0;
        while (y[first] == -1) first++;
        assert_true(first <= T / 2 && (x[0] == '<' || first == T / 2 || x[0] == TRIT_BYTE_EOT));
        assert_true(first + labels == T || w == n - 1);
        for (int t = 0; t < labels; t++, at++) {
            trit_data_valid(d, at / T, T, px, py);
            assert_int_equal(x[first + t], px[at % T]);
            assert_int_equal(y[first + t], py[at % T]);
        }
        int64_t n_tokens, n_bytes;
        double nats;
        trit_data_valid_span(docs, T, w + 1, &n_tokens, &n_bytes, &nats);
        assert_int_equal(n_tokens, at);
        assert_int_equal(trit_data_valid_windows(docs, T, at), w + 1);
        assert_int_equal(trit_data_valid_windows(docs, T, at - labels + 1), w + 1);
    }
    assert_int_equal(at, total - 1);
    trit_data_close(docs);
    trit_data_close(d);
}

/* The least text: one window, whose offsets stay inside. */
static void short_texts(void **state) {
    (void)state;
    enum { T = 8 };
    const char *path[] = {"s"}, *valid[] = {"v"};
    put("v", T);
    for (int n = T; n < 4 * T; n++) {
        put("s", n);
        trit_data_cfg cfg = config(path);
        cfg.valid = (trit_texts){1, valid};
        trit_data *d = opened(&cfg, T);
        int32_t x[T], y[T];
        for (int64_t i = 0; i < 50; i++) trit_data_train(d, 1, i, 1, T, x, y); /* asserts inside */
        trit_data_close(d);
    }
}

static void validation_covers_each_token_once(void **state) {
    (void)state;
    const char *path[] = {"a"}, *valid[] = {"v"};
    put("a", 100);
    for (int n = 9; n < 40; n++) {
        put("v", n - 1);
        trit_data_cfg cfg = config(path);
        cfg.valid = (trit_texts){1, valid};
        trit_data *d = opened(&cfg, 8);
        enum { T = 8 };
        int64_t windows = trit_data_valid_windows(d, T, 0), at = 0;
        for (int64_t w = 0; w < windows; w++) {
            int32_t x[T], y[T];
            int labels = trit_data_valid(d, w, T, x, y);
            assert_true(labels >= 1 && (labels == T || w == windows - 1));
            for (int t = 0; t < T; t++) {
                if (t >= labels) {
                    assert_int_equal(y[t], -1);
                    assert_in_range(x[t], 0, 256);
                    continue;
                }
                int64_t q = at + 1;
                assert_int_equal(x[t], at % 2 ? 0 : at / 2);
                assert_int_equal(y[t], q == n - 1 ? 256 : q % 2 ? 0 : q / 2);
                at++;
            }
        }
        assert_int_equal(at, n - 1);
        int64_t n_tokens, n_bytes;
        double nats;
        trit_data_valid_span(d, T, windows, &n_tokens, &n_bytes, &nats);
        assert_int_equal(n_tokens, n - 1);
        assert_int_equal(n_bytes, n - 2);
        assert_true(isnan(nats));
        trit_data_close(d);
    }
}

static void assert_refused(const trit_data_cfg *cfg, int64_t context, trit_status code,
                           const char *part, const char *part2) {
    trit_error e = {0};
    trit_data *d;
    assert_int_equal(trit_data_open(&d, cfg, folder, context, &e), code);
    assert_null(d);
    assert_error_has(e, part);
    assert_error_has(e, part2);
}

static void refusals(void **state) {
    (void)state;
    put("a", 100);
    const char *path[] = {"a"}, *typo[] = {"builtin:tale"}, *both[] = {"a", "builtin:tales"},
               *gone[] = {"gone/b"}, *empty[] = {""};
    trit_data_cfg cfg = config(path);
    assert_refused(&cfg, 91, TRIT_E_CONFIG, "/model/context: 91", "holds 91");
    assert_refused(&cfg, 50, TRIT_E_CONFIG, "51 tokens of validation", "a holds 10");
    cfg.source.at = typo;
    assert_refused(&cfg, 8, TRIT_E_CONFIG, "source", "\"builtin:tales\"");
    cfg.source = (trit_texts){2, both};
    assert_refused(&cfg, 8, TRIT_E_CONFIG, "source", "alone");
    cfg.source = (trit_texts){0, NULL};
    assert_refused(&cfg, 8, TRIT_E_CONFIG, "source", "no text");
    cfg.source = (trit_texts){1, empty};
    assert_refused(&cfg, 8, TRIT_E_CONFIG, "source", "empty");
    cfg.source = (trit_texts){1, gone};
    assert_refused(&cfg, 8, TRIT_E_DATA, "/data/source: gone/b", "no folder gone");
    cfg.source = (trit_texts){1, builtin};
    cfg.valid = (trit_texts){1, builtin};
    assert_refused(&cfg, 8, TRIT_E_CONFIG, "valid", "repeat");
}

/* The current directory comes before the folder of the config. */
static void relative_paths(void **state) {
    (void)state;
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    char sub[128];
    snprintf(sub, sizeof sub, "%s/sub", folder);
    mkdir(sub, 0755);
    put("near", 100);
    put("sub/near", 300);
    const char *path[] = {"near"};
    trit_data_cfg cfg = config(path);
    trit_data *d = opened(&cfg, 4);
    assert_int_equal(trit_data_train_tokens(d) + trit_data_valid_tokens(d), 101);
    trit_data_close(d);
    assert_int_equal(chdir(sub), 0);
    d = opened(&cfg, 4);
    assert_int_equal(trit_data_train_tokens(d) + trit_data_valid_tokens(d), 301);
    trit_data_close(d);
    assert_int_equal(chdir(here), 0);
}

static void fingerprint_sees_both_parts(void **state) {
    (void)state;
    put("a", 100);
    put("v", 50);
    const char *path[] = {"a"}, *valid[] = {"v"};
    trit_data_cfg cfg = config(path);
    uint64_t h[4];
    for (int i = 0; i < 4; i++) {
        if (i == 1) cfg.valid_fraction = 0.2;
        if (i == 2) cfg.valid = (trit_texts){1, valid};
        if (i == 3) put("v", 51);
        trit_data *d = opened(&cfg, 4), *again = opened(&cfg, 4);
        h[i] = trit_data_fingerprint(d);
        assert_true(h[i] == trit_data_fingerprint(again));
        trit_data_close(d);
        trit_data_close(again);
        for (int j = 0; j < i; j++) assert_true(h[i] != h[j]);
    }
}

static void schema_is_complete(void **state) {
    (void)state;
    assert_int_equal(trit_data_schema.bytes, sizeof(trit_data_cfg));
    assert_int_equal(trit_data_schema.n_field, 8);
    trit_error e = {0};
    trit_data_cfg cfg = config(builtin);
    assert_int_equal(trit_data_schema.check(&cfg, &e), TRIT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split),
        cmocka_unit_test(tales_are_split_between_stories),
        cmocka_unit_test(training_windows),
        cmocka_unit_test(windows_of_documents),
        cmocka_unit_test(short_texts),
        cmocka_unit_test(validation_covers_each_token_once),
        cmocka_unit_test(validation_in_documents),
        cmocka_unit_test(refusals),
        cmocka_unit_test(relative_paths),
        cmocka_unit_test(fingerprint_sees_both_parts),
        cmocka_unit_test(schema_is_complete),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
