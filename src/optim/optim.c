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
const char *trit_optim_defaults(int kind) {
    const char *text = trit_optim_types[kind]->defaults;
    return text ? text : "{}";
}
const char *const trit_muon_scale_names[] = {"rms", "fan", "none", NULL};
/* Elements of encoded state that are decoded at a time; blocks divide it, or it is a block. */
enum { MIN_CHUNK = 1024 };

const char *const trit_lr_schedule_names[] = {"constant", "linear", "cosine", NULL};

static trit_status check(const void *section, trit_error *e) {
    const trit_optim_cfg *c = section;
    if (c->min_lr > c->lr) {
        return TRIT_FAIL(e, E_CONFIG, "min_lr: found %g, above lr %g", c->min_lr, c->lr);
    }
    if (c->block && (c->block < TRIT_STATE_MIN_BLOCK || (c->block & (c->block - 1)))) {
        return TRIT_FAIL(e, E_CONFIG, "block: found %lld, expected 0 or a power of two in %d..%d",
                         (long long)c->block, TRIT_STATE_MIN_BLOCK, TRIT_STATE_MAX_BLOCK);
    }
    const trit_optim_type *type = trit_optim_types[c->kind];
    if (trit_state_types[c->state]->decode && (!type->update || type->shape)) {
        return TRIT_FAIL(e, E_CONFIG,
                         "state: found \"%s\", but the state of %s is statistics of whole tensors, "
                         "which are kept in fp32",
                         trit_state_names[c->state], type->name);
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

/* ---- setting up ---------------------------------------------------------------------------- */

static bool is_trained(const trit_param *p) {
    return p->used && !p->frozen && p->role != TRIT_ROLE_buffer;
}

/* Why the state of a parameter is not encoded; NULL: it is. */
static const char *why_plain(const trit_optim_cfg *c, const trit_param *p) {
    if (!trit_state_types[c->state]->decode) return "optim.state is fp32";
    switch (p->role) {
    case TRIT_ROLE_weight:
        break;
    case TRIT_ROLE_embedding:
        if (!c->state_embeddings) return "embedding";
        break;
    case TRIT_ROLE_norm:
        return "norm";
    case TRIT_ROLE_bias:
        return "bias";
    default:
        return "part of a quantizer";
    }
    return trit_tensor_len(&p->val) < c->state_min ? "small" : NULL;
}

static trit_status add_slot(trit_optim_item *it, int k, const trit_optim_cfg *c, trit_arena *mem,
                            trit_error *e) {
    const trit_optim_type *type = it->type;
    const trit_tensor *like = &it->param->val;
    trit_slot *s = &it->slot[k];
    *s = (trit_slot){.name = type->slot_name[k], .is_signed = type->slot_signed[k]};
    trit_tensor shape = trit_tensor_make(TRIT_REAL, like->ndim, like->dim);
    if (type->shape && !type->shape(like, k, &shape)) return TRIT_OK;
    return trit_slot_init(s, trit_state_types[it->plain ? 0 : c->state], c->block, &shape, mem, e);
}

static trit_status add_item(trit_optim *o, trit_param *p, trit_arena *mem, trit_error *e) {
    trit_optim_item *it = &o->item[o->n_item];
    const trit_optim_type *type = o->type;
    bool rest = type->takes && !type->takes(p);
    if (rest) type = type->rest;
    bool decays =
        p->role == TRIT_ROLE_weight || p->role == TRIT_ROLE_head || p->role == TRIT_ROLE_embedding;
    *it = (trit_optim_item){.param = p,
                            .type = type,
                            .plain = why_plain(&o->cfg, p),
                            .first_span = o->n_span,
                            .lr_scale = rest && o->cfg.adam_lr > 0 ? o->cfg.adam_lr / o->cfg.lr : 1,
                            .decay = decays ? o->cfg.weight_decay : 0,
                            .beta1 = o->cfg.beta1,
                            .beta2 = o->cfg.beta2};
    for (int k = 0; k < type->n_slot; k++) TRIT_TRY(add_slot(it, k, &o->cfg, mem, e));
    if (!it->plain && type->n_slot) {
        /* A few blocks at a time: what an optimizer does once a call costs nothing then. */
        int64_t block = it->slot[0].block;
        it->chunk = block > MIN_CHUNK ? block : MIN_CHUNK;
    }
    int64_t len = trit_tensor_len(&p->val);
    for (int64_t at = 0; at < len; at += TRIT_SPAN_GRAIN) {
        o->span[o->n_span++] = (trit_optim_span){o->n_item, at, trit_span_len(len, at)};
    }
    it->n_span = o->n_span - it->first_span;
    o->n_item++;
    return TRIT_OK;
}

trit_status trit_optim_init(trit_optim *o, const trit_optim_cfg *cfg, const trit_params *ps,
                            int64_t total_steps, trit_error *e) {
    *o = (trit_optim){.type = trit_optim_types[cfg->kind], .cfg = *cfg, .total_steps = total_steps};
    int64_t n_span = 0;
    for (int i = 0; i < ps->n; i++) {
        if (!is_trained(ps->at[i])) continue;
        n_span += (trit_tensor_len(&ps->at[i]->val) + TRIT_SPAN_GRAIN - 1) / TRIT_SPAN_GRAIN;
    }
    o->item = trit_arena_get(ps->mem, (size_t)ps->n * sizeof *o->item, e);
    o->span = trit_arena_get(ps->mem, (size_t)n_span * sizeof *o->span, e);
    o->partial = trit_arena_get(ps->mem, (size_t)n_span * sizeof *o->partial, e);
    if (!o->item || !o->span || !o->partial) return TRIT_E_NOMEM;
    size_t scratch = 0;
    for (int i = 0; i < ps->n; i++) {
        if (!is_trained(ps->at[i])) continue;
        TRIT_TRY(add_item(o, ps->at[i], ps->mem, e));
        const trit_optim_type *type = o->item[o->n_item - 1].type;
        size_t bytes = type->scratch ? type->scratch(&ps->at[i]->val) : 0;
        if (bytes > scratch) scratch = bytes;
    }
    o->scratch = trit_arena_get(ps->mem, scratch, e);
    return o->scratch ? TRIT_OK : TRIT_E_NOMEM;
}

const trit_optim_item *trit_optim_find(const trit_optim *o, const trit_param *p) {
    for (int i = 0; i < o->n_item; i++) {
        if (o->item[i].param == p) return &o->item[i];
    }
    return NULL;
}

/* ---- a step -------------------------------------------------------------------------------- */

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
        o->partial[i] = x->k.sum_sq(s->n, trit_param_grad(o->item[s->item].param) + s->begin);
    }
    double sum = 0;
    for (int i = 0; i < o->n_span; i++) sum += o->partial[i];
    return sqrt(sum);
}

static trit_optim_call call_of(const trit_optim_item *it, const trit_optim_call *common) {
    trit_optim_call c = *common;
    c.lr = TRIT_R(common->lr * it->lr_scale);
    c.decay = TRIT_R(it->decay);
    c.beta1 = it->beta1;
    c.beta2 = it->beta2;
    return c;
}

/* Elements whose gradient is not finite: as if they were not there, and their state 0. */
typedef struct bad_elements {
    int64_t n;
    const trit_real *g;
    trit_real w[TRIT_STATE_MAX_BLOCK]; /* before the update */
    bool bad[TRIT_STATE_MAX_BLOCK];
} bad_elements;

static void hide_bad(bad_elements *b, int64_t n, const trit_real *w, trit_real *g) {
    for (int64_t i = 0; i < n; i++) {
        b->w[i] = w[i];
        b->bad[i] = !isfinite(g[i]);
        if (b->bad[i]) g[i] = 0;
    }
}

static void restore_bad(const bad_elements *b, int64_t n, trit_real *w, trit_real *g,
                        trit_real *const slot[TRIT_MAX_SLOT]) {
    for (int64_t i = 0; i < n; i++) {
        if (!b->bad[i]) continue;
        w[i] = b->w[i];
        g[i] = 0;
        for (int k = 0; k < TRIT_MAX_SLOT && slot[k]; k++) slot[k][i] = 0;
    }
}

/* Encoded state of a few blocks: decode, update, encode. */
static void update_coded(const trit_optim_item *it, const trit_optim_call *c, int64_t begin,
                         int64_t n) {
    trit_real x[TRIT_MAX_SLOT * TRIT_STATE_MAX_BLOCK], *slot[TRIT_MAX_SLOT] = {0};
    trit_real *w = trit_param_val(it->param) + begin, *g = trit_param_grad(it->param) + begin;
    for (int k = 0; k < it->type->n_slot; k++) {
        slot[k] = x + k * it->chunk;
        trit_slot_decode(&it->slot[k], c->k, begin, n, slot[k]);
    }
    if (c->finite) {
        it->type->update(c, n, w, g, slot);
    } else {
        bad_elements bad;
        hide_bad(&bad, n, w, g);
        it->type->update(c, n, w, g, slot);
        restore_bad(&bad, n, w, g, slot);
    }
    trit_rng r = c->rounding;
    r.stream = trit_hash32(it->param->path);
    for (int k = 0; k < it->type->n_slot; k++) {
        r.sub = (uint32_t)k;
        trit_slot_encode(&it->slot[k], c->k, begin, n, slot[k], c->cfg->stochastic ? &r : NULL);
    }
}

static void update_span(const trit_optim *o, const trit_optim_span *s,
                        const trit_optim_call *common) {
    const trit_optim_item *it = &o->item[s->item];
    if (!it->type->update) return;
    trit_optim_call c = call_of(it, common);
    for (int64_t at = 0; it->chunk && at < s->n; at += it->chunk) {
        update_coded(it, &c, s->begin + at, s->n - at < it->chunk ? s->n - at : it->chunk);
    }
    if (it->chunk) return;
    trit_real *slot[TRIT_MAX_SLOT] = {0};
    for (int k = 0; k < it->type->n_slot; k++) slot[k] = trit_slot_at(&it->slot[k], s->begin);
    it->type->update(&c, s->n, trit_param_val(it->param) + s->begin,
                     trit_param_grad(it->param) + s->begin, slot);
}

static void finish_item(const trit_optim *o, const trit_exec *x, const trit_optim_item *it,
                        const trit_optim_call *common) {
    trit_optim_call c = call_of(it, common);
    trit_optim_whole t = {.x = x,
                          .shape = &it->param->val,
                          .w = trit_param_val(it->param),
                          .u = trit_param_grad(it->param),
                          .scratch = o->scratch,
                          .partial = o->partial + it->first_span};
    for (int k = 0; k < it->type->n_slot; k++) t.slot[k] = trit_slot_at(&it->slot[k], 0);
    it->type->finish(&c, &t);
}

void trit_optim_update(const trit_optim *o, const trit_exec *x, int64_t step, double norm) {
    const trit_optim_cfg *cfg = &o->cfg;
    double clip = cfg->clip_norm > 0 && norm > cfg->clip_norm ? cfg->clip_norm / norm : 1;
    const trit_optim_call call = {.k = &x->k,
                                  .cfg = cfg,
                                  .t = step + 1,
                                  .total_steps = o->total_steps,
                                  .lr = TRIT_R(trit_optim_lr(o, step)),
                                  .grad_scale = TRIT_R(clip),
                                  .finite = isfinite(norm),
                                  .rounding = {.seed = x->rng.seed, .step = (uint32_t)step}};
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int i = 0; i < o->n_span; i++) update_span(o, &o->span[i], &call);
    for (int i = 0; i < o->n_item; i++) {
        if (o->item[i].type->finish) finish_item(o, x, &o->item[i], &call);
    }
}

int64_t trit_optim_item_bytes(const trit_optim_item *it) {
    int64_t n = 0;
    for (int k = 0; k < it->type->n_slot; k++) n += trit_slot_bytes(&it->slot[k]);
    return n;
}

int64_t trit_optim_state_bytes(const trit_optim *o) {
    int64_t n = 0;
    for (int i = 0; i < o->n_item; i++) n += trit_optim_item_bytes(&o->item[i]);
    return n;
}

/* ---- what types use ------------------------------------------------------------------------ */

double trit_optim_sum_sq(const trit_optim_whole *t, const trit_real *a) {
    int64_t len = trit_tensor_len(t->shape), n = (len + TRIT_SPAN_GRAIN - 1) / TRIT_SPAN_GRAIN;
#pragma omp parallel for schedule(static) num_threads(t->x->n_threads)
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i * TRIT_SPAN_GRAIN;
        t->partial[i] = t->x->k.sum_sq(trit_span_len(len, at), a + at);
    }
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += t->partial[i];
    return sum;
}

void trit_optim_apply(const trit_optim_whole *t, trit_real keep, trit_real k, const trit_real *u) {
    int64_t len = trit_tensor_len(t->shape);
#pragma omp parallel for schedule(static) num_threads(t->x->n_threads)
    for (int64_t at = 0; at < len; at += TRIT_SPAN_GRAIN) {
        int64_t end = at + trit_span_len(len, at);
        for (int64_t i = at; i < end; i++) t->w[i] = keep * t->w[i] - k * u[i];
    }
}
