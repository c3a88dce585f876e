/* DiffQ's penalty on the size of the model: R = weight * sum over groups of
 * (elements of the group)*b/2^23, in megabytes, b = lo + (hi - lo)*sigmoid(logit) as in the form.
 * What is stored besides the codes does not depend on b and is left out. Defossez et al. 2021,
 * arXiv 2104.09987. */
#include "quant/control.h"
#include "quant/form_parts.h"
#include "quant/quant.h"

static double gradient(const trit_control_call *c) {
    const trit_real *form = c->quant->knob[TRIT_KNOB_FORM];
    double lo = (double)form[1], hi = (double)form[2], sum = 0;
    double k = (double)c->knob[0] * (double)c->group_len / 8388608;
    for (int64_t i = 0; i < c->n; i++) {
        double p = trit_sigmoid((double)c->w[i]);
        sum += lo + (hi - lo) * p;
        c->g[i] += TRIT_R(k * (hi - lo) * p * (1 - p));
    }
    return k * sum;
}

static const trit_knob knobs[] = {
    {"weight", 1e-3, 0, 1e9, "of a megabyte of weights, against the loss"}, {0}};

const trit_controller trit_controller_diffq_size = {
    .name = "diffq-size",
    .doc = "penalty on the megabytes of DiffQ's weights",
    .cite = "Defossez et al. 2021, arXiv 2104.09987",
    .formula = "R = weight * sum over groups of n*b/2^23, b = bits_min + (bits_max - "
               "bits_min)*sigmoid(logit)",
    .pitfall = "a small model has a small size: the weight has to grow as it shrinks",
    .knob = knobs,
    .method = "diffq",
    .form = "diffq",
    .learn = "logit",
    .gradient = gradient,
    .penalty = true,
};
