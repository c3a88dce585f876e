/* A derivative is not believed, it is measured. Meant for the double build, where the fourth-order
 * difference (f(-2h) - 8f(-h) + 8f(h) - f(2h)) / 12h resolves about 1e-10. */
#ifndef TRIT_AUTOGRAD_GRADCHECK_H
#define TRIT_AUTOGRAD_GRADCHECK_H

#include "autograd/graph.h"

typedef struct trit_gradcheck {
    double error;     /* max over tensors of max|analytic - numeric| / max(|analytic|, |numeric|,
                       * floor),     the maxima taken over the checked elements of the tensor */
    const char *path; /* parameter with that error; NULL when nothing was checked */
    int64_t element;
    double analytic, numeric; /* at that element */
    int64_t n_checked;        /* elements in all */
} trit_gradcheck;

/* Runs forward and backward of the planned and bound TRAIN graph, then differences the loss by each
 * element of each used parameter, at most max_per_param of each (evenly spaced; 0 = all).
 * Quantizers hold their rounding residual (trit_exec.freeze), so build the graph with `check` set.
 * Parameters are restored; x->freeze is false on return. h: 1e-4 is good for values of order 1. */
void trit_gradcheck_run(trit_graph *g, trit_exec *x, const trit_params *ps, double h,
                        int64_t max_per_param, trit_gradcheck *result);

#endif
