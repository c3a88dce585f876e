/* Clipping of gradients: one factor for each parameter. */
#include "optim/optim.h"
#include "quant/rows.h"

#include <math.h>
#include <string.h>

double trit_optim_grad_norm(const trit_optim *o, const trit_exec *x) {
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int i = 0; i < o->n_span; i++) {
        const trit_optim_span *s = &o->span[i];
        o->partial[i] = x->k.sum_sq(s->n, trit_param_grad(o->item[s->item].param) + s->begin);
    }
    double sum = 0;
    for (int i = 0; i < o->n_span; i++) sum += o->partial[i];
    return sqrt(sum);
}

static double sum_sq_of(const trit_optim *o, const trit_optim_item *it) {
    double sum = 0;
    for (int i = 0; i < it->n_span; i++) sum += o->partial[it->first_span + i];
    return sum;
}

static double limit(double norm, double most) {
    return most > 0 && norm > most ? most / norm : 1;
}

/* The first norm fills the history. It is kept in the precision of checkpoints, and compared so,
 * that a resumed run decides as the one that went on. */
static double percentile_factor(const trit_optim *o, const trit_optim_item *it, int64_t step) {
    trit_real sorted[TRIT_CLIP_HISTORY], *norms = it->norms.val.data;
    trit_real norm = TRIT_R(sqrt(sum_sq_of(o, it)));
    for (int i = 0; step == 0 && i < TRIT_CLIP_HISTORY; i++) norms[i] = norm;
    norms[(step + 1) % TRIT_CLIP_HISTORY] = norm;
    memcpy(sorted, norms, sizeof sorted);
    trit_real most = trit_select(sorted, TRIT_CLIP_HISTORY, o->cfg.clip_percentile);
    return norm > most ? (double)most / (double)norm : 1;
}

/* The joint norm of a group's members, or with group -1 of all others, after their own factors. */
static double joint_norm(const trit_optim *o, int group) {
    double sum = 0;
    for (int i = 0; i < o->n_item; i++) {
        const trit_optim_item *it = &o->item[i];
        if (it->clip_group == group) sum += it->factor * it->factor * sum_sq_of(o, it);
    }
    return sqrt(sum);
}

void trit_optim_clip(const trit_optim *o, int64_t step, double norm) {
    bool percentile = o->cfg.clip_percentile > 0;
    double global = limit(norm, o->cfg.clip_norm);
    for (int i = 0; i < o->n_item; i++) {
        trit_optim_item *it = &o->item[i];
        it->factor = percentile ? percentile_factor(o, it, step) : 1;
    }
    if (percentile || o->cfg.n_group) global = limit(joint_norm(o, -1), o->cfg.clip_norm);
    for (int g = 0; g < o->cfg.n_group; g++) {
        if (isnan(o->cfg.group[g].clip_norm)) continue;
        double factor = limit(joint_norm(o, g), o->cfg.group[g].clip_norm);
        for (int i = 0; i < o->n_item; i++) {
            if (o->item[i].clip_group == g) o->item[i].factor *= factor;
        }
    }
    for (int i = 0; i < o->n_item; i++) {
        if (o->item[i].clip_group < 0) o->item[i].factor *= global;
    }
}
