/* Generalised Jensen-Shannon divergence. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    trit_real beta = c->knob[1];
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real m = beta * c->p[i] + (1 - beta) * c->q[i];
        trit_real log_m = TRIT_R(log((double)m));
        double student = trit_loss_term(c->q[i], c->log_q[i], log_m);
        sum += (double)beta * trit_loss_term(c->p[i], c->log_p[i], log_m);
        sum += (double)(1 - beta) * student;
        if (g) g[i] += (1 - beta) * TRIT_R(student);
    }
    return sum;
}

static const trit_knob knobs[] = {
    TRIT_KNOB_TEMPERATURE,
    {"beta", 0.5, 0.01, 0.99, "the teacher's share of m; 0.5 is Jensen and Shannon's"},
    {0}};

const trit_loss trit_loss_js = {
    .name = "js",
    .doc = "generalised Jensen-Shannon divergence: bounded, between kl and rkl",
    .cite = "Agarwal et al. 2024, arXiv 2306.13649",
    .formula = "m = beta*p + (1 - beta)*q\n"
               "L = T^2 * (beta * sum p ln(p/m) + (1 - beta) * sum q ln(q/m))\n"
               "dL/dz_s = T*(1 - beta)*q*(ln(q/m) - sum q ln(q/m))",
    .pitfall = "its gradient is small: about beta*(1 - beta) of that of kl near the teacher",
    .knob = knobs,
    .teacher = true,
    .coarse = true,
    .token = token,
};
