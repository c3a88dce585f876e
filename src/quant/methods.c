#include "quant/methods.h"

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
