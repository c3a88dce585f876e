#include "run/store_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers gone bad are never saved: the checkpoint of before is worth more. */
static trit_status check_finite(const trit_run *r, const trit_ckpt_tensor *t, int n,
                                trit_error *e) {
    for (int i = 0; i < n; i++) {
        trit_tensor x = trit_tensor_make(t[i].dtype, t[i].ndim, t[i].dim);
        bool checked = !strncmp(t[i].path, "param/", 6) || !strncmp(t[i].path, "optim/", 6);
        if (!checked || t[i].dtype != TRIT_REAL) continue;
        if (r->x.k.all_finite(trit_tensor_len(&x), t[i].data)) continue;
        return TRIT_FAIL(e, E_NUMERIC, "step %" PRId64 ": not saved, as %s is not finite", r->step,
                         t[i].path);
    }
    return TRIT_OK;
}

static trit_status write_checkpoint(trit_store *s, trit_run *r, const char *path, trit_arena *mem,
                                    trit_error *e) {
    trit_ckpt_tensor *t;
    int n;
    TRIT_TRY(trit_store_tensors(r, mem, true, &t, &n, e));
    TRIT_TRY(check_finite(r, t, n, e));
    trit_text config = {0};
    char data_hash[17];
    char gemm[80];
    snprintf(data_hash, sizeof data_hash, "%016" PRIx64, trit_data_fingerprint(r->data));
    snprintf(gemm, sizeof gemm, "%s%s%s", r->x.blas.name, *r->x.blas.core ? " " : "",
             r->x.blas.core);
    trit_json_print(r->exp->resolved, false, &config);
    const trit_ckpt_attr a[] = {
        {"step", TRIT_ATTR_INT, r->step, 0, NULL},
        {"seed", TRIT_ATTR_INT, r->exp->cfg.train.seed, 0, NULL},
        {"config", TRIT_ATTR_TEXT, 0, 0, trit_text_get(&config)},
        {"config_file", TRIT_ATTR_TEXT, 0, 0, r->exp->file},
        {"config_hash", TRIT_ATTR_TEXT, 0, 0, r->exp->hash},
        {"data_fingerprint", TRIT_ATTR_TEXT, 0, 0, data_hash},
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
        {"gemm", TRIT_ATTR_TEXT, 0, 0, gemm},
        {"version", TRIT_ATTR_TEXT, 0, 0, TRIT_VERSION},
    };
    trit_status status = config.failed
                             ? TRIT_FAIL(e, E_NOMEM, "no memory for the config")
                             : trit_checkpoint_write(s->io, path, t, n, a, sizeof a / sizeof *a, e);
    trit_text_free(&config);
    return status;
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

trit_status trit_store_save(trit_store *s, trit_run *r, trit_error *e) {
    char path[TRIT_STORE_PATH], name[TRIT_STORE_NAME];
    TRIT_TRY(trit_store_flush(s, e));
    if (s->metrics_bytes) {
        TRIT_TRY(trit_store_join(path, s->dir, "metrics.jsonl", e));
        TRIT_TRY(trit_file_sync(s->io, path, e));
    }
    trit_store_name(name, r->step);
    TRIT_TRY(trit_store_join(path, s->dir, name, e));
    trit_arena mem;
    trit_arena_init(&mem, "checkpoint");
    trit_status status = write_checkpoint(s, r, path, &mem, e);
    trit_arena_free(&mem);
    if (status) return status;
    if (s->whole[0] != r->step) s->whole[1] = s->whole[0];
    s->whole[0] = s->saved_step = r->step;
    TRIT_TRY(trit_store_point(s, e));
    return remove_old(s, &r->exp->cfg.run, e);
}
