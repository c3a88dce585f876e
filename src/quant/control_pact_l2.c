/* L2 penalty on PACT's clipping thresholds: R = weight/2 * sum of alpha^2, so that the gradient is
 * weight*alpha, as weight decay in plain gradient descent. Without it alpha never shrinks where
 * little is clipped. Choi et al. 2018, arXiv 1805.06085. */
#include "quant/control.h"
#include "quant/quant.h"

static double gradient(const trit_control_call *c) {
    double weight = (double)c->knob[0], sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        double alpha = (double)c->w[i];
        sum += alpha * alpha;
        c->g[i] += TRIT_R(weight * alpha);
    }
    return 0.5 * weight * sum;
}

static const trit_knob knobs[] = {
    {"weight", 2e-4, 0, 1e6, "of the penalty; about the weight decay of the weights"}, {0}};

const trit_controller trit_controller_pact_l2 = {
    .name = "pact-l2",
    .doc = "penalty on the clipping thresholds of PACT",
    .cite = "Choi et al. 2018, arXiv 1805.06085",
    .formula = "R = weight/2 * sum of alpha^2, dR/dalpha = weight*alpha",
    .knob = knobs,
    .method = "pact",
    .form = "pact",
    .learn = "alpha",
    .activations = true,
    .gradient = gradient,
    .penalty = true,
};
