/* Reading a sweep: its file, and the words of the command line. */
#include "sweep/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const trit_sweep_metrics[] = {"val_loss", "best_val_loss", "bits_per_byte",
                                          "gap_to_source", NULL};

static const char SEED_KEY[] = "train.seed", SEED[] = "seed";

int trit_sweep_find_axis(const trit_sweep *s, const char *name) {
    if (!strcmp(name, SEED_KEY)) name = SEED;
    for (int i = 0; i < s->n_axis; i++) {
        if (!strcmp(s->axis[i].name, name)) return i;
    }
    return -1;
}

int trit_sweep_find_value(const trit_sweep_axis *a, const char *label) {
    for (int i = 0; i < a->n; i++) {
        if (!strcmp(a->at[i].label, label)) return i;
    }
    return -1;
}

/* ---- axes ---- */

static trit_status push_axis(trit_sweep *s, const char *name, int n, const trit_sweep_value *at,
                             trit_error *e) {
    if (s->n_axis == TRIT_SWEEP_MAX_AXIS - 1) {
        return TRIT_FAIL(e, E_CONFIG, "more than %d axes", TRIT_SWEEP_MAX_AXIS - 1);
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) {
            if (strcmp(at[i].label, at[k].label) != 0) continue;
            return TRIT_FAIL(e, E_CONFIG, "axis %s: two values are called \"%s\"", name,
                             at[i].label);
        }
    }
    s->axis[s->n_axis++] = (trit_sweep_axis){name, n, at, 0};
    return TRIT_OK;
}

static const char *assignment(const char *key, const char *value, trit_arena *mem, trit_error *e) {
    size_t n = strlen(key) + strlen(value) + 2;
    char *text = trit_arena_get(mem, n, e);
    if (text) snprintf(text, n, "%s=%s", key, value);
    return text;
}

/* The axis of one key. */
static trit_status make_axis(trit_sweep *s, const char *key, const trit_sweep_words *w,
                             trit_error *e) {
    const char *path = strcmp(key, SEED) == 0 ? SEED_KEY : key;
    const char *name = strcmp(key, SEED_KEY) == 0 ? SEED : key;
    trit_sweep_value *v = trit_arena_get(&s->mem, sizeof *v * (size_t)w->n, e);
    name = trit_arena_text(&s->mem, name, e);
    if (!v || !name) return TRIT_E_NOMEM;
    for (int i = 0; i < w->n; i++) {
        const char **set = trit_arena_get(&s->mem, sizeof *set, e);
        v[i].label = trit_sweep_label_text(w->at[i], &s->mem, e);
        if (!set || !v[i].label) return TRIT_E_NOMEM;
        set[0] = assignment(path, w->at[i], &s->mem, e);
        if (!set[0]) return TRIT_E_NOMEM;
        v[i].set = set;
        v[i].n_set = 1;
        v[i].wild = w->wild[i];
    }
    return push_axis(s, name, w->n, v, e);
}

static trit_status add_values(trit_sweep_words *w, const char *key, const cJSON *v, trit_arena *mem,
                              trit_error *e) {
    const char *text = trit_sweep_value_text(v, mem, e);
    if (!text) return TRIT_E_NOMEM;
    return cJSON_IsString(v) ? trit_sweep_values_add(w, key, text, mem, e)
           : w->n < TRIT_SWEEP_MAX_VALUE
               ? (w->wild[w->n] = false, w->at[w->n++] = text, TRIT_OK)
               : TRIT_FAIL(e, E_CONFIG, "more than %d values", TRIT_SWEEP_MAX_VALUE);
}

static trit_status read_axis(trit_sweep *s, const char *key, const cJSON *v, trit_error *e) {
    trit_sweep_words *w = calloc(1, sizeof *w);
    trit_status status = w ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
    char found[80];
    if (!status && cJSON_IsArray(v)) {
        for (const cJSON *one = v->child; !status && one; one = one->next) {
            status = add_values(w, key, one, &s->mem, e);
        }
        if (!status && !w->n) status = TRIT_FAIL(e, E_CONFIG, "the axis is empty");
    } else if (!status && cJSON_IsString(v)) {
        status = add_values(w, key, v, &s->mem, e);
    } else if (!status) {
        status = TRIT_FAIL(e, E_CONFIG, "found %s, expected a list of values or an expression",
                           trit_json_describe(found, v));
    }
    if (!status) status = make_axis(s, key, w, e);
    free(w);
    return status;
}

/* ---- paired values ---- */

static trit_status read_pair(trit_sweep_value *out, const cJSON *v, trit_arena *mem,
                             trit_error *e) {
    char found[80];
    if (!cJSON_IsObject(v)) {
        return TRIT_FAIL(e, E_CONFIG, "found %s, expected an object of settings",
                         trit_json_describe(found, v));
    }
    const char **set = trit_arena_get(mem, sizeof *set * (size_t)(cJSON_GetArraySize(v) + 1), e);
    trit_text label = {0};
    if (!set) return TRIT_E_NOMEM;
    for (const cJSON *one = v->child; one; one = one->next) {
        const char *value = trit_sweep_value_text(one, mem, e);
        if (!value) return TRIT_E_NOMEM;
        if (!strcmp(one->string, "label")) {
            out->label = value;
            continue;
        }
        if (!strcmp(one->string, "comment")) continue;
        const char *key = strcmp(one->string, SEED) == 0 ? SEED_KEY : one->string;
        set[out->n_set] = assignment(key, value, mem, e);
        if (!set[out->n_set++]) return TRIT_E_NOMEM;
        trit_text_add(&label, "%s%s", label.len ? " " : "", value);
    }
    out->set = set;
    if (!out->label) out->label = trit_arena_text(mem, label.len ? label.at : "base", e);
    trit_text_free(&label);
    return out->label ? TRIT_OK : TRIT_E_NOMEM;
}

static trit_status read_paired(trit_sweep *s, const char *name, const cJSON *v, trit_error *e) {
    char found[80];
    int n = cJSON_GetArraySize(v), i = 0;
    if (!cJSON_IsArray(v)) {
        return TRIT_FAIL(e, E_CONFIG, "found %s, expected a list of objects",
                         trit_json_describe(found, v));
    }
    if (!n) return TRIT_FAIL(e, E_CONFIG, "the axis is empty");
    if (n > TRIT_SWEEP_MAX_VALUE) {
        return TRIT_FAIL(e, E_CONFIG, "more than %d values", TRIT_SWEEP_MAX_VALUE);
    }
    trit_sweep_value *at = trit_arena_get(&s->mem, sizeof *at * (size_t)n, e);
    name = trit_arena_text(&s->mem, name, e);
    if (!at || !name) return TRIT_E_NOMEM;
    for (const cJSON *one = v->child; one; one = one->next, i++) {
        TRIT_TRY_AS(read_pair(&at[i], one, &s->mem, e), e, "value %d", i + 1);
    }
    return push_axis(s, name, n, at, e);
}

/* ---- the file ---- */

static const char *const FILE_KEYS[] = {
    "base",    "set",    "axes",     "paired", "seeds",
    "exclude", "search", "baseline", "metric", "keep_checkpoints"};
enum { N_FILE_KEY = sizeof FILE_KEYS / sizeof *FILE_KEYS };

static bool is_sweep(const cJSON *root) {
    return trit_json_get(root, "base") || trit_json_get(root, "axes") ||
           trit_json_get(root, "paired");
}

static trit_status check_keys(const cJSON *v, const char *what, const char *const *words, int n,
                              trit_error *e) {
    for (const cJSON *one = v ? v->child : NULL; one; one = one->next) {
        bool known = one->string[0] == '$' || !strcmp(one->string, "comment");
        for (int i = 0; i < n && !known; i++) known = !strcmp(words[i], one->string);
        if (known) continue;
        char hint[TRIT_TEXT_HINT_BYTES];
        trit_text_hint(hint, one->string, words, n);
        return TRIT_FAIL(e, E_CONFIG, "%sunknown key \"%.80s\"%s", what, one->string, hint);
    }
    return TRIT_OK;
}

static trit_status expect_object(const cJSON *v, const char *key, trit_error *e) {
    char found[80];
    if (!v || cJSON_IsObject(v)) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "%s: found %s, expected an object", key,
                     trit_json_describe(found, v));
}

static trit_status add_set(trit_sweep *s, const char *key, const char *value, trit_error *e) {
    if (s->n_set == (int)(sizeof s->set / sizeof *s->set)) {
        return TRIT_FAIL(e, E_CONFIG, "more than %d settings", s->n_set);
    }
    s->set[s->n_set] = assignment(key, value, &s->mem, e);
    return s->set[s->n_set++] ? TRIT_OK : TRIT_E_NOMEM;
}

/* How many, or which. */
static trit_status read_seeds(trit_sweep *s, const cJSON *v, trit_error *e) {
    if (!v) return TRIT_OK;
    if (!cJSON_IsNumber(v)) return read_axis(s, SEED, v, e);
    double n = v->valuedouble;
    if (!(n >= 1 && n <= TRIT_SWEEP_MAX_VALUE && n == (int)n)) {
        return TRIT_FAIL(e, E_CONFIG, "found %g, expected how many (1..%d), or a list", n,
                         TRIT_SWEEP_MAX_VALUE);
    }
    char text[40];
    snprintf(text, sizeof text, "range(1, %d)", (int)n + 1);
    cJSON *list = cJSON_CreateString(text);
    trit_status status =
        list ? read_axis(s, SEED, list, e) : TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
    cJSON_Delete(list);
    return status;
}

static trit_status whole(const cJSON *v, const char *key, int64_t *out, trit_error *e) {
    char found[80];
    if (!v) return TRIT_OK;
    if (!cJSON_IsNumber(v) || v->valuedouble < 1 || v->valuedouble > 1e9 ||
        v->valuedouble != (double)(int64_t)v->valuedouble) {
        return TRIT_FAIL(e, E_CONFIG, "search/%s: found %s, expected a whole number in 1..1e9", key,
                         trit_json_describe(found, v));
    }
    *out = (int64_t)v->valuedouble;
    return TRIT_OK;
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
    static const char *const search_keys[] = {"random", "seed"};
    const cJSON *search = trit_json_get(root, "search"), *keep;
    const cJSON *exclude = trit_json_get(root, "exclude");
    char found[80];
    TRIT_TRY(expect_object(search, "search", e));
    TRIT_TRY(check_keys(search, "search: ", search_keys, 2, e));
    s->random_seed = 1;
    TRIT_TRY(whole(trit_json_get(search, "random"), "random", &s->n_random, e));
    TRIT_TRY(whole(trit_json_get(search, "seed"), "seed", &s->random_seed, e));
    if (search && !s->n_random) {
        return TRIT_FAIL(e, E_CONFIG, "search: \"random\" is missing, the number of points");
    }
    TRIT_TRY(expect_object(trit_json_get(root, "baseline"), "baseline", e));
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
    TRIT_TRY(expect_object(axes, "axes", e));
    TRIT_TRY(expect_object(paired, "paired", e));
    TRIT_TRY(expect_object(set, "set", e));
    for (const cJSON *v = set ? set->child : NULL; v; v = v->next) {
        const char *text = trit_sweep_value_text(v, &s->mem, e);
        if (!text) return TRIT_E_NOMEM;
        TRIT_TRY(add_set(s, v->string, text, e));
    }
    for (const cJSON *v = paired ? paired->child : NULL; v; v = v->next) {
        TRIT_TRY_AS(read_paired(s, v->string, v, e), e, "paired/%s", v->string);
    }
    for (const cJSON *v = axes ? axes->child : NULL; v; v = v->next) {
        TRIT_TRY_AS(read_axis(s, v->string, v, e), e, "axes/%s", v->string);
    }
    TRIT_TRY_AS(read_seeds(s, trit_json_get(root, "seeds"), e), e, "seeds");
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
        if (!status) status = check_keys(root, "", FILE_KEYS, N_FILE_KEY, e);
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

static void remove_axis(trit_sweep *s, int i) {
    s->n_axis--;
    memmove(&s->axis[i], &s->axis[i + 1], sizeof *s->axis * (size_t)(s->n_axis - i));
}

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
    if (!status && old >= 0) remove_axis(s, old);
    bool seed = !strcmp(key, SEED) || !strcmp(key, SEED_KEY);
    if (!status && w->n == 1 && !w->wild[0] && !seed) {
        status = add_set(s, key, w->at[0], e);
    } else if (!status) {
        status = make_axis(s, key, w, e);
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
    int at = trit_sweep_find_axis(s, SEED);
    if (at < 0) {
        const cJSON *seed = trit_json_get(trit_json_get(s->resolved, "train"), "seed");
        cJSON *one = cJSON_CreateArray();
        trit_status status = one && cJSON_AddItemToArray(one, cJSON_Duplicate(seed, true))
                                 ? read_axis(s, SEED, one, e)
                                 : TRIT_FAIL(e, E_NOMEM, "no memory for a sweep");
        cJSON_Delete(one);
        return status;
    }
    trit_sweep_axis seeds = s->axis[at];
    remove_axis(s, at);
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
