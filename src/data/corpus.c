#include "data/corpus.h"

#include "base/rng.h"
#include "data/corpus_files.h"
#include "data/tales.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct text {
    const char *at;
    int64_t bytes;
    int64_t first; /* document */
    bool mapped;   /* else from malloc */
} text;

/* Two arrays of 8 bytes a document find any token: documents are the only structure kept. */
struct trit_corpus {
    text *text; /* [n_texts], each with at least one document */
    int64_t n_texts, cap_texts;
    int64_t *start; /* [n_docs + 1] first token of each document; then the number of tokens */
    int64_t *from;  /* [n_docs] its first byte within its text */
    int64_t n_docs, cap_docs;
    double *nats; /* tales: [n_docs + 1] code length of the stories before each; else NULL */
};

/* ---- building ---- */

static trit_status no_memory(trit_error *e) {
    return TRIT_FAIL(e, E_NOMEM, "no memory for the index of documents");
}

static trit_status add_document(trit_corpus *c, int64_t from, int64_t bytes, trit_error *e) {
    if (c->n_docs + 1 >= c->cap_docs) {
        int64_t cap = c->cap_docs ? 2 * c->cap_docs : 64;
        int64_t *start = realloc(c->start, (size_t)cap * sizeof *start);
        if (start) c->start = start;
        int64_t *first = realloc(c->from, (size_t)cap * sizeof *first);
        if (first) c->from = first;
        if (!start || !first) return no_memory(e);
        if (!c->cap_docs) c->start[0] = 0;
        c->cap_docs = cap;
    }
    c->from[c->n_docs] = from;
    c->start[c->n_docs + 1] = c->start[c->n_docs] + bytes + 1;
    c->n_docs++;
    return TRIT_OK;
}

/* Cuts a text into documents. */
static trit_status cut(trit_corpus *c, const char *at, int64_t bytes, const char *separator,
                       trit_error *e) {
    size_t n_sep = strlen(separator);
    int64_t from = 0;
    for (;;) {
        const char *found =
            n_sep ? memmem(at + from, (size_t)(bytes - from), separator, n_sep) : NULL;
        int64_t end = found ? found - at : bytes;
        int64_t next = end + (int64_t)n_sep;
        bool alone =
            found && (end == 0 || at[end - 1] == '\n') && (next == bytes || at[next] == '\n');
        if (alone) {
            next += next < bytes;
            end -= end > from;
        }
        if (end > from) TRIT_TRY(add_document(c, from, end - from, e));
        if (!found) return TRIT_OK;
        from = next;
    }
}

/* Takes over t->at, also on failure. A text without documents is dropped. */
static trit_status add_text(trit_corpus *c, text t, const char *separator, trit_error *e) {
    trit_status s = TRIT_OK;
    if (c->n_texts == c->cap_texts) {
        int64_t cap = c->cap_texts ? 2 * c->cap_texts : 4;
        text *grown = realloc(c->text, (size_t)cap * sizeof *grown);
        if (grown) {
            c->text = grown;
            c->cap_texts = cap;
        } else {
            s = no_memory(e);
        }
    }
    t.first = c->n_docs;
    if (!s) s = cut(c, t.at, t.bytes, separator, e);
    if (!s && c->n_docs > t.first) {
        c->text[c->n_texts++] = t;
    } else if (t.mapped) {
        munmap((void *)(uintptr_t)t.at, (size_t)t.bytes);
    } else {
        free((void *)(uintptr_t)t.at);
    }
    return s;
}

static trit_status add_path(void *self, const char *path, const char *separator, trit_error *e) {
    text t = {.mapped = true};
    TRIT_TRY(trit_file_map(path, &t.at, &t.bytes, e));
    return t.bytes ? add_text(self, t, separator, e) : TRIT_OK;
}

static trit_status open_files(trit_corpus *c, const char *const *paths, int n_paths,
                              const char *separator, trit_error *e) {
    for (int i = 0; i < n_paths; i++) {
        int64_t before = c->n_docs;
        trit_file_list files = {0};
        trit_status s = trit_file_list_add(&files, paths[i], e);
        for (int64_t k = 0; k < files.n && !s; k++) s = add_path(c, files.path[k], separator, e);
        int64_t n_files = files.n;
        trit_file_list_free(&files);
        if (s) return s;
        if (!n_files) {
            return TRIT_FAIL(e, E_DATA, "%s: the folder holds no files; name a folder with text",
                             paths[i]);
        }
        if (c->n_docs == before) {
            return TRIT_FAIL(e, E_DATA, "%s: no documents: there is no text%s", paths[i],
                             *separator ? " beside separators" : " in it");
        }
    }
    if (!c->n_docs) return TRIT_FAIL(e, E_DATA, "no path to read text from");
    return TRIT_OK;
}

static trit_status finish(trit_corpus **out, trit_corpus *c, trit_status s) {
    if (s) {
        trit_corpus_close(c);
        c = NULL;
    }
    *out = c;
    return s;
}

trit_status trit_corpus_open_files(trit_corpus **out, const char *const *paths, int n_paths,
                                   const char *separator, trit_error *e) {
    *out = NULL;
    trit_corpus *c = calloc(1, sizeof *c);
    if (!c) return no_memory(e);
    return finish(out, c, open_files(c, paths, n_paths, separator, e));
}

trit_status trit_corpus_open_bytes(trit_corpus **out, const void *bytes, int64_t n_bytes,
                                   const char *separator, trit_error *e) {
    *out = NULL;
    trit_corpus *c = calloc(1, sizeof *c);
    char *copy = malloc((size_t)n_bytes + 1);
    if (!c || !copy) {
        free(c);
        free(copy);
        return no_memory(e);
    }
    if (n_bytes) memcpy(copy, bytes, (size_t)n_bytes);
    trit_status s = add_text(c, (text){.at = copy, .bytes = n_bytes}, separator, e);
    if (!s && !c->n_docs)
        s = TRIT_FAIL(e, E_DATA, "no documents in %lld bytes", (long long)n_bytes);
    return finish(out, c, s);
}

static trit_status open_tales(trit_corpus *c, uint64_t seed, int64_t n_bytes, trit_error *e) {
    trit_text all = {0};
    trit_status s = TRIT_OK;
    int64_t cap = 0;
    for (uint64_t k = 0; !s && (int64_t)all.len < n_bytes; k++) {
        int64_t from = (int64_t)all.len;
        double nats = 0;
        s = trit_tales_story(seed, k, &all, &nats);
        if (!s) s = add_document(c, from, (int64_t)all.len - from, e);
        if (!s && c->n_docs >= cap) {
            cap = cap ? 2 * cap : 64;
            double *grown = realloc(c->nats, (size_t)cap * sizeof *grown);
            if (grown) {
                c->nats = grown;
                if (!k) c->nats[0] = 0;
            } else {
                s = TRIT_E_NOMEM;
            }
        }
        if (!s) c->nats[c->n_docs] = c->nats[c->n_docs - 1] + nats;
    }
    c->text = s ? NULL : malloc(sizeof *c->text);
    if (s || !c->text) {
        trit_text_free(&all);
        return TRIT_FAIL(e, E_NOMEM, "no memory for %lld bytes of tales", (long long)n_bytes);
    }
    c->text[c->n_texts++] = (text){.at = all.at, .bytes = (int64_t)all.len};
    return TRIT_OK;
}

trit_status trit_corpus_open_tales(trit_corpus **out, uint64_t seed, int64_t n_bytes,
                                   trit_error *e) {
    *out = NULL;
    if (n_bytes < 1)
        return TRIT_FAIL(e, E_DATA, "%lld bytes of tales: ask for at least 1", (long long)n_bytes);
    trit_corpus *c = calloc(1, sizeof *c);
    if (!c) return no_memory(e);
    return finish(out, c, open_tales(c, seed, n_bytes, e));
}

void trit_corpus_close(trit_corpus *c) {
    if (!c) return;
    for (int64_t i = 0; i < c->n_texts; i++) {
        if (c->text[i].mapped) {
            munmap((void *)(uintptr_t)c->text[i].at, (size_t)c->text[i].bytes);
        } else {
            free((void *)(uintptr_t)c->text[i].at);
        }
    }
    free(c->text);
    free(c->start);
    free(c->from);
    free(c->nats);
    free(c);
}

/* ---- reading ---- */

/* Number of documents that end at or before token `at`: the document of token `at` < n_tokens. */
static int64_t document_at(const trit_corpus *c, int64_t at) {
    int64_t lo = 0, hi = c->n_docs;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (c->start[mid + 1] <= at) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static int64_t text_of(const trit_corpus *c, int64_t doc) {
    int64_t lo = 0, hi = c->n_texts - 1;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo + 1) / 2;
        if (c->text[mid].first <= doc) {
            lo = mid;
        } else {
            hi = mid - 1;
        }
    }
    return lo;
}

int64_t trit_corpus_n_tokens(const trit_corpus *c) {
    return c->start[c->n_docs];
}

int64_t trit_corpus_n_documents(const trit_corpus *c) {
    return c->n_docs;
}

int64_t trit_corpus_document_start(const trit_corpus *c, int64_t at) {
    TRIT_ASSERT(at >= 0 && at <= trit_corpus_n_tokens(c));
    return c->start[document_at(c, at)];
}

void trit_corpus_read(const trit_corpus *c, int64_t at, int64_t n, int32_t *out) {
    TRIT_ASSERT(at >= 0 && n >= 0 && n <= trit_corpus_n_tokens(c) - at);
    if (!n) return;
    int64_t doc = document_at(c, at), t = text_of(c, doc);
    while (n) {
        if (t + 1 < c->n_texts && doc == c->text[t + 1].first) t++;
        const unsigned char *byte = (const unsigned char *)c->text[t].at + c->from[doc];
        int64_t eot = c->start[doc + 1] - 1;
        byte += at - c->start[doc];
        for (; n && at < eot; n--, at++) *out++ = *byte++;
        if (n) {
            *out++ = TRIT_BYTE_EOT;
            n--;
            at++;
        }
        doc++;
    }
}

int64_t trit_corpus_text_bytes(const trit_corpus *c, int64_t from, int64_t to) {
    TRIT_ASSERT(from >= 0 && from <= to && to <= trit_corpus_n_tokens(c));
    return to - from - (document_at(c, to) - document_at(c, from));
}

/* Code length of all tokens before `at`. Tales: a story in part is read again. */
static double nats_before(const trit_corpus *c, int64_t at) {
    int64_t doc = document_at(c, at), part = at - c->start[doc];
    if (!part) return c->nats[doc];
    double nats[TRIT_TALES_MAX_TOKENS], sum = 0;
    trit_tales_parse(c->text[0].at + c->from[doc], c->start[doc + 1] - 1 - c->start[doc], nats);
    for (int64_t i = 0; i < part; i++) sum += nats[i];
    return c->nats[doc] + sum;
}

double trit_corpus_source_nats(const trit_corpus *c, int64_t from, int64_t to) {
    TRIT_ASSERT(from >= 0 && from <= to && to <= trit_corpus_n_tokens(c));
    return c->nats ? nats_before(c, to) - nats_before(c, from) : NAN;
}

uint64_t trit_corpus_fingerprint(const trit_corpus *c) {
    enum { END_BYTES = 65536, PROBE_BYTES = 4096, N_PROBES = 64 };
    int64_t sizes[2] = {c->n_docs, trit_corpus_n_tokens(c)};
    uint64_t h = trit_hash64(sizes, sizeof sizes, 0);
    for (int64_t i = 0; i < c->n_texts; i++) {
        const text *t = &c->text[i];
        int64_t facts[2] = {t->bytes, t->first};
        h = trit_hash64(facts, sizeof facts, h);
        int64_t room = t->bytes - PROBE_BYTES;
        if (!t->mapped || t->bytes <= INT64_C(2) * END_BYTES) {
            h = trit_hash64(t->at, (uint64_t)t->bytes, h);
            continue;
        }
        h = trit_hash64(t->at, END_BYTES, h);
        h = trit_hash64(t->at + t->bytes - END_BYTES, END_BYTES, h);
        for (int64_t k = 0; k < N_PROBES; k++) {
            h = trit_hash64(t->at + room / N_PROBES * k, PROBE_BYTES, h);
        }
    }
    return h;
}
