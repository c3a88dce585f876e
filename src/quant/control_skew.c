/* Skewness of weights kept near a target: S = (mean of (w - mean)^3)/std^3 with std over n - 1;
 * R = weight * mean over tensors of (S - target)^2. EQ-Net, Xu et al. 2023, arXiv 2308.07650. */
#include "quant/control.h"
#include "quant/control_moments.h"

#include <math.h>

static double gradient(const trit_control_call *c) {
    trit_moments m = trit_moments_of(c);
    if (m.n < 2 || m.square == 0) return 0;
    double var = m.square / (m.n - 1), cubed = var * sqrt(var), S = m.cube / m.n / cubed;
    double off = S - (double)c->knob[1], weight = (double)c->knob[0] / c->n_tensor;
    for (int64_t i = 0; i < c->n; i++) {
        double d = (double)c->w[i] - m.mean;
        double dS = 3 / m.n * (d * d - m.square / m.n) / cubed - 3 * S * d / ((m.n - 1) * var);
        c->g[i] += TRIT_R(2 * weight * off * dS);
    }
    return weight * off * off * (double)c->n / m.n;
}

static const trit_knob knobs[] = {
    {"weight", 1, 0, 1e6, "of the penalty"}, {"target", 0, -100, 100, "skewness"}, {0}};

const trit_controller trit_controller_skew = {
    .name = "skew",
    .doc = "keeps the skewness of weights near a target",
    .cite = "Xu et al. 2023, arXiv 2308.07650",
    .formula = "R = weight * mean over tensors of (S - target)^2\n"
               "S = mean((w - mean)^3)/std^3, std over n - 1",
    .knob = knobs,
    .n_look = 2,
    .look = trit_moments_look,
    .gradient = gradient,
    .penalty = true,
};
