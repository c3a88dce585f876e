#include "io/distill_settings.h"

#include "io/knob_settings.h"
#include "io/list_settings.h"

#include <stdio.h>
#include <string.h>

/* The keys of a loss that are no knobs of its row. */
static const char *const own_keys[] = {"loss", "weight"};
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

static trit_status read_object(trit_loss_cfg *c, const cJSON *v, const char *file,
                               const char *pointer, trit_error *e) {
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
    return status;
}

static trit_status read_one(void *item, const cJSON *v, const char *file, const char *pointer,
                            trit_arena *mem, trit_error *e) {
    trit_loss_cfg *c = item;
    (void)mem;
    char found[80];
    if (cJSON_IsObject(v)) return read_object(c, v, file, pointer, e);
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
    return read_object(c, &named, file, pointer, e);
}

static cJSON *write_one(const void *item) {
    const trit_loss_cfg *c = item;
    const trit_loss *row = trit_losses[c->loss];
    cJSON *obj = cJSON_CreateObject();
    if (obj && cJSON_AddStringToObject(obj, "loss", row->name) &&
        trit_knobs_write(weights, &c->weight, obj) && trit_knobs_write(row->knob, c->knob, obj)) {
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
    trit_text_add(&t, "}}]}}");
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
