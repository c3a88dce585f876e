#include "kernel/attn.h"

#ifndef TRIT_DOUBLE /* bf16 is no stand-in for double */
#include "base/status.h"
#include "kernel/attn_tile.h"
#include "kernel/lowp_tile.h"

#include <math.h>
#include <string.h>

/* A block of queries needs the panels of keys up to its own number. */
enum { BLOCK = ATTN_BLOCK, AHEAD = 8 };

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Where a head's operands lie in scratch; what a pass does not need stays NULL. */
typedef struct desk {
    const lowp_ops *ops;
    const attn_ops *attn;
    int64_t n_tokens, width;
    int64_t keys;   /* n_tokens in whole panels */
    int64_t even;   /* width as the depth of a product */
    int64_t across; /* width in whole panels of `panel` columns */
    int panel;
    uint16_t *k_deep, *v_deep; /* panels over keys, depth = width: [keys/BLOCK][even/2][BLOCK][2] */
    uint16_t *k_wide,
        *v_wide; /* panels over width, depth = keys: [across/panel][keys/2][panel][2] */
    uint16_t *rows, *grad_rows; /* [BLOCK][even] of q and dy */
    float *s;                   /* forward: [BLOCK][keys] */
    uint16_t *p;                /* forward: [BLOCK][keys] P, not yet divided by its sum */
    uint16_t *q_pack, *g_pack;  /* [width/8][BLOCK/2][8][2]: columns of q and dy as streams */
    attn_scores panel_scores;   /* backward: of a block and one panel */
    float *gk, *gv;             /* [width][keys] sums for dk and dv, transposed */
} desk;

/* The next place of so many bytes at a multiple of 64; NULL where base is, to count only. */
static void *place(char *base, size_t *used, int64_t bytes) {
    char *here = base ? base + *used : NULL;
    *used += (size_t)(bytes + 63) / 64 * 64;
    return here;
}

static desk lay_out(bool fast, int64_t n_tokens, int64_t width, bool back, char *at, size_t *used) {
    desk d = {.ops = fast ? &trit_lowp_avx512 : &trit_lowp_plain,
              .attn = fast ? &trit_attn_avx512 : &trit_attn_plain,
              .n_tokens = n_tokens,
              .width = width,
              .panel = lowp_width(width)};
    d.keys = (n_tokens + BLOCK - 1) / BLOCK * BLOCK;
    d.even = (width + 1) / 2 * 2;
    d.across = (width + d.panel - 1) / d.panel * d.panel;
    *used = 0;
    d.k_deep = place(at, used, d.keys * d.even * 2);
    d.rows = place(at, used, BLOCK * d.even * 2);
    if (!back) {
        d.v_wide = place(at, used, d.keys * d.across * 2);
        d.s = place(at, used, BLOCK * d.keys * 4);
        d.p = place(at, used, BLOCK * d.keys * 2);
    } else {
        int64_t streams = (width + LOWP_PACK - 1) / LOWP_PACK * LOWP_PACK;
        d.v_deep = place(at, used, d.keys * d.even * 2);
        d.k_wide = place(at, used, d.keys * d.across * 2);
        d.grad_rows = place(at, used, BLOCK * d.even * 2);
        d.q_pack = place(at, used, BLOCK * streams * 2);
        d.g_pack = place(at, used, BLOCK * streams * 2);
        d.panel_scores = (attn_scores){.scale = (float)(1 / sqrt((double)width)),
                                       .s = place(at, used, BLOCK * BLOCK * 4),
                                       .dp = place(at, used, BLOCK * BLOCK * 4),
                                       .p_pairs = place(at, used, BLOCK * BLOCK * 2),
                                       .ds_pairs = place(at, used, BLOCK * BLOCK * 2),
                                       .ds = place(at, used, BLOCK * BLOCK * 2)};
        d.gk = place(at, used, width * d.keys * 4);
        d.gv = place(at, used, width * d.keys * 4);
    }
    return d;
}

size_t trit_attn_bytes(int64_t n_tokens, int64_t width, bool backward) {
    size_t bytes;
    lay_out(false, n_tokens, width, backward, NULL, &bytes);
    return bytes;
}

/* ---- packing ---- */

static const float one = 1;

/* n rows of x to bf16, at most BLOCK. */
static void round_rows(const desk *d, int64_t n, const float *x, int64_t ld, uint16_t *out) {
    for (int64_t i = 0; i < n; i++) {
        /* Heads lie far apart in a row: no processor guesses where the next one begins. */
        if (i + AHEAD < n) __builtin_prefetch(x + (i + AHEAD) * ld);
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

/* ---- products ---- */

/* to[n][panels] = rows . n_panel panels over keys; rows of `to` are ld apart. Of the last panel row
 * r needs seen + r columns; what it does not need may stay as it was. */
static void scores(const desk *d, int64_t n, int64_t n_panel, int64_t seen, const uint16_t *rows,
                   const uint16_t *deep, float *to, int64_t ld) {
    int tile = lowp_rows(BLOCK);
    for (int64_t j = 0; j < n_panel * BLOCK; j += BLOCK) {
        bool last = j + BLOCK == n_panel * BLOCK;
        for (int64_t r = 0; r < n; r += tile) {
            int m = (int)smaller(tile, n - r);
            int width = last ? (int)smaller(BLOCK, seen + r + m - 1) : BLOCK;
            d->ops->tile_bf16(BLOCK, m, width, d->even, rows + r * d->even, d->even,
                              deep + j * d->even, to + r * ld + j, ld, 0);
        }
    }
}

/* to[n][width] = or += p . rows from first on of panels over the width. Row r of p (ld_p apart)
 * holds seen + r numbers, then zeros; at most ld_p. */
static void mix(const desk *d, int64_t seen, int64_t n, const uint16_t *p, int64_t ld_p,
                const uint16_t *wide, int64_t first, float *to, int64_t ld, int acc) {
    int tile = lowp_rows(d->panel);
    for (int64_t r = 0; r < n; r += tile) {
        int m = (int)smaller(tile, n - r);
        int64_t depth = smaller(ld_p, (seen + r + m) / 2 * 2);
        for (int64_t c = 0; c < d->width; c += d->panel) {
            d->ops->tile_bf16(d->panel, m, (int)smaller(d->panel, d->width - c), depth,
                              p + r * ld_p, ld_p, wide + c * d->keys + first * d->panel,
                              to + r * ld + c, ld, acc);
        }
    }
}

/* to[width][keys] += streams of n rows . a panel of pairs, whose first key is j */
static void spread(const desk *d, int64_t n, int64_t j, const uint16_t *streams,
                   const uint16_t *pairs, float *to) {
    int64_t depth = (n + 1) / 2 * 2;
    for (int64_t c = 0; c < d->width; c += LOWP_PACK) {
        d->ops->tile_packed((int)smaller(LOWP_PACK, d->width - c), BLOCK, depth,
                            streams + c * depth, pairs, to + c * d->keys + j, d->keys, 1);
    }
}

/* ---- passes ---- */

static void forward_head(const desk *d, const trit_kernels *k, const trit_attn *a, const float *q,
                         float *y, float *lse) {
    float scale = (float)(1 / sqrt((double)a->width)), sum[BLOCK];
    for (int64_t begin = 0; begin < a->n_tokens; begin += BLOCK) {
        int64_t n = smaller(BLOCK, a->n_tokens - begin);
        round_rows(d, n, q + begin * a->ld_q, a->ld_q, d->rows);
        scores(d, n, begin / BLOCK + 1, 1, d->rows, d->k_deep, d->s, d->keys);
        for (int64_t r = 0; r < n; r++) {
            int64_t at = r * d->keys;
            float most = d->attn->softmax(begin + r + 1, begin + BLOCK, scale, d->s + at, d->p + at,
                                          &sum[r]);
            if (lse) lse[begin + r] = most + logf(sum[r]);
        }
        mix(d, begin + 1, n, d->p, d->keys, d->v_wide, 0, y + begin * a->ld_q, a->ld_q, 0);
        for (int64_t r = 0; r < n; r++) {
            float *row = y + (begin + r) * a->ld_q;
            k->scale(a->width, 1 / sum[r], row, row, false);
        }
    }
}

void trit_attn_forward(const trit_lowp *l, const trit_kernels *k, const trit_attn *a, float *y,
                       float *lse, void *scratch) {
    size_t bytes;
    TRIT_ASSERT(scratch);
    desk d = lay_out(l->fast, a->n_tokens, a->width, false, scratch, &bytes);
    pack_deep(&d, a->k, a->ld_kv, d.k_deep);
    pack_wide(&d, a->v, a->ld_kv, d.v_wide);
    for (int64_t h = 0; h < a->n_query; h++) {
        forward_head(&d, k, a, a->q + h * a->width, y + h * a->width,
                     lse ? lse + h * a->n_tokens : NULL);
    }
}

/* The block's rows and one panel of keys, whose first is j. */
static void backward_panel(const desk *d, const attn_scores *p, int64_t j, float *gq, int64_t ld_q,
                           bool keyed, bool valued) {
    scores(d, p->n, 1, p->seen, d->rows, d->k_deep + j * d->even, p->s, BLOCK);
    scores(d, p->n, 1, p->seen, d->grad_rows, d->v_deep + j * d->even, p->dp, BLOCK);
    d->attn->score_back(p);
    if (valued) spread(d, p->n, j, d->g_pack, p->p_pairs, d->gv);
    if (keyed) spread(d, p->n, j, d->q_pack, p->ds_pairs, d->gk);
    if (gq) mix(d, p->seen, p->n, p->ds, BLOCK, d->k_wide, j, gq, ld_q, 1);
}

static void backward_head(const desk *d, const trit_attn *a, const float *q, const float *y,
                          const float *g, const float *lse, float *gq, bool keyed, bool valued) {
    float delta[BLOCK];
    for (int64_t begin = 0; begin < a->n_tokens; begin += BLOCK) {
        int64_t n = smaller(BLOCK, a->n_tokens - begin), at = begin * a->ld_q;
        round_rows(d, n, q + at, a->ld_q, d->rows);
        round_rows(d, n, g + at, a->ld_q, d->grad_rows);
        if (valued) pack_streams(d, n, g + at, a->ld_q, d->g_pack);
        if (keyed) pack_streams(d, n, q + at, a->ld_q, d->q_pack);
        d->attn->row_dots(n, a->width, a->ld_q, g + at, y + at, delta);
        attn_scores p = d->panel_scores;
        p.n = (int)n;
        p.lse = lse + begin;
        p.delta = delta;
        for (int64_t j = 0; j <= begin; j += BLOCK) {
            p.seen = j < begin ? BLOCK : 1;
            backward_panel(d, &p, j, gq ? gq + at : NULL, a->ld_q, keyed, valued);
        }
    }
}

void trit_attn_backward(const trit_lowp *l, const trit_attn *a, const float *y, const float *g,
                        const float *lse, float *gq, float *gk, float *gv, void *scratch) {
    size_t bytes;
    TRIT_ASSERT(scratch);
    desk d = lay_out(l->fast, a->n_tokens, a->width, true, scratch, &bytes);
    pack_deep(&d, a->k, a->ld_kv, d.k_deep);
    pack_deep(&d, a->v, a->ld_kv, d.v_deep);
    if (gq) pack_wide(&d, a->k, a->ld_kv, d.k_wide);
    memset(d.gk, 0, (size_t)(a->width * d.keys) * sizeof *d.gk);
    memset(d.gv, 0, (size_t)(a->width * d.keys) * sizeof *d.gv);
    for (int64_t h = 0; h < a->n_query; h++) {
        int64_t at = h * a->width;
        backward_head(&d, a, a->q + at, y + at, g + at, lse + h * a->n_tokens, gq ? gq + at : NULL,
                      gk != NULL, gv != NULL);
    }
    if (gk) d.attn->add_transposed(a->width, a->n_tokens, d.gk, d.keys, gk, a->ld_kv);
    if (gv) d.attn->add_transposed(a->width, a->n_tokens, d.gv, d.keys, gv, a->ld_kv);
}
#endif
