#include "data/data.h"

#include "base/rng.h"
#include "base/text.h"
#include "data/corpus.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const trit_tokenizer_names[] = {"bytes", NULL};
const char *const trit_window_names[] = {"stream", "documents", NULL};

static const char builtin[] = "builtin:";
static const char tales[] = "builtin:tales";

typedef struct valid_window {
    int64_t begin, from; /* validation tokens */
} valid_window;

struct trit_data {
    trit_corpus *source;
    trit_corpus *valid;          /* NULL: a part of source */
    int64_t n_train;             /* source tokens 0..n_train-1 */
    int64_t valid_from, n_valid; /* of `valid`, or of source */
    trit_window windows;
    /* With windows = documents, those of validation: where each is read from, and its first input
     * that predicts; [n_window + 1]. */
    valid_window *window;
    int64_t n_window, context;
};

/* ---- config ---- */

static bool is_tales(const trit_texts *t) {
    return t->n == 1 && !strcmp(t->at[0], tales);
}

static trit_status check_texts(const trit_texts *t, const char *key, trit_error *e) {
    for (int i = 0; i < t->n; i++) {
        if (!*t->at[i]) return TRIT_FAIL(e, E_CONFIG, "%s: a path is empty", key);
        if (strncmp(t->at[i], builtin, strlen(builtin))) continue;
        if (strcmp(t->at[i], tales)) {
            return TRIT_FAIL(e, E_CONFIG, "%s: unknown text \"%s\"; there is \"%s\"", key, t->at[i],
                             tales);
        }
        if (t->n > 1) {
            return TRIT_FAIL(e, E_CONFIG, "%s: \"%s\" must stand alone, not among %d texts", key,
                             tales, t->n);
        }
    }
    return TRIT_OK;
}

static trit_status check(const void *section, trit_error *e) {
    const trit_data_cfg *cfg = section;
    TRIT_TRY(check_texts(&cfg->source, "source", e));
    TRIT_TRY(check_texts(&cfg->valid, "valid", e));
    if (!cfg->source.n) {
        return TRIT_FAIL(e, E_CONFIG, "source: no text to train on; name files or \"%s\"", tales);
    }
    if (is_tales(&cfg->source) && is_tales(&cfg->valid)) {
        return TRIT_FAIL(e, E_CONFIG,
                         "valid: \"%s\" would repeat the training text; leave it [] to keep back "
                         "valid_fraction of the source",
                         tales);
    }
    return TRIT_OK;
}

static const trit_field fields[] = {
#define F(...) TRIT_FIELD(trit_data_cfg, __VA_ARGS__)
    TRIT_DATA_FIELDS(F)
#undef F
};
const trit_schema trit_data_schema =
    TRIT_SCHEMA("data", "text to train on and to be judged by", trit_data_cfg, fields, check);

/* ---- opening ---- */

static trit_status open_paths(trit_corpus **out, const trit_texts *texts, const char *separator,
                              const char *base_dir, trit_error *e) {
    trit_text *moved = calloc((size_t)texts->n, sizeof *moved);
    const char **path = calloc((size_t)texts->n, sizeof *path);
    bool failed = !moved || !path;
    for (int i = 0; i < texts->n && !failed; i++) {
        path[i] = texts->at[i];
        if (!base_dir || *path[i] == '/' || !access(path[i], F_OK)) continue;
        trit_text_add(&moved[i], "%s/%s", base_dir, path[i]);
        failed = moved[i].failed;
        /* Missing in both places: the message names the path as it was written. */
        if (!failed && !access(moved[i].at, F_OK)) path[i] = moved[i].at;
    }
    trit_status s = failed ? TRIT_FAIL(e, E_NOMEM, "no memory for %d paths", texts->n)
                           : trit_corpus_open_files(out, path, texts->n, separator, e);
    for (int i = 0; i < texts->n && moved; i++) trit_text_free(&moved[i]);
    free(moved);
    free(path);
    return s;
}

static trit_status open_texts(trit_corpus **out, const trit_texts *texts, const trit_data_cfg *cfg,
                              const char *base_dir, trit_error *e) {
    if (is_tales(texts)) {
        return trit_corpus_open_tales(out, (uint64_t)cfg->tales_seed, cfg->tales_bytes, e);
    }
    return open_paths(out, texts, cfg->separator, base_dir, e);
}

static trit_status enough(int64_t n, const char *what, const trit_texts *texts, int64_t context,
                          trit_error *e) {
    if (n > context) return TRIT_OK;
    return TRIT_FAIL(
        e, E_CONFIG,
        "/model/context: %lld tokens need %lld tokens of %s text, but %s%s holds %lld; "
        "shorten the context or give more text",
        (long long)context, (long long)context + 1, what, texts->at[0],
        texts->n > 1 ? " and the others" : "", (long long)n);
}

static trit_status open_parts(trit_data *d, const trit_data_cfg *cfg, const char *base_dir,
                              int64_t context, trit_error *e) {
    TRIT_TRY_AS(open_texts(&d->source, &cfg->source, cfg, base_dir, e), e, "/data/source");
    int64_t n = trit_corpus_n_tokens(d->source);
    d->n_train = n;
    d->windows = (trit_window)cfg->windows;
    if (cfg->valid.n) {
        TRIT_TRY_AS(open_texts(&d->valid, &cfg->valid, cfg, base_dir, e), e, "/data/valid");
        d->n_valid = trit_corpus_n_tokens(d->valid);
    } else {
        d->n_train = n - (int64_t)((double)n * cfg->valid_fraction);
        if (is_tales(&cfg->source)) d->n_train = trit_corpus_document_start(d->source, d->n_train);
        d->valid_from = d->n_train;
        d->n_valid = n - d->n_train;
    }
    TRIT_TRY(enough(d->n_train, "training", &cfg->source, context, e));
    return enough(d->n_valid, "validation", cfg->valid.n ? &cfg->valid : &cfg->source, context, e);
}

/* Each window goes on where the last one ended, and takes as much of what precedes as is of the
 * same document, up to half of its length. */
static trit_status lay_windows(trit_data *d, int64_t T, trit_error *e) {
    const trit_corpus *c = d->valid ? d->valid : d->source;
    int64_t step = T - T / 2, most = (d->n_valid + step - 1) / step;
    d->window = calloc((size_t)most + 1, sizeof *d->window);
    if (!d->window) return TRIT_FAIL(e, E_NOMEM, "no memory for %lld windows", (long long)most);
    d->context = T;
    int64_t from = 0;
    for (; from < d->n_valid - 1; d->n_window++) {
        int64_t begin = trit_corpus_document_start(c, d->valid_from + from) - d->valid_from;
        if (begin < from - T / 2) begin = from - T / 2;
        if (begin < 0) begin = 0;
        d->window[d->n_window] = (valid_window){begin, from};
        from = begin + T < d->n_valid - 1 ? begin + T : d->n_valid - 1;
    }
    d->window[d->n_window] = (valid_window){from, from};
    return TRIT_OK;
}

trit_status trit_data_open(trit_data **out, const trit_data_cfg *cfg, const char *base_dir,
                           int64_t context, trit_error *e) {
    TRIT_ASSERT(context >= 1);
    *out = NULL;
    TRIT_TRY_AS(check(cfg, e), e, "/data");
    trit_data *d = calloc(1, sizeof *d);
    if (!d) return TRIT_FAIL(e, E_NOMEM, "no memory for the data set");
    trit_status s = open_parts(d, cfg, base_dir, context, e);
    if (!s && d->windows == TRIT_WINDOW_documents) s = lay_windows(d, context, e);
    if (s) {
        trit_data_close(d);
        return s;
    }
    *out = d;
    return TRIT_OK;
}

void trit_data_close(trit_data *d) {
    if (!d) return;
    trit_corpus_close(d->source);
    trit_corpus_close(d->valid);
    free(d->window);
    free(d);
}

static const trit_corpus *valid_corpus(const trit_data *d) {
    return d->valid ? d->valid : d->source;
}

int trit_data_vocab(const trit_data *d) {
    (void)d; /* bytes are the only tokenizer */
    return TRIT_BYTE_VOCAB;
}

int64_t trit_data_train_tokens(const trit_data *d) {
    return d->n_train;
}

int64_t trit_data_valid_tokens(const trit_data *d) {
    return d->n_valid;
}

uint64_t trit_data_fingerprint(const trit_data *d) {
    uint64_t part[] = {trit_corpus_fingerprint(d->source),
                       d->valid ? trit_corpus_fingerprint(d->valid) : 0, (uint64_t)d->n_train};
    return trit_hash64(part, sizeof part, 0);
}

/* ---- windows ---- */

int64_t trit_data_train_windows(const trit_data *d, int64_t T) {
    /* One window fewer than fit, so that an offset of up to T - 1 is always free; short texts have
     * a single window and whatever offsets are left. */
    int64_t n = d->n_train / T - 1;
    return n > 1 ? n : 1;
}

void trit_data_train(const trit_data *d, uint64_t seed, int64_t first, int64_t n, int64_t T,
                     int32_t *x, int32_t *y) {
    int64_t n_windows = trit_data_train_windows(d, T);
    int64_t n_offsets = d->n_train - n_windows * T; /* the last token is only predicted */
    if (n_offsets > T) n_offsets = T;
    TRIT_ASSERT(first >= 0 && n_offsets >= 1);
    trit_rng order = {.seed = seed, .stream = trit_hash32("data/order")};
    trit_rng offset = {.seed = seed, .stream = trit_hash32("data/offset")};
    for (int64_t i = first; i < first + n; i++, x += T, y += T) {
        int64_t epoch = i / n_windows;
        order.step = (uint32_t)epoch;
        int64_t shift = trit_rng_bits(&offset, (uint64_t)epoch) % n_offsets;
        int64_t window =
            (int64_t)trit_rng_permute(&order, (uint64_t)n_windows, (uint64_t)(i % n_windows));
        int64_t at = shift + T * window;
        if (d->windows == TRIT_WINDOW_documents) {
            int64_t begin = trit_corpus_document_start(d->source, at);
            if (at - begin < T) at = begin;
        }
        trit_corpus_read(d->source, at, T, x);
        memcpy(y, x + 1, (size_t)(T - 1) * sizeof *y);
        trit_corpus_read(d->source, at + T, 1, y + T - 1);
    }
}

/* Window w of validation; for w = number of windows, their end. */
static valid_window valid_at(const trit_data *d, int64_t T, int64_t w) {
    if (d->window) {
        TRIT_ASSERT(T == d->context && w >= 0 && w <= d->n_window);
        return d->window[w];
    }
    int64_t at = w * T < d->n_valid - 1 ? w * T : d->n_valid - 1;
    return (valid_window){at, at};
}

int64_t trit_data_valid_windows(const trit_data *d, int64_t T, int64_t max_tokens) {
    int64_t n = d->window ? d->n_window : (d->n_valid - 1 + T - 1) / T, lo = 1;
    if (max_tokens <= 0) return n;
    while (lo < n) {
        int64_t mid = lo + (n - lo) / 2;
        if (valid_at(d, T, mid).from >= max_tokens) {
            n = mid;
        } else {
            lo = mid + 1;
        }
    }
    return n;
}

int trit_data_valid(const trit_data *d, int64_t window, int64_t T, int32_t *x, int32_t *y) {
    TRIT_ASSERT(window >= 0 && window < trit_data_valid_windows(d, T, 0));
    valid_window v = valid_at(d, T, window);
    int64_t end = valid_at(d, T, window + 1).from, n = end - v.begin, known = v.from - v.begin;
    trit_corpus_read(valid_corpus(d), d->valid_from + v.begin, n, x);
    memcpy(y, x + 1, (size_t)(n - 1) * sizeof *y);
    trit_corpus_read(valid_corpus(d), d->valid_from + end, 1, y + n - 1);
    for (int64_t i = 0; i < known; i++) y[i] = -1;
    for (int64_t i = n; i < T; i++) {
        x[i] = TRIT_BYTE_EOT;
        y[i] = -1;
    }
    return (int)(n - known);
}

void trit_data_valid_span(const trit_data *d, int64_t T, int64_t n_windows, int64_t *n_tokens,
                          int64_t *n_text_bytes, double *source_nats) {
    int64_t all = trit_data_valid_windows(d, T, 0);
    int64_t n = valid_at(d, T, n_windows < all ? n_windows : all).from;
    int64_t from = d->valid_from + 1;
    *n_tokens = n;
    *n_text_bytes = trit_corpus_text_bytes(valid_corpus(d), from, from + n);
    *source_nats = trit_corpus_source_nats(valid_corpus(d), from, from + n);
}
