/* One optimizer on given numbers: what `trit probe-optim` shows. */
#ifndef TRIT_RUN_PROBE_OPTIM_H
#define TRIT_RUN_PROBE_OPTIM_H

#include "autograd/graph.h"
#include "io/json.h"

typedef struct trit_optim_probe {
    const cJSON *spec; /* name of an optimizer, or an object with keys of the section "optim"; those
                        * that it leaves out are as in a config, but schedule is constant and
                        * clip_norm off */
    const cJSON *w;    /* a list of numbers, or of rows: the parameter, whose path is "w" */
    const cJSON *g;    /* its gradient in every step, like w or one number; or a list of such, one a
                        * step */
    int64_t steps;     /* 0: as many as there are gradients, or 1; also the length of training */
    int role;          /* trit_role of the parameter */
    bool json, last;   /* last: only the last step is shown */
} trit_optim_probe;

/* With json {"optimizer", "steps": [{"step", "lr", "w", "state": {NAME: {"value"}}}]}, with "codes"
 * and "absmax" of encoded state, and a newline, numbers in lists like the arrays, null for those
 * that are not finite; else lines for people. E_CONFIG names spec, w or g. x->rng is set to the
 * step; its seed counts. */
trit_status trit_optim_probe_run(const trit_optim_probe *q, trit_exec *x, trit_text *out,
                                 trit_error *e);

#endif
