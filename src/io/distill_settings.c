#include "io/distill_settings.h"

#include "io/knob_settings.h"
#include "io/list_settings.h"

#include <stdio.h>
#include <string.h>

/* The keys of a loss that are no knobs of its row. */
static const char *const own_keys[] = {"loss", "weight", "layers", "projection"};
enum { N_OWN = sizeof own_keys / sizeof *own_keys };

static const trit_knob weights[] = {
    {"weight", 1, 0, 1e9, "what the loss is multiplied by in the sum"}, {0}};

static trit_status read_name(int *out, const cJSON *v, const char *file, const char *pointer,
                             trit_error *e) {
    char found[80], hint[TRIT_TEXT_HINT_BYTES];
    const char *const *names = trit_loss_names;
    int n = 0;
    while (names[n]) n++;
    for (int i = 0; i < n && cJSON_IsString(v); i++) {
        if (strcmp(names[i], v->valuestring) != 0) continue;
        *out = i;
        return TRIT_OK;
    }
    if (!cJSON_IsString(v)) {
        return trit_settings_fail(e, file, pointer, "found %s, expected the name of a loss",
                                  trit_json_describe(found, v));
    }
    trit_text_hint(hint, v->valuestring, names, n);
    return trit_settings_fail(e, file, pointer, "unknown loss \"%s\"%s", v->valuestring, hint);
}

/* A layer's number, in 0..999. */
static bool is_layer(const cJSON *v) {
    return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 1000 &&
           v->valuedouble == (double)(int)v->valuedouble;
}

static trit_status read_pair(int64_t pair[2], const cJSON *v, const char *file, const char *pointer,
                             trit_error *e) {
    char found[80];
    const cJSON *s = cJSON_IsArray(v) && cJSON_GetArraySize(v) == 2 ? v->child : v;
    const cJSON *t = s != v ? s->next : v;
    if (!is_layer(s) || !is_layer(t)) {
        return trit_settings_fail(e, file, pointer,
                                  "found %s, expected a pair of layers like [3, 5], of student and "
                                  "teacher, or a number for both",
                                  trit_json_describe(found, v));
    }
    pair[0] = (int64_t)s->valuedouble;
    pair[1] = (int64_t)t->valuedouble;
    return TRIT_OK;
}

static trit_status read_layers(trit_loss_cfg *c, const cJSON *v, const char *file,
                               const char *pointer, trit_arena *mem, trit_error *e) {
    char found[80];
    for (int i = 0; cJSON_IsString(v) && trit_layer_rules[i]; i++) {
        if (strcmp(trit_layer_rules[i], v->valuestring) != 0) continue;
        c->rule = (trit_layer_rule)i;
        return TRIT_OK;
    }
    if (!cJSON_IsArray(v) || !v->child) {
        return trit_settings_fail(e, file, pointer,
                                  "found %s, expected \"last\", \"uniform\" or a list of pairs "
                                  "like [[3, 5]]",
                                  trit_json_describe(found, v));
    }
    int64_t(*pair)[2] = trit_arena_get(mem, (size_t)cJSON_GetArraySize(v) * sizeof *pair, e);
    if (!pair) return TRIT_E_NOMEM;
    for (const cJSON *one = v->child; one; one = one->next, c->n_pair++) {
        char index[16], inner[TRIT_JSON_POINTER_BYTES];
        snprintf(index, sizeof index, "%d", c->n_pair);
        trit_json_pointer_add(inner, pointer, index);
        TRIT_TRY(read_pair(pair[c->n_pair], one, file, inner, e));
    }
    c->pair = (const int64_t(*)[2])pair;
    return TRIT_OK;
}

/* The keys that only losses of the inside have. */
static trit_status read_inside(trit_loss_cfg *c, const cJSON *v, const char *file,
                               const char *pointer, trit_arena *mem, trit_error *e) {
    const trit_loss *row = trit_losses[c->loss];
    const cJSON *layers = trit_json_get(v, "layers"), *learned = trit_json_get(v, "projection");
    char inner[TRIT_JSON_POINTER_BYTES], found[80];
    if (layers) trit_json_pointer_add(inner, pointer, "layers");
    if (layers && !row->inside) {
        return trit_settings_fail(e, file, inner, "the loss %s is of logits, and has no layers",
                                  row->name);
    }
    if (row->inside) c->rule = row->inside->layers;
    if (layers) TRIT_TRY(read_layers(c, layers, file, inner, mem, e));
    if (!learned) return TRIT_OK;
    trit_json_pointer_add(inner, pointer, "projection");
    if (!row->inside || !row->inside->projects) {
        return trit_settings_fail(e, file, inner, "the loss %s has no projection", row->name);
    }
    if (!cJSON_IsBool(learned)) {
        return trit_settings_fail(e, file, inner, "found %s, expected true or false",
                                  trit_json_describe(found, learned));
    }
    c->projection = cJSON_IsTrue(learned);
    return TRIT_OK;
}

/* What graphs are built with does not change while they run. */
static trit_status check_fixed(const trit_loss_cfg *c, const char *file, const char *pointer,
                               trit_error *e) {
    const trit_loss *row = trit_losses[c->loss];
    const char *fixed = row->inside ? row->inside->fixed : NULL;
    if (!fixed) return TRIT_OK;
    const trit_schedule *at = &c->knob[trit_loss_knob(row, fixed)];
    bool holds = at->shape == TRIT_SHAPE_hold && at->from == (double)(int64_t)at->from;
    char inner[TRIT_JSON_POINTER_BYTES];
    trit_json_pointer_add(inner, pointer, fixed);
    if (holds) return TRIT_OK;
    return trit_settings_fail(e, file, inner, "expected a whole number, without a schedule");
}

static trit_status read_object(trit_loss_cfg *c, const cJSON *v, const char *file,
                               const char *pointer, trit_arena *mem, trit_error *e) {
    char inner[TRIT_JSON_POINTER_BYTES], owner[64];
    trit_json_pointer_add(inner, pointer, "loss");
    TRIT_TRY(read_name(&c->loss, trit_json_get(v, "loss"), file, inner, e));
    const cJSON *weight = trit_json_get(v, "weight"),
                one = {.type = cJSON_Number, .valuedouble = 1};
    trit_json_pointer_add(inner, pointer, "weight");
    TRIT_TRY(trit_schedule_read(&c->weight, weight ? weight : &one, weights->lo, weights->hi, file,
                                inner, e));
    cJSON *knobs = cJSON_Duplicate(v, true);
    if (!knobs) return TRIT_FAIL(e, E_NOMEM, "no memory for a loss");
    for (int i = 0; i < N_OWN; i++) cJSON_DeleteItemFromObjectCaseSensitive(knobs, own_keys[i]);
    const trit_loss *row = trit_losses[c->loss];
    snprintf(owner, sizeof owner, "the loss %s", row->name);
    trit_status status = trit_knobs_read(row->knob, owner, knobs, file, pointer, c->knob, e);
    cJSON_Delete(knobs);
    if (!status) status = read_inside(c, v, file, pointer, mem, e);
    return status ? status : check_fixed(c, file, pointer, e);
}

static trit_status read_one(void *item, const cJSON *v, const char *file, const char *pointer,
                            trit_arena *mem, trit_error *e) {
    trit_loss_cfg *c = item;
    char found[80];
    if (cJSON_IsObject(v)) return read_object(c, v, file, pointer, mem, e);
    if (!cJSON_IsString(v)) {
        return trit_settings_fail(e, file, pointer,
                                  "found %s, expected a loss like \"kl\" or {\"loss\": \"kl\", "
                                  "\"weight\": 0.5, \"temperature\": 2}",
                                  trit_json_describe(found, v));
    }
    TRIT_TRY(read_name(&c->loss, v, file, pointer, e));
    cJSON named = {.type = cJSON_Object}, name = {.type = cJSON_String};
    static char key[] = "loss";
    name.string = key;
    name.valuestring = v->valuestring;
    name.prev = &name;
    named.child = &name;
    return read_object(c, &named, file, pointer, mem, e);
}

/* The list of pairs into obj; false: no memory. */
static bool write_pairs(const trit_loss_cfg *c, cJSON *obj) {
    cJSON *list = cJSON_AddArrayToObject(obj, "layers");
    for (int i = 0; i < c->n_pair; i++) {
        const double pair[2] = {(double)c->pair[i][0], (double)c->pair[i][1]};
        cJSON *v = cJSON_CreateDoubleArray(pair, 2);
        if (v && list && cJSON_AddItemToArray(list, v)) continue;
        cJSON_Delete(v);
        return false;
    }
    return list != NULL;
}

static bool write_inside(const trit_loss_cfg *c, cJSON *obj) {
    const trit_loss_inside *in = trit_losses[c->loss]->inside;
    if (!in) return true;
    if (c->n_pair ? !write_pairs(c, obj)
                  : !cJSON_AddStringToObject(obj, "layers", trit_layer_rules[c->rule])) {
        return false;
    }
    return !in->projects || cJSON_AddBoolToObject(obj, "projection", c->projection);
}

static cJSON *write_one(const void *item) {
    const trit_loss_cfg *c = item;
    const trit_loss *row = trit_losses[c->loss];
    cJSON *obj = cJSON_CreateObject();
    if (obj && cJSON_AddStringToObject(obj, "loss", row->name) &&
        trit_knobs_write(weights, &c->weight, obj) && trit_knobs_write(row->knob, c->knob, obj) &&
        write_inside(c, obj)) {
        return obj;
    }
    cJSON_Delete(obj);
    return NULL;
}

static const trit_list_type list_type = {sizeof(trit_loss_cfg), "[\"ce\", {\"loss\": \"kl\"}]",
                                         read_one, write_one};

static trit_status list_read(void *member, const cJSON *v, const char *file, const char *pointer,
                             trit_arena *mem, trit_error *e) {
    trit_loss_list *list = member;
    void *at;
    TRIT_TRY(trit_list_read(&list_type, v, file, pointer, mem, &list->n, &at, e));
    list->at = at;
    return TRIT_OK;
}

static cJSON *list_write(const void *member) {
    const trit_loss_list *list = member;
    return trit_list_write(&list_type, list->n, list->at);
}

static cJSON *list_schema(void) {
    trit_text t = {0}, names = {0}, seen = {0};
    for (int i = 0; trit_losses[i]; i++) {
        trit_text_add(&names, "%s\"%s\"", i ? "," : "", trit_loss_names[i]);
    }
    trit_text_add(&t,
                  "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\",\"enum\":[%s]},"
                  "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"loss\"],"
                  "\"properties\":{\"loss\":{\"type\":\"string\",\"enum\":[%s]},",
                  trit_text_get(&names), trit_text_get(&names));
    trit_knobs_add_schema(&t, weights, &seen);
    for (int i = 0; trit_losses[i]; i++) trit_knobs_add_schema(&t, trit_losses[i]->knob, &seen);
    static const char layer[] = "{\"type\":\"integer\",\"minimum\":0,\"maximum\":999}";
    trit_text_add(&t, ",\"layers\":{\"anyOf\":[{\"enum\":[");
    for (int i = 0; trit_layer_rules[i]; i++) {
        trit_text_add(&t, "%s\"%s\"", i ? "," : "", trit_layer_rules[i]);
    }
    trit_text_add(&t,
                  "]},{\"type\":\"array\",\"minItems\":1,\"items\":{\"anyOf\":[%s,{\"type\":"
                  "\"array\",\"items\":%s,\"minItems\":2,\"maxItems\":2}]}}]},"
                  "\"projection\":{\"type\":\"boolean\"}}}]}}",
                  layer, layer);
    bool failed = t.failed || names.failed || seen.failed;
    cJSON *v = failed ? NULL : cJSON_Parse(trit_text_get(&t));
    trit_text_free(&t);
    trit_text_free(&names);
    trit_text_free(&seen);
    return v;
}
static const trit_custom losses_custom = {list_read, list_write, list_schema};

static trit_status check(const void *section, trit_error *e) {
    const trit_distill_cfg *c = section;
    if (*c->teacher && *c->cache) {
        return TRIT_FAIL(e, E_CONFIG, "cache: stands in for a teacher; leave one of both empty");
    }
    for (int i = 0; i < c->losses.n; i++) {
        const trit_loss *row = trit_losses[c->losses.at[i].loss];
        if (row->teacher && row->inside && *c->cache) {
            return TRIT_FAIL(
                e, E_CONFIG,
                "losses/%d: the loss %s looks inside of the teacher, but a cache holds "
                "its logits only; give distill.teacher instead of distill.cache",
                i, row->name);
        }
        if (!row->teacher || *c->teacher || *c->cache) continue;
        return TRIT_FAIL(e, E_CONFIG,
                         "losses/%d: the loss %s needs a teacher: give distill.teacher or "
                         "distill.cache",
                         i, row->name);
    }
    return TRIT_OK;
}

static const trit_field fields[] = {
#define F(...) TRIT_FIELD(trit_distill_cfg, __VA_ARGS__)
    TRIT_DISTILL_FIELDS(F)
#undef F
        TRIT_FIELD_CUSTOM(
            trit_distill_cfg, losses, "[]", losses_custom,
            "what is minimised: a weighted sum; [] is the cross-entropy with labels, and "
            "a list without \"ce\" has no labels; `trit methods` lists losses")};
const trit_schema trit_distill_schema = TRIT_SCHEMA(
    "distill", "a teacher, and the losses of a student", trit_distill_cfg, fields, check);
