/* NIPQ's loss on bits: R = weight * huber(sum n*b - target * sum n)/2^23 over all groups, with
 * b = round(2 + 12*sigmoid(logit)), whose rounding passes the gradient, and huber(d) = d^2/2 for
 * |d| < 1, else |d| - 1/2. Shin et al. 2023, arXiv 2206.00820; as released, for weights. */
#include "quant/control.h"
#include "quant/form_parts.h"
#include "quant/quant.h"

static double bits_of(trit_real logit) {
    return 2 + 12 * trit_sigmoid((double)logit);
}

static void look(const trit_control_call *c, int pass, double *m) {
    (void)pass;
    for (int64_t i = 0; i < c->n; i++) {
        m[0] += rint(bits_of(c->w[i])) * (double)c->group_len;
        m[1] += (double)c->group_len;
    }
}

static double gradient(const trit_control_call *c) {
    double n = c->all[0][1], off = c->all[0][0] - (double)c->knob[1] * n;
    double k = (double)c->knob[0] / 8388608;
    double slope = trit_form_clip(off, -1, 1) * k * (double)c->group_len;
    for (int64_t i = 0; i < c->n; i++) {
        double p = trit_sigmoid((double)c->w[i]);
        c->g[i] += TRIT_R(slope * 12 * p * (1 - p));
    }
    double all = fabs(off) < 1 ? 0.5 * off * off : fabs(off) - 0.5;
    return k * all * (double)(c->n * c->group_len) / n; /* this piece's share of it */
}

static const trit_knob knobs[] = {{"weight", 1, 0, 1e9, "of the loss on bits"},
                                  {"target", 4, 2, 14, "mean bits of a weight"},
                                  {0}};

const trit_controller trit_controller_nipq_bits = {
    .name = "nipq-bits",
    .doc = "draws the mean bits of NIPQ's weights to a target",
    .cite = "Shin et al. 2023, arXiv 2206.00820",
    .formula = "R = weight * huber(sum n*b - target*sum n)/2^23, b = round(2 + 12*sigmoid(logit))",
    .pitfall = "a small model needs a large weight: the loss counts megabits",
    .knob = knobs,
    .method = "nipq",
    .form = "nipq",
    .learn = "logit",
    .n_look = 1,
    .look = look,
    .gradient = gradient,
    .penalty = true,
};
