/* A quantizer on one tensor in a planned graph, y = Q(x), loss = sum(y * g): inside of run/probe.
 */
#ifndef TRIT_RUN_PROBE_RIG_H
#define TRIT_RUN_PROBE_RIG_H

#include "quant/quant.h"

typedef struct trit_probe_rig {
    trit_arena mem;
    trit_params ps;
    trit_graph graph;
    trit_quant quant;
    trit_param *x;
    trit_node *y, *g; /* y is the leaf x when nothing is quantized */
    trit_node *q;     /* the quantizer's own node: y, unless a transform rotates back after it */
    void *block;      /* owned */
} trit_probe_rig;

/* check: gradients of learnables as they are, before scaling. noise: [len of x] or NULL, borrowed.
 * Close it also after an error. */
trit_status trit_probe_rig_open(trit_probe_rig *r, trit_exec *x, const trit_spec *sp,
                                trit_quant_kind kind, const trit_tensor *shape, trit_mode mode,
                                bool check, const trit_real *noise, trit_error *e);
void trit_probe_rig_close(trit_probe_rig *r);
/* The i-th learnable or buffer, NULL beyond the last; *name as in a state. */
trit_param *trit_probe_rig_state(const trit_probe_rig *r, int i, const char **name);
/* Says that the learnables have values. */
void trit_probe_rig_ready(const trit_probe_rig *r);
/* Forward, and backward in training, at an optimizer step. */
void trit_probe_rig_run(trit_probe_rig *r, trit_exec *x, int64_t step);

#endif
