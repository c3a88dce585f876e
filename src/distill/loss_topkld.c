/* Forward KL among the teacher's likeliest tokens and reverse KL among the rest. */
#include "distill/loss.h"

static double token(const trit_loss_token *c, trit_real *g) {
    double sum = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < c->n; i++) {
        if (at < c->n_top && c->top[at] == i) {
            at++;
            sum += trit_loss_term(c->p[i], c->log_p[i], c->log_q[i]);
            if (g && isfinite(c->log_q[i])) g[i] -= c->p[i];
            continue;
        }
        double term = trit_loss_term(c->q[i], c->log_q[i], c->log_p[i]);
        sum += term;
        if (g && isfinite(c->log_p[i])) g[i] += TRIT_R(term) + c->q[i];
    }
    return sum;
}

static const trit_knob knobs[] = {
    TRIT_KNOB_TEMPERATURE, {"k", 32, 1, 4194304, "tokens; at most all of the vocabulary"}, {0}};

const trit_loss trit_loss_topkld = {
    .name = "topkld",
    .doc = "forward KL over the teacher's k likeliest tokens, reverse KL over the rest "
           "(unverified: the paper's exact formula was not to be had)",
    .cite = "after arXiv 2501.06218",
    .formula = "L = T^2 * (sum over top k of p ln(p/q) + sum over the rest of q ln(q/p))",
    .pitfall = "neither sum is a divergence: the loss may be negative",
    .knob = knobs,
    .teacher = true,
    .top = TRIT_TOP_TEACHER,
    .token = token,
};
