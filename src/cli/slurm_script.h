/* A job script for Slurm, as people would write it by hand, that survives preemption. */
#ifndef TRIT_CLI_SLURM_SCRIPT_H
#define TRIT_CLI_SLURM_SCRIPT_H

#include "base/text.h"
#include "cli/cli.h"

enum { TRIT_SLURM_PATH = 4096 };

typedef struct trit_slurm_job {
    const char *time, *partition, *memory; /* NULL: the cluster's default */
    int64_t cpus, parallel, restarts;
    const char *name, *program;
    const char *run; /* run directory, or that of a sweep; NULL: the program's default */
    int n_config;    /* args begin with so many configs, overrides follow; 0: they are a sweep's */
    int n_run;       /* of the configs, or of the sweep */
    int n_args;
    char **args;
} trit_slurm_job;

/* Rows of a list of options that fill a job. */
#define TRIT_SLURM_OPTIONS(j)                                   \
    {"--time", TRIT_OPT_TEXT, &(j)->time, 0, 0},                \
        {"--partition", TRIT_OPT_TEXT, &(j)->partition, 0, 0},  \
        {"--mem", TRIT_OPT_TEXT, &(j)->memory, 0, 0},           \
        {"--cpus", TRIT_OPT_INT, &(j)->cpus, 1, 1024},          \
        {"--parallel", TRIT_OPT_INT, &(j)->parallel, 1, 1e6}, { \
        "--restarts", TRIT_OPT_INT, &(j)->restarts, 0, 1e9      \
    }
#define TRIT_SLURM_DEFAULTS .cpus = 1, .parallel = 4, .restarts = 50

/* The script; E_USAGE for a word that cannot stand in it. */
trit_status trit_slurm_script(const trit_slurm_job *j, trit_text *out, trit_error *e);
/* Where this program lies. */
void trit_slurm_program(char program[TRIT_SLURM_PATH]);

#endif
