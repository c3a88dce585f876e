/* The back end of matrix products that was measured to be the fastest on this machine.
 *
 * Back ends round differently, so a choice is made only when it is asked for (trit bench gemm
 * --tune), then kept in the user's cache, one entry a machine, and recorded by every run, which
 * goes on with what it was begun with. */
#ifndef TRIT_RUN_TUNE_H
#define TRIT_RUN_TUNE_H

#include "autograd/runtime.h"

typedef struct trit_tuning {
    const char *name; /* of a back end */
    double gflops;    /* over all shapes of the trial */
} trit_tuning;

/* Tries every back end of this build on x's threads, a second or so each; *best is an index.
 * Returns how many into t[4] by *n. */
trit_status trit_tune_measure(const trit_exec *x, trit_tuning t[4], int *n, int *best,
                              trit_error *e);
/* Writes the choice into the cache, beside those of other machines; path[cap]: where that is. */
trit_status trit_tune_write(const char *name, char *path, size_t cap, trit_error *e);
/* Unless o names a back end: the one in the cache, if there is one for this machine and the build
 * has it. name[32] holds it as long as o is used. */
void trit_tune_apply(trit_runtime_options *o, char name[32]);

#endif
