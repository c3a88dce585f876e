#include "io/control_settings.h"

#include "io/schedule_settings.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define ROW(key, type, dflt, names, doc, member)                                                  \
    {                                                                                             \
        key, TRIT_T_##type, dflt, 0, 0, names, "", doc, offsetof(trit_control_cfg, member), NULL, \
            NULL                                                                                  \
    }

/* The row that owns the knobs is known after all keys are read. */
static trit_status knobs_read(void *member, const cJSON *v, const char *file, const char *pointer,
                              trit_arena *mem, trit_error *e) {
    (void)member, (void)mem;
    char found[80];
    if (cJSON_IsObject(v)) return TRIT_OK;
    return trit_settings_fail(e, file, pointer, "found %s, expected an object like {\"weight\": 1}",
                              trit_json_describe(found, v));
}

static cJSON *knobs_write(const void *member) {
    const trit_control_cfg *c =
        (const void *)((const char *)member - offsetof(trit_control_cfg, knob));
    const trit_knob *k = trit_controllers[c->type]->knob;
    cJSON *obj = cJSON_CreateObject();
    for (int i = 0; obj && k[i].name; i++) {
        cJSON *v = trit_schedule_write(&c->knob[i]);
        if (v && cJSON_AddItemToObject(obj, k[i].name, v)) continue;
        cJSON_Delete(v);
        cJSON_Delete(obj);
        obj = NULL;
    }
    return obj;
}

/* Every knob's name, once. */
static cJSON *knobs_schema(void) {
    trit_text t = {0}, seen = {0};
    trit_text_add(&t, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (int i = 0; trit_controllers[i]; i++) {
        for (const trit_knob *k = trit_controllers[i]->knob; k->name; k++) {
            char word[64];
            snprintf(word, sizeof word, "\"%.50s\":", k->name);
            if (strstr(trit_text_get(&seen), word)) continue;
            trit_text_add(&t, "%s%s", seen.len ? "," : "", word);
            trit_schedule_add_schema(&t);
            trit_text_add(&seen, "%s", word);
        }
    }
    trit_text_add(&t, "}}");
    cJSON *v = t.failed || seen.failed ? NULL : cJSON_Parse(trit_text_get(&t));
    trit_text_free(&t);
    trit_text_free(&seen);
    return v;
}
static const trit_custom knobs_custom = {knobs_read, knobs_write, knobs_schema};

static const trit_field fields[] = {
    ROW("name", NAME, NULL, trit_controller_names, "what it does; `trit methods` lists them", type),
    ROW("layers", STR, "\"*\"", NULL, "layer paths, with * and ?: \"blocks.0.*\"", layers),
    {"knobs", TRIT_T_CUSTOM, "{}", 0, 0, NULL, "", "numbers of the controller, or schedules",
     offsetof(trit_control_cfg, knob), NULL, &knobs_custom},
};
static const trit_schema schema = TRIT_SCHEMA(
    "controller", "acts on quantizers around each optimizer step", trit_control_cfg, fields, NULL);

static trit_status read_knobs(trit_control_cfg *c, const cJSON *knobs, const char *file,
                              const char *pointer, trit_error *e) {
    const trit_knob *k = trit_controllers[c->type]->knob;
    const char *words[TRIT_MAX_KNOB];
    int n = 0;
    for (; k[n].name; n++) {
        cJSON dflt = {.type = cJSON_Number, .valuedouble = k[n].dflt};
        words[n] = k[n].name;
        TRIT_TRY(trit_schedule_read(&c->knob[n], &dflt, k[n].lo, k[n].hi, file, pointer, e));
    }
    for (const cJSON *v = knobs ? knobs->child : NULL; v; v = v->next) {
        if (v->string[0] == '$' || strcmp(v->string, "comment") == 0) continue;
        char inner[TRIT_JSON_POINTER_BYTES], hint[TRIT_TEXT_HINT_BYTES];
        trit_json_pointer_add(inner, pointer, v->string);
        int i = 0;
        while (i < n && strcmp(words[i], v->string) != 0) i++;
        if (i == n) {
            trit_text_hint(hint, v->string, words, n);
            return trit_settings_fail(e, file, inner, "unknown knob of controller %s%s",
                                      trit_controller_names[c->type], hint);
        }
        TRIT_TRY(trit_schedule_read(&c->knob[i], v, k[i].lo, k[i].hi, file, inner, e));
    }
    return TRIT_OK;
}

static trit_status read_one(trit_control_cfg *c, const cJSON *v, const char *file,
                            const char *pointer, trit_arena *mem, trit_error *e) {
    cJSON *named = NULL;
    if (cJSON_IsString(v)) {
        named = cJSON_CreateObject();
        if (!named || !cJSON_AddStringToObject(named, "name", v->valuestring)) {
            cJSON_Delete(named);
            return TRIT_FAIL(e, E_NOMEM, "no memory for a controller");
        }
    }
    trit_status status = trit_settings_read(&schema, named ? named : v, file, pointer, mem, c, e);
    cJSON_Delete(named);
    TRIT_TRY(status);
    char knobs[TRIT_JSON_POINTER_BYTES];
    trit_json_pointer_add(knobs, pointer, "knobs");
    return read_knobs(c, trit_json_get(v, "knobs"), file, knobs, e);
}

static trit_status list_read(void *member, const cJSON *v, const char *file, const char *pointer,
                             trit_arena *mem, trit_error *e) {
    trit_control_list *list = member;
    char found[80];
    if (!cJSON_IsArray(v)) {
        return trit_settings_fail(e, file, pointer,
                                  "found %s, expected a list like [{\"name\": \"freeze\"}]",
                                  trit_json_describe(found, v));
    }
    int n = cJSON_GetArraySize(v), i = 0;
    trit_control_cfg *at = trit_arena_get(mem, (size_t)n * sizeof *at, e);
    if (!at) return TRIT_E_NOMEM;
    for (const cJSON *m = v->child; m; m = m->next, i++) {
        char index[16], inner[TRIT_JSON_POINTER_BYTES];
        snprintf(index, sizeof index, "%d", i);
        trit_json_pointer_add(inner, pointer, index);
        TRIT_TRY(read_one(&at[i], m, file, inner, mem, e));
    }
    *list = (trit_control_list){n, at};
    return TRIT_OK;
}

static cJSON *list_write(const void *member) {
    const trit_control_list *list = member;
    cJSON *out = cJSON_CreateArray();
    for (int i = 0; out && i < list->n; i++) {
        cJSON *v = trit_settings_write(&schema, &list->at[i]);
        if (v && cJSON_AddItemToArray(out, v)) continue;
        cJSON_Delete(v);
        cJSON_Delete(out);
        out = NULL;
    }
    return out;
}

static cJSON *list_schema(void) {
    trit_text t = {0};
    trit_text_add(&t, "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\",\"enum\":[");
    for (int i = 0; trit_controllers[i]; i++) {
        trit_text_add(&t, "%s\"%s\"", i ? "," : "", trit_controller_names[i]);
    }
    trit_text_add(&t, "]},");
    trit_part_schema_add(&t, &schema);
    trit_text_add(&t, "]}}");
    cJSON *v = t.failed ? NULL : cJSON_Parse(trit_text_get(&t));
    trit_text_free(&t);
    return v;
}
const trit_custom trit_control_list_custom = {list_read, list_write, list_schema};
