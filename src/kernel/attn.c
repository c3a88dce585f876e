#include "kernel/attn.h"

#ifndef TRIT_DOUBLE /* bf16 is no stand-in for double */
#include "base/status.h"
#include "kernel/lowp_tile.h"

#include <math.h>
#include <string.h>

/* Query rows of a block, and keys of a panel: a block needs the panels up to its own number. */
enum { BLOCK = 48 };

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Where a head's operands lie in scratch; what a pass does not need stays NULL. */
typedef struct desk {
    const lowp_ops *ops;
    int64_t n_tokens, width;
    int64_t keys;   /* n_tokens in whole panels */
    int64_t even;   /* width as the depth of a product */
    int64_t across; /* width in whole panels of `panel` columns */
    int panel;
    uint16_t *k_deep, *v_deep; /* panels over keys, depth = width: [keys/BLOCK][even/2][BLOCK][2] */
    uint16_t *k_wide,
        *v_wide; /* panels over width, depth = keys: [across/panel][keys/2][panel][2] */
    uint16_t *rows, *grad_rows; /* [BLOCK][even] of q and dy */
    uint16_t *q_pack, *g_pack;  /* [width/8][BLOCK/2][8][2]: columns of q and dy as streams */
    float *s, *dp;              /* [BLOCK][keys] */
    uint16_t *p;                /* [BLOCK][keys] P, or dS, as rows */
    uint16_t *p_deep; /* [keys/BLOCK][BLOCK/2][BLOCK][2] P, then dS, as panels over keys */
    float *gk, *gv;   /* [width, keys] sums for dk and dv, transposed */
} desk;

/* The next place of so many bytes at a multiple of 64; NULL where base is, to count only. */
static void *place(char *base, size_t *used, int64_t bytes) {
    char *here = base ? base + *used : NULL;
    *used += (size_t)(bytes + 63) / 64 * 64;
    return here;
}

static desk lay_out(const lowp_ops *ops, int64_t n_tokens, int64_t width, bool back, char *at,
                    size_t *used) {
    desk d = {.ops = ops, .n_tokens = n_tokens, .width = width, .panel = lowp_width(width)};
    d.keys = (n_tokens + BLOCK - 1) / BLOCK * BLOCK;
    d.even = (width + 1) / 2 * 2;
    d.across = (width + d.panel - 1) / d.panel * d.panel;
    *used = 0;
    d.k_deep = place(at, used, d.keys * d.even * 2);
    d.rows = place(at, used, BLOCK * d.even * 2);
    d.s = place(at, used, BLOCK * d.keys * 4);
    d.p = place(at, used, BLOCK * d.keys * 2);
    if (!back) {
        d.v_wide = place(at, used, d.keys * d.across * 2);
    } else {
        int64_t streams = (width + LOWP_PACK - 1) / LOWP_PACK * LOWP_PACK;
        d.v_deep = place(at, used, d.keys * d.even * 2);
        d.k_wide = place(at, used, d.keys * d.across * 2);
        d.grad_rows = place(at, used, BLOCK * d.even * 2);
        d.q_pack = place(at, used, BLOCK * streams * 2);
        d.g_pack = place(at, used, BLOCK * streams * 2);
        d.dp = place(at, used, BLOCK * d.keys * 4);
        d.p_deep = place(at, used, BLOCK * d.keys * 2);
        d.gk = place(at, used, width * d.keys * 4);
        d.gv = place(at, used, width * d.keys * 4);
    }
    return d;
}

size_t trit_attn_bytes(int64_t n_tokens, int64_t width, bool backward) {
    size_t bytes;
    lay_out(NULL, n_tokens, width, backward, NULL, &bytes);
    return bytes;
}

/* ---- packing ---- */

static const float one = 1;

/* n rows of x to bf16, at most BLOCK. */
static void round_rows(const desk *d, int64_t n, const float *x, int64_t ld, uint16_t *out) {
    for (int64_t i = 0; i < n; i++) {
        d->ops->round_row(d->width, x + i * ld, &one, 0, out + i * d->even);
        if (d->width % 2) out[i * d->even + d->width] = 0;
    }
}

/* All rows of x as panels over rows, the depth running over the width. */
static void pack_deep(const desk *d, const float *x, int64_t ld, uint16_t *out) {
    for (int64_t j = 0; j < d->keys; j += BLOCK) {
        uint16_t *panel = out + j * d->even, *rows = d->rows;
        int64_t n = smaller(BLOCK, d->n_tokens - j);
        round_rows(d, n, x + j * ld, ld, rows);
        memset(rows + n * d->even, 0, (size_t)((BLOCK - n) * d->even) * sizeof *rows);
        d->ops->transpose_pairs(BLOCK, d->even / 2, rows, panel);
    }
}

/* All rows of x as panels over the width, the depth running over rows. */
static void pack_wide(const desk *d, const float *x, int64_t ld, uint16_t *out) {
    for (int64_t c = 0; c < d->width; c += d->panel) {
        uint16_t *panel = out + c * d->keys;
        for (int64_t t = 0; t < d->n_tokens; t += 2) {
            const float *a = x + t * ld + c, *b = t + 1 < d->n_tokens ? a + ld : NULL;
            d->ops->pack_reals(d->panel, smaller(d->panel, d->width - c), a, b,
                               panel + t * d->panel);
        }
    }
}

/* Columns of n rows of x as streams. */
static void pack_streams(const desk *d, int64_t n, const float *x, int64_t ld, uint16_t *out) {
    int64_t next = LOWP_PACK * ((n + 1) / 2 * 2);
    for (int64_t c = 0; c < d->width; c += 2 * LOWP_PACK) {
        for (int64_t r = 0; r < n; r += LOWP_BLOCK) {
            d->ops->pack_columns(smaller(LOWP_BLOCK, n - r), smaller(2 * LOWP_PACK, d->width - c),
                                 x + r * ld + c, ld, &one, 0,
                                 out + c / LOWP_PACK * next + r * LOWP_PACK, next);
        }
    }
}

/* The block's rows of m, which are zero beyond its own panel, as panels over keys. */
static void pack_scores(const desk *d, int64_t n, int64_t keys, const float *m, uint16_t *out) {
    for (int64_t j = 0; j < keys; j += BLOCK) {
        for (int64_t t = 0; t < n; t += 2) {
            const float *a = m + t * d->keys + j, *b = t + 1 < n ? a + d->keys : NULL;
            d->ops->pack_reals(BLOCK, BLOCK, a, b, out + j * BLOCK + t * BLOCK);
        }
    }
}

/* ---- products ---- */

/* to[n][keys] = rows . panels over keys */
static void scores(const desk *d, int64_t n, int64_t keys, const uint16_t *rows,
                   const uint16_t *deep, float *to) {
    int tile = lowp_rows(BLOCK);
    for (int64_t j = 0; j < keys; j += BLOCK) {
        for (int64_t r = 0; r < n; r += tile) {
            d->ops->tile_bf16(BLOCK, (int)smaller(tile, n - r), BLOCK, d->even, rows + r * d->even,
                              d->even, deep + j * d->even, to + r * d->keys + j, d->keys, 0);
        }
    }
}

/* to[n][width] = or += p . panels over the width; row r of p has begin + r + 1 numbers, then zeros
 * up to the end of the block's panel. */
static void mix(const desk *d, int64_t begin, int64_t n, const uint16_t *wide, float *to,
                int64_t ld, int acc) {
    int tile = lowp_rows(d->panel);
    for (int64_t r = 0; r < n; r += tile) {
        int m = (int)smaller(tile, n - r);
        int64_t depth = (begin + r + m + 1) / 2 * 2;
        for (int64_t c = 0; c < d->width; c += d->panel) {
            d->ops->tile_bf16(d->panel, m, (int)smaller(d->panel, d->width - c), depth,
                              d->p + r * d->keys, d->keys, wide + c * d->keys, to + r * ld + c, ld,
                              acc);
        }
    }
}

/* to[width][keys] += streams of n rows . panels over keys */
static void spread(const desk *d, int64_t n, int64_t keys, const uint16_t *streams, float *to) {
    int64_t depth = (n + 1) / 2 * 2;
    for (int64_t j = 0; j < keys; j += BLOCK) {
        for (int64_t c = 0; c < d->width; c += LOWP_PACK) {
            d->ops->tile_packed((int)smaller(LOWP_PACK, d->width - c), BLOCK, depth,
                                streams + c * depth, d->p_deep + j * BLOCK, to + c * d->keys + j,
                                d->keys, 1);
        }
    }
}

/* ---- passes ---- */

static void forward_head(const desk *d, const trit_kernels *k, const trit_attn *a, const float *q,
                         float *y, float *lse) {
    float scale = (float)(1 / sqrt((double)a->width)), sum[BLOCK];
    for (int64_t begin = 0; begin < a->n_tokens; begin += BLOCK) {
        int64_t n = smaller(BLOCK, a->n_tokens - begin), keys = begin + BLOCK;
        round_rows(d, n, q + begin * a->ld_q, a->ld_q, d->rows);
        scores(d, n, keys, d->rows, d->k_deep, d->s);
        for (int64_t r = 0; r < n; r++) {
            float *row = d->s + r * d->keys;
            int64_t seen = begin + r + 1;
            float most = k->exp_row(seen, scale, row, &sum[r]);
            if (lse) lse[begin + r] = most + (float)log((double)sum[r]);
            d->ops->round_row(seen, row, &one, 0, d->p + r * d->keys);
            memset(d->p + r * d->keys + seen, 0, (size_t)(keys - seen) * sizeof *d->p);
        }
        mix(d, begin, n, d->v_wide, y + begin * a->ld_q, a->ld_q, 0);
        for (int64_t r = 0; r < n; r++) {
            float *row = y + (begin + r) * a->ld_q;
            k->scale(a->width, 1 / sum[r], row, row, false);
        }
    }
}

static const lowp_ops *ops_of(const trit_lowp *l) {
    return l->fast ? &trit_lowp_avx512 : &trit_lowp_plain;
}

void trit_attn_forward(const trit_lowp *l, const trit_kernels *k, const trit_attn *a, float *y,
                       float *lse, void *scratch) {
    size_t bytes;
    TRIT_ASSERT(scratch);
    desk d = lay_out(ops_of(l), a->n_tokens, a->width, false, scratch, &bytes);
    pack_deep(&d, a->k, a->ld_kv, d.k_deep);
    pack_wide(&d, a->v, a->ld_kv, d.v_wide);
    for (int64_t h = 0; h < a->n_query; h++) {
        forward_head(&d, k, a, a->q + h * a->width, y + h * a->width,
                     lse ? lse + h * a->n_tokens : NULL);
    }
}

/* P into s and dS into dp, for the block's rows, zero beyond what a row sees. */
static void score_gradients(const desk *d, const trit_kernels *k, const trit_attn *a, int64_t begin,
                            int64_t n, const float *y, const float *g, const float *lse) {
    float scale = (float)(1 / sqrt((double)a->width));
    int64_t keys = begin + BLOCK;
    for (int64_t r = 0; r < n; r++) {
        float *p = d->s + r * d->keys, *dp = d->dp + r * d->keys;
        int64_t seen = begin + r + 1, at = (begin + r) * a->ld_q;
        float delta = (float)k->dot(a->width, g + at, y + at);
        k->exp_shift(seen, scale, lse[begin + r], p, p);
        k->softmax_back(seen, scale, delta, p, dp);
        memset(p + seen, 0, (size_t)(keys - seen) * sizeof *p);
        memset(dp + seen, 0, (size_t)(keys - seen) * sizeof *dp);
    }
}

static void backward_head(const desk *d, const trit_kernels *k, const trit_attn *a, const float *q,
                          const float *y, const float *g, const float *lse, float *gq, bool keyed,
                          bool valued) {
    for (int64_t begin = 0; begin < a->n_tokens; begin += BLOCK) {
        int64_t n = smaller(BLOCK, a->n_tokens - begin), keys = begin + BLOCK;
        const float *q_rows = q + begin * a->ld_q, *g_rows = g + begin * a->ld_q;
        round_rows(d, n, q_rows, a->ld_q, d->rows);
        round_rows(d, n, g_rows, a->ld_q, d->grad_rows);
        scores(d, n, keys, d->rows, d->k_deep, d->s);
        scores(d, n, keys, d->grad_rows, d->v_deep, d->dp);
        score_gradients(d, k, a, begin, n, y, g, lse);
        if (valued) {
            pack_streams(d, n, g_rows, a->ld_q, d->g_pack);
            pack_scores(d, n, keys, d->s, d->p_deep);
            spread(d, n, keys, d->g_pack, d->gv);
        }
        if (keyed) {
            pack_streams(d, n, q_rows, a->ld_q, d->q_pack);
            pack_scores(d, n, keys, d->dp, d->p_deep);
            spread(d, n, keys, d->q_pack, d->gk);
        }
        if (gq) {
            for (int64_t r = 0; r < n; r++) {
                d->ops->round_row(keys, d->dp + r * d->keys, &one, 0, d->p + r * d->keys);
            }
            mix(d, begin, n, d->k_wide, gq + begin * a->ld_q, a->ld_q, 1);
        }
    }
}

static void add_transposed(const desk *d, const float *from, float *to, int64_t ld) {
    for (int64_t t = 0; t < d->n_tokens; t++) {
        for (int64_t c = 0; c < d->width; c++) to[t * ld + c] += from[c * d->keys + t];
    }
}

void trit_attn_backward(const trit_lowp *l, const trit_kernels *k, const trit_attn *a,
                        const float *y, const float *g, const float *lse, float *gq, float *gk,
                        float *gv, void *scratch) {
    size_t bytes;
    TRIT_ASSERT(scratch);
    desk d = lay_out(ops_of(l), a->n_tokens, a->width, true, scratch, &bytes);
    pack_deep(&d, a->k, a->ld_kv, d.k_deep);
    pack_deep(&d, a->v, a->ld_kv, d.v_deep);
    if (gq) pack_wide(&d, a->k, a->ld_kv, d.k_wide);
    memset(d.gk, 0, (size_t)(a->width * d.keys) * sizeof *d.gk);
    memset(d.gv, 0, (size_t)(a->width * d.keys) * sizeof *d.gv);
    for (int64_t h = 0; h < a->n_query; h++) {
        int64_t at = h * a->width;
        backward_head(&d, k, a, a->q + at, y + at, g + at, lse + h * a->n_tokens,
                      gq ? gq + at : NULL, gk != NULL, gv != NULL);
    }
    if (gk) add_transposed(&d, d.gk, gk, a->ld_kv);
    if (gv) add_transposed(&d, d.gv, gv, a->ld_kv);
}
#endif
