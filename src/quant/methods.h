/* Named methods: the JSON files of configs/quant, built into the library. */
#ifndef TRIT_QUANT_METHODS_H
#define TRIT_QUANT_METHODS_H

#include "base/text.h"

#include <stdbool.h>

typedef struct trit_method_file {
    const char *name; /* file name without .json: "bitnet-b1.58" */
    const char *json; /* the file's text */
} trit_method_file;

/* Sorted by name; ends with name NULL. */
extern const trit_method_file trit_method_files[];

typedef struct trit_method {
    const trit_method_file *file;
    int weight_bits,
        activation_bits; /* 1 to 8; both 0: as the file says; one 0: that part is off */
} trit_method;

/* The method of a name: a file's name, or one followed by "-w" and "a" with bits, of which one may
 * be missing: lsq, lsq-w4, lsq-a8, lsq-w4a8. A file's own name goes first. false: there is none. */
bool trit_method_find(const char *name, trit_method *out);
/* What follows "unknown method NAME" in a message: which bits a known method may have, or the
 * nearest name. Returns buf. */
char *trit_method_hint(char buf[TRIT_TEXT_HINT_BYTES], const char *name);

#endif
