/* Moving a run from one encoding of its optimizer's state to another. */
#ifndef TRIT_RUN_CONVERT_H
#define TRIT_RUN_CONVERT_H

#include "run/run.h"

typedef struct trit_convert_result {
    int64_t step;
    int from, to;                    /* trit_state_names */
    int64_t bytes_before, bytes_now; /* of state */
} trit_convert_result;

/* Writes the newest whole checkpoint of a run directory again, with its state in the encoding
 * trit_state_names[to], and makes the directory one of a run with that optim.state. The directory
 * is locked meanwhile; each file is replaced whole, the checkpoint first, and a call that was
 * killed between the two is finished by another one. Older checkpoints stay as they are. Converting
 * to the encoding that it has writes the same numbers again. */
trit_status trit_convert_state(const char *dir, int to, const trit_runtime_options *options,
                               const trit_log *log, trit_convert_result *out, trit_error *e);

#endif
