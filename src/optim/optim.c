#include "optim/optim.h"

#include "optim/lr.h"
#include "optim/optim_list.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

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

/* ---- setting up ---------------------------------------------------------------------------- */

static bool is_trained(const trit_param *p) {
    return p->used && !p->frozen && p->role != TRIT_ROLE_buffer;
}

/* Elements of encoded state that are decoded at a time; blocks divide it, or it is a block. A few
 * blocks: what an optimizer does once a call costs nothing then. */
enum { MIN_CHUNK = 1024 };

/* State k of a type. */
static trit_status add_slot(trit_optim_item *it, int k, const trit_optim_cfg *c, trit_arena *mem,
                            trit_error *e) {
    const trit_optim_type *type = it->type;
    const trit_tensor *w = &it->param->val;
    trit_slot *s = &it->slot[k];
    trit_tensor shape = *w;
    *s = (trit_slot){.name = type->slot_name[k], .is_signed = type->slot_signed[k]};
    if (type->shape && !type->shape(c, w, k, &shape)) return TRIT_OK;
    s->own_shape = !trit_tensor_same_shape(&shape, w);
    bool plain = it->plain || s->own_shape;
    TRIT_TRY(trit_slot_init(s, trit_state_types[plain ? 0 : c->state], c->block, &shape, mem, e));
    if (!plain) it->chunk = s->block > MIN_CHUNK ? s->block : MIN_CHUNK;
    return TRIT_OK;
}

/* One of the driver's own. */
static trit_status add_plain(trit_slot *s, const char *name, const trit_tensor *shape,
                             trit_arena *mem, trit_error *e) {
    *s = (trit_slot){.name = name, .is_signed = true};
    return trit_slot_init(s, trit_state_types[0], 0, shape, mem, e);
}

static trit_status add_slots(const trit_optim *o, trit_optim_item *it, trit_arena *mem,
                             trit_error *e) {
    const trit_tensor *w = &it->param->val;
    for (int k = 0; k < it->type->n_slot; k++) TRIT_TRY(add_slot(it, k, &o->cfg, mem, e));
    if (o->cfg.ema > 0) {
        TRIT_TRY(add_plain(&it->ema, "ema", w, mem, e));
        memcpy(it->ema.val.data, w->data, trit_tensor_bytes(w));
    }
    if (!o->cfg.clip_percentile) return TRIT_OK;
    const trit_tensor history = trit_tensor_make(TRIT_REAL, 1, (int64_t[]){TRIT_CLIP_HISTORY});
    return add_plain(&it->norms, "norms", &history, mem, e);
}

static trit_status add_item(trit_optim *o, trit_param *p, trit_arena *mem, trit_error *e) {
    trit_optim_item *it = &o->item[o->n_item];
    const trit_optim_type *type = o->type;
    bool rest = type->takes && !type->takes(p);
    *it = (trit_optim_item){.param = p,
                            .plain = trit_optim_why_plain(&o->cfg, p),
                            .type = rest ? type->rest : type,
                            .first_span = o->n_span,
                            .factor = 1};
    trit_optim_group_apply(&o->cfg, it);
    if (rest && o->cfg.adam_lr > 0) it->lr_scale *= o->cfg.adam_lr / o->cfg.lr;
    TRIT_TRY(add_slots(o, it, mem, e));
    int64_t len = trit_tensor_len(&p->val);
    for (int64_t at = 0; at < len; at += TRIT_SPAN_GRAIN) {
        o->span[o->n_span++] = (trit_optim_span){o->n_item, at, trit_span_len(len, at)};
    }
    it->n_span = o->n_span - it->first_span;
    o->n_item++;
    return TRIT_OK;
}

trit_status trit_optim_init(trit_optim *o, const trit_optim_cfg *cfg, const trit_params *ps,
                            int64_t total_steps, int n_threads, trit_error *e) {
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
    o->scratch_bytes = (scratch + TRIT_ALIGN - 1) / TRIT_ALIGN * TRIT_ALIGN;
    o->n_scratch = n_threads;
    o->scratch = trit_arena_get(ps->mem, o->scratch_bytes * (size_t)n_threads, e);
    return o->scratch ? TRIT_OK : TRIT_E_NOMEM;
}

trit_optim_item *trit_optim_find(const trit_optim *o, const trit_param *p) {
    for (int i = 0; i < o->n_item; i++) {
        if (o->item[i].param == p) return &o->item[i];
    }
    return NULL;
}

bool trit_optim_state(const trit_optim_item *it, int k, const trit_slot **out) {
    int n = it->type->n_slot;
    *out = k < n ? &it->slot[k] : k == n ? &it->ema : &it->norms;
    return k < n + 2;
}

int64_t trit_optim_item_bytes(const trit_optim_item *it) {
    int64_t n = 0;
    const trit_slot *s;
    for (int k = 0; trit_optim_state(it, k, &s); k++) n += trit_slot_bytes(s);
    return n;
}

int64_t trit_optim_state_bytes(const trit_optim *o) {
    int64_t n = 0;
    for (int i = 0; i < o->n_item; i++) n += trit_optim_item_bytes(&o->item[i]);
    return n;
}

/* ---- a step -------------------------------------------------------------------------------- */

/* What all parameters share in an update. */
typedef struct pass {
    const trit_optim *o;
    const trit_exec *x;
    double lr;
    bool decays;
    double keep; /* of the averages */
    trit_optim_call call;
} pass;

double trit_optim_lr(const trit_optim *o, int64_t step) {
    return trit_lr_at(&o->cfg, o->total_steps, step);
}

/* 1/(1 - beta^t): makes the mean of an average that began at 0 right. */
static trit_real bias_correction(double beta, int64_t t) {
    return TRIT_R(1 / (1 - pow(beta, (double)t)));
}

static trit_optim_call call_of(const pass *p, const trit_optim_item *it) {
    trit_optim_call c = p->call;
    c.lr = TRIT_R(p->lr * it->lr_scale);
    c.decay = p->decays ? TRIT_R(it->decay) : 0;
    c.grad_scale = TRIT_R(it->factor);
    c.beta1 = it->beta1;
    c.beta2 = it->beta2;
    c.c1 = bias_correction(c.beta1, c.t);
    c.c2 = bias_correction(c.beta2, c.t);
    return c;
}

/* What types need not know: decay that is part of the gradient, or comes later; limits of elements.
 * Changes the gradient where there is any of it. */
static void prepare(trit_optim_call *c, int64_t n, const trit_real *w, trit_real *g) {
    const trit_optim_cfg *cfg = c->cfg;
    trit_real k = c->grad_scale, most = TRIT_R(cfg->clip_value);
    bool coupled = cfg->decay_mode == TRIT_DECAY_coupled;
    trit_real decay = coupled ? c->decay : 0;
    if (cfg->decay_mode != TRIT_DECAY_decoupled) c->decay = 0;
    if (decay == 0 && most == 0) return;
    for (int64_t i = 0; i < n; i++) {
        trit_real gi = k * g[i];
        if (most > 0) gi = gi < -most ? -most : gi > most ? most : gi;
        g[i] = gi + decay * w[i];
    }
    c->grad_scale = 1;
}

/* To bf16, up or down with the odds that make the mean right. What bf16 holds stays as it is. */
static void round_weights(const trit_exec *x, const trit_param *p, int64_t begin, int64_t n) {
    trit_rng rng = x->rng;
    rng.stream = trit_hash32(p->path) ^ 0x62663136u;
    rng.sub = 0;
    for (int64_t i = 0; i < n; i++) {
        trit_real *w = trit_param_val(p) + begin + i;
        float f = (float)*w;
        uint32_t bits;
        if (!isfinite(f)) continue;
        memcpy(&bits, &f, sizeof bits);
        bits += trit_rng_bits(&rng, (uint64_t)(begin + i)) & 0xFFFFu;
        bits &= 0xFFFF0000u;
        memcpy(&f, &bits, sizeof f);
        *w = TRIT_R(f);
    }
}

/* After the update of n elements of w. */
static void complete(const pass *p, const trit_optim_item *it, int64_t begin, int64_t n) {
    trit_real *w = trit_param_val(it->param) + begin, *ema = trit_slot_at(&it->ema, begin);
    trit_optim_call c = call_of(p, it);
    if (c.cfg->decay_mode == TRIT_DECAY_last && c.decay > 0) {
        for (int64_t i = 0; i < n; i++) w[i] -= c.lr * c.decay * w[i];
    }
    if (it->rounds) round_weights(p->x, it->param, begin, n);
    trit_real keep = TRIT_R(p->keep);
    for (int64_t i = 0; ema && i < n; i++) ema[i] = w[i] + keep * (ema[i] - w[i]);
}

static void update_span(const pass *p, const trit_optim_span *s) {
    const trit_optim_item *it = &p->o->item[s->item];
    trit_real *w = trit_param_val(it->param) + s->begin, *g = trit_param_grad(it->param) + s->begin;
    trit_real *slot[TRIT_MAX_SLOT] = {0};
    trit_optim_call c = call_of(p, it);
    prepare(&c, s->n, w, g);
    for (int k = 0; k < it->type->n_slot; k++) {
        if (!it->slot[k].own_shape) slot[k] = trit_slot_at(&it->slot[k], s->begin);
    }
    if (it->chunk) {
        trit_optim_update_coded(it, &c, s->begin, s->n);
    } else {
        it->type->update(&c, s->n, w, g, slot);
    }
    if (!it->type->finish) complete(p, it, s->begin, s->n);
}

/* On one thread, which is number `thread`. */
static void finish_item(const pass *p, const trit_optim_item *it, int thread) {
    const trit_optim *o = p->o;
    trit_exec alone = *p->x;
    alone.n_threads = 1;
    trit_optim_call c = call_of(p, it);
    if (c.cfg->decay_mode != TRIT_DECAY_decoupled) c.decay = 0;
    c.grad_scale = 1;
    trit_optim_whole t = {.x = &alone,
                          .shape = &it->param->val,
                          .w = trit_param_val(it->param),
                          .u = trit_param_grad(it->param),
                          .scratch = o->scratch + (size_t)thread * o->scratch_bytes,
                          .partial = o->partial + it->first_span};
    for (int k = 0; k < it->type->n_slot; k++) {
        if (it->slot[k].own_shape) t.slot[k] = trit_slot_at(&it->slot[k], 0);
    }
    it->type->finish(&c, &t);
    for (int i = 0; i < it->n_span; i++) {
        const trit_optim_span *s = &o->span[it->first_span + i];
        complete(p, it, s->begin, s->n);
    }
}

/* The step that moments begin with again; 0: none. */
static int64_t reset_step(const trit_optim *o) {
    return o->cfg.reset_at_quant ? o->cfg.quant_at : 0;
}

static void forget(const trit_optim *o) {
    for (int i = 0; i < o->n_item; i++) {
        const trit_optim_item *it = &o->item[i];
        for (int k = 0; k < it->type->n_slot; k++) trit_slot_clear(&it->slot[k]);
    }
}

void trit_optim_update(const trit_optim *o, const trit_exec *x, int64_t step, double norm) {
    int64_t reset = reset_step(o);
    if (reset > 0 && step == reset) forget(o);
    trit_optim_clip(o, step, norm);
    const pass p = {.o = o,
                    .x = x,
                    .lr = trit_optim_lr(o, step),
                    .decays = trit_lr_decays(&o->cfg, o->total_steps, step),
                    .keep = fmin(o->cfg.ema, (double)step / (double)(step + 10)),
                    .call = {.k = &x->k,
                             .cfg = &o->cfg,
                             .t = step + 1 - (step >= reset ? reset : 0),
                             .total_steps = o->total_steps,
                             .finite = isfinite(norm),
                             .rounding = x->rng}};
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int i = 0; i < o->n_span; i++) update_span(&p, &o->span[i]);
    if (!o->type->finish) return;
        /* A tensor's products are too small to be worth a barrier each. */
#pragma omp parallel for schedule(dynamic) \
    num_threads(x->n_threads < o->n_scratch ? x->n_threads : o->n_scratch)
    for (int i = 0; i < o->n_item; i++) {
        if (o->item[i].type->finish) finish_item(&p, &o->item[i], omp_get_thread_num());
    }
}

void trit_optim_swap(const trit_optim *o, const trit_exec *x) {
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int i = 0; i < o->n_span; i++) {
        const trit_optim_span *s = &o->span[i];
        const trit_optim_item *it = &o->item[s->item];
        trit_real *w = trit_param_val(it->param) + s->begin,
                  *ema = trit_slot_at(&it->ema, s->begin);
        for (int64_t k = 0; ema && k < s->n; k++) {
            trit_real v = w[k];
            w[k] = ema[k];
            ema[k] = v;
        }
    }
}

void trit_optim_average_anew(const trit_optim *o) {
    for (int i = 0; i < o->n_item; i++) {
        const trit_tensor *w = &o->item[i].param->val, *ema = &o->item[i].ema.val;
        if (ema->data) memcpy(ema->data, w->data, trit_tensor_bytes(w));
    }
}

/* ---- what types use ------------------------------------------------------------------------ */

double trit_optim_sum_sq(const trit_optim_whole *t, const trit_real *a) {
    int64_t len = trit_tensor_len(t->shape), n = (len + TRIT_SPAN_GRAIN - 1) / TRIT_SPAN_GRAIN;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i * TRIT_SPAN_GRAIN;
        t->partial[i] = t->x->k.sum_sq(trit_span_len(len, at), a + at);
    }
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += t->partial[i];
    return sum;
}

void trit_optim_apply(const trit_optim_whole *t, trit_real decay, trit_real k, const trit_real *u) {
    int64_t len = trit_tensor_len(t->shape);
    for (int64_t at = 0; at < len; at += TRIT_SPAN_GRAIN) {
        int64_t end = at + trit_span_len(len, at);
        for (int64_t i = at; i < end; i++) t->w[i] -= decay * t->w[i] + k * u[i];
    }
}
