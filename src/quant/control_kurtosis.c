/* Kurtosis of weights kept near that of a uniform distribution (1.8), which loses least in uniform
 * levels. K = (mean of (w - mean)^4)/std^4 with std over n - 1; R = weight * mean over tensors of
 * (K - target)^2. Chmiel et al. 2020 (KURE), arXiv 2002.07686; with these numbers in EQ-Net, Xu et
 * al. 2023, arXiv 2308.07650. */
#include "quant/control.h"
#include "quant/control_moments.h"

static double gradient(const trit_control_call *c) {
    trit_moments m = trit_moments_of(c);
    if (m.n < 2 || m.square == 0) return 0;
    double var = m.square / (m.n - 1), K = m.fourth / m.n / (var * var);
    double off = K - (double)c->knob[1], weight = (double)c->knob[0] / c->n_tensor;
    for (int64_t i = 0; i < c->n; i++) {
        double d = (double)c->w[i] - m.mean;
        double dK =
            4 / m.n * (d * d * d - m.cube / m.n) / (var * var) - 4 * K * d / ((m.n - 1) * var);
        c->g[i] += TRIT_R(2 * weight * off * dK);
    }
    return weight * off * off * (double)c->n / m.n;
}

static const trit_knob knobs[] = {{"weight", 0.015, 0, 1e6, "of the penalty"},
                                  {"target", 1.8, 1, 100, "kurtosis; uniform 1.8, normal 3"},
                                  {0}};

const trit_controller trit_controller_kurtosis = {
    .name = "kurtosis",
    .doc = "keeps the kurtosis of weights near a target",
    .cite = "Xu et al. 2023, arXiv 2308.07650; Chmiel et al. 2020, arXiv 2002.07686",
    .formula = "R = weight * mean over tensors of (K - target)^2\n"
               "K = mean((w - mean)^4)/std^4, std over n - 1",
    .knob = knobs,
    .n_look = 2,
    .look = trit_moments_look,
    .gradient = gradient,
    .penalty = true,
};
