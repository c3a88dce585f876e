/* One op by itself, forward and backward, against what this machine can do. */
#ifndef TRIT_RUN_BENCH_OP_H
#define TRIT_RUN_BENCH_OP_H

#include "run/bench.h"

typedef struct trit_op_timing {
    const char *pass; /* "forward" or "backward" */
    double seconds;   /* median */
    double bytes;     /* moved to and from memory, if each operand is once: 0 for products */
    double flop;      /* of products; else 0 */
    double fraction;  /* of the speed of memory (a plain loop that reads two arrays and writes one,
                       * in  turn with the op), or of the peak of fp32 products */
} trit_op_timing;

enum { TRIT_MAX_BENCH_OP = 16 };
/* The ops that can be measured; returns how many. */
int trit_bench_op_names(const char *names[TRIT_MAX_BENCH_OP]);

/* Times op `name` on rows x cols numbers (products: of rows x cols and outputs x cols), on x's
 * threads; `repeats` times. E_USAGE for an unknown name, with the nearest; E_SHAPE, E_NOMEM. */
trit_status trit_bench_op(trit_exec *x, const char *name, int64_t rows, int64_t cols,
                          int64_t outputs, int repeats, trit_op_timing t[2], trit_error *e);

#endif
