/* What trit bench measures of whole training steps: time, memory, and what a teacher adds. */
#ifndef TRIT_CLI_BENCH_STEP_H
#define TRIT_CLI_BENCH_STEP_H

#include "cli/bench_out.h"

enum { TRIT_BENCH_MAX_REPEAT = 100 };
typedef struct trit_bench_steps {
    trit_bench_out *out;
    int repeats;  /* at most TRIT_BENCH_MAX_REPEAT */
    bool profile; /* further steps, by kind of op */
} trit_bench_steps;

/* Of the CONFIG and overrides in args[n], or, with n = 0, of shape S in full precision and
 * quantized. */
trit_status trit_bench_say_steps(const trit_bench_steps *o, int n, char **args, trit_error *e);
/* Planned bytes of such steps, and how much resident memory grows. */
trit_status trit_bench_say_memory(const trit_bench_steps *o, int n, char **args, trit_error *e);
/* Steps without a teacher, with what one says in a cache, and with a live one, in turn. n = 0:
 * shape S quantized, taught by itself without quantizers, which is a teacher of the same size. */
trit_status trit_bench_say_distill(const trit_bench_steps *o, int n, char **args, trit_error *e);

#endif
