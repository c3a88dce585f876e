#include "run/distill.h"
#include "run/store_files.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of blocks that threads share: so small that a block is still in the cache when it is checked. */
enum { BLOCK_BYTES = 1 << 18 };

/* Numbers gone bad are never saved: the checkpoint of before is worth more. */
static bool is_checked(const trit_ckpt_tensor *t) {
    return t->dtype == TRIT_REAL &&
           (!strncmp(t->path, "param/", 6) || !strncmp(t->path, "optim/", 6) ||
            !strncmp(t->path, "aside/", 6));
}

/* Looks at a block of a tensor, and copies it unless `to` is NULL; false where a number is not
 * finite. */
static bool take_block(const trit_exec *x, const trit_ckpt_tensor *t, int64_t at, int64_t n,
                       char *to) {
    const void *from = (const char *)t->data + at;
    if (to) from = memcpy(to + at, from, (size_t)n);
    return !is_checked(t) || x->k.all_finite(n / (int64_t)sizeof(trit_real), from);
}

/* A multiple of what vectors are aligned to. */
static size_t room_of(const trit_ckpt_tensor *t) {
    trit_tensor x = trit_tensor_make(t->dtype, t->ndim, t->dim);
    return (trit_tensor_bytes(&x) + TRIT_ALIGN - 1) / TRIT_ALIGN * TRIT_ALIGN;
}

size_t trit_store_room(const trit_ckpt_tensor *t, int n) {
    size_t room = 0;
    for (int i = 0; i < n; i++) room += room_of(&t[i]);
    return room;
}

/* Index of the first tensor that is not finite; n_tensor: none. Threads do not wait for each other
 * between tensors, as there may be hundreds of small ones. */
static int take_all(const trit_store_job *j, const trit_exec *x, char *stage) {
    atomic_int bad = j->n_tensor;
#pragma omp parallel num_threads(x->n_threads)
    {
        char *to = stage;
        for (int i = 0; i < j->n_tensor; i++) {
            const trit_ckpt_tensor *t = &j->tensor[i];
            trit_tensor shape = trit_tensor_make(t->dtype, t->ndim, t->dim);
            int64_t n_bytes = (int64_t)trit_tensor_bytes(&shape);
#pragma omp for schedule(static) nowait
            for (int64_t at = 0; at < n_bytes; at += BLOCK_BYTES) {
                int64_t n = n_bytes - at < BLOCK_BYTES ? n_bytes - at : BLOCK_BYTES;
                if (take_block(x, t, at, n, to)) continue;
                int seen = bad;
                while (i < seen && !atomic_compare_exchange_weak(&bad, &seen, i)) {
                }
            }
            if (to) to += room_of(t);
        }
    }
    return bad;
}

static trit_status take_tensors(trit_store_job *j, const trit_run *r, char *stage, trit_error *e) {
    int bad = take_all(j, &r->x, stage);
    if (bad < j->n_tensor) {
        return TRIT_FAIL(e, E_NUMERIC, "step %" PRId64 ": not saved, as %s is not finite", r->step,
                         j->tensor[bad].path);
    }
    for (int i = 0; stage && i < j->n_tensor; i++) {
        j->tensor[i].data = stage;
        stage += room_of(&j->tensor[i]);
    }
    return TRIT_OK;
}

/* Attributes of the checkpoint; their texts live as long as the job and the experiment. */
static trit_status describe(trit_store_job *j, const trit_run *r, trit_error *e) {
    const trit_store *s = &j->view;
    snprintf(j->data_hash, sizeof j->data_hash, "%016" PRIx64, trit_data_fingerprint(r->data));
    j->by = trit_store_computed_by(&r->x);
    trit_json_print(r->exp->resolved, false, &j->config);
    const trit_ckpt_attr a[] = {
        {"step", TRIT_ATTR_INT, r->step, 0, NULL},
        {"seed", TRIT_ATTR_INT, r->exp->cfg.train.seed, 0, NULL},
        {"config", TRIT_ATTR_TEXT, 0, 0, trit_text_get(&j->config)},
        {"config_file", TRIT_ATTR_TEXT, 0, 0, r->exp->file},
        {"config_hash", TRIT_ATTR_TEXT, 0, 0, r->exp->hash},
        {"data_fingerprint", TRIT_ATTR_TEXT, 0, 0, j->data_hash},
        {"teacher", TRIT_ATTR_TEXT, 0, 0, r->distill ? r->distill->hash : ""},
        {"metrics_bytes", TRIT_ATTR_INT, s->metrics_bytes, 0, NULL},
        {"best_step", TRIT_ATTR_INT, s->best_step, 0, NULL},
        {"best_loss", TRIT_ATTR_REAL, 0, s->best_loss, NULL},
        {"eval_step", TRIT_ATTR_INT, s->eval_step, 0, NULL},
        {"stats_step", TRIT_ATTR_INT, s->stats_step, 0, NULL},
        {"loss_mean", TRIT_ATTR_REAL, 0, r->guard.mean, NULL},
        {"loss_variance", TRIT_ATTR_REAL, 0, r->guard.variance, NULL},
        {"loss_count", TRIT_ATTR_INT, r->guard.n_loss, 0, NULL},
        {"bad_steps", TRIT_ATTR_INT, r->guard.n_bad, 0, NULL},
        {"skipped_steps", TRIT_ATTR_INT, r->guard.shift, 0, NULL},
        {"init_hash", TRIT_ATTR_TEXT, 0, 0, r->init_hash},
        {"gemm", TRIT_ATTR_TEXT, 0, 0, j->by.gemm},
        {"kernels", TRIT_ATTR_TEXT, 0, 0, j->by.kernels},
        {"version", TRIT_ATTR_TEXT, 0, 0, TRIT_VERSION},
    };
    _Static_assert(sizeof a <= sizeof j->attr, "room for attributes");
    memcpy(j->attr, a, sizeof a);
    j->n_attr = sizeof a / sizeof *a;
    return j->config.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for the config") : TRIT_OK;
}

trit_status trit_store_job_open(trit_store_job *j, trit_store *s, trit_run *r, char *stage,
                                trit_error *e) {
    char name[TRIT_STORE_NAME];
    *j = (trit_store_job){.step = r->step, .keep = &r->exp->cfg.run};
    trit_arena_init(&j->mem, "checkpoint");
    TRIT_TRY(trit_store_flush(s, e));
    j->view = *s;
    trit_store_name(name, r->step);
    TRIT_TRY(trit_store_join(j->path, s->dir, name, e));
    TRIT_TRY(trit_store_tensors(r, &j->mem, true, &j->tensor, &j->n_tensor, e));
    TRIT_TRY(take_tensors(j, r, stage, e));
    return describe(j, r, e);
}

void trit_store_job_close(trit_store_job *j) {
    trit_arena_free(&j->mem);
    trit_text_free(&j->config);
}

/* A one-line file that names a checkpoint; left alone when it does so already. */
static trit_status point(const trit_store *s, const char *pointer, int64_t step, trit_error *e) {
    char path[TRIT_STORE_PATH], name[TRIT_STORE_NAME];
    TRIT_TRY(trit_store_join(path, s->dir, pointer, e));
    snprintf(name, sizeof name, "step-%08" PRId64 ".h5\n", step);
    trit_text old = {0};
    bool same = !trit_file_read(path, sizeof name, &old, NULL) && strcmp(old.at, name) == 0;
    trit_text_free(&old);
    return same ? TRIT_OK : trit_file_replace(s->io, path, name, strlen(name), e);
}

trit_status trit_store_point(const trit_store *s, trit_error *e) {
    char path[TRIT_STORE_PATH], name[TRIT_STORE_NAME];
    TRIT_TRY(point(s, "checkpoints/latest", s->saved_step, e));
    if (s->best_step < 0) return TRIT_OK;
    trit_store_name(name, s->best_step);
    TRIT_TRY(trit_store_join(path, s->dir, name, e));
    return trit_store_exists(path) ? point(s, "checkpoints/best", s->best_step, e) : TRIT_OK;
}

/* Step of the checkpoint that the pointer `best` names; -1: none. It may be older than best_step,
 * while that one could not be saved. */
static int64_t pointed_best(const trit_store *s) {
    char path[TRIT_STORE_PATH];
    trit_text text = {0};
    int64_t step = -1;
    if (!trit_store_join(path, s->dir, "checkpoints/best", NULL) &&
        !trit_file_read(path, TRIT_STORE_NAME, &text, NULL)) {
        text.at[strcspn(text.at, "\n")] = '\0';
        step = trit_store_step_of(text.at);
    }
    trit_text_free(&text);
    return step;
}

static bool is_whole(trit_store *s, int64_t step) {
    if (step == s->whole[0] || step == s->whole[1]) return true;
    char path[TRIT_STORE_PATH], name[TRIT_STORE_NAME];
    trit_store_name(name, step);
    if (trit_store_join(path, s->dir, name, NULL) || trit_checkpoint_verify(path, NULL)) {
        return false;
    }
    s->whole[1] = step;
    return true;
}

static trit_status remove_old(trit_store *s, const trit_run_cfg *cfg, trit_error *e) {
    int64_t *step, best = pointed_best(s);
    int n;
    TRIT_TRY(trit_store_steps(s->dir, &step, &n, e));
    for (int i = 0, kept = 0; i < n; i++) {
        /* Newer ones are damaged (resuming skipped them): they replace no good one, and are
         * overwritten in time. */
        if (step[i] > s->saved_step) continue;
        if (cfg->keep_best && (step[i] == s->best_step || step[i] == best)) continue;
        if (cfg->keep_every && step[i] % cfg->keep_every == 0) continue;
        if (kept < cfg->keep_last) {
            /* Two must be whole; of a damaged one nothing is known to be worth keeping. */
            kept += kept >= 2 || is_whole(s, step[i]);
            continue;
        }
        char path[TRIT_STORE_PATH], name[TRIT_STORE_NAME];
        trit_store_name(name, step[i]);
        if (!trit_store_join(path, s->dir, name, NULL)) s->io->unlink(s->io->self, path);
    }
    free(step);
    return TRIT_OK;
}

trit_status trit_store_job_write(trit_store_job *j, trit_error *e) {
    trit_store *s = &j->view;
    char metrics[TRIT_STORE_PATH];
    if (s->metrics_bytes) {
        TRIT_TRY(trit_store_join(metrics, s->dir, "metrics.jsonl", e));
        TRIT_TRY(trit_file_sync(s->io, metrics, e));
    }
    TRIT_TRY(trit_checkpoint_write(s->io, j->path, j->tensor, j->n_tensor, j->attr, j->n_attr, e));
    if (s->whole[0] != j->step) s->whole[1] = s->whole[0];
    s->whole[0] = s->saved_step = j->step;
    TRIT_TRY(trit_store_point(s, e));
    return remove_old(s, j->keep, e);
}

void trit_store_job_merge(const trit_store_job *j, trit_store *s) {
    memcpy(s->whole, j->view.whole, sizeof s->whole);
    s->saved_step = j->view.saved_step;
}

trit_status trit_store_save(trit_store *s, trit_run *r, trit_error *e) {
    trit_store_job j;
    TRIT_ASSERT(!s->background);
    trit_status status = trit_store_job_open(&j, s, r, NULL, e);
    if (!status) {
        status = trit_store_job_write(&j, e);
        trit_store_job_merge(&j, s);
    }
    trit_store_job_close(&j);
    return status;
}
