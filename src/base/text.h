/* Small text helpers: a growing string, did-you-mean, numbers for people. */
#ifndef TRIT_BASE_TEXT_H
#define TRIT_BASE_TEXT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Growing string, always NUL-terminated once anything was added. Zero-initialise; free with
 * trit_text_free. After a failed allocation `failed` stays set and further adds do nothing. */
typedef struct trit_text {
    char *at;   /* owned; NULL while empty */
    size_t len; /* bytes without the NUL */
    size_t cap;
    bool failed;
} trit_text;

void trit_text_add(trit_text *t, const char *fmt, ...) TRIT_PRINTF(2, 3);
void trit_text_add_bytes(trit_text *t, const char *bytes, size_t n);
void trit_text_free(trit_text *t);
/* The text, "" while empty. */
const char *trit_text_get(const trit_text *t);

/* The word of words[n] nearest to `word` (edit distance at most 2, or a third of its length), or
 * NULL. words may hold NULLs, which are skipped. */
const char *trit_text_nearest(const char *word, const char *const *words, int n);
/* "a, b, c" of words[n] into buf; cut with "..." when it does not fit. Returns buf. */
char *trit_text_join(char *buf, size_t cap, const char *const *words, int n);
enum { TRIT_TEXT_HINT_BYTES = 640 };
/* What follows "unknown WORD" in a message: "; did you mean \"lr\"? (allowed: lr, beta)". Returns
 * buf. */
char *trit_text_hint(char buf[TRIT_TEXT_HINT_BYTES], const char *word, const char *const *words,
                     int n);
/* "1.2 M", "834", "12.3 G": three digits and an SI prefix. buf at least 32 bytes; returns buf. */
char *trit_text_si(char buf[32], double value);
/* "1h02m", "3m05s", "12s". buf at least 32 bytes; returns buf. */
char *trit_text_duration(char buf[32], double seconds);
/* Glob match with '*' (any run of characters, '.' included) and '?'. */
bool trit_text_match(const char *pattern, const char *text);
/* Length of valid UTF-8 at the start of s[n]; n when all of it is valid. */
size_t trit_text_utf8_prefix(const char *s, size_t n);

#endif
