/* What several verbs do the same way. */
#ifndef TRIT_CLI_COMMON_H
#define TRIT_CLI_COMMON_H

#include "cli/cli.h"
#include "run/run.h"

#include <stdio.h>

/* Reads CONFIG [key=value...] from args[n]; E_USAGE when there is no CONFIG. */
trit_status trit_cli_experiment(trit_experiment *x, int n, char **args, trit_error *e);
/* Opens a run with the options of the environment (TRIT_THREADS, TRIT_CPU, TRIT_GEMM). */
trit_status trit_cli_open(trit_run *r, const trit_experiment *x, unsigned what, trit_error *e);
/* The only argument; E_USAGE with what it should be, when there are none or more. */
trit_status trit_cli_one(const char **out, const char *what, int n, char **args, trit_error *e);
/* Opens the run kept in a checkpoint of `path` (a run directory or a checkpoint file) with its
 * weights. `change` may alter the config before the run is built; NULL: as it is. */
trit_status trit_cli_open_kept(trit_run *r, trit_experiment *x, const char *path, const char *which,
                               unsigned what, void (*change)(void *self, trit_config *c),
                               void *self, trit_error *e);
/* How the state of the optimizer is stored; where it is encoded, a line for what is, and one for
 * each reason why something is not. each: a line for every tensor then, too. */
void trit_cli_print_state(FILE *to, const trit_optim *o, bool each);
/* "key":value parts of a JSON line: the number, or null where it is not finite. */
void trit_cli_json_number(trit_text *out, const char *key, double value);
/* Prints one JSON line on stdout and frees it. */
void trit_cli_json_print(trit_text *line);
/* Lets a signal call handler, or do again what it does by itself (SIG_DFL). */
void trit_cli_catch(int number, void (*handler)(int));
/* Largest resident size of this process so far, in bytes. */
int64_t trit_cli_peak_rss(void);

#endif
