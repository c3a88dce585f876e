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
    bool grad_over_val; /* the gradient lies over the value of node `grad` */
};

#endif
