#include "run/distill.h"
#include "run/store_files.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a checkpoint says of the run besides its tensors. */
typedef struct position {
    int64_t step, metrics_bytes, best_step, eval_step, stats_step;
    double best_loss;
    const char *data, *config, *init_hash, *teacher; /* of the checkpoint; teacher "" for none */
    const char *gemm, *kernels;                      /* ditto, as in trit_computed_by; or NULL */
    trit_guard guard;
} position;

/* Attributes that came later than the format: absent ones leave *out as it is. */
static trit_status later_int(const trit_checkpoint *c, const char *name, int64_t *out,
                             trit_error *e) {
    return trit_checkpoint_has_attr(c, name) ? trit_checkpoint_attr_int(c, name, out, e) : TRIT_OK;
}

static trit_status later_real(const trit_checkpoint *c, const char *name, double *out,
                              trit_error *e) {
    return trit_checkpoint_has_attr(c, name) ? trit_checkpoint_attr_real(c, name, out, e) : TRIT_OK;
}

static trit_status read_position(const trit_checkpoint *c, position *p, trit_error *e) {
    *p = (position){.init_hash = ""};
    TRIT_TRY(trit_checkpoint_attr_int(c, "step", &p->step, e));
    TRIT_TRY(trit_checkpoint_attr_int(c, "metrics_bytes", &p->metrics_bytes, e));
    TRIT_TRY(trit_checkpoint_attr_int(c, "best_step", &p->best_step, e));
    TRIT_TRY(trit_checkpoint_attr_real(c, "best_loss", &p->best_loss, e));
    TRIT_TRY(trit_checkpoint_attr_int(c, "eval_step", &p->eval_step, e));
    TRIT_TRY(trit_checkpoint_attr_int(c, "stats_step", &p->stats_step, e));
    TRIT_TRY(trit_checkpoint_attr_text(c, "data_fingerprint", &p->data, e));
    TRIT_TRY(trit_checkpoint_attr_text(c, "config", &p->config, e));
    p->teacher = "";
    if (trit_checkpoint_has_attr(c, "teacher")) {
        TRIT_TRY(trit_checkpoint_attr_text(c, "teacher", &p->teacher, e));
    }
    if (trit_checkpoint_has_attr(c, "gemm")) {
        TRIT_TRY(trit_checkpoint_attr_text(c, "gemm", &p->gemm, e));
    }
    if (trit_checkpoint_has_attr(c, "kernels")) {
        TRIT_TRY(trit_checkpoint_attr_text(c, "kernels", &p->kernels, e));
    }
    TRIT_TRY(later_real(c, "loss_mean", &p->guard.mean, e));
    TRIT_TRY(later_real(c, "loss_variance", &p->guard.variance, e));
    TRIT_TRY(later_int(c, "loss_count", &p->guard.n_loss, e));
    TRIT_TRY(later_int(c, "bad_steps", &p->guard.n_bad, e));
    TRIT_TRY(later_int(c, "skipped_steps", &p->guard.shift, e));
    if (!trit_checkpoint_has_attr(c, "init_hash")) return TRIT_OK;
    return trit_checkpoint_attr_text(c, "init_hash", &p->init_hash, e);
}

/* Whether the checkpoint continues this run, and is the one that its name says. */
static trit_status check_position(const trit_run *r, const position *p, int64_t step,
                                  const char *path, trit_error *e) {
    char now[17];
    if (p->step != step) {
        return TRIT_FAIL(e, E_FORMAT, "holds step %" PRId64 ", which its name denies", p->step);
    }
    TRIT_TRY(trit_store_same_config(path, p->config, r->exp, e));
    if (p->step > r->exp->cfg.train.steps) {
        return TRIT_FAIL(e, E_CONFIG,
                         "train.steps is %" PRId64 ", but the run is at step %" PRId64 " already",
                         r->exp->cfg.train.steps, p->step);
    }
    const char *teacher = r->distill ? r->distill->hash : "";
    if (strcmp(teacher, p->teacher) != 0) {
        return TRIT_FAIL(
            e, E_CONFIG,
            "the run has another teacher: weights of %s, but the checkpoint's were %s; "
            "nothing was changed",
            teacher, p->teacher);
    }
    snprintf(now, sizeof now, "%016" PRIx64, trit_data_fingerprint(r->data));
    if (strcmp(now, p->data) == 0) return TRIT_OK;
    return TRIT_FAIL(e, E_DATA,
                     "the data is not what the run was trained on (fingerprint %s, now %s); "
                     "restore the text, or give another directory with --run",
                     p->data, now);
}

static void compare_kernels(const trit_run *r, const position *p, const char *what,
                            const char *before, const char *now) {
    if (!before || strcmp(now, before) == 0) return;
    trit_log_warn(r->log,
                  "%s were computed by %s up to step %" PRId64 ", from now on by %s: the last bits "
                  "will be others than without the change",
                  what, before, p->step, now);
}

/* Another back end rounds differently: the run keeps the one that it was begun with, unless the
 * user asks for another or this machine has it not. What cannot be kept is said. */
static void keep_backend(trit_run *r, const position *p) {
    char name[32] = "";
    trit_blas *b = &r->x.blas, other;
    if (!p->gemm) return;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(p->gemm, " "), p->gemm);
    bool users = strcmp(b->asked_by, "TRIT_GEMM") == 0;
    if (strcmp(name, b->name) != 0 && !users && !trit_blas_open(&other, name, NULL)) {
        *b = other;
        snprintf(b->asked_by, sizeof b->asked_by, "the run");
    }
    trit_computed_by now = trit_store_computed_by(&r->x);
    compare_kernels(r, p, "matrix products", p->gemm, now.gemm);
    compare_kernels(r, p, "all other numbers", p->kernels, now.kernels);
}

/* Loads one checkpoint completely; the run is unchanged unless it fits. */
static trit_status load_checkpoint(trit_store *s, trit_run *r, const char *path, int64_t step,
                                   trit_error *e) {
    trit_checkpoint *c = NULL;
    trit_arena mem;
    trit_arena_init(&mem, "checkpoint");
    position p;
    trit_ckpt_tensor *t;
    int n;
    trit_status status = trit_checkpoint_open(&c, path, e);
    if (!status) status = read_position(c, &p, e);
    if (!status) status = check_position(r, &p, step, path, e);
    if (!status) status = trit_store_tensors(r, &mem, true, &t, &n, e);
    if (!status) status = trit_checkpoint_load(c, t, n, e);
    if (!status) {
        r->step = s->saved_step = s->whole[0] = p.step;
        s->whole[1] = -1;
        r->guard = p.guard;
        snprintf(r->init_hash, sizeof r->init_hash, "%s", p.init_hash);
        keep_backend(r, &p);
        s->metrics_bytes = p.metrics_bytes;
        s->best_step = p.best_step;
        s->best_loss = p.best_loss;
        s->eval_step = p.eval_step;
        s->stats_step = p.stats_step;
    }
    /* Opening names the file itself. */
    if (status && c) trit_error_wrap(e, "%s", path);
    trit_checkpoint_close(c);
    trit_arena_free(&mem);
    return status;
}

trit_status trit_store_resume(trit_store *s, trit_run *r, trit_error *e) {
    int64_t *step;
    int n;
    char path[TRIT_STORE_PATH];
    TRIT_ASSERT(!s->background);
    TRIT_TRY(trit_store_steps(s->dir, &step, &n, e));
    trit_status status = TRIT_OK;
    for (int i = 0; i < n; i++) {
        char name[TRIT_STORE_NAME];
        trit_error why = {0};
        trit_store_name(name, step[i]);
        status = trit_store_join(path, s->dir, name, &why);
        if (!status) status = load_checkpoint(s, r, path, step[i], &why);
        if (!status) break;
        /* Only damage is worth looking further back for; anything else would fail there too. */
        if (status != TRIT_E_FORMAT || i + 1 == n) {
            if (e && !e->code) *e = why;
            break;
        }
        trit_log_warn(r->log, "%s; going back to the one before", why.text);
    }
    free(step);
    if (status) return status;
    s->metrics.len = 0;
    s->metrics_torn = false;
    TRIT_TRY(trit_store_join(path, s->dir, "metrics.jsonl", e));
    TRIT_TRY(trit_file_truncate(s->io, path, s->metrics_bytes, e));
    return s->saved_step < 0 ? TRIT_OK : trit_store_point(s, e);
}

/* ---- reading a run from outside ---- */

trit_status trit_store_load_config(const char *checkpoint, trit_experiment *exp, trit_error *e) {
    trit_checkpoint *c = NULL;
    const char *config = NULL, *file = NULL;
    trit_status status = trit_checkpoint_open(&c, checkpoint, e);
    if (!status) status = trit_checkpoint_attr_text(c, "config", &config, e);
    if (!status) status = trit_checkpoint_attr_text(c, "config_file", &file, e);
    if (!status) status = trit_experiment_parse(exp, config, file, e);
    trit_checkpoint_close(c);
    return status;
}

/* Where a parameter has an average of the same shape, that is what was evaluated. */
static trit_status load_averages(trit_checkpoint *c, const trit_ckpt_tensor *t, int n,
                                 trit_error *e) {
    for (int i = 0; i < n; i++) {
        char path[512];
        snprintf(path, sizeof path, "optim/ema/%s", t[i].path + strlen("param/"));
        const trit_ckpt_tensor *kept = trit_checkpoint_find(c, path);
        if (!kept || kept->ndim != t[i].ndim) continue;
        if (memcmp(kept->dim, t[i].dim, (size_t)t[i].ndim * sizeof *t[i].dim) != 0) continue;
        trit_ckpt_tensor average = t[i];
        average.path = path;
        TRIT_TRY(trit_checkpoint_read_one(c, &average, e));
    }
    return TRIT_OK;
}

trit_status trit_store_load_weights(const char *checkpoint, trit_run *r, trit_error *e) {
    trit_checkpoint *c = NULL;
    trit_arena mem;
    trit_arena_init(&mem, "checkpoint");
    trit_ckpt_tensor *t;
    int n = 0;
    trit_status status = trit_checkpoint_open(&c, checkpoint, e);
    if (!status) status = trit_checkpoint_attr_int(c, "step", &r->step, e);
    if (!status) status = trit_store_tensors(r, &mem, false, &t, &n, e);
    if (!status) status = trit_checkpoint_load_part(c, "param/", t, n, e);
    if (!status) status = load_averages(c, t, n, e);
    trit_checkpoint_close(c);
    trit_arena_free(&mem);
    return status;
}
