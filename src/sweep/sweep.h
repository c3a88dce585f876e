/* A sweep: a base config, axes of values laid over it, and the cells that come of them.
 *
 * A sweep file is an object with the keys
 *   base      config file (sought beside the sweep file), or a config
 *   set       {"key": value}: changes of the base that all cells share
 *   axes      {"key": values}: a list, or an expression
 *   paired    {"name": [{"label": "...", "key": value, ...}]}: values that change together
 *   seeds     values of train.seed, or how many (from 1)
 *   exclude   [{"axis": value or list of values}]: cells that match all of one entry are left out
 *   search    {"random": N, "budget": B, "seed": S}: points of the grid, drawn at random, all their
 *             seeds; {"halving": D, "rungs": [parts]}: at each rung the best 1/D of them go on
 *   baseline  {"axis": value}: what the report compares with; the first value of others
 *   metric    what the report compares (trit_sweep_metrics)
 *   keep_checkpoints  false: those of finished cells are deleted
 * An expression is range(N), range(A, B[, STEP]) (without B), log(LO, HI, N), or a pattern with *
 * over the words that the key may have: of these, what does not fit the other settings is left out.
 */
#ifndef TRIT_SWEEP_SWEEP_H
#define TRIT_SWEEP_SWEEP_H

#include "run/config.h"

enum {
    TRIT_SWEEP_MAX_AXIS = 16,
    TRIT_SWEEP_MAX_VALUE = 1024,
    TRIT_SWEEP_MAX_CELL = 20000,
    TRIT_SWEEP_MAX_RUNG = 8
};

/* Numbers of a finished run that can be compared; less is better for all. */
extern const char *const trit_sweep_metrics[];
extern const char *const trit_sweep_metric_units[];

typedef struct trit_sweep_value {
    const char *label;      /* what reports call it */
    int n_set;              /* overrides that make it */
    const char *const *set; /* [n_set] "key=value" */
    bool wild;              /* of a pattern: left out where it does not fit */
} trit_sweep_value;

typedef struct trit_sweep_axis {
    const char *name; /* the key, or the name of paired values */
    int n;
    const trit_sweep_value *at; /* [n] */
    int baseline;               /* index of the value that others are compared with */
} trit_sweep_axis;

typedef struct trit_sweep_cell {
    int value[TRIT_SWEEP_MAX_AXIS];         /* of each axis */
    char hash[17];                          /* of its resolved config: names the cell */
    const char *config;                     /* that config as JSON text */
    double deploy_bytes;                    /* of the model, see run/deploy.h */
    int64_t rung_step[TRIT_SWEEP_MAX_RUNG]; /* at which it is compared */
    int same_as;                            /* earlier cell with this config; -1: none */
} trit_sweep_cell;

/* A cell that a pattern made and that does not fit. */
typedef struct trit_sweep_left_out {
    const char *label, *why;
} trit_sweep_left_out;

typedef struct trit_sweep_search {
    int64_t n_random, seed;           /* n_random 0: all points */
    double budget;                    /* trainings of full length; 0: none */
    int64_t halving;                  /* the best 1/halving of the points go on; 0: all */
    int n_rung;                       /* 0 without halving */
    double rung[TRIT_SWEEP_MAX_RUNG]; /* parts of a run, increasing */
} trit_sweep_search;

typedef struct trit_sweep {
    trit_arena mem; /* holds what the pointers lead to, but trees */
    const char *name, *base_file;
    cJSON *base;     /* config with `set` over it: owned */
    cJSON *resolved; /* the same with every key: owned */
    int n_set;       /* overrides of all cells */
    const char *set[256];
    int n_axis; /* the last one is "seed" */
    trit_sweep_axis axis[TRIT_SWEEP_MAX_AXIS];
    cJSON *exclude;  /* list or NULL: owned */
    cJSON *baseline; /* object or NULL: owned */
    trit_sweep_search search;
    const char *metric;
    bool keep_checkpoints;
    int n_cell;
    trit_sweep_cell *cell; /* in the order of the axes, seeds fastest */
    int n_left_out;
    trit_sweep_left_out *left_out;
} trit_sweep;

/* Reads args[0], a sweep file or a base config, then "key=values" of the command line, which add
 * axes or replace them; one value alone is a setting of all cells. s is zeroed first; close it
 * also after an error. TRIT_E_CONFIG, TRIT_E_USAGE. */
trit_status trit_sweep_read(trit_sweep *s, int n_args, const char *const *args, trit_error *e);
void trit_sweep_close(trit_sweep *s);

/* Makes the cells and checks every one as if it were to run: configs of all, the model and the data
 * of each point's first seed, unless known (an object, hash: deploy_bytes, or NULL) tells that this
 * was done. problems gets a line for each mistake (cells with the same one share it);
 * TRIT_E_CONFIG when there is any. */
trit_status trit_sweep_expand(trit_sweep *s, const cJSON *known, trit_text *problems,
                              trit_error *e);
/* "quant.estimator=ste seed=1": axes with more than one value, or all. */
void trit_sweep_label(const trit_sweep *s, const int *value, bool all, trit_text *out);
/* Index of an axis or of one of its values by name; -1: none. */
int trit_sweep_find_axis(const trit_sweep *s, const char *name);
int trit_sweep_find_value(const trit_sweep_axis *a, const char *label);

#endif
