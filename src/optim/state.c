#include "optim/state.h"

#include "optim/state_list.h"

#include <string.h>

#define X(name, word) extern const trit_state_type trit_state_##name;
TRIT_STATE_LIST(X)
#undef X
const trit_state_type *const trit_state_types[] = {
#define X(name, word) &trit_state_##name,
    TRIT_STATE_LIST(X)
#undef X
        NULL};
const char *const trit_state_names[] = {
#define X(name, word) word,
    TRIT_STATE_LIST(X)
#undef X
        NULL};

const trit_state_type trit_state_fp32 = {
    .name = "fp32",
    .doc = "state in single precision",
    .bits = 32,
    .dtype = TRIT_REAL,
};

void trit_slot_clear(const trit_slot *s) {
    bool coded = s->state->has_absmax;
    if (!s->val.data) return;
    memset(s->val.data, coded ? s->state->zero[s->is_signed] : 0, trit_tensor_bytes(&s->val));
    if (s->absmax.data) memset(s->absmax.data, 0, trit_tensor_bytes(&s->absmax));
}

trit_status trit_slot_init(trit_slot *s, const trit_state_type *state, int64_t block,
                           const trit_tensor *shape, trit_arena *mem, trit_error *e) {
    int64_t len = trit_tensor_len(shape);
    s->state = state;
    s->block = block && state->has_absmax ? block : state->block;
    s->val = trit_tensor_make(state->dtype, shape->ndim, shape->dim);
    if (state->bits < 8) {
        int64_t n_bytes = (len * state->bits + 7) / 8;
        s->val = trit_tensor_make(state->dtype, 1, &n_bytes);
    }
    size_t n_bytes = trit_tensor_bytes(&s->val);
    s->val.data = trit_arena_get(mem, n_bytes, e);
    if (!s->val.data) return TRIT_E_NOMEM;
    trit_slot_clear(s);
    if (!state->has_absmax) return TRIT_OK;
    int64_t n_block = (len + s->block - 1) / s->block;
    s->absmax = trit_tensor_make(TRIT_REAL, 1, &n_block);
    s->absmax.data = trit_arena_get(mem, trit_tensor_bytes(&s->absmax), e);
    return s->absmax.data ? TRIT_OK : TRIT_E_NOMEM;
}

int64_t trit_slot_bytes(const trit_slot *s) {
    size_t n = s->val.data ? trit_tensor_bytes(&s->val) : 0;
    return (int64_t)(s->absmax.data ? n + trit_tensor_bytes(&s->absmax) : n);
}

/* The block at `at` of the elements begin.. in x[n]. */
static trit_state_block block_at(const trit_slot *s, const trit_kernels *k, int64_t begin,
                                 int64_t at, int64_t n, trit_real *x) {
    return (trit_state_block){.k = k,
                              .is_signed = s->is_signed,
                              .n = n - at < s->block ? n - at : s->block,
                              .x = x + at,
                              .code = (char *)s->val.data + (begin + at) * s->state->bits / 8};
}

void trit_slot_decode(const trit_slot *s, const trit_kernels *k, int64_t begin, int64_t n,
                      trit_real *x) {
    const trit_real *absmax = s->absmax.data;
    for (int64_t at = 0; at < n; at += s->block) {
        trit_state_block b = block_at(s, k, begin, at, n, x);
        if (absmax) b.a = absmax[(begin + at) / s->block];
        s->state->decode(&b);
    }
}

void trit_slot_encode(const trit_slot *s, const trit_kernels *k, int64_t begin, int64_t n,
                      trit_real *x, const trit_rng *r) {
    trit_real *absmax = s->absmax.data;
    for (int64_t at = 0; at < n; at += s->block) {
        trit_state_block b = block_at(s, k, begin, at, n, x);
        if (absmax) b.a = absmax[(begin + at) / s->block] = k->abs_max(b.n, b.x);
        if (r) {
            s->state->encode_random(&b, r, (uint64_t)(begin + at));
        } else {
            s->state->encode(&b);
        }
    }
}

void trit_slot_convert(const trit_slot *from, const trit_slot *to, const trit_kernels *k,
                       int64_t n) {
    if (from->state == to->state && from->block == to->block) {
        memcpy(to->val.data, from->val.data, trit_tensor_bytes(&to->val));
        if (!to->absmax.data) return;
        memcpy(to->absmax.data, from->absmax.data, trit_tensor_bytes(&to->absmax));
        return;
    }
    trit_real x[TRIT_STATE_MAX_BLOCK];
    for (int64_t at = 0; at < n; at += TRIT_STATE_MAX_BLOCK) {
        int64_t some = n - at < TRIT_STATE_MAX_BLOCK ? n - at : TRIT_STATE_MAX_BLOCK;
        const trit_real *plain = trit_slot_at(from, at);
        trit_real *out = trit_slot_at(to, at);
        if (plain) {
            memcpy(x, plain, (size_t)some * sizeof *x);
        } else {
            trit_slot_decode(from, k, at, some, x);
        }
        if (out) {
            memcpy(out, x, (size_t)some * sizeof *x);
        } else {
            trit_slot_encode(to, k, at, some, x, NULL);
        }
    }
}

void trit_state_round(const trit_state_block *b, int n_value, const trit_real *value,
                      const trit_rng *r, uint64_t first, uint8_t *code) {
    if (!(b->a > 0)) return;
    for (int64_t i = 0; i < b->n; i++) {
        trit_real u = b->x[i] / b->a, v = value[code[i]];
        int other = u > v ? code[i] + 1 : u < v ? code[i] - 1 : -1;
        if (other < 0 || other >= n_value) continue;
        double p = (double)(u - v) / (double)(value[other] - v);
        if (trit_rng_uniform(r, first + (uint64_t)i) < p) code[i] = (uint8_t)other;
    }
}
