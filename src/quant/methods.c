#include "quant/methods.h"

#include <stdio.h>
#include <string.h>

static const trit_method_file *file_of(const char *name, size_t n) {
    for (const trit_method_file *m = trit_method_files; m->name; m++) {
        if (strlen(m->name) == n && strncmp(m->name, name, n) == 0) return m;
    }
    return NULL;
}

/* Takes `letter` and a digit from 1 to 8 off the end of name[*n]; 0: there are none. */
static int take_bits(const char *name, size_t *n, char letter) {
    if (*n < 2 || name[*n - 2] != letter) return 0;
    int bits = name[*n - 1] - '0';
    if (bits < 1 || bits > 8) return 0;
    *n -= 2;
    return bits;
}

bool trit_method_find(const char *name, trit_method *out) {
    size_t n = strlen(name);
    *out = (trit_method){.file = file_of(name, n)};
    if (out->file) return true;
    out->activation_bits = take_bits(name, &n, 'a');
    out->weight_bits = take_bits(name, &n, 'w');
    if (!out->activation_bits && !out->weight_bits) return false;
    if (n < 2 || name[n - 1] != '-') return false;
    out->file = file_of(name, n - 1);
    return out->file != NULL;
}

/* Length of METHOD in "METHOD-w9", "METHOD-a16" and the like; 0: it is none of these. */
static size_t base_length(const char *name) {
    const char *dash = strrchr(name, '-');
    if (!dash || (dash[1] != 'w' && dash[1] != 'a') || dash[2] < '0' || dash[2] > '9') return 0;
    size_t n = (size_t)(dash - name);
    return file_of(name, n) ? n : 0;
}

char *trit_method_hint(char buf[TRIT_TEXT_HINT_BYTES], const char *name) {
    size_t n = base_length(name);
    if (n) {
        snprintf(buf, TRIT_TEXT_HINT_BYTES,
                 "; bits of weights and activations are 1 to 8 each, as in %.*s-w4a8", (int)n,
                 name);
        return buf;
    }
    enum { MAX = 512 };
    const char *words[MAX];
    int n_word = 0;
    for (const trit_method_file *f = trit_method_files; f->name && n_word < MAX; f++) {
        words[n_word++] = f->name;
    }
    const char *near = trit_text_nearest(name, words, n_word);
    int used = near ? snprintf(buf, TRIT_TEXT_HINT_BYTES, "; did you mean \"%s\"?", near) : 0;
    snprintf(buf + used, (size_t)(TRIT_TEXT_HINT_BYTES - used),
             " (allowed: what \"trit methods\" lists)");
    return buf;
}
