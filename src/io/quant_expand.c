/* Layers of the section "quant": named method, file, overrides. All of it works on the raw tree. */
#include "io/quant_settings.h"
#include "quant/methods.h"

#include <stdio.h>
#include <string.h>

/* Between expand and resolve the file's own layer rests under this key. No reader knows it, so a
 * section that was never resolved cannot be read by mistake. */
static const char *const FILE_LAYER = "(file)";
static const char *const LAYER_KEYS[] = {"method", "estimator", "weights",      "activations",
                                         "lora",   "branch",    "method_rules", "controllers"};
enum { N_LAYER_KEY = 8, WEIGHTS = 2, ACTIVATIONS = 3, METHOD_RULES = 6 };

static trit_quant_kind kind_of(int key) {
    return key == WEIGHTS ? TRIT_QUANT_WEIGHT : TRIT_QUANT_ACTIVATION;
}

static trit_status no_memory(trit_error *e) {
    return TRIT_FAIL(e, E_NOMEM, "no memory for section quant");
}

/* obj[key] = v in place of what is there. v is taken over, also after an error; NULL is one. */
static trit_status put(cJSON *obj, const char *key, cJSON *v, trit_error *e) {
    if (trit_json_put(obj, key, v)) return TRIT_OK;
    cJSON_Delete(v);
    return no_memory(e);
}

/* *section: the object, NULL when there is none to work on (the reader reports what is wrong). */
static trit_status open_section(cJSON *root, cJSON **section, trit_error *e) {
    cJSON *v = trit_json_get(root, "quant");
    *section = cJSON_IsObject(v) ? v : NULL;
    if (!cJSON_IsString(v)) return TRIT_OK;
    cJSON *obj = cJSON_CreateObject();
    if (!obj || !cJSON_AddStringToObject(obj, "method", v->valuestring)) {
        cJSON_Delete(obj);
        return no_memory(e);
    }
    *section = obj;
    return put(root, "quant", obj, e);
}

/* The text of a string spec as an object with the keys that it implies: those that differ from the
 * defaults of the grid or form. */
static trit_status spec_object(const char *text, trit_quant_kind kind, const char *file,
                               const char *pointer, cJSON **out, trit_error *e) {
    cJSON v = {.type = cJSON_String, .valuestring = (char *)(uintptr_t)text};
    trit_spec sp;
    TRIT_TRY(trit_quant_spec_read(&sp, kind, &v, file, pointer, e));
    trit_spec dflt = sp.form ? trit_spec_make_form(kind, sp.form) : trit_spec_make(kind, sp.grid);
    cJSON *whole = trit_quant_spec_write(&sp), *plain = trit_quant_spec_write(&dflt);
    for (const cJSON *m = plain ? plain->child : NULL; m; m = m->next) {
        const char *key = m->string;
        bool names = strcmp(key, "grid") == 0 || strcmp(key, "form") == 0;
        /* An estimator that was named stays, also where it is the default: a section may have
         * another one for those that name none. */
        names = names || (strcmp(key, "estimator") == 0 && strstr(text, "-ste"));
        bool implied = names || !cJSON_Compare(m, trit_json_get(whole, key), 1);
        if (!implied || strcmp(key, "knobs") == 0) {
            cJSON_DeleteItemFromObjectCaseSensitive(whole, key);
        }
    }
    bool done = whole && plain;
    cJSON_Delete(plain);
    if (done) {
        *out = whole;
        return TRIT_OK;
    }
    cJSON_Delete(whole);
    return no_memory(e);
}

/* String specs of obj (a layer or a rule at `pointer`) become objects; "none" stays. */
static trit_status expand_specs(cJSON *obj, const char *file, const char *pointer, trit_error *e) {
    for (int i = WEIGHTS; i <= ACTIVATIONS; i++) {
        const cJSON *v = trit_json_get(obj, LAYER_KEYS[i]);
        if (!cJSON_IsString(v) || strcmp(v->valuestring, "none") == 0) continue;
        char inner[TRIT_JSON_POINTER_BYTES];
        trit_json_pointer_add(inner, pointer, LAYER_KEYS[i]);
        cJSON *spec = NULL;
        TRIT_TRY(spec_object(v->valuestring, kind_of(i), file, inner, &spec, e));
        TRIT_TRY(put(obj, LAYER_KEYS[i], spec, e));
    }
    return TRIT_OK;
}

/* Moves the keys of a layer out of the section into *layer, which is owned by the caller. */
static trit_status take_layer(cJSON *section, cJSON **layer, trit_error *e) {
    *layer = cJSON_CreateObject();
    if (!*layer) return no_memory(e);
    for (int i = 0; i < N_LAYER_KEY; i++) {
        cJSON *v = cJSON_DetachItemFromObjectCaseSensitive(section, LAYER_KEYS[i]);
        if (v) TRIT_TRY(put(*layer, LAYER_KEYS[i], v, e));
    }
    return TRIT_OK;
}

trit_status trit_quant_settings_expand(cJSON *root, const char *file, trit_error *e) {
    cJSON *section, *layer = NULL;
    TRIT_TRY(open_section(root, &section, e));
    if (!section || trit_json_get(section, FILE_LAYER)) return TRIT_OK;
    TRIT_TRY(expand_specs(section, file, "/quant", e));
    const cJSON *rules = trit_json_get(section, "rules");
    int i = 0;
    for (cJSON *rule = cJSON_IsArray(rules) ? rules->child : NULL; rule; rule = rule->next, i++) {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/quant/rules/%d", i);
        TRIT_TRY(expand_specs(rule, file, pointer, e));
    }
    trit_status status = take_layer(section, &layer, e);
    if (!status) return put(section, FILE_LAYER, layer, e);
    cJSON_Delete(layer);
    return status;
}

trit_status trit_quant_settings_override(cJSON *root, const trit_schema *s, const char *assignment,
                                         trit_error *e) {
    static const char key[] = "quant=";
    const char *text = assignment + sizeof key - 1;
    if (strncmp(assignment, key, sizeof key - 1) != 0 || *text == '{') {
        return trit_settings_override(root, s, assignment, e);
    }
    /* The section is a plain object for the rows, so its short form is put in here. */
    cJSON *v = NULL;
    if (*text == '"') {
        TRIT_TRY_AS(trit_json_parse(&v, text, strlen(text), "value", e), e, "%.200s", assignment);
    } else {
        v = cJSON_CreateString(text);
    }
    return put(root, "quant", v, e);
}

/* ---- merging ------------------------------------------------------------------------------- */

/* Bits of a method's name: into the part that they are of; a part without any is off. */
static trit_status set_bits(cJSON *layer, const trit_method *m, const char *name, const char *file,
                            trit_error *e) {
    const int bits[] = {m->weight_bits, m->activation_bits};
    if (!bits[0] && !bits[1]) return TRIT_OK;
    for (int i = 0; i < 2; i++) {
        const char *key = LAYER_KEYS[WEIGHTS + i];
        cJSON *part = trit_json_get(layer, key);
        if (!bits[i]) {
            TRIT_TRY(put(layer, key, cJSON_CreateString("none"), e));
        } else if (cJSON_IsObject(part)) {
            TRIT_TRY(put(part, "bits", cJSON_CreateNumber(bits[i]), e));
        } else {
            return trit_settings_fail(e, file, "/quant/method",
                                      "\"%.80s\": method %s does not quantize %s", name,
                                      m->file->name, key);
        }
    }
    return TRIT_OK;
}

/* The named method's layer, whose rules become the section's method_rules; NULL for no name. Owned
 * by the caller, also after an error. */
static trit_status method_layer(const cJSON *name, const char *file, cJSON **out, trit_error *e) {
    *out = NULL;
    if (!cJSON_IsString(name) || !*name->valuestring) return TRIT_OK;
    trit_method m;
    if (trit_method_find(name->valuestring, &m)) {
        TRIT_TRY(trit_json_parse(out, m.file->json, strlen(m.file->json), m.file->name, e));
        cJSON *rules = cJSON_DetachItemFromObjectCaseSensitive(*out, "rules");
        if (rules) TRIT_TRY(put(*out, LAYER_KEYS[METHOD_RULES], rules, e));
        TRIT_TRY(expand_specs(*out, file, "/quant", e));
        return set_bits(*out, &m, name->valuestring, file, e);
    }
    char hint[TRIT_TEXT_HINT_BYTES];
    return trit_settings_fail(e, file, "/quant/method", "unknown method \"%.80s\"%s",
                              name->valuestring, trit_method_hint(hint, name->valuestring));
}

/* Refuses an estimator that no row knows; other types are the reader's to refuse. */
static trit_status check_estimator(const cJSON *v, const char *file, trit_error *e) {
    if (!cJSON_IsString(v) || !*v->valuestring) return TRIT_OK;
    int n = 0;
    for (; trit_estimator_names[n]; n++) {
        if (strcmp(trit_estimator_names[n], v->valuestring) == 0) return TRIT_OK;
    }
    char hint[TRIT_TEXT_HINT_BYTES];
    return trit_settings_fail(e, file, "/quant/estimator", "unknown estimator \"%.80s\"%s",
                              v->valuestring,
                              trit_text_hint(hint, v->valuestring, trit_estimator_names, n));
}

/* Lays a layer over the section. */
static trit_status lay_over(cJSON *section, const cJSON *layer, trit_error *e) {
    for (int i = 0; i < N_LAYER_KEY; i++) {
        const char *key = LAYER_KEYS[i];
        const cJSON *v = trit_json_get(layer, key);
        if (!v) continue;
        cJSON *below = trit_json_get(section, key);
        bool names = trit_json_get(v, "grid") || trit_json_get(v, "form");
        bool refines = i >= WEIGHTS && cJSON_IsObject(v) && !names;
        if (refines && cJSON_IsObject(below)) {
            TRIT_TRY(trit_json_merge(&below, v, e));
            continue;
        }
        TRIT_TRY(put(section, key, cJSON_Duplicate(v, 1), e));
        if (strcmp(key, "estimator") != 0 || !cJSON_IsString(v) || !*v->valuestring) continue;
        for (int k = WEIGHTS; k <= ACTIVATIONS; k++) {
            cJSON_DeleteItemFromObjectCaseSensitive(trit_json_get(section, LAYER_KEYS[k]), key);
        }
    }
    return TRIT_OK;
}

/* Writes the section's estimator into the specs that name none; a form has its own. */
static trit_status spread_estimator(cJSON *section, trit_error *e) {
    const cJSON *name = trit_json_get(section, "estimator");
    if (!cJSON_IsString(name) || !*name->valuestring) return TRIT_OK;
    for (int k = WEIGHTS; k <= ACTIVATIONS; k++) {
        cJSON *spec = trit_json_get(section, LAYER_KEYS[k]);
        if (!cJSON_IsObject(spec) || trit_json_get(spec, "estimator")) continue;
        if (trit_json_get(spec, "form")) continue;
        TRIT_TRY(put(spec, "estimator", cJSON_CreateString(name->valuestring), e));
    }
    return TRIT_OK;
}

typedef struct layers {
    cJSON *method, *file, *own; /* owned */
} layers;

static trit_status merge(cJSON *section, layers *l, const char *file, trit_error *e) {
    l->file = cJSON_DetachItemFromObjectCaseSensitive(section, FILE_LAYER);
    TRIT_TRY(expand_specs(section, file, "/quant", e));
    TRIT_TRY(take_layer(section, &l->own, e));
    const cJSON *method = trit_json_get(l->own, "method");
    if (method) {
        cJSON_Delete(l->file);
        l->file = NULL;
    } else {
        method = trit_json_get(l->file, "method");
    }
    TRIT_TRY(method_layer(method, file, &l->method, e));
    TRIT_TRY(check_estimator(trit_json_get(l->file, "estimator"), file, e));
    TRIT_TRY(check_estimator(trit_json_get(l->own, "estimator"), file, e));
    TRIT_TRY(lay_over(section, l->method, e));
    TRIT_TRY(lay_over(section, l->file, e));
    TRIT_TRY(lay_over(section, l->own, e));
    return spread_estimator(section, e);
}

trit_status trit_quant_settings_resolve(cJSON *root, const char *file, trit_error *e) {
    cJSON *section;
    TRIT_TRY(open_section(root, &section, e));
    if (!section) return TRIT_OK;
    layers l = {0};
    trit_status status = merge(section, &l, file, e);
    cJSON_Delete(l.method);
    cJSON_Delete(l.file);
    cJSON_Delete(l.own);
    return status;
}
