#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(trit_text *t, size_t more) {
    if (t->failed) return false;
    if (t->len + more + 1 <= t->cap) return true;
    size_t cap = t->cap ? t->cap * 2 : 256;
    while (cap < t->len + more + 1) cap *= 2;
    char *at = realloc(t->at, cap);
    if (!at) {
        t->failed = true;
        return false;
    }
    t->at = at;
    t->cap = cap;
    return true;
}

void trit_text_add_bytes(trit_text *t, const char *bytes, size_t n) {
    if (!reserve(t, n)) return;
    memcpy(t->at + t->len, bytes, n);
    t->len += n;
    t->at[t->len] = '\0';
}

void trit_text_add(trit_text *t, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !reserve(t, (size_t)n)) return;
    va_start(ap, fmt);
    vsnprintf(t->at + t->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    t->len += (size_t)n;
}

void trit_text_free(trit_text *t) {
    free(t->at);
    *t = (trit_text){0};
}

const char *trit_text_get(const trit_text *t) {
    return t->at ? t->at : "";
}

/* Levenshtein distance with adjacent swaps; words longer than 63 bytes never match. */
static int distance(const char *a, const char *b) {
    enum { MAX = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n >= MAX || m >= MAX) return MAX;
    int row[3][MAX + 1];
    for (size_t j = 0; j <= m; j++) row[1][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *old2 = row[(i + 2) % 3], *old = row[i % 3], *now = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = old[j - 1] + (a[i - 1] != b[j - 1]);
            if (old[j] + 1 < best) best = old[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                old2[j - 2] + 1 < best) {
                best = old2[j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return row[(n + 1) % 3][m];
}

const char *trit_text_nearest(const char *word, const char *const *words, int n) {
    int limit = (int)strlen(word) / 3;
    int best = limit > 2 ? limit + 1 : 3;
    const char *found = NULL;
    for (int i = 0; i < n; i++) {
        if (!words[i]) continue;
        int d = distance(word, words[i]);
        if (d < best && d < (int)strlen(words[i])) {
            best = d;
            found = words[i];
        }
    }
    return found;
}

char *trit_text_join(char *buf, size_t cap, const char *const *words, int n) {
    size_t used = 0;
    buf[0] = '\0';
    for (int i = 0; i < n; i++) {
        if (!words[i]) continue;
        size_t need = strlen(words[i]) + 2;
        if (used + need + 4 > cap) {
            snprintf(buf + used, cap - used, "...");
            break;
        }
        used += (size_t)snprintf(buf + used, cap - used, used ? ", %s" : "%s", words[i]);
    }
    return buf;
}

char *trit_text_hint(char buf[TRIT_TEXT_HINT_BYTES], const char *word, const char *const *words,
                     int n) {
    char all[TRIT_TEXT_HINT_BYTES - 128];
    const char *near = trit_text_nearest(word, words, n);
    int used = near ? snprintf(buf, 100, "; did you mean \"%s\"?", near) : 0;
    if (used > 99) used = 99;
    snprintf(buf + used, (size_t)(TRIT_TEXT_HINT_BYTES - used), " (allowed: %s)",
             trit_text_join(all, sizeof all, words, n));
    return buf;
}

char *trit_text_si(char buf[32], double value) {
    static const char prefix[] = {' ', 'k', 'M', 'G', 'T', 'P'};
    int p = 0;
    while (fabs(value) >= 999.5 && p < 5) {
        value /= 1000;
        p++;
    }
    int digits = p == 0 && value == floor(value) ? 0
                 : fabs(value) < 9.995           ? 2
                                                 : fabs(value) < 99.95;
    if (p == 0) {
        snprintf(buf, 32, "%.*f", digits, value);
    } else {
        snprintf(buf, 32, "%.*f %c", digits, value, prefix[p]);
    }
    return buf;
}

char *trit_text_duration(char buf[32], double seconds) {
    long s = (long)(seconds + 0.5);
    if (!(seconds >= 0) || seconds > 1e9) {
        snprintf(buf, 32, "?");
    } else if (s >= 3600) {
        snprintf(buf, 32, "%ldh%02ldm", s / 3600, s / 60 % 60);
    } else if (s >= 60) {
        snprintf(buf, 32, "%ldm%02lds", s / 60, s % 60);
    } else {
        snprintf(buf, 32, "%lds", s);
    }
    return buf;
}

bool trit_text_match(const char *pattern, const char *text) {
    const char *star = NULL, *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (*pattern == *text || *pattern == '?') {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

size_t trit_text_utf8_prefix(const char *s, size_t n) {
    const unsigned char *p = (const unsigned char *)s;
    size_t i = 0;
    while (i < n) {
        unsigned char c = p[i];
        size_t more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : 9;
        if (more == 9 || i + more >= n) return i;
        unsigned long v = more == 0 ? c : c & (0x3Fu >> more);
        for (size_t k = 1; k <= more; k++) {
            if ((p[i + k] & 0xC0) != 0x80) return i;
            v = v << 6 | (p[i + k] & 0x3Fu);
        }
        static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};
        if (v < least[more] || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF)) return i;
        i += more + 1;
    }
    return n;
}
