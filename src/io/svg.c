#include "io/svg.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trit_svg_escape(trit_text *out, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '<':
            trit_text_add(out, "&lt;");
            break;
        case '>':
            trit_text_add(out, "&gt;");
            break;
        case '&':
            trit_text_add(out, "&amp;");
            break;
        case '"':
            trit_text_add(out, "&quot;");
            break;
        default:
            trit_text_add(out, "%c", (unsigned char)*text < ' ' ? ' ' : *text);
        }
    }
}

/* In hundredths, without zeros at the end. */
static void add_number(trit_text *out, double v) {
    char buf[64];
    int n = snprintf(buf, sizeof buf, "%.2f", v);
    while (buf[n - 1] == '0') n--;
    if (buf[n - 1] == '.') n--;
    buf[n] = '\0';
    trit_text_add(out, "%s", strcmp(buf, "-0") ? buf : "0");
}

static void add_attribute(trit_text *out, const char *name, double v) {
    trit_text_add(out, " %s=\"", name);
    add_number(out, v);
    trit_text_add(out, "\"");
}

void trit_svg_add_word(trit_text *out, const trit_svg_word *w, const char *text) {
    if (!*text) return;
    trit_text_add(out, "<text");
    add_attribute(out, "x", w->x);
    add_attribute(out, "y", w->y);
    add_attribute(out, "font-size", w->size);
    add_attribute(out, "textLength", w->width);
    trit_text_add(out, " fill=\"#%06x\"%s>", w->rgb, w->bold ? " font-weight=\"bold\"" : "");
    trit_svg_escape(out, text);
    trit_text_add(out, "</text>\n");
}

/* Length of the number that begins s[n]; 0: none does. */
static size_t number_length(const char *s, size_t n) {
    size_t i = n && *s == '-', whole = i;
    while (i < n && isdigit((unsigned char)s[i])) i++;
    if (i == whole) return 0;
    if (i < n && s[i] == '.') i++;
    while (i < n && isdigit((unsigned char)s[i])) i++;
    return i;
}

void trit_svg_shorten(trit_text *out, const char *svg, size_t n) {
    static const char id[] = "id=\"surface";
    const size_t id_bytes = sizeof id - 1;
    for (size_t i = 0, end; i < n; i = end) {
        char number[64];
        end = i + number_length(svg + i, n - i);
        if (n - i >= id_bytes && !memcmp(svg + i, id, id_bytes)) {
            trit_text_add_bytes(out, id, id_bytes);
            end = i + id_bytes;
            while (end < n && isdigit((unsigned char)svg[end])) end++;
        } else if (end > i && end - i < sizeof number && memchr(svg + i, '.', end - i)) {
            memcpy(number, svg + i, end - i);
            number[end - i] = '\0';
            add_number(out, strtod(number, NULL));
        } else {
            if (end == i) end++;
            trit_text_add_bytes(out, svg + i, end - i);
        }
    }
}
