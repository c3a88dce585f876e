/* The engine over config rows (base/schema.h): a row's struct member, its reading and writing,
 * overrides, JSON Schema and documentation all come from the row.
 *
 * Every error is TRIT_E_CONFIG (or TRIT_E_NOMEM) and names the place: "FILE: /train/steps: found
 * \"abc\" (string), expected a whole number in 1..100". */
#ifndef TRIT_IO_SETTINGS_H
#define TRIT_IO_SETTINGS_H

#include "base/arena.h"
#include "base/schema.h"
#include "io/json.h"

/* A value with a form of its own (a CUSTOM row). */
struct trit_custom {
    /* Fills *member from v; also called with the row's default. Reports with trit_settings_fail. */
    trit_status (*read)(void *member, const cJSON *v, const char *file, const char *pointer,
                        trit_arena *mem, trit_error *e);
    /* The value resolved, such that read(write(x)) is x. Owned by the caller; NULL: no memory. */
    cJSON *(*write)(const void *member);
    /* Its JSON Schema (an object). Owned by the caller; NULL: no memory. */
    cJSON *(*schema)(void);
};

/* Fills *out (s->bytes) from an object: keys that are absent take their row's default, keys that
 * no row knows are errors, except "comment" and keys that begin with "$", which are ignored. Then
 * the section's check runs. json: NULL is an empty object. file: for messages, or NULL. pointer:
 * where json stands in the file, "" for the whole. Strings and lists are placed in mem. */
trit_status trit_settings_read(const trit_schema *s, const cJSON *json, const char *file,
                               const char *pointer, trit_arena *mem, void *out, trit_error *e);
/* "FILE: POINTER: ..." as TRIT_E_CONFIG. file may be NULL and pointer "". */
trit_status trit_settings_fail(trit_error *e, const char *file, const char *pointer,
                               const char *fmt, ...) TRIT_PRINTF(4, 5);

/* Where `key` of an object `section` in root is one of words[], the values_of it (JSON of an
 * object) are put beneath the keys that are given. An unknown word is left to the reader. */
trit_status trit_settings_expand(cJSON *root, const char *section, const char *key,
                                 const char *const *words, const char *(*values_of)(int i),
                                 trit_error *e);

/* Puts one "train.steps=2k" into a tree that will be read by s. The path must exist in s, or lead
 * below a CUSTOM row, where anything goes (list elements by number). The value is typed like the
 * key: STR and NAME take the text as it stands; numbers may have suffixes; TEXTS, OBJ and CUSTOM
 * are JSON when they begin with [ { or a quote (CUSTOM also when they are a number, true, false or
 * null), else text. The value replaces what was there. root: an object. */
trit_status trit_settings_override(cJSON *root, const trit_schema *s, const char *assignment,
                                   trit_error *e);

/* The resolved whole: every row in table order, defaults included. Owned by the caller; NULL: no
 * memory. */
cJSON *trit_settings_write(const trit_schema *s, const void *in);
/* JSON Schema, draft 2020-12. Owned by the caller; NULL: no memory. */
cJSON *trit_settings_schema(const trit_schema *root, const char *id);
/* Markdown: a section and a table of keys for root and for each object in it. */
void trit_settings_doc(const trit_schema *root, trit_text *out);

/* 16 hex digits of the resolved settings, whatever the order of their keys. skip[n_skip]: dotted
 * paths of sections or keys that make no difference ("log", "train.threads"). */
trit_status trit_settings_hash(const cJSON *resolved, const char *const *skip, int n_skip,
                               char hex[17], trit_error *e);
/* Adds lines "optim.lr: 0.001 -> 0.002" to out, at most max_lines and one that counts the rest.
 * Returns the number of differences. */
int trit_settings_diff(const cJSON *a, const cJSON *b, trit_text *out, int max_lines);

#endif
