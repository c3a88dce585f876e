/* One row declares a config key: the struct member, the parser, range checks, did-you-mean, the
 * JSON Schema and the documentation all come from it. Pure data; the engine is io/settings.h.
 *
 * A section is declared once, next to the module that reads it:
 *
 *     #define TRIT_TRAIN_FIELDS(F)                                                            \
 *         F(INT,  steps, "1000", 1, 1e12, NULL, "steps", "optimizer steps")                   \
 *         F(REAL, lr,    "1e-3", 0, 10,   NULL, "",      "peak learning rate")                \
 *         F(NAME, norm,  "\"rms\"", 0, 0, trit_norm_names, "", "normalisation")
 *     typedef struct trit_train_cfg { TRIT_TRAIN_FIELDS(TRIT_MEMBER) } trit_train_cfg;
 *     extern const trit_schema trit_train_schema;
 *
 * and in one .c file
 *
 *     static const trit_field fields[] = {
 *     #define F(...) TRIT_FIELD(trit_train_cfg, __VA_ARGS__)
 *         TRIT_TRAIN_FIELDS(F)
 *     #undef F
 *     };
 *     const trit_schema trit_train_schema = TRIT_SCHEMA("train", "training loop", trit_train_cfg,
 *                                                       fields, check);
 */
#ifndef TRIT_BASE_SCHEMA_H
#define TRIT_BASE_SCHEMA_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a key holds, and the struct member's C type:
 *   BOOL bool            true or false
 *   INT  int64_t         a whole number in lo..hi; may be written "200M" (10^3 k, M, G, T)
 *   REAL double          a number in lo..hi; may be written "200k"
 *   STR  const char *    any text without control characters, owned by the config's arena
 *   NAME int             one word of names[]; the member holds its index
 *   TEXTS trit_texts     one string or a list of strings
 *   OBJ  (struct)        a nested object described by `sub`
 *   CUSTOM (any)         read and written by the functions of `custom` */
typedef enum {
    TRIT_T_BOOL,
    TRIT_T_INT,
    TRIT_T_REAL,
    TRIT_T_STR,
    TRIT_T_NAME,
    TRIT_T_TEXTS,
    TRIT_T_OBJ,
    TRIT_T_CUSTOM
} trit_field_type;

typedef struct trit_texts {
    int n;
    const char *const *at; /* owned by the config's arena */
} trit_texts;

#define TRIT_CTYPE_BOOL  bool
#define TRIT_CTYPE_INT   int64_t
#define TRIT_CTYPE_REAL  double
#define TRIT_CTYPE_STR   const char *
#define TRIT_CTYPE_NAME  int
#define TRIT_CTYPE_TEXTS trit_texts

typedef struct trit_schema trit_schema;
typedef struct trit_custom trit_custom; /* io/settings.h */

typedef struct trit_field {
    const char *key;
    trit_field_type type;
    const char *dflt;         /* JSON text; NULL = required */
    double lo, hi;            /* inclusive; INT and REAL */
    const char *const *names; /* NAME: legal words, NULL-terminated, straight from a registry */
    const char *unit, *doc;
    size_t offset;             /* of the member in its section's struct */
    const trit_schema *sub;    /* OBJ */
    const trit_custom *custom; /* CUSTOM */
} trit_field;

struct trit_schema {
    const char *name, *doc;
    size_t bytes; /* of the struct */
    const trit_field *field;
    int n_field;
    /* Rules across fields, after all keys are read. The message begins with the key at fault, or a
     * path below it: "warmup: ..." or "optim/warmup: ...". NULL: none. */
    trit_status (*check)(const void *section, trit_error *e);
};

#define TRIT_MEMBER(type, key, dflt, lo, hi, names, unit, doc) TRIT_CTYPE_##type key;
#define TRIT_FIELD(strct, type, key, dflt, lo, hi, names, unit, doc) \
    {#key, TRIT_T_##type, dflt, lo, hi, names, unit, doc, offsetof(strct, key), NULL, NULL},
/* Rows of nested objects and of values with functions of their own; their members are declared by
 * hand. A default of "{}" means: every key of the object has one. */
#define TRIT_FIELD_OBJ(strct, key, dflt, sub, doc) \
    {#key, TRIT_T_OBJ, dflt, 0, 0, NULL, "", doc, offsetof(strct, key), &(sub), NULL},
#define TRIT_FIELD_CUSTOM(strct, key, dflt, custom, doc) \
    {#key, TRIT_T_CUSTOM, dflt, 0, 0, NULL, "", doc, offsetof(strct, key), NULL, &(custom)},
#define TRIT_SCHEMA(name, doc, strct, fields, check) \
    { name, doc, sizeof(strct), fields, (int)(sizeof(fields) / sizeof *(fields)), check }

#endif
