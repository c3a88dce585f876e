/* The rows of every axis of a quantizer, the losses and the named methods, as `trit methods` shows
 * them. */
#ifndef TRIT_CLI_ROWS_H
#define TRIT_CLI_ROWS_H

#include "distill/loss.h"
#include "io/quant_settings.h"
#include "quant/form.h"

typedef struct trit_row {
    const char *axis, *name, *doc;
    const char *cite, *formula, *pitfall; /* NULL where there is none */
    const trit_knob *knob;
    int bits_min, bits_max, bits_default; /* 0, 0, 0: the row has no bits */
    const trit_form *form;                /* of a form, else NULL */
    const trit_loss_inside *inside;       /* of a loss that looks inside of models, else NULL */
    const char *json;                     /* file of a named method, else NULL */
    const char *example;                  /* line of a config with %s for the name, or */
    const char *with; /* for a second %s before it: a method that the row goes with */
} trit_row;

enum { TRIT_MAX_ROW = 512 };
typedef struct trit_rows {
    trit_row at[TRIT_MAX_ROW]; /* axis by axis; methods last */
    int n;
    cJSON *method[TRIT_MAX_ROW]; /* owned: trees that own the texts of methods */
    int n_method;
} trit_rows;

/* Every row. r is zeroed first; free with trit_rows_free, also after an error. */
trit_status trit_rows_list(trit_rows *r, trit_error *e);
void trit_rows_free(trit_rows *r);
/* Quantizers of a named method. mem holds what they point to. */
trit_status trit_rows_method(const trit_row *row, trit_quant_cfg *cfg, trit_arena *mem,
                             trit_error *e);
/* The example with the row's name filled in, into out. */
void trit_rows_example(const trit_row *row, trit_text *out);

#endif
