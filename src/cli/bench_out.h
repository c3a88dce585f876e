/* What trit bench says: for people or as JSON, and compared with an earlier time. */
#ifndef TRIT_CLI_BENCH_OUT_H
#define TRIT_CLI_BENCH_OUT_H

#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>

typedef struct trit_bench_out {
    bool json, list; /* list: one list instead of one object a line */
    int n;           /* items said */
    trit_text kept;  /* every item as JSON, one a line */
} trit_bench_out;

/* Prints one of the two, and empties both. json is an object without a newline. */
void trit_bench_say(trit_bench_out *o, trit_text *json, trit_text *people);
/* Ends the list, if it is one. */
void trit_bench_end(const trit_bench_out *o);
void trit_bench_out_free(trit_bench_out *o);

/* Prints how fast each item of `o` is against the same item in the file of an earlier --json, and
 * sets *slower where one is slower by more than `tolerance`, a part of 1. E_USAGE when there is no
 * such file, or it holds nothing that was measured now; E_CONFIG when it is no JSON. */
trit_status trit_bench_compare(const trit_bench_out *o, const char *path, double tolerance,
                               bool *slower, trit_error *e);

#endif
