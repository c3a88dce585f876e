/* The penalty of BiPer: R = sign * tau * sum over tensors of mean(sin(omega*w)^2), with omega of
 * the quantizer; dR/dw = sign * tau * omega * sin(2*omega*w)/n. Vargas et al. 2024, arXiv
 * 2404.01278. As released it is added (sign 1), which drives sines to 0, where the sign of the
 * weight flips; sign -1 drives them to +-1, as the text of the method wants. */
#include "quant/control.h"
#include "quant/form_parts.h"
#include "quant/quant.h"

#include <string.h>

static double gradient(const trit_control_call *c) {
    double omega = (double)c->quant->knob[TRIT_KNOB_FORM][0], sum = 0;
    double k = (double)c->knob[0] * (double)c->knob[1] / (double)c->n_all;
    for (int64_t i = 0; i < c->n; i++) {
        double a = omega * (double)c->w[i], s = sin(a);
        sum += s * s;
        c->g[i] += TRIT_R(k * omega * sin(2 * a));
    }
    return k * sum;
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    if (sp->form && strcmp(trit_forms[sp->form]->name, "biper") == 0) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "the penalty is on the sine of form biper; found %s",
                     sp->form ? trit_forms[sp->form]->name : trit_grid_names[sp->grid]);
}

static const trit_knob knobs[] = {
    {"tau", 0.037, 0, 1e6, "weight of the penalty; 0.037 in stage 1, 0.0468 in stage 2"},
    {"sign", 1, -1, 1, "1: added, as released, sines go to 0; -1: sines go to +-1"},
    {0}};

const trit_controller trit_controller_biper = {
    .name = "biper",
    .doc = "penalty on the sine of BiPer's weights",
    .cite = "Vargas et al. 2024, arXiv 2404.01278",
    .formula = "R = sign * tau * sum over tensors of mean(sin(omega*w)^2)",
    .pitfall = "as released it pulls weights to where their sign flips; see knob sign",
    .knob = knobs,
    .method = "biper-weights",
    .gradient = gradient,
    .penalty = true,
    .fits = fits,
};
