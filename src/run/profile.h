/* Where the time of training goes: by kind of op, and as a trace for chrome://tracing or Perfetto.
 *
 * While none is open, a step pays a comparison for each op. The first step of a profile touches
 * memory for the first time and is left out. */
#ifndef TRIT_RUN_PROFILE_H
#define TRIT_RUN_PROFILE_H

#include "run/run.h"

/* What a step does outside of graphs. */
typedef enum {
    TRIT_PHASE_BETWEEN, /* of steps: evaluation, metrics, checkpoints */
    TRIT_PHASE_DATA,
    TRIT_PHASE_TEACHER, /* its forward, or what a cache holds of it */
    TRIT_PHASE_NORM,    /* of gradients; controllers */
    TRIT_PHASE_UPDATE,
    TRIT_N_PHASE
} trit_phase;

typedef struct trit_profile_row {
    char name[96];    /* "linear"; "rms_norm + fakequant" of ops that go row by row together */
    const char *pass; /* "forward", "backward", "again" (computed again for backward), or "step" */
    int64_t calls;
    double seconds;
} trit_profile_row;

typedef struct trit_profile_event trit_profile_event;

struct trit_profile {
    trit_trace trace;
    trit_run *run;         /* borrowed */
    trit_profile_row *row; /* owned; first those of phases */
    int n_row;
    int *row_of; /* owned: of each step of the training graph */
    trit_profile_event *event;
    int n_event, max_event; /* of the first steps; later ones are not recorded */
    int64_t n_begun;        /* steps, the first included */
    double last;            /* when the newest op was done */
    double zero;            /* of the trace */
};

/* Watches steps of r, which was opened for training, from now on. Close it before r. */
trit_status trit_profile_open(trit_profile *p, trit_run *r, trit_error *e);
/* Accepts a zeroed one. */
void trit_profile_close(trit_profile *p);

/* The run says: what was done since it last said something belongs to that phase. p may be NULL.
 * BETWEEN begins a step. */
void trit_profile_phase(trit_profile *p, trit_phase phase);

/* Steps that were counted. */
int64_t trit_profile_steps(const trit_profile *p);
/* A table for people: kinds by their time, with calls and milliseconds a step; or one JSON object a
 * row, mode in front. */
void trit_profile_table(const trit_profile *p, trit_text *out);
void trit_profile_json(const trit_profile *p, const char *mode, trit_text *out);
/* Events of the first steps in Chrome's format. */
void trit_profile_trace(const trit_profile *p, trit_text *out);

#endif
