/* What a model takes when it is deployed: codes and scales of quantized weights, 32-bit numbers for
 * all else, adapters merged. */
#ifndef TRIT_RUN_DEPLOY_H
#define TRIT_RUN_DEPLOY_H

#include "run/run.h"

/* Bits of a weight matrix [rows, cols]: its codes, and a 32-bit scale for each group. */
double trit_deploy_weight_bits(const trit_quant *q, int64_t rows, int64_t cols);
/* Bits of the whole model. */
double trit_deploy_bits(const trit_run *r);

#endif
