/* Reading a sweep: its file, and the words of the command line. */
#include "sweep/axes.h"
#include "sweep/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const trit_sweep_metrics[] = {"val_loss", "best_val_loss", "bits_per_byte",
                                          "gap_to_source", NULL};
const char *const trit_sweep_metric_units[] = {"nats per token", "nats per token", "bits per byte",
                                               "nats per token"};

/* ---- the file ---- */

static const char *const FILE_KEYS[] = {
    "base",    "set",    "axes",     "paired", "seeds",
    "exclude", "search", "baseline", "metric", "keep_checkpoints"};
enum { N_FILE_KEY = sizeof FILE_KEYS / sizeof *FILE_KEYS };

static bool is_sweep(const cJSON *root) {
    return trit_json_get(root, "base") || trit_json_get(root, "axes") ||
           trit_json_get(root, "paired");
}

static trit_status add_set(trit_sweep *s, const char *key, const char *value, trit_error *e) {
    if (s->n_set == (int)(sizeof s->set / sizeof *s->set)) {
        return TRIT_FAIL(e, E_CONFIG, "more than %d settings", s->n_set);
    }
    s->set[s->n_set] = trit_sweep_assignment(key, value, &s->mem, e);
    return s->set[s->n_set++] ? TRIT_OK : TRIT_E_NOMEM;
}

static trit_status read_metric(trit_sweep *s, const cJSON *v, trit_error *e) {
    int n = 0;
    for (; trit_sweep_metrics[n]; n++) {
        if (!v ? !n : cJSON_IsString(v) && !strcmp(v->valuestring, trit_sweep_metrics[n])) {
            s->metric = trit_sweep_metrics[n];
        }
    }
    if (s->metric) return TRIT_OK;
    char found[80], all[200];
    return TRIT_FAIL(e, E_CONFIG, "metric: found %s, expected one of %s",
                     trit_json_describe(found, v),
                     trit_text_join(all, sizeof all, trit_sweep_metrics, n));
}

static trit_status take_copy(cJSON **out, const cJSON *v, trit_error *e) {
    *out = v ? cJSON_Duplicate(v, true) : NULL;
    return v && !*out ? TRIT_FAIL(e, E_NOMEM, "no memory for a sweep") : TRIT_OK;
}

static trit_status read_rest(trit_sweep *s, const cJSON *root, trit_error *e) {
    const cJSON *exclude = trit_json_get(root, "exclude"), *keep;
    char found[80];
    TRIT_TRY_AS(trit_sweep_search_read(&s->search, trit_json_get(root, "search"), e), e, "search");
    TRIT_TRY_AS(trit_sweep_expect_object(trit_json_get(root, "baseline"), e), e, "baseline");
    TRIT_TRY(take_copy(&s->baseline, trit_json_get(root, "baseline"), e));
    if (exclude && !cJSON_IsArray(exclude)) {
        return TRIT_FAIL(e, E_CONFIG, "exclude: found %s, expected a list of objects",
                         trit_json_describe(found, exclude));
    }
    TRIT_TRY(take_copy(&s->exclude, exclude, e));
    keep = trit_json_get(root, "keep_checkpoints");
    if (keep && !cJSON_IsBool(keep)) {
        return TRIT_FAIL(e, E_CONFIG, "keep_checkpoints: found %s, expected true or false",
                         trit_json_describe(found, keep));
    }
    s->keep_checkpoints = !keep || cJSON_IsTrue(keep);
    return read_metric(s, trit_json_get(root, "metric"), e);
}

static trit_status read_axes(trit_sweep *s, const cJSON *root, trit_error *e) {
    const cJSON *axes = trit_json_get(root, "axes"), *paired = trit_json_get(root, "paired");
    const cJSON *set = trit_json_get(root, "set");
    TRIT_TRY_AS(trit_sweep_expect_object(axes, e), e, "axes");
    TRIT_TRY_AS(trit_sweep_expect_object(paired, e), e, "paired");
    TRIT_TRY_AS(trit_sweep_expect_object(set, e), e, "set");
    for (const cJSON *v = set ? set->child : NULL; v; v = v->next) {
        const char *text = trit_sweep_value_text(v, &s->mem, e);
        if (!text) return TRIT_E_NOMEM;
        TRIT_TRY(add_set(s, v->string, text, e));
    }
    for (const cJSON *v = paired ? paired->child : NULL; v; v = v->next) {
        TRIT_TRY_AS(trit_sweep_axis_pairs(s, v->string, v, e), e, "paired/%s", v->string);
    }
    for (const cJSON *v = axes ? axes->child : NULL; v; v = v->next) {
        TRIT_TRY_AS(trit_sweep_axis_read(s, v->string, v, e), e, "axes/%s", v->string);
    }
    TRIT_TRY_AS(trit_sweep_axis_seeds(s, trit_json_get(root, "seeds"), e), e, "seeds");
    return TRIT_OK;
}

/* ---- the base ---- */

static bool exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

/* A run's config.json names one run; a sweep over it would be taken for a part of it. */
static trit_status check_not_run(const char *path, trit_error *e) {
    char beside[4096];
    struct stat st;
    bool is_dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    const char *slash = strrchr(path, '/');
    int n = is_dir ? (int)strlen(path) : slash ? (int)(slash - path) : 1;
    snprintf(beside, sizeof beside, "%.*s/checkpoints", n, is_dir || slash ? path : ".");
    if (!is_dir && strcmp(slash ? slash + 1 : path, "config.json") != 0) return TRIT_OK;
    if (exists(beside)) {
        return TRIT_FAIL(e, E_CONFIG,
                         "%s belongs to a run that exists already; give the config that "
                         "it was made of, or `trit config %.*s/config.json >base.json`",
                         path, n, is_dir || slash ? path : ".");
    }
    return TRIT_OK;
}

/* The file of the base: as written, else beside the sweep file. */
static trit_status load_base(trit_sweep *s, const cJSON *base, const char *file, trit_error *e) {
    char found[80], path[4096];
    if (cJSON_IsObject(base)) {
        s->base_file = file;
        return take_copy(&s->base, base, e);
    }
    if (!cJSON_IsString(base)) {
        return TRIT_FAIL(e, E_CONFIG, "%s: base: found %s, expected a config file or an object",
                         file, trit_json_describe(found, base));
    }
    const char *slash = strrchr(file, '/');
    snprintf(path, sizeof path, "%.*s%s",
             slash && base->valuestring[0] != '/' ? (int)(slash + 1 - file) : 0, file,
             base->valuestring);
    if (!exists(path)) snprintf(path, sizeof path, "%s", base->valuestring);
    TRIT_TRY_AS(check_not_run(path, e), e, "%s: base", file);
    s->base_file = trit_arena_text(&s->mem, path, e);
    if (!s->base_file) return TRIT_E_NOMEM;
    TRIT_TRY_AS(trit_json_load(&s->base, path, e), e, "%s: base", file);
    return TRIT_OK;
}

static trit_status read_file(trit_sweep *s, const char *path, trit_error *e) {
    cJSON *root = NULL;
    TRIT_TRY(check_not_run(path, e));
    TRIT_TRY(trit_json_load(&root, path, e));
    trit_status status = TRIT_OK;
    if (is_sweep(root)) {
        const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
        char stem[256];
        snprintf(stem, sizeof stem, "%.*s", (int)strcspn(file, "."), file);
        s->name = trit_arena_text(&s->mem, stem, e);
        status = s->name ? TRIT_OK : TRIT_E_NOMEM;
        if (!status) status = trit_sweep_check_keys(root, FILE_KEYS, N_FILE_KEY, e);
        if (!status && !trit_json_get(root, "base")) {
            status = TRIT_FAIL(e, E_CONFIG, "base is missing: the config that axes are laid over");
        }
        if (!status) status = read_axes(s, root, e);
        if (!status) status = read_rest(s, root, e);
        if (status) {
            trit_error_wrap(e, "%s", path);
        } else {
            status = load_base(s, trit_json_get(root, "base"), path, e);
        }
    } else {
        s->base = root;
        root = NULL;
        s->base_file = trit_arena_text(&s->mem, path, e);
        s->keep_checkpoints = true;
        s->metric = trit_sweep_metrics[0];
    }
    cJSON_Delete(root);
    return status;
}

/* ---- the command line ---- */

/* "key=a,b": an axis, which replaces the file's; one value sets it for all cells. */
static trit_status read_word(trit_sweep *s, const char *word, trit_error *e) {
    const char *eq = strchr(word, '=');
    if (!eq || eq == word) {
        return TRIT_FAIL(e, E_USAGE,
                         "found \"%s\", expected key=values, as in quant.estimator=ste,ewgs", word);
    }
    char key[TRIT_JSON_POINTER_BYTES];
    snprintf(key, sizeof key, "%.*s", (int)(eq - word), word);
    trit_sweep_words *w = calloc(1, sizeof *w);
    if (!w) return TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
    trit_status status = trit_sweep_values_split(w, key, eq + 1, &s->mem, e);
    if (status) trit_error_wrap(e, "%s", key);
    int old = trit_sweep_find_axis(s, key);
    if (!status && old >= 0) trit_sweep_axis_remove(s, old);
    bool seed = !strcmp(key, TRIT_SWEEP_SEED) || !strcmp(key, TRIT_SWEEP_SEED_KEY);
    if (!status && w->n == 1 && !w->wild[0] && !seed) {
        status = add_set(s, key, w->at[0], e);
    } else if (!status) {
        status = trit_sweep_axis_make(s, key, w, e);
    }
    free(w);
    return status;
}

/* ---- all of it ---- */

/* Each override's key belongs to one axis. */
static trit_status check_twice(const trit_sweep *s, trit_error *e) {
    for (int a = 0; a < s->n_axis; a++) {
        for (int b = 0; b < a; b++) {
            if (!strcmp(s->axis[a].name, s->axis[b].name)) {
                return TRIT_FAIL(e, E_CONFIG, "two axes are called %s", s->axis[a].name);
            }
            for (int i = 0; i < s->axis[a].n * s->axis[b].n; i++) {
                const trit_sweep_value *v = &s->axis[a].at[i / s->axis[b].n],
                                       *w = &s->axis[b].at[i % s->axis[b].n];
                for (int k = 0; k < v->n_set * w->n_set; k++) {
                    const char *x = v->set[k / w->n_set], *y = w->set[k % w->n_set];
                    size_t n = strcspn(x, "=");
                    if (n != strcspn(y, "=") || strncmp(x, y, n) != 0) continue;
                    return TRIT_FAIL(e, E_CONFIG,
                                     "two axes on one key: %s and %s both set %.*s; put their "
                                     "values into one axis, or pair them",
                                     s->axis[b].name, s->axis[a].name, (int)n, x);
                }
            }
        }
    }
    return TRIT_OK;
}

/* Seeds go last: there is always such an axis. */
static trit_status settle_seeds(trit_sweep *s, trit_error *e) {
    int at = trit_sweep_find_axis(s, TRIT_SWEEP_SEED);
    if (at < 0) {
        const cJSON *seed = trit_json_get(trit_json_get(s->resolved, "train"), "seed");
        cJSON *one = cJSON_CreateArray();
        trit_status status = one && cJSON_AddItemToArray(one, cJSON_Duplicate(seed, true))
                                 ? trit_sweep_axis_read(s, TRIT_SWEEP_SEED, one, e)
                                 : TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
        cJSON_Delete(one);
        return status;
    }
    trit_sweep_axis seeds = s->axis[at];
    trit_sweep_axis_remove(s, at);
    s->axis[s->n_axis++] = seeds;
    return TRIT_OK;
}

static trit_status unknown_word(const char *what, const char *word, const char *const *words, int n,
                                trit_error *e) {
    char hint[TRIT_TEXT_HINT_BYTES];
    trit_text_hint(hint, word, words, n);
    return TRIT_FAIL(e, E_CONFIG, "%s: unknown word \"%.80s\"%s", what, word, hint);
}

static trit_status settle_baseline(trit_sweep *s, trit_error *e) {
    const char *names[TRIT_SWEEP_MAX_AXIS];
    for (int i = 0; i < s->n_axis; i++) names[i] = s->axis[i].name;
    for (const cJSON *v = s->baseline ? s->baseline->child : NULL; v; v = v->next) {
        int a = trit_sweep_find_axis(s, v->string);
        if (a < 0) return unknown_word("baseline", v->string, names, s->n_axis, e);
        const char *text = trit_sweep_value_text(v, &s->mem, e);
        text = text ? trit_sweep_label_text(text, &s->mem, e) : NULL;
        if (!text) return TRIT_E_NOMEM;
        s->axis[a].baseline = trit_sweep_find_value(&s->axis[a], text);
        if (s->axis[a].baseline >= 0) continue;
        const char *labels[TRIT_SWEEP_MAX_VALUE];
        for (int i = 0; i < s->axis[a].n; i++) labels[i] = s->axis[a].at[i].label;
        return unknown_word("baseline", text, labels, s->axis[a].n, e);
    }
    return TRIT_OK;
}

static trit_status resolve_base(trit_sweep *s, trit_error *e) {
    trit_experiment x = {0};
    trit_status status = trit_experiment_from(&x, s->base, s->base_file, s->set, s->n_set, e);
    if (!status) {
        s->resolved = x.resolved;
        x.resolved = NULL;
        /* A sweep file gives its own name, a config lends its. */
        if (!s->name) s->name = trit_arena_text(&s->mem, x.cfg.name, e);
        if (!s->name) status = TRIT_E_NOMEM;
    }
    trit_experiment_close(&x);
    return status;
}

trit_status trit_sweep_read(trit_sweep *s, int n_args, const char *const *args, trit_error *e) {
    *s = (trit_sweep){0};
    trit_arena_init(&s->mem, "sweep");
    if (n_args < 1) {
        return TRIT_FAIL(e, E_USAGE,
                         "a SWEEP is missing: a sweep file, or a config with axes behind it, "
                         "as in `trit sweep base.json quant.estimator=ste,ewgs seed=range(5)`");
    }
    TRIT_TRY(read_file(s, args[0], e));
    for (int i = 1; i < n_args; i++) TRIT_TRY(read_word(s, args[i], e));
    if (!s->n_axis) {
        return TRIT_FAIL(e, E_CONFIG, "%s: there is no axis; add one, as in seed=range(5)",
                         args[0]);
    }
    TRIT_TRY(resolve_base(s, e));
    TRIT_TRY(settle_seeds(s, e));
    TRIT_TRY(check_twice(s, e));
    return settle_baseline(s, e);
}

void trit_sweep_close(trit_sweep *s) {
    cJSON_Delete(s->base);
    cJSON_Delete(s->resolved);
    cJSON_Delete(s->exclude);
    cJSON_Delete(s->baseline);
    trit_arena_free(&s->mem);
    *s = (trit_sweep){0};
}
