#include "run/teacher_cache.h"

#include "autograd/ops.h"
#include "data/corpus_files.h"
#include "run/distill.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

enum { HEADER = 4096, N_LOOK = 64 };
static const char kind[] = "trit teacher cache 2";

int64_t trit_teacher_cache_record(int64_t T, int64_t k) {
    return T * (k * (int64_t)(sizeof(int32_t) + sizeof(float)) + 2 * (int64_t)sizeof(float)) +
           (int64_t)sizeof(uint64_t);
}

int64_t trit_teacher_cache_windows(const trit_run *r) {
    const trit_train_cfg *c = &r->exp->cfg.train;
    return c->steps * c->accumulate * c->batch;
}

int64_t trit_teacher_cache_valid_windows(const trit_run *r) {
    return trit_data_valid_windows(r->data, r->model.cfg.context, r->exp->cfg.train.eval_tokens);
}

/* What a header says that a run need not say. */
typedef struct header {
    int64_t k, n_valid;
    char teacher[17];
} header;

/* What a cache for r must say of itself. */
static trit_status make_header(const trit_run *r, const header *h, char out[HEADER + 1],
                               trit_error *e) {
    const trit_config *c = &r->exp->cfg;
    trit_text t = {0};
    trit_text_add(&t,
                  "{\"kind\":\"%s\",\"teacher\":\"%s\",\"data\":\"%016" PRIx64
                  "\",\"seed\":%lld,\"windows\":\"%s\",\"context\":%lld,\"vocab\":%lld,"
                  "\"top_k\":%lld,\"valid\":%lld}",
                  kind, h->teacher, trit_data_fingerprint(r->data), (long long)c->train.seed,
                  trit_window_names[c->data.windows], (long long)r->model.cfg.context,
                  (long long)r->model.cfg.vocab, (long long)h->k, (long long)h->n_valid);
    trit_status status = t.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for a header") : TRIT_OK;
    if (!status) snprintf(out, HEADER + 1, "%-*s\n", HEADER - 1, trit_text_get(&t));
    trit_text_free(&t);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------- */

static trit_status read_header(const trit_teacher_cache *c, const trit_run *r, header *h,
                               trit_error *e) {
    cJSON *v = NULL;
    bool whole = c->n_bytes >= HEADER && c->at[HEADER - 1] == '\n';
    if (!whole || trit_json_parse(&v, c->at, HEADER, c->path, NULL)) {
        return TRIT_FAIL(e, E_FORMAT, "%s: not a teacher cache", c->path);
    }
    const cJSON *k = trit_json_get(v, "top_k"), *t = trit_json_get(v, "teacher");
    const cJSON *what = trit_json_get(v, "kind"), *valid = trit_json_get(v, "valid");
    bool fits = cJSON_IsNumber(k) && cJSON_IsString(t) && cJSON_IsString(what) &&
                strcmp(what->valuestring, kind) == 0 && k->valuedouble >= 1 &&
                k->valuedouble <= (double)r->model.cfg.vocab && cJSON_IsNumber(valid) &&
                valid->valuedouble >= 0 && valid->valuedouble < 1e15;
    if (fits) {
        h->k = (int64_t)k->valuedouble;
        h->n_valid = (int64_t)valid->valuedouble;
        snprintf(h->teacher, sizeof h->teacher, "%s", t->valuestring);
    }
    cJSON_Delete(v);
    return fits ? TRIT_OK : TRIT_FAIL(e, E_FORMAT, "%s: not a teacher cache for this", c->path);
}

static const char *record_of(const trit_teacher_cache *c, int64_t i) {
    return c->at + HEADER + i * trit_teacher_cache_record(c->T, c->k);
}

static bool is_whole(const char *record, int64_t n_bytes, int64_t i) {
    uint64_t sum;
    size_t n = (size_t)n_bytes - sizeof sum;
    memcpy(&sum, record + n, sizeof sum);
    return XXH3_64bits_withSeed(record, n, (uint64_t)i) == sum;
}

/* Records first..first+n-1 of validation and training together. */
static trit_status check_records(const trit_teacher_cache *c, int64_t first, int64_t n,
                                 trit_error *e) {
    for (int64_t i = first; i < first + n; i++) {
        if (is_whole(record_of(c, i), trit_teacher_cache_record(c->T, c->k), i)) continue;
        bool trained = i >= c->n_valid;
        return TRIT_FAIL(e, E_FORMAT, "%s: window %lld of %s is damaged", c->path,
                         (long long)(trained ? i - c->n_valid : i),
                         trained ? "training" : "validation");
    }
    return TRIT_OK;
}

static trit_status check_cache(trit_teacher_cache *c, const trit_run *r, trit_error *e) {
    char want[HEADER + 1];
    header h;
    TRIT_TRY(read_header(c, r, &h, e));
    TRIT_TRY(make_header(r, &h, want, e));
    if (memcmp(want, c->at, HEADER) != 0) {
        return TRIT_FAIL(
            e, E_CONFIG,
            "%s: is of other data, or another seed, context or vocabulary; its header: "
            "%.*s",
            c->path, (int)strcspn(c->at, " "), c->at);
    }
    c->T = r->model.cfg.context;
    c->k = h.k;
    c->n_valid = h.n_valid;
    c->n_sample = (c->n_bytes - HEADER) / trit_teacher_cache_record(c->T, c->k) - c->n_valid;
    if (c->n_sample < 0) c->n_sample = 0;
    snprintf(c->hash, sizeof c->hash, "%016" PRIx64, (uint64_t)XXH3_64bits(c->at, HEADER));
    return TRIT_OK;
}

trit_status trit_teacher_cache_check(const trit_teacher_cache *c, const trit_run *r,
                                     trit_error *e) {
    int64_t all = trit_teacher_cache_windows(r);
    if (c->n_sample >= all) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "%s: holds %lld of the %lld windows that are trained on; `trit teacher-cache` "
                     "with this config goes on with it",
                     c->path, (long long)c->n_sample, (long long)all);
}

static double mean_rest(const trit_teacher_cache *c, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const char *mass = record_of(c, c->n_valid + i) + c->T * c->k * 8;
        for (int64_t t = 0; t < c->T; t++) {
            float of[2];
            memcpy(of, mass + t * (int64_t)sizeof of, sizeof of);
            sum += exp((double)of[1]);
        }
    }
    return n ? sum / (double)(n * c->T) : 0;
}

trit_status trit_teacher_cache_open(trit_teacher_cache *c, const trit_run *r, const char *path,
                                    trit_error *e) {
    *c = (trit_teacher_cache){.path = path};
    TRIT_TRY(trit_file_map(path, &c->at, &c->n_bytes, e));
    TRIT_TRY(check_cache(c, r, e));
    int64_t n = c->n_sample < N_LOOK ? c->n_sample : N_LOOK;
    TRIT_TRY(check_records(c, c->n_valid, n, e));
    c->rest = mean_rest(c, n);
    return TRIT_OK;
}

void trit_teacher_cache_close(trit_teacher_cache *c) {
    if (c->at && !c->made_up) munmap((void *)(uintptr_t)c->at, (size_t)c->n_bytes);
    *c = (trit_teacher_cache){0};
}

/* How many logits the cache at path keeps, if one is there. */
static int64_t kept_at(const trit_run *r, const char *path) {
    trit_teacher_cache c = {.path = path};
    header h = {.k = TRIT_TEACHER_CACHE_K};
    if (!access(path, F_OK) && !trit_file_map(path, &c.at, &c.n_bytes, NULL)) {
        if (read_header(&c, r, &h, NULL)) h.k = TRIT_TEACHER_CACHE_K;
    }
    trit_teacher_cache_close(&c);
    return h.k < r->model.cfg.vocab ? h.k : r->model.cfg.vocab;
}

/* A token of a teacher that keeps nine tenths of its probability to k tokens, or all to all. */
static void make_up_token(int64_t token, int64_t V, int64_t k, int32_t *id, float *logit,
                          float mass[2]) {
    const trit_rng rng = {.seed = 1, .stream = trit_hash32("teacher cache")};
    double sum = 0, rest = k < V ? 0.1 : 0;
    for (int64_t j = 0; j < k; j++) {
        id[j] = (int32_t)(j * V / k);
        logit[j] = (float)(4 * trit_rng_uniform(&rng, (uint64_t)(token * k + j)));
        sum += exp((double)logit[j]);
    }
    mass[0] = (float)log(sum / (1 - rest));
    mass[1] = (float)log(rest);
}

static void seal(char *record, int64_t n_bytes, int64_t i) {
    size_t n = (size_t)n_bytes - sizeof(uint64_t);
    uint64_t sum = XXH3_64bits_withSeed(record, n, (uint64_t)i);
    memcpy(record + n, &sum, sizeof sum);
}

trit_status trit_teacher_cache_make_up(trit_teacher_cache *c, trit_run *r, const char *path,
                                       trit_error *e) {
    int64_t T = r->model.cfg.context, V = r->model.cfg.vocab, k = kept_at(r, path);
    int64_t record = trit_teacher_cache_record(T, k), n = r->exp->cfg.train.batch;
    char *at = trit_arena_get(&r->mem, (size_t)(HEADER + n * record), e);
    if (!at) return TRIT_E_NOMEM;
    *c = (trit_teacher_cache){.path = path, .at = at, .made_up = true, .T = T, .k = k};
    c->n_sample = n;
    c->n_bytes = HEADER + n * record;
    snprintf(c->hash, sizeof c->hash, "made up");
    c->rest = k < V ? 0.1 : 0;
    for (int64_t i = 0; i < n; i++) {
        char *one = at + HEADER + i * record;
        for (int64_t t = 0; t < T; t++) {
            make_up_token(i * T + t, V, k, (int32_t *)(void *)one + t * k,
                          (float *)(void *)(one + T * k * 4) + t * k,
                          (float *)(void *)(one + T * k * 8) + 2 * t);
        }
        seal(one, record, i);
    }
    return TRIT_OK;
}

/* n numbers from float, as the build has them. */
static void widen(int64_t n, const char *from, trit_real *to) {
    for (int64_t i = 0; i < n; i++) {
        float v;
        memcpy(&v, from + i * (int64_t)sizeof v, sizeof v);
        to[i] = TRIT_R(v);
    }
}

trit_status trit_teacher_cache_read(const trit_teacher_cache *c, int64_t first, int64_t n,
                                    const trit_teacher_logits *to, trit_error *e) {
    int64_t len = c->T * c->k;
    if (first + n > c->n_sample) {
        return TRIT_FAIL(e, E_DATA, "%s: holds %lld windows, but window %lld is trained on",
                         c->path, (long long)c->n_sample, (long long)(first + n - 1));
    }
    first += c->n_valid;
    TRIT_TRY(check_records(c, first, n, e));
    for (int64_t i = 0; i < n; i++) {
        const char *record = record_of(c, first + i);
        memcpy((int32_t *)to->ids->val.data + i * len, record, (size_t)len * sizeof(int32_t));
        widen(len, record + len * 4, trit_val(to->logits) + i * len);
        widen(2 * c->T, record + len * 8, trit_val(to->mass) + i * 2 * c->T);
    }
    return TRIT_OK;
}

trit_status trit_teacher_cache_valid(const trit_teacher_cache *c, int64_t window,
                                     trit_known_logits *out, trit_error *e) {
    TRIT_ASSERT(window < c->n_valid);
    TRIT_TRY(check_records(c, window, 1, e));
    const void *id = record_of(c, window), *logit = record_of(c, window) + c->T * c->k * 4;
    const void *mass = record_of(c, window) + c->T * c->k * 8;
    *out = (trit_known_logits){.k = c->k, .id = id, .logit = logit, .mass = mass};
    return TRIT_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Puts `also` among id[k], rising, in place of the least likely, unless it is there. */
static void keep_also(int64_t k, const trit_real *z, int32_t also, int32_t *id) {
    int64_t least = 0;
    for (int64_t j = 0; j < k; j++) {
        if (id[j] == also) return;
        if (z[id[j]] <= z[id[least]]) least = j;
    }
    for (; least + 1 < k && id[least + 1] < also; least++) id[least] = id[least + 1];
    for (; least > 0 && id[least - 1] > also; least--) id[least] = id[least - 1];
    id[least] = also;
}

/* The largest k of z[n], and that of the label unless it is TRIT_IGNORE: ids, logits and the mass
 * of all and of the others. */
static void keep_token(const trit_kernels *kernels, int64_t n, const trit_real *z, int32_t label,
                       int64_t k, int32_t *id, float *logit, float mass[2]) {
    double lse = (double)kernels->log_sum_exp(n, z), rest = 0;
    trit_top_k(n, z, k, id);
    if (label != TRIT_IGNORE) keep_also(k, z, label, id);
    for (int64_t j = 0, at = 0; j < n; j++) {
        if (at < k && id[at] == j) {
            logit[at++] = (float)z[j];
        } else {
            rest += exp((double)z[j] - lse);
        }
    }
    mass[0] = (float)lse;
    mass[1] = (float)log(rest);
}

/* Record i, of window `row` of the batch; label [T], or NULL in training. */
static void make_record(const trit_run *r, int64_t row, const int32_t *label, int64_t i, int64_t k,
                        char *out) {
    int64_t T = r->model.cfg.context, V = r->model.cfg.vocab, len = T * k;
    int32_t *id = (int32_t *)(void *)out;
    float *logit = (float *)(void *)(out + len * 4), *mass = (float *)(void *)(out + len * 8);
#pragma omp parallel for schedule(static) num_threads(r->x.n_threads)
    for (int64_t t = 0; t < T; t++) {
        keep_token(&r->x.k, V, r->distill->logits + (row * T + t) * V,
                   label ? label[t] : TRIT_IGNORE, k, id + t * k, logit + t * k, mass + 2 * t);
    }
    seal(out, trit_teacher_cache_record(T, k), i);
}

/* How many records of this cache are in path, whole; what stands behind them is cut off. A cache
 * that was begun stays with its windows of validation. */
static trit_status take_up(const trit_run *r, const char *path, header *h, int64_t *n,
                           trit_error *e) {
    char want[HEADER + 1];
    trit_teacher_cache c = {.path = path};
    header found;
    *n = 0;
    TRIT_TRY(trit_file_size(path, &c.n_bytes, e));
    if (!c.n_bytes) {
        TRIT_TRY(make_header(r, h, want, e));
        return trit_file_append(NULL, path, want, HEADER, e);
    }
    TRIT_TRY(trit_file_map(path, &c.at, &c.n_bytes, e));
    if (!read_header(&c, r, &found, NULL)) h->n_valid = found.n_valid;
    trit_status status = make_header(r, h, want, e);
    int64_t record = trit_teacher_cache_record(r->model.cfg.context, h->k);
    bool same = !status && c.n_bytes >= HEADER && memcmp(c.at, want, HEADER) == 0;
    int64_t whole = same ? (c.n_bytes - HEADER) / record : 0;
    while (*n < whole && is_whole(c.at + HEADER + *n * record, record, *n)) ++*n;
    trit_teacher_cache_close(&c);
    if (status) return status;
    if (!same) {
        return TRIT_FAIL(e, E_CONFIG,
                         "%s: is another file, or a cache of another teacher, data, seed, context "
                         "or --top-k; nothing was changed",
                         path);
    }
    return trit_file_truncate(NULL, path, HEADER + *n * record, e);
}

/* Fills the evaluation graph with what records first.. are of, all of validation or of training;
 * returns how many these are. */
static int64_t load(trit_run *r, const header *h, int64_t first, int64_t all) {
    const trit_run_graph *g = &r->eval;
    int32_t *x = g->io.tokens->val.data, *y = g->io.labels->val.data;
    int64_t end = first < h->n_valid ? h->n_valid : all;
    int64_t n = end - first < g->B ? end - first : g->B;
    if (first >= h->n_valid) {
        trit_data_train(r->data, (uint64_t)r->exp->cfg.train.seed, first - h->n_valid, g->B, g->T,
                        x, y);
        return n;
    }
    memset(x, 0, trit_tensor_bytes(&g->io.tokens->val));
    for (int64_t i = 0; i < n; i++) {
        trit_data_valid(r->data, first + i, g->T, x + i * g->T, y + i * g->T);
    }
    return n;
}

static trit_status write_from(trit_run *r, const char *path, const header *h, int64_t done,
                              char *record, void (*told)(void *self, int64_t done, int64_t all),
                              void *self, trit_error *e) {
    const trit_run_graph *g = &r->eval;
    int64_t all = h->n_valid + trit_teacher_cache_windows(r);
    size_t n_bytes = (size_t)trit_teacher_cache_record(g->T, h->k);
    while (done < all) {
        bool valid = done < h->n_valid;
        int64_t n = load(r, h, done, all);
        const int32_t *label = g->io.labels->val.data;
        TRIT_TRY(trit_distill_teach(r, g->io.tokens->val.data, false, e));
        for (int64_t i = 0; i < n; i++, done++) {
            make_record(r, i, valid ? label + i * g->T : NULL, done, h->k, record);
            TRIT_TRY(trit_file_append(NULL, path, record, n_bytes, e));
        }
        if (told) told(self, done, all);
    }
    return trit_file_sync(NULL, path, e);
}

trit_status trit_teacher_cache_write(trit_run *r, const char *path, int64_t k,
                                     void (*told)(void *self, int64_t done, int64_t all),
                                     void *self, trit_error *e) {
    int64_t V = r->model.cfg.vocab, done;
    header h = {.k = k < V ? k : V, .n_valid = trit_teacher_cache_valid_windows(r)};
    snprintf(h.teacher, sizeof h.teacher, "%s", r->distill->hash);
    TRIT_TRY(take_up(r, path, &h, &done, e));
    size_t n_bytes = (size_t)trit_teacher_cache_record(r->model.cfg.context, h.k);
    char *record = trit_arena_get(&r->mem, n_bytes, e);
    return record ? write_from(r, path, &h, done, record, told, self, e) : TRIT_E_NOMEM;
}
