#include "io/knob_settings.h"

#include <stdio.h>
#include <string.h>

trit_status trit_knobs_read(const trit_knob *knob, const char *owner, const cJSON *knobs,
                            const char *file, const char *pointer, trit_schedule *out,
                            trit_error *e) {
    const char *words[TRIT_MAX_KNOB];
    int n = 0;
    for (; knob && knob[n].name; n++) {
        cJSON dflt = {.type = cJSON_Number, .valuedouble = knob[n].dflt};
        words[n] = knob[n].name;
        TRIT_TRY(trit_schedule_read(&out[n], &dflt, knob[n].lo, knob[n].hi, file, pointer, e));
    }
    for (const cJSON *v = knobs ? knobs->child : NULL; v; v = v->next) {
        if (v->string[0] == '$' || strcmp(v->string, "comment") == 0) continue;
        char inner[TRIT_JSON_POINTER_BYTES], hint[TRIT_TEXT_HINT_BYTES];
        trit_json_pointer_add(inner, pointer, v->string);
        int i = 0;
        while (i < n && strcmp(words[i], v->string) != 0) i++;
        if (i == n) {
            trit_text_hint(hint, v->string, words, n);
            return trit_settings_fail(e, file, inner, "unknown knob of %s%s", owner, hint);
        }
        TRIT_TRY(trit_schedule_read(&out[i], v, knob[i].lo, knob[i].hi, file, inner, e));
    }
    return TRIT_OK;
}

bool trit_knobs_write(const trit_knob *knob, const trit_schedule *in, cJSON *obj) {
    for (int i = 0; knob && knob[i].name; i++) {
        cJSON *v = trit_schedule_write(&in[i]);
        if (v && cJSON_AddItemToObject(obj, knob[i].name, v)) continue;
        cJSON_Delete(v);
        return false;
    }
    return true;
}

void trit_knobs_add_schema(trit_text *t, const trit_knob *knob, trit_text *seen) {
    for (const trit_knob *k = knob; k && k->name; k++) {
        char word[64];
        snprintf(word, sizeof word, "\"%.50s\":", k->name);
        if (strstr(trit_text_get(seen), word)) continue;
        trit_text_add(t, "%s%s", seen->len ? "," : "", word);
        trit_schedule_add_schema(t);
        trit_text_add(seen, "%s", word);
    }
}
