/* A spec bound to one tensor of a model, and the op that applies it. */
#ifndef TRIT_QUANT_QUANT_H
#define TRIT_QUANT_QUANT_H

#include "autograd/graph.h"
#include "quant/form.h"
#include "quant/spec.h"

typedef struct trit_quant {
    const char *path; /* "blocks.2.ffn.up.weight_quant"; run arena */
    trit_spec spec;
    trit_quant_kind kind;
    int64_t cols; /* elements of a row */
    /* These and spec.bits follow a schedule of bits. */
    trit_real lo, hi; /* outermost levels */
    trit_real *level; /* [n_level] all of them, rising; run arena; NULL with a form */
    int n_level;
    trit_param *step; /* learned step sizes [n_group]; NULL unless the scale rule is learned */
    trit_param *learn[TRIT_MAX_LEARN]; /* of a form, in its order; else NULL */
    trit_param *ready; /* buffer, scalar: 1 once `step` has its first value; NULL likewise */
    /* Refreshed by trit_quant_step; the only numbers that change while a graph is replayed. */
    bool on;
    trit_real lambda;
    int64_t now; /* optimizer step */
    trit_real knob[TRIT_N_KNOB_AXIS][TRIT_MAX_KNOB];
    bool bad;               /* a forward of this step met an x that is not finite */
    const trit_real *noise; /* [elements] numbers in place of random ones, or NULL; borrowed */
} trit_quant;

/* Binds spec to a tensor of rows x cols (rows matters for weights only). Adds `<path>.step` and
 * `<path>.ready` to ps where the step is learned. E_CONFIG when a group size does not divide cols.
 * spec off: q is off and trit_quant_apply returns its input. */
trit_status trit_quant_init(trit_quant *q, const trit_spec *spec, trit_quant_kind kind,
                            const char *path, int64_t rows, int64_t cols, trit_params *ps,
                            trit_error *e);
/* Evaluates schedules for an optimizer step; call before the first forward of each step. With a
 * step in which bits change learned numbers have no value any more: the next forward gives first
 * ones, as where quantization begins. */
void trit_quant_step(trit_quant *q, int64_t step);
/* x -> fake-quantized x, same shape [..., cols]. q must outlive the graph. Applying specs of equal
 * value without learnables to the same node twice gives one node: its codes are computed once. With
 * a transform the quantizer's own node lies between those that rotate, and works on rotated x;
 * until it is on, rotations are all there is.
 * trit_quant_level of a code times its scale is the value, NaN included, while q is on and (in
 * training) lambda is 1. */
trit_node *trit_quant_apply(trit_quant *q, trit_graph *g, trit_node *x);
/* x [..., cols] in the basis in which q works: rotated, or x itself. */
trit_node *trit_quant_transform(const trit_quant *q, trit_graph *g, trit_node *x);
/* What weights w [n_out, cols] add to the bias of their layer, [n_out], in training and evaluation
 * (times lambda in training); NULL where q's form has no such part or its knob is 0 for good. q
 * must outlive the graph. */
trit_node *trit_quant_bias(trit_quant *q, trit_graph *g, trit_node *w);
/* Level, in units of the scale, that a stored code stands for; q has no form. */
trit_real trit_quant_level(const trit_quant *q, int8_t code);
/* Parameters of q into out, `ready` last; returns how many, 0 where nothing is learned. */
enum { TRIT_QUANT_MAX_PARAM = TRIT_MAX_LEARN + 1 };
int trit_quant_params(const trit_quant *q, trit_param *out[TRIT_QUANT_MAX_PARAM]);
/* Elements that share a scale, for a tensor of rows x cols. */
int64_t trit_quant_group_len(const trit_quant *q, int64_t rows);

/* Whether a node is the own node of a quantizer, its quantizer, and its scales [n_group] after
 * forward, valid as long as the node's value. */
bool trit_quant_is(const trit_node *n);
const trit_quant *trit_quant_of(const trit_node *n);
const trit_real *trit_quant_scales(const trit_node *n);

/* The quantizer's own node, for specs without and with a form; trit_quant_apply comes here. */
trit_node *trit_axes_apply(trit_quant *q, trit_graph *g, trit_node *x);
trit_node *trit_form_apply(trit_quant *q, trit_graph *g, trit_node *x);
bool trit_form_is(const trit_node *n);
const trit_quant *trit_form_quant_of(const trit_node *n);
/* [n_group * TRIT_FORM_STAT] after forward. */
const double *trit_form_stats(const trit_node *n);
/* Levels of a group after forward, rising, into out[cap]; returns how many; 0: not on a grid. */
int trit_form_levels(const trit_node *n, int64_t group, trit_real *out, int cap);

#endif
