/* Controllers: what acts on quantizers around an optimizer step instead of within the graph. They
 * add penalties to the loss, hold back gradients, or change weights after the update. One file
 * control_<name>.c and one row in quant_list.h each.
 *
 * A step, once for all its micro-batches: `look` and `gradient` when all gradients are there and
 * before they are clipped, `before` when the step is sure to happen, `after` the update. Each hook
 * sees a piece of one tensor at a time, pieces run in parallel, and sums are added in the order of
 * pieces, so that no result depends on the number of threads. */
#ifndef TRIT_QUANT_CONTROL_H
#define TRIT_QUANT_CONTROL_H

#include "base/tensor.h"
#include "quant/spec.h"

enum { TRIT_MAX_CONTROL_STATE = 4, TRIT_CONTROL_SUM = 4, TRIT_CONTROL_PASS = 2 };

typedef struct trit_quant trit_quant; /* quant.h */

/* A piece of one tensor, as a hook sees it. Arrays are [n]. */
typedef struct trit_control_call {
    const trit_quant *quant;
    const trit_real *knob; /* after schedules */
    int64_t n, first;      /* elements of the piece; index of element 0 within the tensor */
    int64_t n_all;         /* elements of the tensor */
    int64_t group_len;     /* elements of the weight that share a scale, or a learnable */
    int n_tensor;          /* how many tensors the controller acts on */
    trit_real *w, *g;      /* the tensor and its gradient */
    /* Where the hook asked for a view: Q(w), its codes, all scales (NULL with a form). */
    const trit_real *y;
    const int8_t *code;
    const trit_real *scale;
    trit_real *step_grad; /* [groups] gradient of the learned step; NULL without one */
    void *state[TRIT_MAX_CONTROL_STATE];
    trit_real *keep;                                    /* from `gradient` until `after` */
    double (*sum)[TRIT_CONTROL_PASS][TRIT_CONTROL_SUM]; /* what `look` found in this tensor */
    const double (*all)[TRIT_CONTROL_SUM];              /* [pass] ditto, in all tensors */
} trit_control_call;

/* Scale of element i of the piece. */
static inline trit_real trit_control_scale(const trit_control_call *c, int64_t i) {
    return c->scale[(c->first + i) / c->group_len];
}

enum { TRIT_VIEW_IN_GRADIENT = 1, TRIT_VIEW_BEFORE = 2, TRIT_VIEW_AFTER = 4 };

typedef struct trit_controller {
    const char *name, *doc, *cite, *formula, *pitfall; /* as the rows of spec.h */
    const trit_knob *knob;
    const char *method; /* a named method that it goes with, for examples; NULL: lsq-w4 */
    /* Acts on this learnable of quantizers of this form, in the layers that have one. NULL: on
     * weights. */
    const char *form, *learn;
    bool activations; /* also where the quantizer is one of activations */
    bool whole;       /* hooks get tensors in one piece */
    unsigned views;   /* hooks that want Q(w) */
    bool keeps;       /* wants `keep` */
    struct {
        const char *name;
        trit_dtype dtype;
    } state[TRIT_MAX_CONTROL_STATE]; /* arrays like the tensor, zero at first, saved with a run */
    int n_look;
    /* Adds to m[TRIT_CONTROL_SUM]; later passes see the sums of earlier ones. */
    void (*look)(const trit_control_call *c, int pass, double *m);
    /* Edits g; returns the piece's part of a penalty, or 0. */
    double (*gradient)(const trit_control_call *c);
    bool penalty; /* `gradient` returns one */
    void (*before)(const trit_control_call *c);
    void (*after)(const trit_control_call *c);
    trit_row_fits fits; /* of a quantizer of weights; NULL: all are well */
} trit_controller;
extern const trit_controller *const trit_controllers[]; /* NULL-terminated, and their names */
extern const char *const trit_controller_names[];

/* What a config says of one. */
typedef struct trit_control_cfg {
    int type;           /* index into trit_controllers */
    const char *layers; /* pattern over layer paths */
    trit_schedule knob[TRIT_MAX_KNOB];
} trit_control_cfg;

#endif
