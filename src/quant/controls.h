/* The controllers of a run, bound to its quantizers, and the state that they keep. */
#ifndef TRIT_QUANT_CONTROLS_H
#define TRIT_QUANT_CONTROLS_H

#include "quant/control.h"
#include "quant/view.h"

/* State of a run beside its parameters: belongs into checkpoints. */
typedef struct trit_state {
    const char *path; /* "control/freeze/blocks.0.attn.q.weight_quant.prev" */
    trit_tensor val;
} trit_state;
typedef struct trit_states {
    trit_state *at; /* [n], run arena */
    int n, cap;
} trit_states;
/* A new zeroed tensor "<path>.<name>" (name NULL: "<path>") in mem. */
trit_status trit_states_add(trit_states *s, trit_arena *mem, const char *path, const char *name,
                            trit_dtype dtype, int ndim, const int64_t *dim, void **data,
                            trit_error *e);

typedef struct trit_control_target {
    trit_quant_view *view;
    trit_param *p;
    void *state[TRIT_MAX_CONTROL_STATE];
    trit_real *keep;
    double sum[TRIT_CONTROL_PASS][TRIT_CONTROL_SUM];
} trit_control_target;

typedef struct trit_control {
    const trit_controller *type;
    const trit_control_cfg *cfg; /* borrowed */
    trit_control_target *target; /* [n_target], run arena */
    int n_target;
    trit_real knob[TRIT_MAX_KNOB];
    double all[TRIT_CONTROL_PASS][TRIT_CONTROL_SUM];
    double penalty; /* of the newest step */
} trit_control;

typedef struct trit_controls {
    trit_control *at; /* [n], run arena */
    int n;
    double *partial; /* sums of pieces, of the largest tensor */
} trit_controls;

/* Binds the configured controllers to the quantizers view[n_view] whose layers they match; their
 * state goes into `states`. After all graphs are traced. E_CONFIG: a quantizer that a controller
 * cannot act on, a controller with nothing to act on, two of a kind on one quantizer. */
trit_status trit_controls_init(trit_controls *c, const trit_control_cfg *cfg, int n_cfg,
                               trit_quant_view *view, int n_view, trit_states *states,
                               trit_arena *mem, trit_error *e);
/* The three moments of the step that turns `step` into step + 1. Quantizers that are not on yet are
 * left alone. */
void trit_controls_gradient(trit_controls *c, const trit_exec *x, int64_t step);
void trit_controls_before(trit_controls *c, const trit_exec *x);
void trit_controls_after(trit_controls *c, const trit_exec *x);

#endif
