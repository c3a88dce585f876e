/* The config section "quant.branch" (layers/branch.h). */
#ifndef TRIT_LAYERS_BRANCH_CFG_H
#define TRIT_LAYERS_BRANCH_CFG_H

#include "base/schema.h"

#define TRIT_BRANCH_FIELDS(F)                                                                  \
    F(INT, rank, "0", 0, 4096, NULL, "",                                                       \
      "components beside each quantized weight when quantization begins, those of its largest" \
      " errors; 0 = none")                                                                     \
    F(INT, phase, "200", 1, 1e12, NULL, "steps",                                               \
      "in which half of the components fade away; then the next half, down to none")
typedef struct trit_branch_cfg {
    TRIT_BRANCH_FIELDS(TRIT_MEMBER)
} trit_branch_cfg;
extern const trit_schema trit_branch_schema;

#endif
