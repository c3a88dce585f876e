/* Weights that live in the rotated domain from the start: nothing is computed, and the layer is
 * Q(w) Q(H x). BitNet v2, Wang et al. 2025, arXiv 2504.18415, trains its weights so. */
#include "quant/spec.h"

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)sp;
    if (kind == TRIT_QUANT_WEIGHT) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "transform: hadamard-native is for weights, which are trained in the rotated "
                     "domain; activations come from elsewhere and need hadamard-half");
}

const trit_transform trit_transform_hadamard_native = {
    .name = "hadamard-native",
    .doc = "weights that are trained in the rotated domain, for inputs with hadamard-half",
    .cite = "Wang et al. 2025, arXiv 2504.18415",
    .formula = "y = Q(w), with inputs Q(H x)",
    .pitfall =
        "not the same as a rotation of the weights: those of a trained model must be rotated "
        "once before",
    .blocked = true,
    .moves = true,
    .fits = fits,
};
