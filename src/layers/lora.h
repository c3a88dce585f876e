/* The config section "quant.lora". */
#ifndef TRIT_LAYERS_LORA_H
#define TRIT_LAYERS_LORA_H

#include "base/schema.h"

/* Low-rank adapters under the quantizer (L4Q, arXiv 2402.04902): the weights of quantized layers
 * hold still, and what is trained moves the number that is rounded. */
#define TRIT_LORA_FIELDS(F)                                                                     \
    F(INT, rank, "0", 0, 65536, NULL, "",                                                       \
      "of the adapters b a; 0 = none, else the weights of quantized layers are frozen and only" \
      " the adapters and quantizers of these layers are trained")                               \
    F(REAL, alpha, "16", 0, 1e6, NULL, "", "the layer's weight is w + alpha/rank * b a")
typedef struct trit_lora_cfg {
    TRIT_LORA_FIELDS(TRIT_MEMBER)
} trit_lora_cfg;
extern const trit_schema trit_lora_schema;

#endif
