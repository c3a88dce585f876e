#include "run/probe_case.h"

#include "io/settings.h"
#include "run/probe.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef TRIT_DOUBLE
static const double largest = DBL_MAX;
#else
static const double largest = FLT_MAX;
#endif

/* ---- numbers ------------------------------------------------------------------------------- */

typedef struct numbers {
    const trit_probe_place *p;
    trit_tensor *t;
    trit_real *at;                   /* next to fill */
    int64_t index[TRIT_MAX_DIM + 1]; /* of the element that is read, for messages */
} numbers;

static trit_status fail_numbers(const numbers *r, int depth, const cJSON *v, const char *expected) {
    char pointer[TRIT_JSON_POINTER_BYTES], key[24], found[80];
    snprintf(pointer, sizeof pointer, "%s", r->p->pointer);
    for (int i = 0; i < depth; i++) {
        snprintf(key, sizeof key, "%lld", (long long)r->index[i]);
        trit_json_pointer_add(pointer, pointer, key);
    }
    if (cJSON_IsArray(v)) {
        snprintf(found, sizeof found, "a list of %d", cJSON_GetArraySize(v));
    } else {
        trit_json_describe(found, v);
    }
    return trit_settings_fail(r->p->e, r->p->file, pointer, "found %s, expected %s", found,
                              expected);
}

/* Lists of equal length inside each other; the first of each depth says how many. */
static trit_status read_shape(numbers *r, const cJSON *v) {
    trit_tensor *t = r->t;
    *t = (trit_tensor){.dtype = TRIT_REAL};
    for (; cJSON_IsArray(v); v = v->child, t->ndim++) {
        int n = cJSON_GetArraySize(v);
        if (t->ndim >= TRIT_MAX_DIM) {
            return fail_numbers(r, t->ndim, v, "a number: lists may be 4 deep");
        }
        if (n == 0) return fail_numbers(r, t->ndim, v, "at least one element");
        t->dim[t->ndim] = n;
        r->index[t->ndim] = 0;
    }
    return t->ndim ? TRIT_OK : fail_numbers(r, 0, v, "a list of numbers");
}

static trit_status fill(numbers *r, const cJSON *v, int depth) {
    const trit_tensor *t = r->t;
    if (depth == t->ndim || depth == TRIT_MAX_DIM) {
        if (!cJSON_IsNumber(v)) return fail_numbers(r, depth, v, "a number");
        if (!(fabs(v->valuedouble) <= largest)) {
            return fail_numbers(r, depth, v, "a number that 32 bits can hold");
        }
        *r->at++ = TRIT_R(v->valuedouble);
        return TRIT_OK;
    }
    if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) != t->dim[depth]) {
        char expected[80];
        snprintf(expected, sizeof expected, "a list of %lld like those before it",
                 (long long)t->dim[depth]);
        return fail_numbers(r, depth, v, expected);
    }
    r->index[depth] = 0;
    for (const cJSON *m = v->child; m; m = m->next, r->index[depth]++) {
        TRIT_TRY(fill(r, m, depth + 1));
    }
    return TRIT_OK;
}

trit_status trit_probe_read_list(trit_tensor *t, const cJSON *v, trit_arena *mem,
                                 const trit_probe_place *p) {
    numbers r = {.p = p, .t = t};
    TRIT_TRY(read_shape(&r, v));
    t->data = trit_arena_get(mem, trit_tensor_bytes(t), p->e);
    if (!t->data) return TRIT_E_NOMEM;
    r.at = t->data;
    return fill(&r, v, 0);
}

/* One number for all elements of `shape`, into t. */
trit_status trit_probe_spread(trit_tensor *t, const cJSON *v, const trit_tensor *shape,
                              trit_arena *mem, const trit_probe_place *p) {
    double value = v ? v->valuedouble : 1;
    numbers r = {.p = p};
    if (!(fabs(value) <= largest)) return fail_numbers(&r, 0, v, "a number that 32 bits can hold");
    *t = *shape;
    t->data = trit_arena_get(mem, trit_tensor_bytes(t), p->e);
    if (!t->data) return TRIT_E_NOMEM;
    for (int64_t i = 0; i < trit_tensor_len(t); i++) ((trit_real *)t->data)[i] = TRIT_R(value);
    return TRIT_OK;
}

/* Like x, or one number. */
static trit_status read_like(trit_tensor *t, const cJSON *v, const trit_tensor *x, trit_arena *mem,
                             const trit_probe_place *p) {
    if (cJSON_IsNumber(v)) return trit_probe_spread(t, v, x, mem, p);
    TRIT_TRY(trit_probe_read_list(t, v, mem, p));
    if (trit_tensor_same_shape(t, x)) return TRIT_OK;
    char a[96], b[96];
    return trit_settings_fail(p->e, p->file, p->pointer,
                              "found numbers of shape %s, expected %s like x, or one number",
                              trit_tensor_shape_text(t, a), trit_tensor_shape_text(x, b));
}

/* ---- the case ------------------------------------------------------------------------------ */

/* The keys that are read, then those that describe a case in a table. */
static const char *const case_keys[] = {"spec",  "kind",   "x",         "g",      "state",  "noise",
                                        "steps", "eval",   "id",        "name",   "method", "case",
                                        "row",   "expect", "tolerance", "comment"};
enum { N_READ_KEY = 8, N_CASE_KEY = sizeof case_keys / sizeof *case_keys };

static trit_status check_keys(const cJSON *in, const trit_probe_place *p) {
    numbers r = {.p = p};
    if (!cJSON_IsObject(in)) return fail_numbers(&r, 0, in, "an object with spec and x");
    for (const cJSON *m = in->child; m; m = m->next) {
        bool known = m->string[0] == '$';
        for (int i = 0; i < N_CASE_KEY; i++) known = known || strcmp(case_keys[i], m->string) == 0;
        if (known) continue;
        char hint[TRIT_TEXT_HINT_BYTES], inner[TRIT_JSON_POINTER_BYTES];
        trit_text_hint(hint, m->string, case_keys, N_READ_KEY);
        trit_json_pointer_add(inner, p->pointer, m->string);
        return trit_settings_fail(p->e, p->file, inner, "unknown key%s", hint);
    }
    return TRIT_OK;
}

/* The member of a case, and its place; NULL where it is missing or null. */
static const cJSON *member(const cJSON *in, const char *key, const trit_probe_place *p,
                           trit_probe_place *inner, char pointer[TRIT_JSON_POINTER_BYTES]) {
    *inner = *p;
    inner->pointer = trit_json_pointer_add(pointer, p->pointer, key);
    const cJSON *v = trit_json_get(in, key);
    return cJSON_IsNull(v) ? NULL : v;
}

static trit_status unexpected(const trit_probe_place *p, const cJSON *v, const char *expected) {
    numbers r = {.p = p};
    return fail_numbers(&r, 0, v, expected);
}

static trit_status read_spec(trit_probe_case *q, const cJSON *in, const trit_probe_place *p) {
    char pointer[TRIT_JSON_POINTER_BYTES];
    trit_probe_place inner;
    static const char *const kinds[] = {"weights", "activations"};
    const cJSON *v = member(in, "kind", p, &inner, pointer);
    bool has_kind = v != NULL, known = false;
    for (int i = 0; i < 2; i++) {
        if (!v || !cJSON_IsString(v) || strcmp(v->valuestring, kinds[i]) != 0) continue;
        q->kind = (trit_quant_kind)i;
        known = true;
    }
    if (has_kind && !known) return unexpected(&inner, v, "\"weights\" or \"activations\"");
    v = member(in, "spec", p, &inner, pointer);
    if (!cJSON_IsString(v) && !cJSON_IsObject(v)) {
        return unexpected(&inner, v,
                          "a short form like \"int4-absmax-row\", a method or an object");
    }
    return trit_probe_spec(&q->spec, &q->kind, has_kind, v, inner.file, inner.pointer, p->e);
}

static trit_status read_mode(trit_probe_case *q, const cJSON *in, const trit_probe_place *p) {
    char pointer[TRIT_JSON_POINTER_BYTES];
    trit_probe_place inner;
    const cJSON *v = member(in, "steps", p, &inner, pointer);
    if (v && (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > 1e12 ||
              v->valuedouble != floor(v->valuedouble))) {
        return unexpected(&inner, v, "a whole number in 0..1e12");
    }
    q->steps = v ? (int64_t)v->valuedouble : 0;
    v = member(in, "eval", p, &inner, pointer);
    if (v && !cJSON_IsBool(v)) return unexpected(&inner, v, "true or false");
    q->mode = cJSON_IsTrue(v) ? TRIT_EVAL : TRIT_TRAIN;
    v = member(in, "state", p, &q->state_place, q->state_pointer);
    if (v && !cJSON_IsObject(v)) {
        return unexpected(&q->state_place, v, "an object like {\"step\": 0.5}");
    }
    q->state = v;
    return TRIT_OK;
}

trit_status trit_probe_case_read(trit_probe_case *q, const cJSON *in, const trit_probe_place *p,
                                 trit_arena *mem) {
    char pointer[TRIT_JSON_POINTER_BYTES];
    trit_probe_place inner;
    TRIT_TRY(check_keys(in, p));
    TRIT_TRY(read_spec(q, in, p));
    TRIT_TRY(read_mode(q, in, p));
    const cJSON *v = member(in, "x", p, &inner, pointer);
    TRIT_TRY(trit_probe_read_list(&q->x, v, mem, &inner));
    int64_t cols = q->x.dim[q->x.ndim - 1];
    if (q->spec.group > cols) q->spec.group = cols; /* a row shorter than a group is one */
    v = member(in, "g", p, &inner, pointer);
    TRIT_TRY(v ? read_like(&q->g, v, &q->x, mem, &inner)
               : trit_probe_spread(&q->g, NULL, &q->x, mem, &inner));
    v = member(in, "noise", p, &inner, pointer);
    return v ? read_like(&q->noise, v, &q->x, mem, &inner) : TRIT_OK;
}
