/* y = total + weight * x, scalars, where the weight is that of the step. */
#include "distill/inside.h"

#include <math.h>

typedef struct attr {
    trit_loss_use *use;
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    (void)g;
    TRIT_ASSERT(n->in[0]->val.ndim == 0 && n->in[1]->val.ndim == 0);
    n->val = trit_tensor_make(TRIT_REAL, 0, NULL);
    return true;
}

static void forward(const trit_exec *x, trit_node *n) {
    (void)x;
    trit_loss_use *u = ((const attr *)n->attr)->use;
    trit_real total = *trit_val_of(n, 0), value = *trit_val_of(n, 1);
    u->value = u->weight != 0 ? (double)value : (double)NAN;
    *trit_val(n) = u->weight != 0 ? total + TRIT_R(u->weight) * value : total;
}

static void backward(const trit_exec *x, trit_node *n) {
    trit_real weight = TRIT_R(((const attr *)n->attr)->use->weight);
    if (trit_grad_of(n, 0)) trit_pass_grad(x, n, 0, 1);
    if (trit_grad_of(n, 1)) trit_pass_grad(x, n, 1, weight);
}

static const trit_op op = {.name = "weigh",
                           .n_in_min = 2,
                           .n_in_max = 2,
                           .attr_bytes = sizeof(attr),
                           .infer = infer,
                           .forward = forward,
                           .backward = backward};

trit_node *trit_loss_weigh(trit_graph *g, trit_loss_use *use, trit_node *total, trit_node *x) {
    return trit_emit(g, &op, 2, (trit_node *[]){total, x}, &(attr){use});
}
