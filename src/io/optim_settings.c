#include "io/optim_settings.h"

#include "io/list_settings.h"
#include "io/schedule_settings.h"

#include <math.h>
#include <string.h>

/* ---- groups -------------------------------------------------------------------------------- */

static const trit_field group_fields[] = {
#define ROW(...) TRIT_FIELD(trit_optim_group, __VA_ARGS__)
    ROW(STR, match, "\"*\"", 0, 0, NULL, "",
        "parameter paths, with * and ?: \"blocks.0.*\"; `trit explain` and `trit inspect` show "
        "them") ROW(NAME, role, "\"any\"", 0, 0, trit_group_role_names, "", "what they are for")
        ROW(REAL, lr, "1", 0, 1e6, NULL, "", "multiplies the learning rate")
            ROW(REAL, weight_decay, "0", 0, 10, NULL, "", "in place of the section's")
                ROW(REAL, beta1, "0", 0, 0.999999, NULL, "", "in place of the section's")
                    ROW(REAL, beta2, "0", 0, 0.999999, NULL, "", "in place of the section's")
                        ROW(REAL, clip_norm, "0", 0, 1e9, NULL, "",
                            "limit of their joint gradient norm, which then does not count for the "
                            "global one; 0 = off")
                            ROW(BOOL, freeze, "false", 0, 0, NULL, "", "they stay as they are")
#undef ROW
};
static const trit_schema group_schema =
    TRIT_SCHEMA("group", "exceptions for some parameters; match, role or both, and what changes",
                trit_optim_group, group_fields, NULL);

/* Keys that a group may leave out, and then says nothing about. */
static const struct {
    const char *key;
    size_t offset;
} numbers[] = {{"lr", offsetof(trit_optim_group, lr)},
               {"weight_decay", offsetof(trit_optim_group, weight_decay)},
               {"beta1", offsetof(trit_optim_group, beta1)},
               {"beta2", offsetof(trit_optim_group, beta2)},
               {"clip_norm", offsetof(trit_optim_group, clip_norm)}};
enum { N_NUMBER = sizeof numbers / sizeof *numbers };

static trit_status read_group(void *item, const cJSON *v, const char *file, const char *pointer,
                              trit_arena *mem, trit_error *e) {
    trit_optim_group *g = item;
    TRIT_TRY(trit_settings_read(&group_schema, v, file, pointer, mem, g, e));
    g->has_freeze = trit_json_get(v, "freeze") != NULL;
    bool says = g->has_freeze;
    for (int i = 0; i < N_NUMBER; i++) {
        bool given = trit_json_get(v, numbers[i].key) != NULL;
        if (!given) *(double *)((char *)g + numbers[i].offset) = NAN;
        says = says || given;
    }
    if (!trit_json_get(v, "match") && !trit_json_get(v, "role")) {
        return trit_settings_fail(e, file, pointer, "a group needs match, role or both");
    }
    if (says) return TRIT_OK;
    return trit_settings_fail(e, file, pointer,
                              "a group needs something that changes: lr, weight_decay, beta1, "
                              "beta2, clip_norm or freeze");
}

static cJSON *write_group(const void *item) {
    const trit_optim_group *g = item;
    cJSON *v = trit_settings_write(&group_schema, g);
    for (int i = 0; v && i < N_NUMBER; i++) {
        double x = *(const double *)((const char *)g + numbers[i].offset);
        if (isnan(x)) cJSON_DeleteItemFromObjectCaseSensitive(v, numbers[i].key);
    }
    if (v && !g->has_freeze) cJSON_DeleteItemFromObjectCaseSensitive(v, "freeze");
    return v;
}

static const trit_list_type list_type = {
    sizeof(trit_optim_group), "[{\"role\": \"norm\", \"lr\": 2}]", read_group, write_group};

/* member is the count in trit_optim_cfg. */
static trit_status groups_read(void *member, const cJSON *v, const char *file, const char *pointer,
                               trit_arena *mem, trit_error *e) {
    trit_optim_cfg *cfg = (void *)((char *)member - offsetof(trit_optim_cfg, n_group));
    void *at;
    TRIT_TRY(trit_list_read(&list_type, v, file, pointer, mem, &cfg->n_group, &at, e));
    cfg->group = at;
    return TRIT_OK;
}

static cJSON *groups_write(const void *member) {
    const trit_optim_cfg *cfg =
        (const void *)((const char *)member - offsetof(trit_optim_cfg, n_group));
    return trit_list_write(&list_type, cfg->n_group, cfg->group);
}

static cJSON *groups_schema(void) {
    trit_text t = {0};
    trit_text_add(&t, "{\"type\":\"array\",\"items\":");
    trit_part_schema_add(&t, &group_schema);
    trit_text_add(&t, "}");
    cJSON *v = t.failed ? NULL : cJSON_Parse(trit_text_get(&t));
    trit_text_free(&t);
    return v;
}
static const trit_custom groups_custom = {groups_read, groups_write, groups_schema};

/* ---- the section --------------------------------------------------------------------------- */

static const trit_field fields[] = {
#define F(...) TRIT_FIELD(trit_optim_cfg, __VA_ARGS__)
    TRIT_OPTIM_FIELDS(F)
#undef F
        {"groups", TRIT_T_CUSTOM, "[]", 0, 0, NULL, "",
         "exceptions for parameters by path or role; of several that speak about a key the last "
         "counts",
         offsetof(trit_optim_cfg, n_group), NULL, &groups_custom},
};
const trit_schema trit_optim_schema = TRIT_SCHEMA("optim", "optimizer and learning rate",
                                                  trit_optim_cfg, fields, trit_optim_cfg_check);

trit_status trit_optim_settings_expand(cJSON *root, trit_error *e) {
    TRIT_TRY(trit_settings_expand(root, "optim", "kind", trit_optim_names, trit_optim_defaults, e));
    return trit_settings_expand(root, "optim", "schedule", trit_lr_schedule_names,
                                trit_lr_schedule_defaults, e);
}

trit_status trit_optim_settings_read(trit_optim_cfg *cfg, const cJSON *v, const char *file,
                                     const char *pointer, trit_arena *mem, trit_error *e) {
    cJSON *root = cJSON_CreateObject(), *section = cJSON_Duplicate(v, true);
    if (cJSON_IsString(section)) {
        cJSON *named = cJSON_CreateObject();
        if (named && !cJSON_AddItemToObject(named, "kind", section)) cJSON_Delete(section);
        section = named;
    }
    bool made = root && section && cJSON_AddItemToObject(root, "optim", section);
    trit_status status = made ? trit_optim_settings_expand(root, e)
                              : TRIT_FAIL(e, E_NOMEM, "no memory for the optimizer");
    if (!status) {
        status = trit_settings_read(&trit_optim_schema, trit_json_get(root, "optim"), file, pointer,
                                    mem, cfg, e);
    }
    cJSON_Delete(root);
    return status;
}
