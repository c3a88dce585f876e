#include "run/qat.h"

#include "io/quant_start.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

double trit_qat_statistic(double n_tokens, double n_params, double bits) {
    return n_tokens / (n_params * bits / 8);
}

double trit_qat_share(double statistic) {
    const double a = 6.7297, least = 0.02;
    return statistic > 1 ? fmin(1, fmax(least, exp(-a / log(statistic)))) : least;
}

static double bits_of(const trit_quant *q) {
    const trit_spec *sp = &q->spec;
    if (sp->bits_at.shape != TRIT_SHAPE_hold) return sp->bits_at.to;
    return q->n_level ? log2(q->n_level) : (double)sp->bits;
}

/* Weights that are quantized, one after the other; NULL: there are no more. */
static const trit_quant *weight_at(const trit_transformer *m, int *i, int64_t *n) {
    for (; *i <= m->n_linear; ++*i) {
        const trit_quant *q = *i ? &m->linear[*i - 1]->wq : &m->embed_quant;
        const trit_param *w = *i ? m->linear[*i - 1]->w : m->embed;
        *n = trit_tensor_len(&w->val);
        if (!q->spec.on) continue;
        ++*i;
        return q;
    }
    return NULL;
}

static void measure(trit_qat *q, const trit_config *c, const trit_transformer *m,
                    const trit_params *ps) {
    double n_all = 0, bits = 0;
    const trit_quant *w;
    int64_t n;
    for (int i = 0; (w = weight_at(m, &i, &n));) {
        n_all += (double)n;
        bits += (double)n * bits_of(w);
    }
    if (n_all == 0) return;
    for (int i = 0; i < ps->n; i++) {
        const trit_param *p = ps->at[i];
        bool learned = p->role == TRIT_ROLE_step_size || p->role == TRIT_ROLE_quantizer;
        if (!learned && p->role != TRIT_ROLE_buffer)
            q->n_params += (double)trit_tensor_len(&p->val);
    }
    q->bits = bits / n_all;
    double n_tokens =
        (double)(c->train.steps * c->train.batch * c->train.accumulate) * (double)c->model.context;
    q->statistic = trit_qat_statistic(n_tokens, q->n_params, q->bits);
    q->share = trit_qat_share(q->statistic);
}

void trit_qat_apply(trit_qat *q, const trit_config *c, trit_transformer *m, const trit_params *ps) {
    double steps = (double)c->train.steps;
    *q = (trit_qat){.start = trit_quant_start_step(c->quant.start, c->train.steps),
                    .automatic = c->quant.start < 0};
    measure(q, c, m, ps);
    if (q->automatic && q->bits > 0) q->start = llround((1 - q->share) * steps);
    for (int i = 0; i < trit_transformer_n_quant(m); i++) {
        trit_quant *one = trit_transformer_quant(m, i);
        if (one->spec.on && one->spec.start < q->start) one->spec.start = q->start;
        trit_quant_step(one, 0);
    }
    const trit_quant *w;
    int64_t n;
    q->weights = INT64_MAX;
    for (int i = 0; (w = weight_at(m, &i, &n));) {
        if (w->spec.start < q->weights) q->weights = w->spec.start;
    }
    if (q->weights == INT64_MAX) q->weights = 0;
}

char *trit_qat_text(const trit_qat *q, int64_t steps, char buf[TRIT_QAT_TEXT_BYTES]) {
    buf[0] = '\0';
    if (!q->weights) return buf;
    int n = snprintf(buf, TRIT_QAT_TEXT_BYTES,
                     "full precision before step %" PRId64 " of %" PRId64 ", %.3g %% of training "
                     "is quantized",
                     q->weights, steps, 100 * (1 - (double)q->weights / (double)steps));
    char params[32];
    if (q->automatic && n > 0 && n < TRIT_QAT_TEXT_BYTES) {
        snprintf(buf + n, TRIT_QAT_TEXT_BYTES - (size_t)n,
                 " (quant.start auto: S = %.4g tokens for each byte of %s weights of %.3g bits, "
                 "share exp(-6.7297/ln S) = %.3g)",
                 q->statistic, trit_text_si(params, q->n_params), q->bits, q->share);
    }
    return buf;
}
