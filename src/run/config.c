#include "run/config.h"

#include "io/quant_start.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const trit_on_bad_names[] = {"stop", "skip-step", "rollback", NULL};
const char *const trit_stop_signal_names[] = {"USR1", "USR2", "none", NULL};

static const trit_field train_fields[] = {
#define F(...) TRIT_FIELD(trit_train_cfg, __VA_ARGS__)
    TRIT_TRAIN_FIELDS(F)
#undef F
};
static const trit_schema train_schema =
    TRIT_SCHEMA("train", "the training loop", trit_train_cfg, train_fields, NULL);

const char *const trit_compute_names[] = {"fp32", "int8", NULL};
const char *const trit_precision_names[] = {"fp32", "bf16", NULL};
static const trit_field compute_fields[] = {
#define F(...) TRIT_FIELD(trit_compute_cfg, __VA_ARGS__)
    TRIT_COMPUTE_FIELDS(F)
#undef F
};
static const trit_schema compute_schema =
    TRIT_SCHEMA("compute", "how products are computed", trit_compute_cfg, compute_fields, NULL);

static trit_status check_init(const void *section, trit_error *e) {
    const trit_init_cfg *c = section;
    if (*c->from || (!*c->hash && !c->partial)) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "%s: belongs to init.from, which is not given",
                     *c->hash ? "hash" : "partial");
}

static const trit_field init_fields[] = {
#define F(...) TRIT_FIELD(trit_init_cfg, __VA_ARGS__)
    TRIT_INIT_FIELDS(F)
#undef F
};
static const trit_schema init_schema =
    TRIT_SCHEMA("init", "what the first step begins with", trit_init_cfg, init_fields, check_init);

static const trit_field run_fields[] = {
#define F(...) TRIT_FIELD(trit_run_cfg, __VA_ARGS__)
    TRIT_RUN_FIELDS(F)
#undef F
};
static const trit_schema run_schema =
    TRIT_SCHEMA("run", "how a run is executed and kept; no key changes its numbers", trit_run_cfg,
                run_fields, NULL);

static trit_status check_name(const char *name, trit_error *e) {
    if (!strchr(name, '/') && name[0] != '.') return TRIT_OK;
    return TRIT_FAIL(
        e, E_CONFIG,
        "name: found \"%s\", but it names a folder in runs/, so it may not hold '/' or "
        "begin with '.'",
        name);
}

static trit_status check(const void *section, trit_error *e) {
    const trit_config *c = section;
    const trit_train_cfg *t = &c->train;
    trit_optim_cfg optim = c->optim;
    trit_optim_cfg_in_steps(&optim, t->batch * t->accumulate * c->model.context);
    trit_error why = {0};
    optim.quant_at = trit_quant_start_step(c->quant.start, t->steps);
    if (c->quant.start > 0 && optim.quant_at >= t->steps) {
        return TRIT_FAIL(e, E_CONFIG,
                         "quant/start: found %g, which is step %lld, but training ends after %lld "
                         "(train.steps)",
                         c->quant.start, (long long)optim.quant_at, (long long)t->steps);
    }
    if (trit_lr_check(&optim, t->steps, &why)) {
        return TRIT_FAIL(e, E_CONFIG, "optim/%s", why.text);
    }
    if (c->distill.losses.n && t->label_smoothing > 0) {
        return TRIT_FAIL(e, E_CONFIG,
                         "train/label_smoothing: with distill.losses it belongs to the loss ce: "
                         "{\"loss\": \"ce\", \"smoothing\": %g}",
                         t->label_smoothing);
    }
    if (strcmp(c->distill.teacher, TRIT_TEACHER_EMA) == 0 && !(c->optim.ema > 0)) {
        return TRIT_FAIL(e, E_CONFIG,
                         "distill/teacher: \"ema\" is the averages of the student's weights; give "
                         "optim.ema, as 0.999");
    }
    return check_name(c->name, e);
}

static const trit_field fields[] = {
    {"name", TRIT_T_STR, "\"\"", 0, 0, NULL, "", "names the run's folder; \"\" = the file's name",
     offsetof(trit_config, name), NULL, NULL},
    /* clang-format off */
    TRIT_FIELD_OBJ(trit_config, data, "{}", trit_data_schema, "what is trained on")
    TRIT_FIELD_OBJ(trit_config, model, "{}", trit_model_schema, "the network")
    TRIT_FIELD_OBJ(trit_config, quant, "{}", trit_quant_schema, "what is quantized, and how")
    TRIT_FIELD_OBJ(trit_config, init, "{}", init_schema, "weights to begin with")
    TRIT_FIELD_OBJ(trit_config, optim, "{}", trit_optim_schema, "optimizer and learning rate")
    TRIT_FIELD_OBJ(trit_config, distill, "{}", trit_distill_schema, "a teacher, and the losses")
    TRIT_FIELD_OBJ(trit_config, train, "{}", train_schema, "the training loop")
    TRIT_FIELD_OBJ(trit_config, compute, "{}", compute_schema, "how products are computed")
    TRIT_FIELD_OBJ(trit_config, run, "{}", run_schema, "how the run is executed and kept")
    /* clang-format on */
};
const trit_schema trit_config_schema =
    TRIT_SCHEMA("config", "a trit experiment", trit_config, fields, check);

/* A copy of a resolved config without what makes no difference to a run; NULL: no memory. */
static cJSON *identity(const cJSON *resolved) {
    cJSON *copy = cJSON_Duplicate(resolved, true);
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "name");
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "run");
    cJSON_DeleteItemFromObjectCaseSensitive(trit_json_get(copy, "train"), "max_time");
    return copy;
}

/* "compute": "fp32" stands for an object with that word at each key. */
static trit_status expand_compute(cJSON *root, const char *file, trit_error *e) {
    const cJSON *v = trit_json_get(root, "compute");
    if (!cJSON_IsString(v)) return TRIT_OK;
    if (strcmp(v->valuestring, "fp32") != 0) {
        return trit_settings_fail(e, file, "/compute",
                                  "found \"%s\"; the only word for the whole section is \"fp32\", "
                                  "else give an object of linear, backward, attention and head",
                                  v->valuestring);
    }
    cJSON *all = cJSON_CreateObject();
    bool done = all != NULL;
    for (int i = 0; i < compute_schema.n_field; i++) {
        done = done && cJSON_AddStringToObject(all, compute_schema.field[i].key, "fp32");
    }
    if (done && trit_json_put(root, "compute", all)) return TRIT_OK;
    cJSON_Delete(all);
    return TRIT_FAIL(e, E_NOMEM, "no memory for the config");
}

bool trit_config_schema_complete(cJSON *document) {
    if (!trit_quant_schema_complete(document)) return false;
    cJSON *keys = trit_json_get(document, "properties"), *both = cJSON_CreateObject();
    cJSON *list = both ? cJSON_AddArrayToObject(both, "anyOf") : NULL;
    cJSON *word = list ? cJSON_CreateObject() : NULL;
    bool done = word && cJSON_AddItemToArray(list, word) &&
                cJSON_AddStringToObject(word, "const", "fp32") &&
                cJSON_AddStringToObject(word, "description", "fp32 at every key");
    cJSON *section = done ? cJSON_DetachItemFromObjectCaseSensitive(keys, "compute") : NULL;
    if (section && cJSON_AddItemToArray(list, section) &&
        cJSON_AddItemToObject(keys, "compute", both)) {
        return true;
    }
    cJSON_Delete(both);
    return false;
}

/* "dir/quickstart.json" -> "quickstart", in the arena. */
static const char *name_of(const char *path, trit_arena *mem, trit_error *e) {
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    size_t n = strlen(file);
    if (n > 5 && strcmp(file + n - 5, ".json") == 0) n -= 5;
    char *name = trit_arena_get(mem, n + 1, e);
    if (name) memcpy(name, file, n);
    return name;
}

static const char *folder_of(const char *path, trit_arena *mem, trit_error *e) {
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    char *dir = trit_arena_get(mem, n + 2, e);
    if (dir) memcpy(dir, n ? path : ".", n ? n : 1);
    return dir;
}

static trit_status put_override(cJSON *root, const char *file, const char *assignment,
                                trit_error *e) {
    static const char word[] = "compute=";
    const char *value = assignment + sizeof word - 1;
    if (strncmp(assignment, word, sizeof word - 1) != 0 || *value == '{') {
        return trit_quant_settings_override(root, &trit_config_schema, assignment, e);
    }
    cJSON_DeleteItemFromObjectCaseSensitive(root, "compute");
    if (!cJSON_AddStringToObject(root, "compute", value)) {
        return TRIT_FAIL(e, E_NOMEM, "no memory for the config");
    }
    return expand_compute(root, file, e);
}

static trit_status resolve(trit_experiment *x, cJSON *root, const char *const *overrides,
                           int n_overrides, trit_error *e) {
    if (!cJSON_IsObject(root)) {
        char found[80];
        return trit_settings_fail(e, x->file, "", "found %s, expected an object of settings",
                                  trit_json_describe(found, root));
    }
    if (n_overrides) TRIT_TRY(trit_quant_settings_expand(root, x->file, e));
    TRIT_TRY(expand_compute(root, x->file, e)); /* overrides may change a key of it */
    for (int i = 0; i < n_overrides; i++) {
        TRIT_TRY(put_override(root, x->file, overrides[i], e));
    }
    TRIT_TRY(trit_quant_settings_resolve(root, x->file, e));
    TRIT_TRY(trit_settings_expand(root, "model", "preset", trit_model_preset_names,
                                  trit_model_preset_json, e));
    TRIT_TRY(trit_optim_settings_expand(root, e));
    TRIT_TRY(trit_settings_read(&trit_config_schema, root, x->file, "", &x->mem, &x->cfg, e));
    if (!x->cfg.name[0]) {
        x->cfg.name = name_of(x->file, &x->mem, e);
        if (!x->cfg.name) return TRIT_E_NOMEM;
        if (!x->cfg.name[0]) {
            return trit_settings_fail(e, x->file, "/name", "the file's name gives none; set it");
        }
        TRIT_TRY_AS(check_name(x->cfg.name, e), e, "%s", x->file);
    }
    x->resolved = trit_settings_write(&trit_config_schema, &x->cfg);
    if (!x->resolved) return TRIT_FAIL(e, E_NOMEM, "no memory for the config");
    cJSON *hashed = identity(x->resolved);
    trit_status status = trit_settings_hash(hashed, NULL, 0, x->hash, e);
    cJSON_Delete(hashed);
    return status;
}

static trit_status finish(trit_experiment *x, cJSON *root, const char *path,
                          const char *const *overrides, int n_overrides, trit_error *e) {
    trit_arena_init(&x->mem, "config");
    x->file = trit_arena_text(&x->mem, path, e);
    x->base_dir = folder_of(path, &x->mem, e);
    trit_status status =
        x->file && x->base_dir ? resolve(x, root, overrides, n_overrides, e) : TRIT_E_NOMEM;
    cJSON_Delete(root);
    return status;
}

trit_status trit_experiment_load(trit_experiment *x, const char *path, const char *const *overrides,
                                 int n_overrides, trit_error *e) {
    cJSON *root = NULL;
    TRIT_TRY(trit_json_load(&root, path, e));
    return finish(x, root, path, overrides, n_overrides, e);
}

trit_status trit_experiment_parse(trit_experiment *x, const char *text, const char *name,
                                  trit_error *e) {
    cJSON *root = NULL;
    TRIT_TRY(trit_json_parse(&root, text, strlen(text), name, e));
    return finish(x, root, name, NULL, 0, e);
}

trit_status trit_experiment_from(trit_experiment *x, const cJSON *root, const char *file,
                                 const char *const *overrides, int n_overrides, trit_error *e) {
    cJSON *copy = cJSON_Duplicate(root, true);
    if (!copy) return TRIT_FAIL(e, E_NOMEM, "no memory for the config");
    return finish(x, copy, file, overrides, n_overrides, e);
}

void trit_experiment_close(trit_experiment *x) {
    cJSON_Delete(x->resolved);
    trit_arena_free(&x->mem);
    *x = (trit_experiment){0};
}

trit_status trit_config_diff(const cJSON *a, const cJSON *b, trit_text *out, int *n,
                             trit_error *e) {
    cJSON *left = identity(a), *right = identity(b);
    trit_status status =
        left && right ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "no memory to compare configs");
    *n = status ? 0 : trit_settings_diff(left, right, out, 12);
    cJSON_Delete(left);
    cJSON_Delete(right);
    return status;
}

trit_status trit_experiment_diff(const trit_experiment *x, const char *kept, const char *name,
                                 trit_text *out, int *n, trit_error *e) {
    trit_experiment old = {0};
    trit_status status = trit_experiment_parse(&old, kept, name, e);
    cJSON *a = NULL, *b = NULL;
    *n = 0;
    if (!status) {
        a = identity(old.resolved);
        b = identity(x->resolved);
        if (!a || !b) status = TRIT_FAIL(e, E_NOMEM, "no memory to compare configs");
    }
    if (!status) {
        bool longer = old.cfg.train.steps != x->cfg.train.steps;
        if (longer && x->cfg.optim.schedule == TRIT_LR_constant) {
            cJSON_DeleteItemFromObjectCaseSensitive(trit_json_get(a, "train"), "steps");
            cJSON_DeleteItemFromObjectCaseSensitive(trit_json_get(b, "train"), "steps");
        }
        *n = trit_settings_diff(a, b, out, 12);
        if (longer && x->cfg.optim.schedule != TRIT_LR_constant) {
            trit_text_add(out,
                          "(with optim.schedule %s the learning rate of every step depends on "
                          "train.steps; only a constant one can be made longer. To begin a new run "
                          "with these weights: init.from)\n",
                          trit_lr_schedule_names[x->cfg.optim.schedule]);
        }
        if (old.cfg.optim.state != x->cfg.optim.state) {
            trit_text_add(out, "(trit convert-state RUN --state %s converts the state of a run)\n",
                          trit_state_names[x->cfg.optim.state]);
        }
    }
    cJSON_Delete(a);
    cJSON_Delete(b);
    trit_experiment_close(&old);
    return status;
}
