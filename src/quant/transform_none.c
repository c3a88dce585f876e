/* The tensor as it is. */
#include "quant/spec.h"

const trit_transform trit_transform_none = {
    .name = "none",
    .doc = "the tensor is quantized as it is",
};
