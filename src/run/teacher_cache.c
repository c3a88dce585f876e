#include "run/teacher_cache.h"

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
static const char kind[] = "trit teacher cache 1";

int64_t trit_teacher_cache_record(int64_t T, int64_t k) {
    return T * (k * (int64_t)(sizeof(int32_t) + sizeof(float)) + 2 * (int64_t)sizeof(float)) +
           (int64_t)sizeof(uint64_t);
}

int64_t trit_teacher_cache_windows(const trit_run *r) {
    const trit_train_cfg *c = &r->exp->cfg.train;
    return c->steps * c->accumulate * c->batch;
}

/* What a cache for r must say of itself but the teacher. */
static trit_status make_header(const trit_run *r, int64_t k, const char *teacher,
                               char out[HEADER + 1], trit_error *e) {
    const trit_config *c = &r->exp->cfg;
    trit_text t = {0};
    trit_text_add(&t,
                  "{\"kind\":\"%s\",\"teacher\":\"%s\",\"data\":\"%016" PRIx64
                  "\",\"seed\":%lld,\"windows\":\"%s\",\"context\":%lld,\"vocab\":%lld,"
                  "\"top_k\":%lld}",
                  kind, teacher, trit_data_fingerprint(r->data), (long long)c->train.seed,
                  trit_window_names[c->data.windows], (long long)r->model.cfg.context,
                  (long long)r->model.cfg.vocab, (long long)k);
    trit_status status = t.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for a header") : TRIT_OK;
    if (!status) snprintf(out, HEADER + 1, "%-*s\n", HEADER - 1, trit_text_get(&t));
    trit_text_free(&t);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------- */

static trit_status read_header(trit_teacher_cache *c, const trit_run *r, char teacher[17],
                               trit_error *e) {
    cJSON *v = NULL;
    bool whole = c->n_bytes >= HEADER && c->at[HEADER - 1] == '\n';
    if (!whole || trit_json_parse(&v, c->at, HEADER, c->path, NULL)) {
        return TRIT_FAIL(e, E_FORMAT, "%s: not a teacher cache", c->path);
    }
    const cJSON *k = trit_json_get(v, "top_k"), *t = trit_json_get(v, "teacher");
    const cJSON *what = trit_json_get(v, "kind");
    bool fits = cJSON_IsNumber(k) && cJSON_IsString(t) && cJSON_IsString(what) &&
                strcmp(what->valuestring, kind) == 0 && k->valuedouble >= 1 &&
                k->valuedouble <= (double)r->model.cfg.vocab;
    if (fits) {
        c->k = (int64_t)k->valuedouble;
        snprintf(teacher, 17, "%s", t->valuestring);
    }
    cJSON_Delete(v);
    return fits ? TRIT_OK : TRIT_FAIL(e, E_FORMAT, "%s: not a teacher cache for this", c->path);
}

static const char *record_of(const trit_teacher_cache *c, int64_t sample) {
    return c->at + HEADER + sample * trit_teacher_cache_record(c->T, c->k);
}

static bool is_whole(const char *record, int64_t n_bytes, int64_t sample) {
    uint64_t sum;
    size_t n = (size_t)n_bytes - sizeof sum;
    memcpy(&sum, record + n, sizeof sum);
    return XXH3_64bits_withSeed(record, n, (uint64_t)sample) == sum;
}

static trit_status check_records(const trit_teacher_cache *c, int64_t first, int64_t n,
                                 trit_error *e) {
    if (first + n > c->n_sample) {
        return TRIT_FAIL(e, E_DATA, "%s: holds %lld windows, but window %lld is trained on",
                         c->path, (long long)c->n_sample, (long long)(first + n - 1));
    }
    for (int64_t i = first; i < first + n; i++) {
        if (is_whole(record_of(c, i), trit_teacher_cache_record(c->T, c->k), i)) continue;
        return TRIT_FAIL(e, E_FORMAT, "%s: window %lld is damaged", c->path, (long long)i);
    }
    return TRIT_OK;
}

static trit_status check_cache(trit_teacher_cache *c, const trit_run *r, trit_error *e) {
    char want[HEADER + 1], teacher[17];
    TRIT_TRY(read_header(c, r, teacher, e));
    TRIT_TRY(make_header(r, c->k, teacher, want, e));
    if (memcmp(want, c->at, HEADER) != 0) {
        return TRIT_FAIL(
            e, E_CONFIG,
            "%s: is of other data, or another seed, context or vocabulary; its header: "
            "%.*s",
            c->path, (int)strcspn(c->at, " "), c->at);
    }
    c->T = r->model.cfg.context;
    c->n_sample = (c->n_bytes - HEADER) / trit_teacher_cache_record(c->T, c->k);
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
        const char *mass = record_of(c, i) + c->T * c->k * 8;
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
    TRIT_TRY(check_records(c, 0, n, e));
    c->rest = mean_rest(c, n);
    return TRIT_OK;
}

void trit_teacher_cache_close(trit_teacher_cache *c) {
    if (c->at && !c->made_up) munmap((void *)(uintptr_t)c->at, (size_t)c->n_bytes);
    *c = (trit_teacher_cache){0};
}

/* How many logits the cache at path keeps, if one is there. */
static int64_t kept_at(const trit_run *r, const char *path) {
    trit_teacher_cache c = {.path = path, .k = TRIT_TEACHER_CACHE_K};
    char teacher[17];
    if (!access(path, F_OK) && !trit_file_map(path, &c.at, &c.n_bytes, NULL)) {
        trit_status status = read_header(&c, r, teacher, NULL);
        if (status) c.k = TRIT_TEACHER_CACHE_K;
    }
    int64_t k = c.k < r->model.cfg.vocab ? c.k : r->model.cfg.vocab;
    trit_teacher_cache_close(&c);
    return k;
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

static void seal(char *record, int64_t n_bytes, int64_t sample) {
    size_t n = (size_t)n_bytes - sizeof(uint64_t);
    uint64_t sum = XXH3_64bits_withSeed(record, n, (uint64_t)sample);
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
    TRIT_TRY(check_records(c, first, n, e));
    for (int64_t i = 0; i < n; i++) {
        const char *record = record_of(c, first + i);
        memcpy((int32_t *)to->ids->val.data + i * len, record, (size_t)len * sizeof(int32_t));
        widen(len, record + len * 4, trit_val(to->logits) + i * len);
        widen(2 * c->T, record + len * 8, trit_val(to->mass) + i * 2 * c->T);
    }
    return TRIT_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* The largest k of z[n]: ids, logits and the mass of all and of the others. */
static void keep_token(const trit_kernels *kernels, int64_t n, const trit_real *z, int64_t k,
                       int32_t *id, float *logit, float mass[2]) {
    double lse = (double)kernels->log_sum_exp(n, z), rest = 0;
    trit_top_k(n, z, k, id);
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

static void make_record(const trit_run *r, int64_t row, int64_t sample, int64_t k, char *out) {
    int64_t T = r->model.cfg.context, V = r->model.cfg.vocab, len = T * k;
    int32_t *id = (int32_t *)(void *)out;
    float *logit = (float *)(void *)(out + len * 4), *mass = (float *)(void *)(out + len * 8);
#pragma omp parallel for schedule(static) num_threads(r->x.n_threads)
    for (int64_t t = 0; t < T; t++) {
        keep_token(&r->x.k, V, r->distill->logits + (row * T + t) * V, k, id + t * k, logit + t * k,
                   mass + 2 * t);
    }
    seal(out, trit_teacher_cache_record(T, k), sample);
}

/* How many records of this cache are in path, whole; what stands behind them is cut off. */
static trit_status take_up(const char *path, const char *header, int64_t record, int64_t *n,
                           trit_error *e) {
    const char *at = NULL;
    int64_t n_bytes;
    *n = 0;
    TRIT_TRY(trit_file_size(path, &n_bytes, e));
    if (!n_bytes) return trit_file_append(NULL, path, header, HEADER, e);
    TRIT_TRY(trit_file_map(path, &at, &n_bytes, e));
    bool same = n_bytes >= HEADER && memcmp(at, header, HEADER) == 0;
    int64_t whole = same ? (n_bytes - HEADER) / record : 0;
    while (*n < whole && is_whole(at + HEADER + *n * record, record, *n)) ++*n;
    munmap((void *)(uintptr_t)at, (size_t)n_bytes);
    if (!same) {
        return TRIT_FAIL(e, E_CONFIG,
                         "%s: is another file, or a cache of another teacher, data, seed, context "
                         "or --top-k; nothing was changed",
                         path);
    }
    return trit_file_truncate(NULL, path, HEADER + *n * record, e);
}

static trit_status write_from(trit_run *r, const char *path, int64_t k, int64_t done, char *record,
                              void (*told)(void *self, int64_t done, int64_t all), void *self,
                              trit_error *e) {
    const trit_run_graph *g = &r->eval;
    int64_t all = trit_teacher_cache_windows(r), T = g->T;
    size_t n_bytes = (size_t)trit_teacher_cache_record(T, k);
    while (done < all) {
        int64_t n = all - done < g->B ? all - done : g->B;
        trit_data_train(r->data, (uint64_t)r->exp->cfg.train.seed, done, g->B, T,
                        g->io.tokens->val.data, g->io.labels->val.data);
        TRIT_TRY(trit_distill_teach(r, g->io.tokens->val.data, e));
        for (int64_t i = 0; i < n; i++, done++) {
            make_record(r, i, done, k, record);
            TRIT_TRY(trit_file_append(NULL, path, record, n_bytes, e));
        }
        if (told) told(self, done, all);
    }
    return trit_file_sync(NULL, path, e);
}

trit_status trit_teacher_cache_write(trit_run *r, const char *path, int64_t k,
                                     void (*told)(void *self, int64_t done, int64_t all),
                                     void *self, trit_error *e) {
    char header[HEADER + 1];
    int64_t T = r->model.cfg.context, done;
    if (k > r->model.cfg.vocab) k = r->model.cfg.vocab;
    int64_t n_bytes = trit_teacher_cache_record(T, k);
    TRIT_TRY(make_header(r, k, r->distill->hash, header, e));
    TRIT_TRY(take_up(path, header, n_bytes, &done, e));
    char *record = trit_arena_get(&r->mem, (size_t)n_bytes, e);
    return record ? write_from(r, path, k, done, record, told, self, e) : TRIT_E_NOMEM;
}
