#include "run/convert.h"

#include "run/store.h"

#include <stdio.h>
#include <string.h>

/* Everything that is opened on the way. */
typedef struct work {
    trit_experiment dir, kept, next; /* of config.json, of the checkpoint, converted */
    trit_store store;
    trit_run run;
} work;

/* A copy of an experiment with other state. */
static trit_status with_state(const trit_experiment *from, int to, trit_experiment *out,
                              trit_error *e) {
    cJSON *tree = cJSON_Duplicate(from->resolved, true);
    cJSON *optim = trit_json_get(tree, "optim"), *word = cJSON_CreateString(trit_state_names[to]);
    trit_text text = {0};
    trit_status status = TRIT_OK;
    if (!optim || !trit_json_put(optim, "state", word)) {
        cJSON_Delete(word);
        status = TRIT_FAIL(e, E_NOMEM, "no memory for the config");
    }
    if (!status) {
        trit_json_print(tree, false, &text);
        if (text.failed) status = TRIT_FAIL(e, E_NOMEM, "no memory for the config");
    }
    if (!status) status = trit_experiment_parse(out, trit_text_get(&text), from->file, e);
    trit_text_free(&text);
    cJSON_Delete(tree);
    return status;
}

/* config.json and the checkpoint may differ in the encoding: then a conversion was cut short. */
static trit_status check_same(const work *w, trit_error *e) {
    trit_experiment a = {0};
    trit_text diff = {0}, kept = {0};
    int n = 0;
    TRIT_TRY(with_state(&w->dir, w->kept.cfg.optim.state, &a, e));
    trit_json_print(w->kept.resolved, false, &kept);
    trit_status status =
        kept.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for the config")
                    : trit_experiment_diff(&a, trit_text_get(&kept), w->kept.file, &diff, &n, e);
    if (n) {
        status = TRIT_FAIL(e, E_CONFIG, "config.json and the newest checkpoint differ:\n%s",
                           trit_text_get(&diff));
    }
    trit_text_free(&diff);
    trit_text_free(&kept);
    trit_experiment_close(&a);
    return status;
}

static trit_status load_config(const char *dir, trit_experiment *x, trit_error *e) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/config.json", dir);
    if (n < 0 || (size_t)n >= sizeof path) return TRIT_FAIL(e, E_USAGE, "%s: path too long", dir);
    return trit_experiment_load(x, path, NULL, 0, e);
}

/* The run's optimizer with the other state, in its arena. */
static trit_status convert(trit_run *r, const trit_experiment *next, trit_error *e) {
    trit_optim to;
    TRIT_TRY(
        trit_optim_init(&to, &next->cfg.optim, &r->ps, next->cfg.train.steps, r->x.n_threads, e));
    for (int i = 0; i < to.n_item; i++) {
        const trit_optim_item *a = &r->opt.item[i], *b = &to.item[i];
        const trit_slot *old, *new;
        for (int k = 0; trit_optim_state(a, k, &old) && trit_optim_state(b, k, &new); k++) {
            if (!new->val.data) continue;
            const trit_tensor *shape = trit_slot_is_plain(new) ? &new->val : &b->param->val;
            trit_slot_convert(old, new, &r->x.k, trit_tensor_len(shape));
        }
    }
    r->opt = to;
    r->exp = next;
    return TRIT_OK;
}

static trit_status work_through(work *w, const char *dir, int to,
                                const trit_runtime_options *options, const trit_log *log,
                                trit_convert_result *out, trit_error *e) {
    char checkpoint[4096];
    TRIT_TRY(trit_store_find(dir, "latest", checkpoint, sizeof checkpoint, e));
    TRIT_TRY(load_config(dir, &w->dir, e));
    TRIT_TRY(trit_store_open(&w->store, dir, NULL, &w->dir, e));
    TRIT_TRY(trit_store_load_config(checkpoint, &w->kept, e));
    TRIT_TRY_AS(check_same(w, e), e, "%s", dir);
    TRIT_TRY(with_state(&w->kept, to, &w->next, e));
    TRIT_TRY(trit_run_open(&w->run, &w->kept, TRIT_RUN_TRAIN, options, log, e));
    TRIT_TRY(trit_store_resume(&w->store, &w->run, e));
    *out = (trit_convert_result){.step = w->run.step,
                                 .from = w->kept.cfg.optim.state,
                                 .to = to,
                                 .bytes_before = trit_optim_state_bytes(&w->run.opt)};
    TRIT_TRY(convert(&w->run, &w->next, e));
    out->bytes_now = trit_optim_state_bytes(&w->run.opt);
    TRIT_TRY(trit_store_save(&w->store, &w->run, e));
    return trit_store_set_config(&w->store, &w->next, e);
}

trit_status trit_convert_state(const char *dir, int to, const trit_runtime_options *options,
                               const trit_log *log, trit_convert_result *out, trit_error *e) {
    work w = {0};
    trit_status status = work_through(&w, dir, to, options, log, out, e);
    trit_store_close(&w.store);
    trit_run_close(&w.run);
    trit_experiment_close(&w.next);
    trit_experiment_close(&w.kept);
    trit_experiment_close(&w.dir);
    return status;
}
