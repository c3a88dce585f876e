/* Specs and rules from JSON and back. */
#include "io/quant_settings.h"

#include "io/knob_settings.h"
#include "io/quant_start.h"
#include "quant/form.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where a value stands, for messages. */
typedef struct place {
    const char *file, *pointer;
    trit_error *e;
} place;

/* Puts the place before an error that was reported without one. */
static trit_status at_place(trit_status status, const place *p) {
    if (status && *p->pointer) trit_error_wrap(p->e, "%s", p->pointer);
    if (status && p->file) trit_error_wrap(p->e, "%s", p->file);
    return status;
}

static trit_status fail_at_key(const place *p, const char *key, const char *text) {
    char inner[TRIT_JSON_POINTER_BYTES];
    trit_json_pointer_add(inner, p->pointer, key);
    return trit_settings_fail(p->e, p->file, inner, "%s", text);
}

static trit_status unexpected(const place *p, const cJSON *v, const char *what) {
    char found[80];
    return trit_settings_fail(p->e, p->file, p->pointer, "found %s, expected %s",
                              trit_json_describe(found, v), what);
}

/* The text as a tree, freed; NULL: no memory. */
static cJSON *tree_of(trit_text *t) {
    cJSON *v = t->failed ? NULL : cJSON_Parse(trit_text_get(t));
    trit_text_free(t);
    return v;
}

static trit_status lambda_read(void *member, const cJSON *v, const char *file, const char *pointer,
                               trit_arena *mem, trit_error *e) {
    (void)mem;
    return trit_schedule_read(member, v, 0, 1, file, pointer, e);
}
static cJSON *lambda_write(const void *member) {
    return trit_schedule_write(member);
}
static cJSON *lambda_schema(void) {
    trit_text t = {0};
    trit_schedule_add_schema(&t);
    return tree_of(&t);
}
static const trit_custom lambda_custom = {lambda_read, lambda_write, lambda_schema};

/* ---- knobs --------------------------------------------------------------------------------- */

static const char *row_name(const trit_spec *sp, trit_knob_axis axis) {
    switch (axis) {
    case TRIT_KNOB_GRID:
        return trit_grid_names[sp->grid];
    case TRIT_KNOB_SCALE:
        return trit_scale_names[sp->scale];
    case TRIT_KNOB_ESTIMATOR:
        return trit_estimator_names[sp->estimator];
    default:
        return trit_form_names[sp->form];
    }
}

/* Whether an axis says anything: those of a form's grid, scale and estimator do not. */
static bool axis_counts(const trit_spec *sp, int axis) {
    return (axis == TRIT_KNOB_FORM) == (sp->form != 0);
}

/* Knobs of all axes by name; one step of a loop that begins with axis = 0, i = -1. */
static const trit_knob *next_knob(const trit_spec *sp, int *axis, int *i) {
    for ((*i)++; *axis < TRIT_N_KNOB_AXIS; ++*axis, *i = 0) {
        const trit_knob *k = trit_spec_knobs(sp, (trit_knob_axis)*axis);
        if (axis_counts(sp, *axis) && k && k[*i].name) return &k[*i];
    }
    return NULL;
}

static trit_status unknown_knob(const trit_spec *sp, const char *name, const place *p) {
    const char *words[TRIT_N_KNOB_AXIS * TRIT_MAX_KNOB];
    int n = 0, last = -1;
    char all[512];
    size_t used = 0;
    const trit_knob *k;
    for (int axis = 0, i = -1; (k = next_knob(sp, &axis, &i));) {
        words[n++] = k->name;
        if (axis != last) {
            used +=
                (size_t)snprintf(all + used, sizeof all - used, "%srow %s has: ", used ? "; " : "",
                                 row_name(sp, (trit_knob_axis)axis));
        } else {
            used += (size_t)snprintf(all + used, sizeof all - used, ", ");
        }
        used += (size_t)snprintf(all + used, sizeof all - used, "%.40s", k->name);
        last = axis;
    }
    const char *near = trit_text_nearest(name, words, n);
    return trit_settings_fail(p->e, p->file, p->pointer, "unknown knob%s%s%s (%s)",
                              near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "",
                              n ? all : "the chosen rows have none");
}

static trit_status read_knobs(trit_spec *sp, const cJSON *knobs, const place *p) {
    for (const cJSON *v = knobs ? knobs->child : NULL; v; v = v->next) {
        if (v->string[0] == '$' || strcmp(v->string, "comment") == 0) continue;
        char pointer[TRIT_JSON_POINTER_BYTES];
        place inner = {p->file, trit_json_pointer_add(pointer, p->pointer, v->string), p->e};
        const trit_knob *k;
        int axis = 0, i = -1;
        while ((k = next_knob(sp, &axis, &i)) && strcmp(k->name, v->string) != 0) {
        }
        if (!k) return unknown_knob(sp, v->string, &inner);
        TRIT_TRY(trit_schedule_read(&sp->knob[axis][i], v, k->lo, k->hi, inner.file, inner.pointer,
                                    p->e));
    }
    return TRIT_OK;
}

/* The rows that own the knobs are known after all keys are read: see trit_quant_spec_read. */
static trit_status knobs_read(void *member, const cJSON *v, const char *file, const char *pointer,
                              trit_arena *mem, trit_error *e) {
    (void)member, (void)mem;
    if (cJSON_IsObject(v)) return TRIT_OK;
    return unexpected(&(place){file, pointer, e}, v, "an object like {\"mult\": 1}");
}

static cJSON *knobs_write(const void *member) {
    const trit_spec *sp = (const void *)((const char *)member - offsetof(trit_spec, knob));
    cJSON *obj = cJSON_CreateObject();
    const trit_knob *k;
    for (int axis = 0, i = -1; obj && (k = next_knob(sp, &axis, &i));) {
        cJSON *v = trit_schedule_write(&sp->knob[axis][i]);
        if (v && cJSON_AddItemToObject(obj, k->name, v)) continue;
        cJSON_Delete(v);
        cJSON_Delete(obj);
        obj = NULL;
    }
    return obj;
}

static cJSON *knobs_schema(void) {
    trit_text t = {0}, seen = {0};
    trit_text_add(&t, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (int i = 0; trit_grids[i]; i++) trit_knobs_add_schema(&t, trit_grids[i]->knob, &seen);
    for (int i = 0; trit_scales[i]; i++) trit_knobs_add_schema(&t, trit_scales[i]->knob, &seen);
    for (int i = 0; trit_estimators[i]; i++)
        trit_knobs_add_schema(&t, trit_estimators[i]->knob, &seen);
    for (int i = 1; trit_forms[i]; i++) trit_knobs_add_schema(&t, trit_forms[i]->knob, &seen);
    trit_text_add(&t, "}}");
    t.failed = t.failed || seen.failed;
    trit_text_free(&seen);
    return tree_of(&t);
}
static const trit_custom knobs_custom = {knobs_read, knobs_write, knobs_schema};

/* ---- one spec ------------------------------------------------------------------------------ */

#define ROW(key, type, dflt, lo, hi, names, unit, doc, member) \
    {key, TRIT_T_##type, dflt, lo, hi, names, unit, doc, offsetof(trit_spec, member), NULL, NULL},
// clang-format off
static const trit_field spec_fields[] = {
    ROW("form", NAME, "\"axes\"", 0, 0, trit_form_names, "", "axes: grid, scale and estimator are chosen one by one; else a quantizer of one piece", form)
    ROW("grid", NAME, "\"int\"", 0, 0, trit_grid_names, "", "which levels exist; required for axes", grid)
    ROW("bits", INT, "0", 0, 32, NULL, "bits", "of a level; 0: the grid's own. Grid int also takes a schedule, rounded to whole bits", bits)
    ROW("signed", BOOL, "true", 0, 0, NULL, "", "levels of both signs", is_signed)
    ROW("narrow", BOOL, "false", 0, 0, NULL, "", "integers without the lowest level", narrow)
    ROW("scale", NAME, "\"absmax\"", 0, 0, trit_scale_names, "", "how a group gets its scale; absmean by default for grids of 1 or 2 bits, else absmax", scale)
    ROW("granularity", NAME, "\"tensor\"", 0, 0, trit_granularity_names, "", "who shares a scale; tensor by default for weights and learned scales, else token", granularity)
    ROW("group", INT, "128", 1, 1e9, NULL, "elements", "of a group, with granularity group", group)
    ROW("estimator", NAME, "\"ste\"", 0, 0, trit_estimator_names, "", "gradient of the rounding", estimator)
    ROW("transform", NAME, "\"none\"", 0, 0, trit_transform_names, "", "basis in which the rest works; of a form too", transform)
    ROW("block", INT, "128", 1, 65536, NULL, "elements", "most that a transform mixes, a power of two; the largest that divides a row where that is less", block)
    ROW("eps", REAL, "1e-5", 1e-30, 1, NULL, "", "least scale; protects groups of zeros", eps)
    ROW("start", INT, "0", 0, 1e12, NULL, "steps", "first step that quantizes", start)
    {"lambda", TRIT_T_CUSTOM, "1", 0, 0, NULL, "", "strength: x + lambda*(Q(x) - x) in training; a number or a schedule", offsetof(trit_spec, lambda), NULL, &lambda_custom},
    {"knobs", TRIT_T_CUSTOM, "{}", 0, 0, NULL, "", "numbers of the chosen rows, or schedules", offsetof(trit_spec, knob), NULL, &knobs_custom},
};
// clang-format on
#undef ROW
static const trit_schema spec_schema =
    TRIT_SCHEMA("quantizer", "a quantizer", trit_spec, spec_fields, NULL);

/* Defaults that depend on other keys. */
static trit_status complete(trit_spec *sp, trit_quant_kind kind, const cJSON *v, const place *p) {
    if (!sp->form && !trit_json_get(v, "grid")) {
        return fail_at_key(p, "grid", "this key is required, unless form names a quantizer");
    }
    static const char *const of_axes[] = {"grid", "scale", "estimator", "signed", "narrow"};
    for (int i = 0; sp->form && i < 5; i++) {
        if (!trit_json_get(v, of_axes[i])) continue;
        return fail_at_key(p, of_axes[i], "does not go with a form, which is one piece");
    }
    trit_spec dflt =
        sp->form ? trit_spec_make_form(kind, sp->form) : trit_spec_make(kind, sp->grid);
    if (sp->form) {
        sp->grid = dflt.grid;
        sp->estimator = dflt.estimator;
    }
    if (!sp->bits) sp->bits = dflt.bits;
    if (!trit_json_get(v, "signed")) sp->is_signed = dflt.is_signed;
    if (!trit_json_get(v, "scale")) sp->scale = dflt.scale;
    if (trit_json_get(v, "block") && !trit_transforms[sp->transform]->blocked) {
        return fail_at_key(p, "block", "only a transform has blocks; name one in \"transform\"");
    }
    bool grouped = trit_json_get(v, "group") != NULL;
    if (!grouped) sp->group = dflt.group;
    if (!trit_json_get(v, "granularity")) {
        sp->granularity = grouped    ? TRIT_GRANULARITY_group
                          : sp->form ? dflt.granularity
                                     : trit_spec_granularity(kind, sp->scale);
    } else if (grouped && sp->granularity != TRIT_GRANULARITY_group) {
        return fail_at_key(p, "group", "only granularity \"group\" has a size");
    }
    return TRIT_OK;
}

/* A schedule in place of bits: the number that the rows see is that at its end. */
static trit_status take_bits(cJSON *v, trit_schedule *at, const place *p) {
    const cJSON *bits = trit_json_get(v, "bits");
    if (!cJSON_IsObject(bits)) return TRIT_OK;
    char inner[TRIT_JSON_POINTER_BYTES];
    trit_json_pointer_add(inner, p->pointer, "bits");
    TRIT_TRY(trit_schedule_read(at, bits, 1, 32, p->file, inner, p->e));
    bool ends = at->shape != TRIT_SHAPE_hold && at->shape != TRIT_SHAPE_hump;
    if (!ends || at->from != rint(at->from) || at->to != rint(at->to)) {
        return fail_at_key(
            p, "bits", "a schedule of bits goes from one whole number to another, and stays there");
    }
    cJSON *end = cJSON_CreateNumber(at->to);
    if (trit_json_put(v, "bits", end)) return TRIT_OK;
    cJSON_Delete(end);
    return TRIT_FAIL(p->e, E_NOMEM, "no memory for a quantizer");
}

static trit_status read_object(trit_spec *sp, trit_quant_kind kind, cJSON *v, const place *p) {
    place inner = *p;
    trit_schedule bits_at;
    memset(&bits_at, 0, sizeof bits_at);
    TRIT_TRY(take_bits(v, &bits_at, p));
    TRIT_TRY(trit_settings_read(&spec_schema, v, p->file, p->pointer, NULL, sp, p->e));
    sp->on = true;
    memcpy(&sp->bits_at, &bits_at, sizeof bits_at);
    TRIT_TRY(complete(sp, kind, v, p));
    trit_spec_reset_knobs(sp);
    char knobs[TRIT_JSON_POINTER_BYTES];
    inner.pointer = trit_json_pointer_add(knobs, p->pointer, "knobs");
    TRIT_TRY(read_knobs(sp, trit_json_get(v, "knobs"), &inner));
    return at_place(trit_spec_check(sp, kind, p->e), p);
}

trit_status trit_quant_spec_read(trit_spec *sp, trit_quant_kind kind, const cJSON *v,
                                 const char *file, const char *pointer, trit_error *e) {
    place p = {file, pointer, e};
    if (cJSON_IsString(v)) return at_place(trit_spec_parse(sp, kind, v->valuestring, e), &p);
    if (!cJSON_IsObject(v)) return unexpected(&p, v, "a string like \"int8\" or an object");
    cJSON *copy = cJSON_Duplicate(v, 1);
    if (!copy) return TRIT_FAIL(e, E_NOMEM, "no memory for a quantizer");
    trit_status status = read_object(sp, kind, copy, &p);
    cJSON_Delete(copy);
    return status;
}

static bool write_bits(cJSON *v, const trit_spec *sp) {
    if (sp->bits_at.shape == TRIT_SHAPE_hold) return true;
    cJSON *bits = trit_schedule_write(&sp->bits_at);
    if (trit_json_put(v, "bits", bits)) return true;
    cJSON_Delete(bits);
    return false;
}

cJSON *trit_quant_spec_write(const trit_spec *sp) {
    if (!sp->on) return cJSON_CreateString("none");
    cJSON *v = trit_settings_write(&spec_schema, sp);
    if (v && sp->granularity != TRIT_GRANULARITY_group) {
        cJSON_DeleteItemFromObjectCaseSensitive(v, "group");
    }
    if (v && !trit_transforms[sp->transform]->blocked) {
        cJSON_DeleteItemFromObjectCaseSensitive(v, "block");
    }
    static const char *const of_axes[] = {"grid", "scale", "estimator", "signed", "narrow"};
    for (int i = 0; v && sp->form && i < 5; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(v, of_axes[i]);
    }
    if (v && !sp->form) cJSON_DeleteItemFromObjectCaseSensitive(v, "form");
    if (!v || write_bits(v, sp)) return v;
    cJSON_Delete(v);
    return NULL;
}

static void add_words(trit_text *t, const char *const *names) {
    for (int i = 0; names[i]; i++) trit_text_add(t, "%s%s", i ? "|" : "", names[i]);
}

/* The schema of a key becomes: what it was, or a schedule. */
static bool allow_schedule(cJSON *keys, const char *key) {
    trit_text t = {0};
    trit_text_add(&t, "{\"anyOf\":[");
    trit_json_print(trit_json_get(keys, key), false, &t);
    trit_text_add(&t, ",");
    trit_schedule_add_schema(&t);
    trit_text_add(&t, "]}");
    cJSON *v = tree_of(&t);
    if (trit_json_put(keys, key, v)) return true;
    cJSON_Delete(v);
    return false;
}

static cJSON *spec_json_schema(void) {
    trit_text t = {0};
    trit_text_add(&t, "{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^(none|(");
    for (int i = 0; trit_grids[i]; i++) {
        const char *name = trit_grid_names[i];
        trit_text_add(&t, "%s%s", i ? "|" : "", name);
        if (trit_grids[i]->sign == TRIT_SIGN_CHOICE) trit_text_add(&t, "|u%s", name);
    }
    trit_text_add(&t, "|");
    add_words(&t, trit_form_names + 1);
    trit_text_add(&t, "|e[1-7]m)[0-9]*(-(");
    add_words(&t, trit_scale_names);
    trit_text_add(&t, "|");
    add_words(&t, trit_granularity_names);
    trit_text_add(&t, "|group[0-9]+|");
    add_words(&t, trit_estimator_names);
    trit_text_add(&t, "|(");
    add_words(&t, trit_transform_names + 1);
    trit_text_add(&t, ")[0-9]*))*)$\"},");
    cJSON *obj = trit_part_schema(&spec_schema), *keys = trit_json_get(obj, "properties");
    if (!obj || !allow_schedule(keys, "bits")) t.failed = true;
    static const char *const depends[] = {"scale", "granularity"};
    for (int i = 0; i < 2; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(trit_json_get(keys, depends[i]), "default");
    }
    trit_json_print(obj, false, &t);
    cJSON_Delete(obj);
    trit_text_add(&t, "]}");
    return tree_of(&t);
}

static trit_status weights_read(void *member, const cJSON *v, const char *file, const char *pointer,
                                trit_arena *mem, trit_error *e) {
    (void)mem;
    return trit_quant_spec_read(member, TRIT_QUANT_WEIGHT, v, file, pointer, e);
}
static trit_status activations_read(void *member, const cJSON *v, const char *file,
                                    const char *pointer, trit_arena *mem, trit_error *e) {
    (void)mem;
    return trit_quant_spec_read(member, TRIT_QUANT_ACTIVATION, v, file, pointer, e);
}
static cJSON *spec_write(const void *member) {
    return trit_quant_spec_write(member);
}
static const trit_custom weights_custom = {weights_read, spec_write, spec_json_schema};
static const trit_custom activations_custom = {activations_read, spec_write, spec_json_schema};

/* ---- rules --------------------------------------------------------------------------------- */

static const trit_field rule_fields[] = {
    TRIT_FIELD(trit_quant_rule, STR, match, NULL, 0, 0, NULL, "",
               "layer paths, with * and ?: \"blocks.0.*\"")
        TRIT_FIELD_CUSTOM(trit_quant_rule, weights, "\"none\"", weights_custom,
                          "quantizer of weights")
            TRIT_FIELD_CUSTOM(trit_quant_rule, activations, "\"none\"", activations_custom,
                              "quantizer of layer inputs")};
static const trit_schema rule_schema =
    TRIT_SCHEMA("rule", "quantizers of some layers; at least one of weights and activations",
                trit_quant_rule, rule_fields, NULL);

static trit_status read_rule(trit_quant_rule *rule, const cJSON *v, const place *p,
                             trit_arena *mem) {
    TRIT_TRY(trit_settings_read(&rule_schema, v, p->file, p->pointer, mem, rule, p->e));
    rule->has_weights = trit_json_get(v, "weights") != NULL;
    rule->has_activations = trit_json_get(v, "activations") != NULL;
    if (!*rule->match) return fail_at_key(p, "match", "an empty pattern matches no layer");
    if (rule->has_weights || rule->has_activations) return TRIT_OK;
    return trit_settings_fail(p->e, p->file, p->pointer,
                              "a rule needs weights, activations or both");
}

static trit_status read_rules(int *n_rule, const trit_quant_rule **list, const cJSON *v, place p,
                              trit_arena *mem) {
    if (!cJSON_IsArray(v)) return unexpected(&p, v, "a list of rules");
    const char *pointer = p.pointer;
    int n = cJSON_GetArraySize(v), i = 0;
    trit_quant_rule *rule = trit_arena_get(mem, (size_t)n * sizeof *rule, p.e);
    if (!rule) return TRIT_E_NOMEM;
    for (const cJSON *m = v->child; m; m = m->next, i++) {
        char index[16], inner[TRIT_JSON_POINTER_BYTES];
        snprintf(index, sizeof index, "%d", i);
        p.pointer = trit_json_pointer_add(inner, pointer, index);
        TRIT_TRY(read_rule(&rule[i], m, &p, mem));
    }
    *n_rule = n;
    *list = rule;
    return TRIT_OK;
}

static cJSON *write_rule(const trit_quant_rule *rule) {
    cJSON *v = trit_settings_write(&rule_schema, rule);
    if (v && !rule->has_weights) cJSON_DeleteItemFromObjectCaseSensitive(v, "weights");
    if (v && !rule->has_activations) cJSON_DeleteItemFromObjectCaseSensitive(v, "activations");
    return v;
}

static cJSON *write_rules(int n, const trit_quant_rule *rule) {
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; list && i < n; i++) {
        cJSON *v = write_rule(&rule[i]);
        if (v && cJSON_AddItemToArray(list, v)) continue;
        cJSON_Delete(v);
        cJSON_Delete(list);
        list = NULL;
    }
    return list;
}

/* member is a count in trit_quant_cfg; its list stands elsewhere in it. */
#define RULES(name, count, list)                                                          \
    static trit_status name##_read(void *member, const cJSON *v, const char *file,        \
                                   const char *pointer, trit_arena *mem, trit_error *e) { \
        trit_quant_cfg *cfg = (void *)((char *)member - offsetof(trit_quant_cfg, count)); \
        return read_rules(&cfg->count, &cfg->list, v, (place){file, pointer, e}, mem);    \
    }                                                                                     \
    static cJSON *name##_write(const void *member) {                                      \
        const trit_quant_cfg *cfg =                                                       \
            (const void *)((const char *)member - offsetof(trit_quant_cfg, count));       \
        return write_rules(cfg->count, cfg->list);                                        \
    }
RULES(rules, n_rule, rule)
RULES(method_rules, n_method_rule, method_rule)

static cJSON *rules_schema(void) {
    trit_text t = {0};
    trit_text_add(&t, "{\"type\":\"array\",\"items\":");
    trit_part_schema_add(&t, &rule_schema);
    trit_text_add(&t, "}");
    return tree_of(&t);
}
static const trit_custom rules_custom = {rules_read, rules_write, rules_schema};
static const trit_custom method_rules_custom = {method_rules_read, method_rules_write,
                                                rules_schema};

/* ---- the section --------------------------------------------------------------------------- */

static const trit_field fields[] = {
    TRIT_FIELD(
        trit_quant_cfg, STR, method, "\"\"", 0, 0, NULL, "",
        "named method beneath the section's own keys; `trit methods` lists them; -w2, -a8 or "
        "-w2a8 behind a name sets bits")
        TRIT_FIELD(trit_quant_cfg, STR, estimator, "\"\"", 0, 0, NULL, "",
                   "estimator of weights and activations that name none")
            TRIT_FIELD_CUSTOM(trit_quant_cfg, weights, "\"none\"", weights_custom,
                              "quantizer of weights, as \"ternary-absmean\" or an object")
                TRIT_FIELD_CUSTOM(trit_quant_cfg, activations, "\"none\"", activations_custom,
                                  "quantizer of layer inputs, as \"int8-token\" or an object")
                    TRIT_FIELD_CUSTOM(
                        trit_quant_cfg, start, "0", trit_quant_start_custom,
                        "full precision until then, whatever quantizers say: a share of "
                        "training below 1, a step, or \"auto\", the rule of "
                        "Compute-Optimal QAT; `trit explain` shows the step")
                        TRIT_FIELD_OBJ(trit_quant_cfg, lora, "{}", trit_lora_schema,
                                       "adapters of layers whose weights are quantized")
                            TRIT_FIELD_OBJ(trit_quant_cfg, branch, "{}", trit_branch_schema,
                                           "low-rank branches beside quantized weights, gone at "
                                           "the end (QVGen)"){
                                "method_rules", TRIT_T_CUSTOM, "[]", 0, 0, NULL, "",
                                "the method's own rules, before `rules`; they come from its name",
                                offsetof(trit_quant_cfg, n_method_rule), NULL,
                                &method_rules_custom},
    {"rules", TRIT_T_CUSTOM, "[]", 0, 0, NULL, "",
     "other quantizers for layers by path; the last rule that matches wins",
     offsetof(trit_quant_cfg, n_rule), NULL, &rules_custom},
    {"controllers", TRIT_T_CUSTOM, "[]", 0, 0, NULL, "",
     "what acts on quantizers around each optimizer step: penalties, freezing, clipping",
     offsetof(trit_quant_cfg, controllers), NULL, &trit_control_list_custom},
};

/* Operands that do not go together, as far as they can be told before the layers are known. */
static trit_status check_section(const void *section, trit_error *e) {
    const trit_quant_cfg *c = section;
    TRIT_TRY(trit_spec_check_pair(&c->weights, &c->activations, e));
    for (int i = 0; i < c->n_method_rule + c->n_rule; i++) {
        bool own = i >= c->n_method_rule;
        int k = own ? i - c->n_method_rule : i;
        const trit_quant_rule *r = own ? &c->rule[k] : &c->method_rule[k];
        if (!r->has_weights || !r->has_activations) continue;
        TRIT_TRY_AS(trit_spec_check_pair(&r->weights, &r->activations, e), e, "%s/%d",
                    own ? "rules" : "method_rules", k);
    }
    return TRIT_OK;
}

const trit_schema trit_quant_schema = TRIT_SCHEMA("quant", "quantizers of weights and layer inputs",
                                                  trit_quant_cfg, fields, check_section);

bool trit_quant_schema_complete(cJSON *document) {
    cJSON *keys = trit_json_get(document, "properties"), *both = cJSON_CreateObject();
    cJSON *list = both ? cJSON_AddArrayToObject(both, "anyOf") : NULL;
    cJSON *name = list ? cJSON_CreateObject() : NULL;
    bool done = name && cJSON_AddItemToArray(list, name) &&
                cJSON_AddStringToObject(name, "type", "string") &&
                cJSON_AddStringToObject(name, "description", "the name of a method");
    cJSON *section = done ? cJSON_DetachItemFromObjectCaseSensitive(keys, "quant") : NULL;
    if (section && cJSON_AddItemToArray(list, section) &&
        cJSON_AddItemToObject(keys, "quant", both)) {
        return trit_schedule_define(document);
    }
    cJSON_Delete(both);
    return false;
}
