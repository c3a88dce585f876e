#include "io/schedule_settings.h"

#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

cJSON *trit_part_schema(const trit_schema *s) {
    cJSON *v = trit_settings_schema(s, "");
    static const char *const gone[] = {"$schema", "$id", "title"};
    for (int i = 0; v && i < 3; i++) cJSON_DeleteItemFromObjectCaseSensitive(v, gone[i]);
    return v;
}

void trit_part_schema_add(trit_text *t, const trit_schema *s) {
    cJSON *v = trit_part_schema(s);
    if (!v) t->failed = true;
    trit_json_print(v, false, t);
    cJSON_Delete(v);
}

typedef struct schedule_keys {
    int shape;
    double from, to;
    int64_t begin, end;
    double k;
} schedule_keys;
#define SCHEDULE_FIELDS(F)                                                                    \
    F(NAME, shape, NULL, 0, 0, trit_shape_names, "", "curve between begin and end")           \
    F(REAL, from, NULL, -INFINITY, INFINITY, NULL, "", "value until begin")                   \
    F(REAL, to, "0", -INFINITY, INFINITY, NULL, "",                                           \
      "value from end on, or at the top of a hump; hold needs none")                          \
    F(INT, begin, "0", 0, 1e12, NULL, "steps", "last step with the value from")               \
    F(INT, end, "0", 0, 1e12, NULL, "steps", "first step with the value to; hold needs none") \
    F(REAL, k, "4", 1e-3, 1e4, NULL, "",                                                      \
      "steepness: power goes 1 - (1 - t)^k of the way, sigmoid 1/(1 + exp(-k (t - 1/2)))")
static const trit_field schedule_fields[] = {
#define F(...) TRIT_FIELD(schedule_keys, __VA_ARGS__)
    SCHEDULE_FIELDS(F)
#undef F
};
enum { FROM = 1, TO = 2, N_SCHEDULE_FIELD = sizeof schedule_fields / sizeof *schedule_fields };
static const trit_schema schedule_schema = TRIT_SCHEMA(
    "schedule", "a number that changes with the step", schedule_keys, schedule_fields, NULL);

static bool has_steepness(int shape) {
    return shape == TRIT_SHAPE_power || shape == TRIT_SHAPE_sigmoid;
}

static void set(trit_schedule *s, const schedule_keys *k) {
    memset(s, 0, sizeof *s); /* padding too */
    s->shape = (trit_shape)k->shape;
    s->from = k->from;
    s->to = k->to;
    s->begin = k->begin;
    s->end = k->end;
    s->k = has_steepness(k->shape) ? k->k : 0;
}

static trit_status fail_at(const char *file, const char *pointer, const char *key, const char *text,
                           trit_error *e) {
    char inner[TRIT_JSON_POINTER_BYTES];
    trit_json_pointer_add(inner, pointer, key);
    return trit_settings_fail(e, file, inner, "%s", text);
}

static trit_status read_number(trit_schedule *out, const cJSON *v, double lo, double hi,
                               const char *file, const char *pointer, trit_error *e) {
    char range[80], found[80];
    if (!cJSON_IsNumber(v) || v->valuedouble < lo || v->valuedouble > hi) {
        return trit_settings_fail(e, file, pointer,
                                  "found %s, expected a number %s, or {\"shape\", \"from\", "
                                  "\"to\", \"begin\", \"end\"}",
                                  trit_json_describe(found, v), trit_number_range(range, lo, hi));
    }
    set(out, &(schedule_keys){TRIT_SHAPE_hold, v->valuedouble, v->valuedouble, 0, 0, 0});
    return TRIT_OK;
}

trit_status trit_schedule_read(trit_schedule *out, const cJSON *v, double lo, double hi,
                               const char *file, const char *pointer, trit_error *e) {
    if (!cJSON_IsObject(v)) return read_number(out, v, lo, hi, file, pointer, e);
    trit_field fields[N_SCHEDULE_FIELD];
    memcpy(fields, schedule_fields, sizeof fields);
    bool has_to = trit_json_get(v, "to") != NULL, has_end = trit_json_get(v, "end") != NULL;
    for (int i = FROM; i <= TO; i++) {
        if (i == TO && !has_to) continue;
        fields[i].lo = lo;
        fields[i].hi = hi;
    }
    trit_schema s = schedule_schema;
    s.field = fields;
    schedule_keys k;
    TRIT_TRY(trit_settings_read(&s, v, file, pointer, NULL, &k, e));
    if (k.shape == TRIT_SHAPE_hold) {
        set(out, &(schedule_keys){TRIT_SHAPE_hold, k.from, k.from, 0, 0, 0});
        return TRIT_OK;
    }
    static const char required[] = "this key is required, unless the shape is hold";
    if (!has_to) return fail_at(file, pointer, "to", required, e);
    if (!has_end) return fail_at(file, pointer, "end", required, e);
    if (k.begin > k.end) return fail_at(file, pointer, "end", "lies before begin", e);
    bool by_ratio = k.shape == TRIT_SHAPE_exp || k.shape == TRIT_SHAPE_rungs;
    if (by_ratio && (k.from <= 0 || k.to <= 0)) {
        char text[80];
        snprintf(text, sizeof text, "%s goes between numbers above 0 only; use linear",
                 trit_shape_names[k.shape]);
        return fail_at(file, pointer, "shape", text, e);
    }
    if (!has_steepness(k.shape) && trit_json_get(v, "k")) {
        return fail_at(file, pointer, "k", "only power and sigmoid have a steepness", e);
    }
    set(out, &k);
    return TRIT_OK;
}

cJSON *trit_schedule_write(const trit_schedule *s) {
    if (s->shape == TRIT_SHAPE_hold) return cJSON_CreateNumber(s->from);
    schedule_keys k = {(int)s->shape, s->from, s->to, s->begin, s->end, s->k};
    cJSON *v = trit_settings_write(&schedule_schema, &k);
    if (v && !has_steepness(k.shape)) cJSON_DeleteItemFromObjectCaseSensitive(v, "k");
    return v;
}

void trit_schedule_add_schema(trit_text *t) {
    trit_text_add(t, "{\"$ref\":\"#/$defs/schedule\"}");
}

bool trit_schedule_define(cJSON *document) {
    trit_text t = {0};
    trit_text_add(&t, "{\"schedule\":{\"anyOf\":[{\"type\":\"number\"},");
    trit_part_schema_add(&t, &schedule_schema);
    trit_text_add(&t, "]}}");
    cJSON *defs = t.failed ? NULL : cJSON_Parse(trit_text_get(&t));
    trit_text_free(&t);
    if (defs && cJSON_AddItemToObject(document, "$defs", defs)) return true;
    cJSON_Delete(defs);
    return false;
}
