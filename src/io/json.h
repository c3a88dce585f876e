/* JSON: reading that accepts nothing doubtful and says where the mistake is, on top of cJSON;
 * writing of which there is one form only, so that equal trees give equal bytes. */
#ifndef TRIT_IO_JSON_H
#define TRIT_IO_JSON_H

#include "base/status.h"
#include "base/text.h"

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    TRIT_JSON_MAX_BYTES = 1 << 20,  /* of a text */
    TRIT_JSON_DATA_BYTES = 1 << 26, /* of a file of numbers, trit_json_load_data */
    TRIT_JSON_MAX_DEPTH = 32,       /* of lists and objects inside each other */
    TRIT_JSON_POINTER_BYTES = 256   /* of a place like "/train/steps"; longer ones are cut */
};

/* Whether text[n] is one JSON value (RFC 8259) and nothing else. Refused beyond the grammar: more
 * than the limits above, invalid UTF-8, NUL (also as \u0000), half a surrogate pair, two equal keys
 * in an object, numbers that are infinite as a double or longer than 63 characters, a byte order
 * mark. The error is TRIT_E_CONFIG, "NAME:LINE:COLUMN: found X, expected Y"; lines and columns
 * count from 1, columns in characters. text needs no NUL at its end. name is for messages (a file).
 */
trit_status trit_json_check(const char *text, size_t n, const char *name, trit_error *e);
/* The same with another limit of size. */
trit_status trit_json_check_within(size_t max_bytes, const char *text, size_t n, const char *name,
                                   trit_error *e);
/* As above; *out is the tree, to be freed with cJSON_Delete, NULL after an error. */
trit_status trit_json_parse(cJSON **out, const char *text, size_t n, const char *name,
                            trit_error *e);
/* Reads a file. TRIT_E_CONFIG when it is none, since a command or a config named it;
 * TRIT_E_IO when it cannot be read. */
trit_status trit_json_load(cJSON **out, const char *path, trit_error *e);
/* The same for files of numbers, which may be larger. */
trit_status trit_json_load_data(cJSON **out, const char *path, trit_error *e);

/* The member of an object by its exact key; NULL when there is none or obj is no object. borrowed
 */
cJSON *trit_json_get(const cJSON *obj, const char *key);
/* obj[key] = v, in place of what is there; v is obj's then. false, and v is still the caller's,
 * when v is NULL or memory is exhausted. */
bool trit_json_put(cJSON *obj, const char *key, cJSON *v);
/* Lays `over` on *base (owned by the caller, may be NULL): objects are merged key by key at every
 * depth, anything else in `over` replaces what was there. over is copied. */
trit_status trit_json_merge(cJSON **base, const cJSON *over, trit_error *e);

/* Adds v to out, in the order of the tree; NULL and numbers that are not finite become null.
 * pretty: two blanks an indent, a key a line, lists of plain values on one line; no newline at the
 * end. A failed allocation shows in out->failed. */
void trit_json_print(const cJSON *v, bool pretty, trit_text *out);
/* Compact, keys of each object sorted by their bytes: equal for equal meaning, for hashing. */
void trit_json_print_sorted(const cJSON *v, trit_text *out);
/* Parts of hand-made JSON lines: a quoted string (invalid UTF-8 becomes U+FFFD), a number. */
void trit_json_quote(trit_text *out, const char *text);
void trit_json_number(trit_text *out, double value);

/* What v is, for messages: "\"abc\" (string)", "12.5", "true", "a list"; NULL is "nothing".
 * Returns buf. */
char *trit_json_describe(char buf[80], const cJSON *v);
/* JSON pointer (RFC 6901) parent + "/" + key into buf, which may be parent. Returns buf. */
char *trit_json_pointer_add(char buf[TRIT_JSON_POINTER_BYTES], const char *parent, const char *key);

#endif
