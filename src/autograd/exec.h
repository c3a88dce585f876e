/* Inside of planning and execution; ops and models do not include this. */
#ifndef TRIT_AUTOGRAD_EXEC_H
#define TRIT_AUTOGRAD_EXEC_H

#include "autograd/graph.h"

typedef enum {
    TRIT_BUFFER_VAL,
    TRIT_BUFFER_GRAD,
    TRIT_BUFFER_CODE,
    TRIT_BUFFER_SAVED
} trit_buffer_kind;

/* One buffer of the plan: alive from tick birth to tick death, both included. */
struct trit_interval {
    int birth, death;
    size_t bytes, offset;
    int node;
    trit_buffer_kind kind;
};

/* Whose buffers a node uses: node ids, its own unless shared. */
struct trit_sharing {
    int val, grad;
    int grad_over; /* the gradient lies over the value of this node, or -1 */
    int64_t local; /* bytes into scratch at which a block of this value's rows lies while it lives,
                    * or -1: it has a buffer */
};

/* One call of an op: the clock of a plan counts these. */
struct trit_step {
    int node;
    bool back;
    int tick; /* its own number; the last one's in a run of ops that go row by row together */
};

static inline bool trit_is_leaf(const trit_node *n) {
    return n->op->infer == NULL;
}

/* Recomputation: appends a copy of each node that is to be computed again, with the same attributes
 * and gradient but a value of its own, which backward of the segment reads instead. What depends on
 * parameters alone, and what may run only once, is kept instead. */
trit_status trit_graph_copy_segments(trit_graph *g, trit_error *e);
/* Fills g->step: forward of all nodes but copies; then, from the last node down, the copies of a
 * segment where its first backward comes, and backward of each node or of its copy. */
trit_status trit_graph_list_steps(trit_graph *g, trit_error *e);
/* Steps that can go row by row together get one tick. In rows.c. */
void trit_graph_join_rows(trit_graph *g);
/* Runs forward of steps first .. last, which do. */
void trit_graph_run_rows(trit_graph *g, const trit_exec *x, int first, int last);
/* A node like x at the end of the list; NULL after E_NOMEM. In graph.c. */
trit_node *trit_graph_copy(trit_graph *g, const trit_node *x, trit_error *e);

#endif
