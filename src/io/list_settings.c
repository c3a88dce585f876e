#include "io/list_settings.h"

#include <stdio.h>

trit_status trit_list_read(const trit_list_type *t, const cJSON *v, const char *file,
                           const char *pointer, trit_arena *mem, int *n, void **items,
                           trit_error *e) {
    char found[80];
    if (!cJSON_IsArray(v)) {
        return trit_settings_fail(e, file, pointer, "found %s, expected a list like %s",
                                  trit_json_describe(found, v), t->example);
    }
    int count = cJSON_GetArraySize(v), i = 0;
    char *at = trit_arena_get(mem, (size_t)count * t->item_bytes, e);
    if (!at) return TRIT_E_NOMEM;
    for (const cJSON *one = v->child; one; one = one->next, i++) {
        char index[16], inner[TRIT_JSON_POINTER_BYTES];
        snprintf(index, sizeof index, "%d", i);
        trit_json_pointer_add(inner, pointer, index);
        TRIT_TRY(t->read(at + (size_t)i * t->item_bytes, one, file, inner, mem, e));
    }
    *n = count;
    *items = at;
    return TRIT_OK;
}

cJSON *trit_list_write(const trit_list_type *t, int n, const void *items) {
    cJSON *out = cJSON_CreateArray();
    for (int i = 0; out && i < n; i++) {
        cJSON *v = t->write((const char *)items + (size_t)i * t->item_bytes);
        if (v && cJSON_AddItemToArray(out, v)) continue;
        cJSON_Delete(v);
        cJSON_Delete(out);
        out = NULL;
    }
    return out;
}
