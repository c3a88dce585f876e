/* The same elements in another shape; a view: values and gradients are the input's. */
#include "autograd/ops.h"

typedef struct attr {
    int ndim;
    int64_t dim[TRIT_MAX_DIM];
} attr;

static bool infer(trit_graph *g, trit_node *n) {
    const trit_tensor *x = &n->in[0]->val;
    const attr *to = n->attr;
    char a[96], b[96];
    if (to->ndim < 0 || to->ndim > TRIT_MAX_DIM) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "%d axes asked for x %s, allowed are 0..%d",
                               to->ndim, trit_tensor_shape_text(x, a), TRIT_MAX_DIM);
    }
    n->val = trit_tensor_make(x->dtype, to->ndim, to->dim);
    int rest = -1;
    int64_t len = trit_tensor_len(x), known = 1;
    for (int i = 0; i < to->ndim; i++) {
        if (to->dim[i] == -1 && rest < 0) {
            rest = i;
        } else if (to->dim[i] < 0 || (to->dim[i] && known > len / to->dim[i])) {
            known = -1; /* too many elements, or a second -1 */
            break;
        } else {
            known *= to->dim[i];
        }
    }
    if (rest >= 0 && known > 0 && len % known == 0) {
        n->val.dim[rest] = len / known;
    } else if (rest >= 0 || known != len) {
        return trit_graph_fail(
            g, n, TRIT_E_SHAPE, "x %s has %lld elements and cannot become %s (one axis may be -1)",
            trit_tensor_shape_text(x, a), (long long)len, trit_tensor_shape_text(&n->val, b));
    }
    return true;
}

static const trit_op op = {.name = "reshape",
                           .n_in_min = 1,
                           .n_in_max = 1,
                           .attr_bytes = sizeof(attr),
                           .flags = TRIT_OP_VIEW,
                           .infer = infer};

trit_node *trit_reshape(trit_graph *g, trit_node *x, int ndim, const int64_t *dim) {
    attr to = {.ndim = ndim};
    for (int i = 0; i < ndim && i < TRIT_MAX_DIM; i++) to.dim[i] = dim[i];
    return trit_emit(g, &op, 1, &x, &to);
}
