#include "run/store_files.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Loads one checkpoint completely; the run is unchanged unless it fits. */
static trit_status load_checkpoint(trit_store *s, trit_run *r, const char *path, trit_error *e) {
    trit_checkpoint *c = NULL;
    trit_arena mem;
    trit_arena_init(&mem, "checkpoint");
    int64_t step = 0, bytes = 0, best_step = -1, eval_step = -1, stats_step = -1;
    double best_loss = INFINITY;
    const char *fingerprint = "";
    trit_ckpt_tensor *t;
    int n;
    char now[17];
    trit_status status = trit_checkpoint_open(&c, path, e);
    if (!status) status = trit_checkpoint_attr_int(c, "step", &step, e);
    if (!status) status = trit_checkpoint_attr_int(c, "metrics_bytes", &bytes, e);
    if (!status) status = trit_checkpoint_attr_int(c, "best_step", &best_step, e);
    if (!status) status = trit_checkpoint_attr_real(c, "best_loss", &best_loss, e);
    if (!status) status = trit_checkpoint_attr_int(c, "eval_step", &eval_step, e);
    if (!status) status = trit_checkpoint_attr_int(c, "stats_step", &stats_step, e);
    if (!status) status = trit_checkpoint_attr_text(c, "data_fingerprint", &fingerprint, e);
    if (!status) {
        snprintf(now, sizeof now, "%016" PRIx64, trit_data_fingerprint(r->data));
        if (strcmp(now, fingerprint) != 0) {
            status = TRIT_FAIL(e, E_DATA,
                               "the data is not what the run was trained on (fingerprint "
                               "%s, now %s); restore the text, or give another directory with "
                               "--run",
                               fingerprint, now);
        }
    }
    if (!status) status = trit_store_tensors(r, &mem, true, &t, &n, e);
    if (!status) status = trit_checkpoint_load(c, t, n, e);
    if (!status) {
        r->step = step;
        s->metrics_bytes = bytes;
        s->best_step = best_step;
        s->best_loss = best_loss;
        s->eval_step = eval_step;
        s->stats_step = stats_step;
        s->saved_step = step;
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
    TRIT_TRY(trit_store_steps(s->dir, &step, &n, e));
    trit_status status = TRIT_OK;
    for (int i = 0; i < n; i++) {
        char name[TRIT_STORE_NAME];
        trit_error why = {0};
        trit_store_name(name, step[i]);
        status = trit_store_join(path, s->dir, name, &why);
        if (!status) status = load_checkpoint(s, r, path, &why);
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
    TRIT_TRY(trit_store_join(path, s->dir, "metrics.jsonl", e));
    TRIT_TRY(trit_file_truncate(NULL, path, s->metrics_bytes, e));
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

trit_status trit_store_load_weights(const char *checkpoint, trit_run *r, trit_error *e) {
    trit_checkpoint *c = NULL;
    trit_arena mem;
    trit_arena_init(&mem, "checkpoint");
    trit_ckpt_tensor *t;
    int n = 0;
    trit_status status = trit_checkpoint_open(&c, checkpoint, e);
    if (!status) status = trit_checkpoint_attr_int(c, "step", &r->step, e);
    if (!status) status = trit_store_tensors(r, &mem, false, &t, &n, e);
    for (int i = 0; !status && i < n; i++) status = trit_checkpoint_read_one(c, &t[i], e);
    trit_checkpoint_close(c);
    trit_arena_free(&mem);
    return status;
}
