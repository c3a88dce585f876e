/* Which quantizer a case of run/probe means. */
#include "io/quant_settings.h"
#include "quant/methods.h"
#include "run/probe.h"

#include <string.h>

typedef struct want {
    trit_spec *sp;
    trit_quant_kind *kind;
    bool has_kind;
    const char *file, *pointer;
    trit_error *e;
} want;

static trit_status read_any(const want *w, const cJSON *v);

/* Weights, or activations where only they can be quantized so. */
static trit_status read_one(const want *w, const cJSON *v) {
    if (w->has_kind) {
        return trit_quant_spec_read(w->sp, *w->kind, v, w->file, w->pointer, w->e);
    }
    trit_error first = {0}, second = {0};
    *w->kind = TRIT_QUANT_WEIGHT;
    if (!trit_quant_spec_read(w->sp, *w->kind, v, w->file, w->pointer, &first)) return TRIT_OK;
    *w->kind = TRIT_QUANT_ACTIVATION;
    if (!trit_quant_spec_read(w->sp, *w->kind, v, w->file, w->pointer, &second)) return TRIT_OK;
    return trit_fail_at(w->e, first.code, first.file, first.line, "%s", first.text);
}

/* Whether a form has the method's name: method pact is about its activations. */
static bool named_like(const trit_spec *part, const char *method) {
    trit_method m;
    const char *form = trit_forms[part->form]->name;
    return part->on && trit_method_find(method, &m) && strcmp(form, m.file->name) == 0;
}

/* The part that was asked for, else the one that is called like the method, else the first that
 * quantizes. */
static trit_status choose_part(const want *w, const trit_quant_cfg *cfg) {
    const trit_spec *part[] = {&cfg->weights, &cfg->activations};
    bool any = part[0]->on || part[1]->on;
    if (!w->has_kind) {
        bool second = !named_like(part[0], cfg->method) && named_like(part[1], cfg->method);
        second = second || (any && !part[0]->on);
        *w->kind = second ? TRIT_QUANT_ACTIVATION : TRIT_QUANT_WEIGHT;
    } else if (any && !part[*w->kind]->on) {
        bool weights = *w->kind == TRIT_QUANT_WEIGHT;
        return trit_settings_fail(
            w->e, w->file, w->pointer, "kind is %s, but this method quantizes %s only",
            weights ? "weights" : "activations", weights ? "activations" : "weights");
    }
    *w->sp = *part[*w->kind];
    return TRIT_OK;
}

static trit_status read_section(const want *w, const cJSON *section) {
    cJSON *root = cJSON_CreateObject(), *copy = cJSON_Duplicate(section, 1);
    trit_status status = TRIT_OK;
    if (!root || !copy || !cJSON_AddItemToObject(root, "quant", copy)) {
        cJSON_Delete(copy);
        status = TRIT_FAIL(w->e, E_NOMEM, "no memory for a quantizer");
    }
    trit_quant_cfg cfg;
    trit_arena mem;
    trit_arena_init(&mem, "section");
    if (!status) status = trit_quant_settings_resolve(root, w->file, w->e);
    if (!status) {
        status = trit_settings_read(&trit_quant_schema, trit_json_get(root, "quant"), w->file,
                                    w->pointer, &mem, &cfg, w->e);
    }
    if (!status) status = choose_part(w, &cfg);
    trit_arena_free(&mem);
    cJSON_Delete(root);
    return status;
}

static trit_status read_file(const want *w, const char *path) {
    cJSON *v = NULL;
    TRIT_TRY(trit_json_load(&v, path, w->e));
    want inner = *w;
    inner.file = path;
    inner.pointer = "";
    trit_status status = read_any(&inner, v);
    cJSON_Delete(v);
    return status;
}

static trit_status read_json(const want *w, const char *text) {
    cJSON *v = NULL;
    TRIT_TRY(trit_json_parse(&v, text, strlen(text), "spec", w->e));
    trit_status status = read_any(w, v);
    cJSON_Delete(v);
    return status;
}

static trit_status read_text(const want *w, const cJSON *v) {
    const char *text = v->valuestring;
    if (*text == '@') return read_file(w, text + 1);
    if (*text == '{') return read_json(w, text);
    trit_method method;
    if (trit_method_find(text, &method)) return read_section(w, v);
    trit_error own = {0};
    want quiet = *w;
    quiet.e = &own;
    if (!read_one(&quiet, v)) return TRIT_OK;
    char hint[TRIT_TEXT_HINT_BYTES];
    trit_method_hint(hint, text);
    if (*hint == ';' && strstr(own.text, "unknown word")) {
        return trit_settings_fail(w->e, w->file, w->pointer,
                                  "no method or quantizer is called \"%.80s\"%s", text, hint);
    }
    return trit_fail_at(w->e, own.code, own.file, own.line, "%s", own.text);
}

static trit_status read_any(const want *w, const cJSON *v) {
    if (cJSON_IsString(v)) return read_text(w, v);
    static const char *const keys[] = {"method", "weights", "activations"};
    bool is_section = false;
    for (int i = 0; i < 3; i++) is_section = is_section || trit_json_get(v, keys[i]);
    return is_section ? read_section(w, v) : read_one(w, v);
}

trit_status trit_probe_spec(trit_spec *sp, trit_quant_kind *kind, bool has_kind, const cJSON *v,
                            const char *file, const char *pointer, trit_error *e) {
    return read_any(&(want){sp, kind, has_kind, file, pointer, e}, v);
}
