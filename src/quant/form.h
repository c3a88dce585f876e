/* Forms: quantizers that are one piece, not a combination of a grid, a scale rule and an estimator.
 * Their scale moves with the gradient, their levels are learned one by one, or their noise stands
 * in for rounding. A form is one file form_<name>.c and one row in quant_list.h; it sees one group
 * at a time (n contiguous elements, see granularity) and does forward and backward itself. */
#ifndef TRIT_QUANT_FORM_H
#define TRIT_QUANT_FORM_H

#include "quant/spec.h"

enum { TRIT_MAX_LEARN = 4, TRIT_FORM_STAT = 12, TRIT_FORM_WHOLE = 4 };
/* Of stat: what was taken off integers to make codes of them. */
enum { TRIT_FORM_SHIFT = TRIT_FORM_STAT - 1 };

/* Who shares one learnable value. COLUMN: the elements at one place of all rows (a channel of a
 * layer's input); groups then lie within rows. */
typedef enum {
    TRIT_LEARN_TENSOR,
    TRIT_LEARN_GROUP,
    TRIT_LEARN_COLUMN,
    TRIT_LEARN_ELEMENT
} trit_learn_size;

/* A learnable or a buffer of a form: parameter `<path>.<name>`. */
typedef struct trit_form_learn {
    const char *name, *doc;
    trit_learn_size size;
    bool buffer; /* kept and saved, but no gradient moves it */
    /* Factor on the gradient before the optimizer sees it; NULL: 1. n: elements of a group, n_all:
     * of the tensor. */
    double (*grad_scale)(const trit_spec *sp, int64_t n, int64_t n_all);
} trit_form_learn;

/* One group, as a form sees it. */
typedef struct trit_form_call {
    const trit_spec *spec;
    const trit_kernels *k;
    const trit_real *knob;            /* the form's knobs after schedules */
    bool training;                    /* false: the true grid, without noise or relaxation */
    int64_t n;                        /* elements */
    const trit_real *x;               /* [n] */
    trit_real *learn[TRIT_MAX_LEARN]; /* this group's value, or [n] for COLUMN and ELEMENT */
    double *stat; /* [TRIT_FORM_STAT] zero before forward, kept until backward; stat[0], stat[1] are
                   * the scale and zero point where codes decode as y = scale*(code - zero) (scale
                   * NaN: there are no codes, or a NaN is among the elements) */
    trit_real *kept; /* [n * form->kept_per_element], likewise; NULL where there is none */
    double *whole;   /* [TRIT_FORM_WHOLE] what `look` found in the whole tensor */
    trit_rng rng;    /* draw element first + i; or noise[i] where noise is given (trit probe) */
    uint64_t first;
    const trit_real *noise;
    const trit_real *x0; /* [n] x of the last ordinary forward, for surrogate; else NULL */
    int64_t step;        /* optimizer step */
} trit_form_call;

typedef struct trit_form {
    const char *name, *doc, *cite, *formula, *pitfall; /* as the rows of spec.h */
    const trit_knob *knob;
    int bits_min, bits_max, bits_default;
    trit_granularity granularity; /* default for weights; activations: token for row, and tensor
                                   * where groups have learnables */
    int group;                    /* default length of a run; 0: 128 */
    bool weights, activations;    /* what it may be used for */
    int n_learn;
    trit_form_learn learn[TRIT_MAX_LEARN];
    int kept_per_element;
    bool kept_in_check; /* `kept` exists in gradient checks only: for `surrogate` */
    int multiple;       /* groups have a multiple of so many elements; 0: any number */
    /* Laws that tests hold a form to, with learnables at their first values: Q(-x) = -Q(x), and
     * Q(k*x) = k*Q(x) for k > 0. */
    bool odd, equivariant;
    /* First values of the learnables from the first tensor seen. For TENSOR learnables the call
     * holds the whole tensor, otherwise one group. NULL: zeros. */
    void (*start)(const trit_form_call *c);
    /* In place of start, from the codes of another quantizer with the same groups, which stand for
     * scale*(code - zero), code - low within 0 .. 2^bits - 1: learnables that give the same
     * numbers. NULL: codes are of no use to it. */
    void (*take)(const trit_form_call *c, double scale, double zero, const int8_t *code, int low);
    /* Before the groups: statistics of the whole tensor (the call holds all of it, and the
     * learnables of the first group) into c->whole, in gradient checks too. NULL: none. */
    void (*look)(const trit_form_call *c);
    /* After the groups: adds to gx the part of dL/dx that comes through `whole`, times lambda. c as
     * in `look`; stat holds those of all n_group groups, one after the other. NULL: none. */
    void (*look_back)(const trit_form_call *c, int64_t n_group, trit_real lambda, trit_real *gx);
    /* y[n] always, NaN where x is; codes[n] unless NULL. A form whose levels are not
     * s*(integer - z) sets stat[2] = 1: its codes become the index of the level, whatever it left
     * there; where `levels` knows none they stay, and say nothing. */
    void (*forward)(const trit_form_call *c, trit_real *y, int8_t *codes);
    /* gx[n] is overwritten. glearn[k]: one number, or [n] for COLUMN and ELEMENT; overwritten;
     * before grad_scale; buffers have none. x and learnables are as in forward. */
    void (*backward)(const trit_form_call *c, const trit_real *g, trit_real *gx,
                     trit_real *const *glearn);
    /* A function of x and learnables whose true derivative backward is, for gradient checks: run
     * with stat, kept and x0 of an ordinary forward, which it must not change. NULL: check is
     * ORACLE (known answers in the form's own test). */
    void (*surrogate)(const trit_form_call *c, trit_real *y);
    /* Levels of a group after forward, rising, into out[cap]; returns how many; 0: none (not on a
     * grid in training). */
    int (*levels)(const trit_form_call *c, trit_real *out, int cap);
    /* Forms of weights whose layer gets a bias made of them, the sum of d*x over each row: d[n]. In
     * backward d holds still: dL/dx = g*d of the row. The call has no learnables, stat or kept.
     * NULL: none. See trit_quant_bias. */
    void (*bias)(const trit_form_call *c, trit_real *d);
    int bias_knob; /* which knob is a factor in d: 0 turns the bias off */
    trit_check check;
} trit_form;

/* Uniform noise in [0,1), or standard normal, for element i of the group. */
double trit_form_uniform(const trit_form_call *c, int64_t i);
double trit_form_normal(const trit_form_call *c, int64_t i);
/* 1/sqrt(n_all * Qp) as in LSQ, Qp = 2^(bits-1) - 1, at least 1. */
double trit_form_lsq_scale_all(const trit_spec *sp, int64_t n, int64_t n_all);

/* Whether a learnable belongs to a group or an element: such a form has no place where the number
 * of groups changes from batch to batch. */
bool trit_form_learns_by_group(const trit_form *f);
bool trit_form_learns_by_column(const trit_form *f);

/* A backward of forms without learnables that passes the gradient on. */
void trit_form_pass(const trit_form_call *c, const trit_real *g, trit_real *gx,
                    trit_real *const *glearn);

/* Row 0 is "axes": the combination of grid, scale, granularity and estimator. NULL-terminated. */
extern const trit_form *const trit_forms[];
extern const char *const trit_form_names[];

#endif
