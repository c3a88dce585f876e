/* Rotate and quantize, and stay there: y = Q(H x). The product of two operands that are rotated
 * alike needs no rotation back, (x H)(w H)^T = x w^T, and runs on the codes. QuEST, Panferov et al.
 * 2025, arXiv 2502.05003, whose runs use it for both operands. */
#include "autograd/ops.h"
#include "quant/spec.h"

const trit_transform trit_transform_hadamard_half = {
    .name = "hadamard-half",
    .doc = "rotated by blocks of a Hadamard matrix and quantized; both operands of a layer",
    .cite = "Panferov et al. 2025, arXiv 2502.05003",
    .formula = "y = Q(H x), H = Hadamard matrix / sqrt(block), (x H)(w H)' = x w'\n"
               "block = min(block, largest power of two that divides the row)",
    .pitfall = "the other operand of the layer must be rotated too, in blocks of the same size",
    .blocked = true,
    .moves = true,
    .apply = trit_hadamard,
};
