/* Verbs are a table: one file verb_<name>.c and one row in verb_list.h each. Only this folder
 * prints and decides exit codes. Logs go to stderr; stdout carries results. */
#ifndef TRIT_CLI_CLI_H
#define TRIT_CLI_CLI_H

#include "base/log.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Exit codes: docs/reliability.md says what a script should do with each. */
#define TRIT_EXIT_LIST(X)                                                             \
    X(OK, 0, "done")                                                                  \
    X(FAILED, 1, "failed")                                                            \
    X(USAGE, 2, "bad usage or configuration")                                         \
    X(DATA, 65, "bad data, or no valid checkpoint")                                   \
    X(IO, 74, "a file could not be read or written; what was saved before is intact") \
    X(STOPPED, 75, "stopped on request; the same command continues")                  \
    X(DIVERGED, 76, "the numbers went bad for good")
enum {
#define X(id, code, text) TRIT_EXIT_##id = (code),
    TRIT_EXIT_LIST(X)
#undef X
};

typedef struct trit_verb {
    const char *name;  /* "train" */
    const char *usage; /* "CONFIG [key=value...] [--run DIR]" */
    const char *doc;   /* one line for the list of verbs */
    const char *help;  /* what `trit NAME --help` prints below usage and doc; one option a line */
    int (*run)(int argc, char **argv); /* arguments after the verb; returns the exit code */
} trit_verb;

/* One option of a verb: "--run" takes a text, "--json" is a flag. */
typedef struct trit_option {
    const char *name; /* with its dashes */
    enum { TRIT_OPT_FLAG, TRIT_OPT_TEXT, TRIT_OPT_INT, TRIT_OPT_REAL } kind;
    void *value;   /* bool *, const char **, int64_t *, double * */
    double lo, hi; /* INT and REAL: inclusive range */
} trit_option;

/* Takes options out of argv and moves the other arguments to its front; *n_left tells how many.
 * "--name value" and "--name=value" are the same; "--" ends the options; a negative number is a
 * value or an argument, never an option. INT and REAL may be written "50k" or "200M".
 * An unknown option, a missing or bad value is TRIT_E_USAGE, with the nearest option's name. */
trit_status trit_options_read(const trit_option *options, int n_options, int argc, char **argv,
                              int *n_left, trit_error *e);
/* The exit code that belongs to a status. */
int trit_exit_of(trit_status status);
/* Prints "trit: TEXT" to stderr; returns the error's exit code. */
int trit_report(const trit_error *e);
/* Log sink that writes lines to stderr. */
extern const trit_log trit_stderr_log;

#endif
