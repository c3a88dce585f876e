/* Clips latent weights after each update, so that they do not drift to where no gradient turns
 * them: BinaryConnect, Courbariaux et al. 2015, arXiv 1511.00363. */
#include "quant/control.h"
#include "quant/quant.h"

static void after(const trit_control_call *c) {
    trit_real bound = c->knob[0];
    for (int64_t i = 0; i < c->n; i++) {
        trit_real v = c->w[i] < -bound ? -bound : c->w[i];
        c->w[i] = v > bound ? bound : v;
    }
}

static const trit_knob knobs[] = {{"bound", 1, 1e-6, 1e6, "largest magnitude of a weight"}, {0}};

const trit_controller trit_controller_clip = {
    .name = "clip",
    .doc = "clips weights to [-bound, bound] after each update",
    .cite = "Courbariaux et al. 2015, arXiv 1511.00363",
    .formula = "w = clip(w, -bound, bound) after the update",
    .pitfall = "a bound in the weights' own units, not in steps",
    .knob = knobs,
    .method = "binaryconnect",
    .after = after,
};
