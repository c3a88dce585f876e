/* The key "quant.start": where a training begins to quantize. */
#ifndef TRIT_IO_QUANT_START_H
#define TRIT_IO_QUANT_START_H

#include "io/settings.h"

/* Below 1 a share of training, from 1 on a step; or this one. */
#define TRIT_QUANT_START_AUTO (-1.0)

/* A row's value: double. */
extern const trit_custom trit_quant_start_custom;
/* The step that `start` means in a training of `steps`; 0 for "auto", which depends on the model.
 */
int64_t trit_quant_start_step(double start, int64_t steps);

#endif
