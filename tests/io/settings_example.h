/* Rows of every type, for the tests of the settings engine. */
#ifndef TRIT_TESTS_SETTINGS_EXAMPLE_H
#define TRIT_TESTS_SETTINGS_EXAMPLE_H

#include "io/settings.h"
#include "testing.h"

static const char *const shapes[] = {"hold", "linear", "cosine", NULL};

#define OPTIM_FIELDS(F)                                           \
    F(REAL, lr, "1e-3", 0, 10, NULL, "", "peak | learning rate")  \
    F(REAL, clip, "1", -INFINITY, INFINITY, NULL, "", "anything") \
    F(NAME, shape, "\"cosine\"", 0, 0, shapes, "", "schedule")
typedef struct optim {
    OPTIM_FIELDS(TRIT_MEMBER)
} optim;
static const trit_field optim_fields[] = {
#define F(...) TRIT_FIELD(optim, __VA_ARGS__)
    OPTIM_FIELDS(F)
#undef F
};
static trit_status optim_check(const void *section, trit_error *e) {
    const optim *o = section;
    if (o->lr == 7) return TRIT_FAIL(e, E_CONFIG, "lr: 7 does not go with shape");
    return TRIT_OK;
}
static const trit_schema optim_schema =
    TRIT_SCHEMA("optim", "optimizer", optim, optim_fields, optim_check);

#define TRAIN_FIELDS(F)                                                \
    F(INT, steps, "\"1k\"", 1, 1e12, NULL, "steps", "optimizer steps") \
    F(INT, any, "0", -INFINITY, INFINITY, NULL, "", "whole number")    \
    F(BOOL, resume, "false", 0, 0, NULL, "", "continue")
typedef struct train {
    TRAIN_FIELDS(TRIT_MEMBER)
    optim optim;
} train;
static const trit_field train_fields[] = {
#define F(...) TRIT_FIELD(train, __VA_ARGS__)
    TRAIN_FIELDS(F)
#undef F
        TRIT_FIELD_OBJ(train, optim, "{}", optim_schema, "how to step")};
static const trit_schema train_schema =
    TRIT_SCHEMA("train", "training loop", train, train_fields, NULL);

/* CUSTOM: a number of bits, or an object {"bits": n}; resolved to the object. */
static trit_status bits_read(void *member, const cJSON *v, const char *file, const char *pointer,
                             trit_arena *mem, trit_error *e) {
    (void)mem;
    const cJSON *bits = cJSON_IsObject(v) ? trit_json_get(v, "bits") : v;
    if (!cJSON_IsNumber(bits)) return trit_settings_fail(e, file, pointer, "needs bits");
    *(int *)member = bits->valueint;
    return TRIT_OK;
}
static cJSON *bits_write(const void *member) {
    cJSON *v = cJSON_CreateObject();
    cJSON_AddNumberToObject(v, "bits", *(const int *)member);
    return v;
}
static cJSON *bits_schema(void) {
    cJSON *v = cJSON_CreateObject();
    cJSON_AddStringToObject(v, "description", "to be replaced");
    cJSON_AddItemToObject(v, "type",
                          cJSON_CreateStringArray((const char *const[]){"integer", "object"}, 2));
    return v;
}
static const trit_custom bits_custom = {bits_read, bits_write, bits_schema};

typedef struct root {
    const char *name;
    trit_texts source;
    train train;
    int quant;
} root;
static const trit_field root_fields[] = {
    TRIT_FIELD(root, STR, name, NULL, 0, 0, NULL, "", "name of the run")
        TRIT_FIELD(root, TEXTS, source, "[\"a\",\"b\"]", 0, 0, NULL, "", "files")
            TRIT_FIELD_OBJ(root, train, "{}", train_schema, "training")
                TRIT_FIELD_CUSTOM(root, quant, "8", bits_custom, "quantizer")};
static const trit_schema root_schema =
    TRIT_SCHEMA("experiment", "an experiment", root, root_fields, NULL);

static inline cJSON *tree(const char *text) {
    trit_error e = {0};
    cJSON *v = NULL;
    assert_ok(trit_json_parse(&v, text, strlen(text), "t", &e));
    return v;
}

/* Reads text into *r; mem is to be freed by the caller. */
static inline trit_status settings(root *r, const char *text, trit_arena *mem, trit_error *e) {
    cJSON *v = tree(text);
    trit_arena_init(mem, "settings");
    *e = (trit_error){0};
    trit_status status = trit_settings_read(&root_schema, v, "f.json", "", mem, r, e);
    cJSON_Delete(v);
    return status;
}

/* The resolved tree of a text. */
static inline cJSON *resolved(const char *text) {
    root r;
    trit_arena mem;
    trit_error e;
    assert_ok(settings(&r, text, &mem, &e));
    cJSON *v = trit_settings_write(&root_schema, &r);
    assert_non_null(v);
    trit_arena_free(&mem);
    return v;
}

static inline void assert_prints(const cJSON *v, const char *want) {
    trit_text t = {0};
    trit_json_print(v, false, &t);
    assert_string_equal(trit_text_get(&t), want);
    trit_text_free(&t);
}

#endif
