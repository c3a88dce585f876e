/* The strict look at a text before cJSON sees it: the whole grammar, with a place for every
 * mistake. Nothing is built except a set of the keys seen. */
#include "base/number.h"
#include "base/rng.h"
#include "io/json.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct key {
    uint32_t object; /* number of its object, from 1; 0: empty slot */
    uint32_t at, n;  /* bytes in pool */
} key;

typedef struct level {
    uint32_t object; /* 0: a list */
    int64_t index;   /* of the element of a list */
    key key;         /* last key of an object */
} level;

typedef struct scan {
    const char *s, *name;
    size_t n, at; /* at: next byte to look at */
    trit_error *e;
    level level[TRIT_JSON_MAX_DEPTH];
    int depth;
    uint32_t n_objects;
    char *pool; /* unescaped keys one after the other; never longer than the text */
    uint32_t pool_used;
    key *table; /* open addressing; at most half full */
    size_t mask;
} scan;

static trit_status fail_at(scan *c, size_t at, const char *fmt, ...) TRIT_PRINTF(3, 4);
static trit_status fail_at(scan *c, size_t at, const char *fmt, ...) {
    char text[TRIT_ERROR_TEXT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        if (c->s[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)c->s[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    return TRIT_FAIL(c->e, E_CONFIG, "%s:%zu:%zu: %s", c->name, line, column, text);
}

static bool is_word(char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           ch == '_' || ch == '.' || ch == '+' || ch == '-';
}

static size_t word_bytes(const scan *c, size_t at) {
    size_t i = at;
    while (i < c->n && is_word(c->s[i])) i++;
    return i - at;
}

static trit_status expected(scan *c, const char *what) {
    if (c->at >= c->n) return fail_at(c, c->at, "found the end of the text, expected %s", what);
    const char *s = c->s + c->at;
    size_t left = c->n - c->at;
    if (*s == '#' || (*s == '/' && left > 1 && (s[1] == '/' || s[1] == '*'))) {
        return fail_at(c, c->at,
                       "found a comment, expected %s; JSON has none, but a key "
                       "\"comment\" is ignored",
                       what);
    }
    if (*s == '\'') {
        return fail_at(c, c->at, "found ', expected %s; strings need double quotes", what);
    }
    size_t word = word_bytes(c, c->at);
    if (word) {
        return fail_at(c, c->at, "found %.*s%s, expected %s", (int)(word > 40 ? 40 : word), s,
                       word > 40 ? "..." : "", what);
    }
    unsigned char byte = (unsigned char)*s;
    if (byte < 0x20 || byte == 0x7F) {
        return fail_at(c, c->at, "found control character 0x%02X, expected %s", byte, what);
    }
    size_t bytes = 1;
    while (bytes < left && ((unsigned char)s[bytes] & 0xC0) == 0x80) bytes++;
    return fail_at(c, c->at, "found \"%.*s\", expected %s", (int)bytes, s, what);
}

static void skip_blanks(scan *c) {
    while (c->at < c->n && c->s[c->at] && strchr(" \t\r\n", c->s[c->at])) c->at++;
}

static bool next_is(const scan *c, char ch) {
    return c->at < c->n && c->s[c->at] == ch;
}

/* ---- strings ------------------------------------------------------------------------------- */

/* The value of four hex digits at `at`, or -1. */
static int32_t hex4(const scan *c, size_t at) {
    int32_t v = 0;
    if (c->n < 4 || at > c->n - 4) return -1;
    for (size_t i = at; i < at + 4; i++) {
        static const char digits[] = "0123456789abcdef";
        char low = c->s[i] >= 'A' && c->s[i] <= 'F' ? (char)(c->s[i] + 32) : c->s[i];
        const char *d = low ? strchr(digits, low) : NULL;
        if (!d) return -1;
        v = v << 4 | (int32_t)(d - digits);
    }
    return v;
}

static void keep(scan *c, bool kept, uint32_t byte) {
    if (kept) c->pool[c->pool_used++] = (char)(unsigned char)byte;
}

static void keep_rune(scan *c, bool kept, uint32_t v) {
    if (v < 0x80) {
        keep(c, kept, v);
        return;
    }
    int more = v < 0x800 ? 1 : v < 0x10000 ? 2 : 3;
    static const uint32_t head[] = {0, 0xC0, 0xE0, 0xF0};
    keep(c, kept, head[more] | v >> 6 * more);
    while (more--) keep(c, kept, 0x80 | (v >> 6 * more & 0x3F));
}

/* c->at is behind a backslash. */
static trit_status escape(scan *c, bool kept) {
    size_t start = c->at - 1;
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char ch = c->at < c->n ? c->s[c->at] : '\0';
    const char *simple = ch ? strchr(from, ch) : NULL;
    if (simple) {
        c->at++;
        keep(c, kept, (unsigned char)to[simple - from]);
        return TRIT_OK;
    }
    if (ch != 'u') {
        return fail_at(c, start,
                       "unknown escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and "
                       "\\u with four hex digits (a backslash itself is \\\\)");
    }
    int32_t v = hex4(c, c->at + 1);
    if (v < 0) return fail_at(c, start, "\\u needs four hex digits");
    if (v == 0) return fail_at(c, start, "\\u0000 is not allowed");
    c->at += 5;
    if (v >= 0xD800 && v <= 0xDFFF) {
        bool pair = v < 0xDC00 && next_is(c, '\\') && c->at + 1 < c->n && c->s[c->at + 1] == 'u';
        int32_t low = pair ? hex4(c, c->at + 2) : -1;
        if (low < 0xDC00 || low > 0xDFFF) {
            return fail_at(c, start, "\\u%04X is half of a surrogate pair", (unsigned)v);
        }
        v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
        c->at += 6;
    }
    keep_rune(c, kept, (uint32_t)v);
    return TRIT_OK;
}

/* At an opening quote. kept: the unescaped text is added to the pool. */
static trit_status string(scan *c, bool kept) {
    size_t start = c->at++;
    for (;;) {
        if (c->at >= c->n) return fail_at(c, start, "this string has no end");
        unsigned char ch = (unsigned char)c->s[c->at];
        if (ch < 0x20) {
            if (ch == '\n') return fail_at(c, start, "this string does not end on its line");
            return fail_at(c, c->at, "control character 0x%02X in a string; write \\u%04X", ch, ch);
        }
        c->at++;
        if (ch == '"') return TRIT_OK;
        if (ch == '\\') {
            TRIT_TRY(escape(c, kept));
        } else {
            keep(c, kept, ch);
        }
    }
}

/* ---- keys ---------------------------------------------------------------------------------- */

/* Where the innermost level's last key stands, as a JSON pointer. */
static void pointer_now(const scan *c, char buf[TRIT_JSON_POINTER_BYTES]) {
    buf[0] = '\0';
    for (int d = 0; d < c->depth; d++) {
        const level *l = &c->level[d];
        char part[TRIT_JSON_POINTER_BYTES];
        if (l->object) {
            snprintf(part, sizeof part, "%.*s", (int)l->key.n, c->pool + l->key.at);
        } else {
            snprintf(part, sizeof part, "%lld", (long long)l->index);
        }
        trit_json_pointer_add(buf, buf, part);
    }
}

static trit_status key_read(scan *c, level *l) {
    size_t start = c->at;
    l->key = (key){.object = l->object, .at = c->pool_used};
    TRIT_TRY(string(c, true));
    l->key.n = c->pool_used - l->key.at;
    const char *text = c->pool + l->key.at;
    size_t i = (size_t)trit_hash64(text, l->key.n, l->object) & c->mask;
    for (; c->table[i].object; i = (i + 1) & c->mask) {
        const key *k = &c->table[i];
        if (k->object == l->object && k->n == l->key.n && !memcmp(c->pool + k->at, text, k->n)) {
            char pointer[TRIT_JSON_POINTER_BYTES];
            pointer_now(c, pointer);
            return fail_at(c, start, "%s: this key stands twice in the same object", pointer);
        }
    }
    c->table[i] = l->key;
    return TRIT_OK;
}

/* ---- values -------------------------------------------------------------------------------- */

static trit_status number(scan *c) {
    size_t word = word_bytes(c, c->at);
    const char *s = c->s + c->at;
    int shown = (int)(word > 40 ? 40 : word);
    const char *dots = word > 40 ? "..." : "";
    if (trit_number_span(s, word) != word) {
        return fail_at(c, c->at, "%.*s%s is not a JSON number (like 3, -0.5 or 1e-3)", shown, s,
                       dots);
    }
    /* cJSON looks at 63 characters and would read a longer number as another one. */
    if (word > TRIT_NUMBER_MAX_CHARS) {
        return fail_at(c, c->at, "the number %.*s%s has %zu characters, more than %d", shown, s,
                       dots, word, TRIT_NUMBER_MAX_CHARS);
    }
    char text[TRIT_NUMBER_MAX_CHARS + 1];
    memcpy(text, s, word);
    text[word] = '\0';
    double ignored;
    if (!trit_number_read(text, &ignored)) {
        return fail_at(c, c->at, "the number %.*s%s is too large", shown, s, dots);
    }
    c->at += word;
    return TRIT_OK;
}

static trit_status value(scan *c);

/* The inside of a list or an object, up to its end. */
static trit_status members(scan *c, level *l, char close) {
    skip_blanks(c);
    if (next_is(c, close)) {
        c->at++;
        return TRIT_OK;
    }
    for (;; l->index++) {
        skip_blanks(c);
        if (l->object) {
            if (!next_is(c, '"')) return expected(c, "a key in double quotes");
            TRIT_TRY(key_read(c, l));
            skip_blanks(c);
            if (!next_is(c, ':')) return expected(c, "\":\"");
            c->at++;
        }
        TRIT_TRY(value(c));
        skip_blanks(c);
        if (next_is(c, close)) {
            c->at++;
            return TRIT_OK;
        }
        if (!next_is(c, ',')) return expected(c, l->object ? "\",\" or \"}\"" : "\",\" or \"]\"");
        size_t comma = c->at++;
        skip_blanks(c);
        if (next_is(c, close)) {
            return fail_at(c, comma, "the comma before \"%c\" has to go", close);
        }
    }
}

static trit_status value(scan *c) {
    skip_blanks(c);
    char ch = c->at < c->n ? c->s[c->at] : '\0';
    if (ch == '"') return string(c, false);
    if (ch == '{' || ch == '[') {
        if (c->depth == TRIT_JSON_MAX_DEPTH) {
            return fail_at(c, c->at, "lists and objects are nested more than %d deep",
                           TRIT_JSON_MAX_DEPTH);
        }
        level *l = &c->level[c->depth++];
        *l = (level){.object = ch == '{' ? ++c->n_objects : 0};
        c->at++;
        TRIT_TRY(members(c, l, ch == '{' ? '}' : ']'));
        c->depth--;
        return TRIT_OK;
    }
    if (ch && strchr("+-.0123456789", ch)) return number(c);
    static const char *const words[] = {"true", "false", "null"};
    size_t n = word_bytes(c, c->at);
    for (int i = 0; i < 3; i++) {
        if (n == strlen(words[i]) && memcmp(c->s + c->at, words[i], n) == 0) {
            c->at += n;
            return TRIT_OK;
        }
    }
    return expected(c, n ? "a value (words are true, false and null)" : "a value");
}

static trit_status whole_text(scan *c) {
    size_t valid = trit_text_utf8_prefix(c->s, c->n);
    const char *nul = memchr(c->s, '\0', valid);
    if (nul) return fail_at(c, (size_t)(nul - c->s), "NUL byte; is this a text file?");
    if (valid < c->n) {
        return fail_at(c, valid, "byte 0x%02X is not valid UTF-8", (unsigned char)c->s[valid]);
    }
    if (c->n >= 3 && memcmp(c->s, "\xEF\xBB\xBF", 3) == 0) {
        return fail_at(c, 0, "byte order mark; save the file as UTF-8 without one");
    }
    skip_blanks(c);
    if (c->at == c->n) return fail_at(c, c->at, "the text is empty, expected a value");
    TRIT_TRY(value(c));
    skip_blanks(c);
    return c->at == c->n ? TRIT_OK : expected(c, "the end of the text");
}

trit_status trit_json_check(const char *text, size_t n, const char *name, trit_error *e) {
    return trit_json_check_within(TRIT_JSON_MAX_BYTES, text, n, name, e);
}

trit_status trit_json_check_within(size_t max_bytes, const char *text, size_t n, const char *name,
                                   trit_error *e) {
    if (n > max_bytes) {
        return TRIT_FAIL(e, E_CONFIG, "%s: larger than %zu bytes, the most that is read as JSON",
                         name, max_bytes);
    }
    size_t slots = 2;
    for (size_t i = 0; i < n; i++) slots += text[i] == ':' ? 2 : 0;
    size_t mask = 1;
    while (mask < slots) mask = 2 * mask + 1;
    scan c = {.s = text, .n = n, .name = name, .e = e, .mask = mask};
    c.table = calloc(mask + 1, sizeof *c.table);
    c.pool = malloc(n + 1);
    trit_status status = c.table && c.pool
                             ? whole_text(&c)
                             : TRIT_FAIL(e, E_NOMEM, "%s: no memory to read it", name);
    free(c.table);
    free(c.pool);
    return status;
}
