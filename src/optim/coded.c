/* Updates of parameters whose state is encoded. */
#include "optim/optim.h"

#include <math.h>

static bool is_coded(const trit_slot *s) {
    return s->val.data && s->state->decode;
}

const char *trit_optim_why_plain(const trit_optim_cfg *c, const trit_param *p) {
    if (!trit_state_types[c->state]->decode) return "optim.state is fp32";
    switch (p->role) {
    case TRIT_ROLE_weight:
    case TRIT_ROLE_head:
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

/* Elements whose gradient is not finite: as if they were not there, and their state 0. */
typedef struct bad_elements {
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
        for (int k = 0; k < TRIT_MAX_SLOT; k++) {
            if (slot[k]) slot[k][i] = 0;
        }
    }
}

/* 8-bit state, which is decoded and encoded where it is updated. */
static void update_8bit(const trit_optim_item *it, const trit_optim_call *c, int64_t begin,
                        int64_t n) {
    trit_real *absmax[TRIT_MAX_SLOT];
    uint8_t *code[TRIT_MAX_SLOT];
    for (int k = 0; k < it->type->n_slot; k++) {
        const trit_slot *s = &it->slot[k];
        absmax[k] = (trit_real *)s->absmax.data + begin / s->block;
        code[k] = (uint8_t *)s->val.data + begin;
    }
    it->type->update8(c, n, it->slot[0].block, trit_param_val(it->param) + begin,
                      trit_param_grad(it->param) + begin, absmax, code);
}

/* Encoded state of a few blocks: decode, update, encode. */
static void update_chunk(const trit_optim_item *it, const trit_optim_call *c, int64_t begin,
                         int64_t n) {
    trit_real x[TRIT_MAX_SLOT * TRIT_STATE_MAX_BLOCK], *slot[TRIT_MAX_SLOT] = {0};
    trit_real *w = trit_param_val(it->param) + begin, *g = trit_param_grad(it->param) + begin;
    for (int k = 0; k < it->type->n_slot; k++) {
        if (!is_coded(&it->slot[k])) continue;
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
    r.stream = trit_hash32(it->param->path) ^ 0x73746174u;
    for (int k = 0; k < it->type->n_slot; k++) {
        if (!is_coded(&it->slot[k])) continue;
        r.sub = (uint32_t)k;
        trit_slot_encode(&it->slot[k], c->k, begin, n, slot[k], c->cfg->stochastic ? &r : NULL);
    }
}

void trit_optim_update_coded(const trit_optim_item *it, const trit_optim_call *c, int64_t begin,
                             int64_t n) {
    if (it->type->update8 && it->slot[0].state == &trit_state_dyn8 && c->finite &&
        !c->cfg->stochastic) {
        update_8bit(it, c, begin, n);
        return;
    }
    for (int64_t at = 0; at < n; at += it->chunk) {
        update_chunk(it, c, begin + at, n - at < it->chunk ? n - at : it->chunk);
    }
}
