/* Central moments of a tensor, for penalties on the shape of its distribution. */
#ifndef TRIT_QUANT_CONTROL_MOMENTS_H
#define TRIT_QUANT_CONTROL_MOMENTS_H

#include "quant/control.h"

typedef struct trit_moments {
    double n, mean;
    double square, cube, fourth; /* sums of powers of the distance to the mean */
} trit_moments;

/* look() in two passes: the mean, then the powers. */
void trit_moments_look(const trit_control_call *c, int pass, double *m);
/* After both. */
trit_moments trit_moments_of(const trit_control_call *c);

#endif
