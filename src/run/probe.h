/* One quantizer, forward and backward, on given numbers: what `trit probe` shows, and what tables
 * of known answers are held against. */
#ifndef TRIT_RUN_PROBE_H
#define TRIT_RUN_PROBE_H

#include "autograd/graph.h"
#include "io/json.h"
#include "quant/quant.h"

/* A learnable or a buffer of the quantizer. */
typedef struct trit_probe_learn {
    const char *name;
    bool buffer;                      /* no gradient moves it */
    bool like_x;                      /* one value for each element of x */
    int64_t n;                        /* values */
    const double *value;              /* [n], after first values were given */
    const double *grad, *grad_scaled; /* [n] dL/dvalue, and what the optimizer sees; NULL for
                                       * buffers and in evaluation */
} trit_probe_learn;

enum { TRIT_PROBE_MAX_LEARN = 8 };

/* Everything lives in mem. Arrays are shaped like x unless stated. */
typedef struct trit_probe {
    trit_arena mem;
    trit_spec spec;
    trit_quant_kind kind;
    trit_mode mode;
    int64_t step;      /* schedules were evaluated for this one */
    trit_tensor shape; /* of x, without data */
    int64_t n, n_group;
    const double *x, *g, *y;    /* y of transform hadamard-half: in the rotated domain */
    const double *gx;           /* NULL in evaluation */
    const double *code;         /* NULL while nothing is quantized; NaN where y is */
    const double *scale, *zero; /* [n_group], y = scale*(code - zero). Where levels are not evenly
                                 * spaced codes number them from 0 and zero is NULL; so is scale
                                 * where a form has none */
    const double *level;        /* [n_level] of the first group, rising; 0: not on a grid */
    int n_level;
    int n_learn;
    trit_probe_learn learn[TRIT_PROBE_MAX_LEARN];
} trit_probe;

/* Runs one case, an object with the keys
 *   spec   short form ("int4-absmax-row"), name of a method, "@FILE", or an object: a quantizer, or
 *          a section "quant" of a config
 *   kind   "weights" or "activations": which part of a method, and what a row of x is. Default: the
 *          part whose form has the method's name (activations for pact), else the first of these
 *          that the spec has and may be
 *   x      list of numbers (one row), list of rows, up to 4 deep; a row shorter than a group of the
 *          spec is one group
 *   g      dL/dy: like x, or a number for all elements. Default 1
 *   state  learnables and buffers by name: a number for all values, or as many as there are. Those
 *          that are not named get their first values from x
 *   noise  in place of random numbers: like x, or a number
 *   steps  optimizer steps before this forward: schedules are evaluated for it, and a quantizer
 *          whose forward moves its state has run as often. Default 0
 *   eval   true: evaluation, without backward
 * (null: as if left out) and, unread, comment, id, name, method, case, row, expect, tolerance. file
 * (may be NULL) and pointer say where `in` stands. x->rng is set to the step; its scratch grows.
 * E_CONFIG for what is wrong with the case. Free with trit_probe_free, also after an error. */
trit_status trit_probe_run(trit_probe *p, trit_exec *x, const cJSON *in, const char *file,
                           const char *pointer, trit_error *e);
void trit_probe_free(trit_probe *p);

/* {"y", "codes", "scale", "zero", "gx", "learnables": {name: {"value", "grad", "grad_scaled"}}} on
 * one line, without a newline: arrays like x, one scale and zero for each group or a number where
 * there is one group, null for what there is not and for numbers that are not finite. */
void trit_probe_json(const trit_probe *p, trit_text *out);
/* The same for people. */
void trit_probe_table(const trit_probe *p, trit_text *out);
/* Draws y and dL/dx (at dL/dy = 1) of one element over a range that covers the levels, while all
 * others of its group are those of p, into a .png or .svg. A transform is left out: it mixes
 * elements. */
trit_status trit_probe_plot(const trit_probe *p, trit_exec *x, const char *title, const char *path,
                            trit_error *e);
/* A list of 256 numbers that lie like a normal distribution, those of short runs too. Owned by the
 * caller; NULL: no memory. */
cJSON *trit_probe_sample(void);

/* A spec in all its forms, see trit_probe_run. *kind: used when has_kind, else set. */
trit_status trit_probe_spec(trit_spec *sp, trit_quant_kind *kind, bool has_kind, const cJSON *v,
                            const char *file, const char *pointer, trit_error *e);

#endif
