/* Rotate, quantize, rotate back: y = H Q(H x), gx = H (d . (H g)) for the slope d of what
 * quantizes. H is the orthonormal Walsh-Hadamard matrix in blocks, which makes the entries of a row
 * look normal and spreads outliers: QuEST, Panferov et al. 2025, arXiv 2502.05003 (blocks of 128).
 * The release asks for rows that are a multiple of 128; here the blocks are as large as fits. It
 * also keeps its matrix in bf16, whose 1/sqrt(128) is 1.1e-4 too small, and its results with it;
 * with the matrix in fp32 it gives what this does. */
#include "autograd/ops.h"
#include "quant/spec.h"

const trit_transform trit_transform_hadamard = {
    .name = "hadamard",
    .doc = "rotated by blocks of a Hadamard matrix, quantized, and rotated back",
    .cite = "Panferov et al. 2025, arXiv 2502.05003",
    .formula = "y = H Q(H x), H = Hadamard matrix / sqrt(block), H H = 1\n"
               "block = min(block, largest power of two that divides the row)",
    .pitfall = "the result lies on no grid: its consumer computes in floating point",
    .blocked = true,
    .apply = trit_hadamard,
    .undo = trit_hadamard,
};
