#include "optim/optim.h"

#include "base/schedule.h"
#include "optim/optim_list.h"

#include <math.h>

#define X(name) extern const trit_optim_type trit_optim_##name;
TRIT_OPTIM_LIST(X)
#undef X
const trit_optim_type *const trit_optim_types[] = {
#define X(name) &trit_optim_##name,
    TRIT_OPTIM_LIST(X)
#undef X
        NULL};
const char *const trit_optim_names[] = {
#define X(name) #name,
    TRIT_OPTIM_LIST(X)
#undef X
        NULL};
const char *const trit_lr_schedule_names[] = {"constant", "linear", "cosine", NULL};

static trit_status check(const void *section, trit_error *e) {
    const trit_optim_cfg *c = section;
    if (c->min_lr > c->lr) {
        return TRIT_FAIL(e, E_CONFIG, "min_lr: found %g, above lr %g", c->min_lr, c->lr);
    }
    return TRIT_OK;
}

static const trit_field fields[] = {
#define F(...) TRIT_FIELD(trit_optim_cfg, __VA_ARGS__)
    TRIT_OPTIM_FIELDS(F)
#undef F
};
const trit_schema trit_optim_schema =
    TRIT_SCHEMA("optim", "optimizer and learning rate", trit_optim_cfg, fields, check);

static bool is_trained(const trit_param *p) {
    return p->used && !p->frozen && p->role != TRIT_ROLE_buffer;
}

trit_status trit_optim_init(trit_optim *o, const trit_optim_cfg *cfg, const trit_params *ps,
                            int64_t total_steps, trit_error *e) {
    *o = (trit_optim){
        .type = trit_optim_types[cfg->kind], .cfg = *cfg, .ps = ps, .total_steps = total_steps};
    int64_t n_span = 0;
    for (int i = 0; i < ps->n; i++) {
        if (!is_trained(ps->at[i])) continue;
        n_span += (trit_tensor_len(&ps->at[i]->val) + TRIT_SPAN_GRAIN - 1) / TRIT_SPAN_GRAIN;
    }
    o->slot = trit_arena_get(ps->mem, (size_t)ps->n * sizeof *o->slot, e);
    o->span = trit_arena_get(ps->mem, (size_t)n_span * sizeof *o->span, e);
    o->partial = trit_arena_get(ps->mem, (size_t)n_span * sizeof *o->partial, e);
    if (!o->slot || !o->span || !o->partial) return TRIT_E_NOMEM;
    for (int i = 0; i < ps->n; i++) {
        const trit_param *p = ps->at[i];
        if (!is_trained(p)) continue;
        int64_t len = trit_tensor_len(&p->val);
        for (int s = 0; s < o->type->n_slot; s++) {
            o->slot[i][s] = trit_arena_get(ps->mem, trit_tensor_bytes(&p->val), e);
            if (!o->slot[i][s]) return TRIT_E_NOMEM;
        }
        for (int64_t at = 0; at < len; at += TRIT_SPAN_GRAIN) {
            o->span[o->n_span++] = (trit_optim_span){i, at, trit_span_len(len, at)};
        }
    }
    return TRIT_OK;
}

double trit_optim_lr(const trit_optim *o, int64_t step) {
    const trit_optim_cfg *c = &o->cfg;
    if (step < c->warmup) return c->lr * (double)(step + 1) / (double)(c->warmup + 1);
    static const trit_shape shape[] = {TRIT_SHAPE_hold, TRIT_SHAPE_linear, TRIT_SHAPE_cosine};
    trit_schedule s = {.shape = shape[c->schedule],
                       .from = c->lr,
                       .to = c->min_lr,
                       .begin = c->warmup,
                       .end = o->total_steps};
    return trit_schedule_at(&s, step);
}

double trit_optim_grad_norm(const trit_optim *o, const trit_exec *x) {
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int i = 0; i < o->n_span; i++) {
        const trit_optim_span *s = &o->span[i];
        o->partial[i] = x->k.sum_sq(s->n, trit_param_grad(o->ps->at[s->param]) + s->begin);
    }
    double sum = 0;
    for (int i = 0; i < o->n_span; i++) sum += o->partial[i];
    return sqrt(sum);
}

void trit_optim_update(const trit_optim *o, const trit_exec *x, int64_t step, double norm) {
    const trit_optim_cfg *cfg = &o->cfg;
    double clip = cfg->clip_norm > 0 && norm > cfg->clip_norm ? cfg->clip_norm / norm : 1;
    trit_optim_call call = {.k = &x->k,
                            .cfg = cfg,
                            .t = step + 1,
                            .lr = TRIT_R(trit_optim_lr(o, step)),
                            .grad_scale = TRIT_R(clip)};
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int i = 0; i < o->n_span; i++) {
        const trit_optim_span *s = &o->span[i];
        const trit_param *p = o->ps->at[s->param];
        trit_optim_call c = call;
        bool decays = p->role == TRIT_ROLE_weight || p->role == TRIT_ROLE_embedding;
        c.decay = decays ? TRIT_R(cfg->weight_decay) : 0;
        trit_real *slot[TRIT_MAX_SLOT] = {0};
        for (int k = 0; k < o->type->n_slot; k++) slot[k] = o->slot[s->param][k] + s->begin;
        o->type->update(&c, s->n, trit_param_val(p) + s->begin, trit_param_grad(p) + s->begin,
                        slot);
    }
}

int64_t trit_optim_state_bytes(const trit_optim *o) {
    int64_t n = 0;
    for (int i = 0; i < o->n_span; i++) n += o->span[i].n;
    return n * o->type->n_slot * (int64_t)sizeof(trit_real);
}
