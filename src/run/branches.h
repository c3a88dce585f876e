/* Low-rank branches of a run in training (layers/branch.h): what they begin with, and what they
 * lose. A step at a time, so that a run may be stopped anywhere. */
#ifndef TRIT_RUN_BRANCHES_H
#define TRIT_RUN_BRANCHES_H

#include "run/run.h"

/* The step from which on the model has no branch; 0: it never has one. */
int64_t trit_branches_end(const trit_run *r);
/* E_CONFIG: a branch would outlive training. Gets the memory that the others need, in r's arena. */
trit_status trit_branches_open(trit_run *r, trit_error *e);
/* Before the forward of a step, whose schedules are evaluated: branches that begin with it become
 * the largest components of w - Q(w). The same again changes nothing. */
void trit_branches_begin(const trit_run *r);
/* After the update of a step, before it is counted: branches whose phase ends with it keep the
 * components that count, in a basis of their own. Averages of gradients, which are of the old
 * basis, begin anew; averages of their squares stay. */
void trit_branches_end_step(const trit_run *r);

#endif
