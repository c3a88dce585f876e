#include "io/control_settings.h"

#include "io/knob_settings.h"
#include "io/list_settings.h"

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
    cJSON *obj = cJSON_CreateObject();
    if (obj && trit_knobs_write(trit_controllers[c->type]->knob, c->knob, obj)) return obj;
    cJSON_Delete(obj);
    return NULL;
}

/* Every knob's name, once. */
static cJSON *knobs_schema(void) {
    trit_text t = {0}, seen = {0};
    trit_text_add(&t, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (int i = 0; trit_controllers[i]; i++) {
        trit_knobs_add_schema(&t, trit_controllers[i]->knob, &seen);
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

static trit_status read_one(void *item, const cJSON *v, const char *file, const char *pointer,
                            trit_arena *mem, trit_error *e) {
    trit_control_cfg *c = item;
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
    char knobs[TRIT_JSON_POINTER_BYTES], owner[64];
    const trit_controller *row = trit_controllers[c->type];
    trit_json_pointer_add(knobs, pointer, "knobs");
    snprintf(owner, sizeof owner, "controller %s", row->name);
    return trit_knobs_read(row->knob, owner, trit_json_get(v, "knobs"), file, knobs, c->knob, e);
}

static cJSON *write_one(const void *item) {
    return trit_settings_write(&schema, item);
}

static const trit_list_type list_type = {sizeof(trit_control_cfg), "[{\"name\": \"freeze\"}]",
                                         read_one, write_one};

static trit_status list_read(void *member, const cJSON *v, const char *file, const char *pointer,
                             trit_arena *mem, trit_error *e) {
    trit_control_list *list = member;
    void *at;
    TRIT_TRY(trit_list_read(&list_type, v, file, pointer, mem, &list->n, &at, e));
    list->at = at;
    return TRIT_OK;
}

static cJSON *list_write(const void *member) {
    const trit_control_list *list = member;
    return trit_list_write(&list_type, list->n, list->at);
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
