/* Named methods: the JSON files of configs/quant, built into the library. */
#ifndef TRIT_QUANT_METHODS_H
#define TRIT_QUANT_METHODS_H

typedef struct trit_method_file {
    const char *name; /* file name without .json: "bitnet-b1.58" */
    const char *json; /* the file's text */
} trit_method_file;

/* Sorted by name; ends with name NULL. */
extern const trit_method_file trit_method_files[];

#endif
