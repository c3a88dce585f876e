/* What saving costs on this machine. */
#ifndef TRIT_RUN_BENCH_SAVE_H
#define TRIT_RUN_BENCH_SAVE_H

#include "run/run.h"

enum { TRIT_BENCH_SAVE_REPEATS = 100 };

typedef struct trit_save_timing {
    int64_t bytes;         /* of tensors */
    double plain_seconds;  /* one file of as many bytes written in a row, and flushed */
    double save_seconds;   /* a checkpoint, from the beginning of the copy to the last flush */
    double stall_seconds;  /* of those, what the loop waits */
    double copy_seconds;   /* a plain copy of as many bytes in memory */
    double plain_fraction; /* median of plain / save */
} trit_save_timing;

/* Saves r, opened for training, `repeats` times into a directory of its own below dir, in turn with
 * plain writes; medians. The directory is removed. */
trit_status trit_bench_save(trit_run *r, const char *dir, int repeats, trit_save_timing *t,
                            trit_error *e);

#endif
