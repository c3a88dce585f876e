#include "layers/transformer.h"

#include "autograd/ops.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static trit_status add_norm(trit_norm_layer *l, const char *path, int64_t width, bool bias,
                            trit_params *ps, trit_error *e) {
    char name[256];
    snprintf(name, sizeof name, "%s.weight", path);
    TRIT_TRY(trit_params_add(ps, name, TRIT_ROLE_norm, 1, &width, &l->w, e));
    for (int64_t i = 0; i < width; i++) trit_param_val(l->w)[i] = 1;
    if (!bias) return TRIT_OK;
    snprintf(name, sizeof name, "%s.bias", path);
    return trit_params_add(ps, name, TRIT_ROLE_norm, 1, &width, &l->b, e);
}

/* What init needs at every layer. */
typedef struct builder {
    trit_transformer *m;
    trit_quant_chooser choose;
    void *self;
    uint64_t seed;
    trit_params *ps;
    trit_error *e;
} builder;

static trit_rng rng_of(const builder *b, const trit_param *p) {
    return (trit_rng){.seed = b->seed, .stream = trit_hash32(p->path)};
}

static void draw_uniform(const builder *b, trit_param *p, double bound) {
    trit_rng rng = rng_of(b, p);
    for (int64_t i = 0; i < trit_tensor_len(&p->val); i++) {
        trit_param_val(p)[i] = TRIT_R(bound * (2 * trit_rng_uniform(&rng, (uint64_t)i) - 1));
    }
}

static void draw_xavier(const builder *b, trit_param *p) {
    draw_uniform(b, p, sqrt(6.0 / (double)(p->val.dim[0] + p->val.dim[1])));
}

static void draw(const builder *b, trit_param *p, bool into_residual) {
    const trit_model_cfg *c = &b->m->cfg;
    trit_rng rng = rng_of(b, p);
    if (c->init == TRIT_INIT_xavier) {
        draw_xavier(b, p);
        return;
    }
    double std = c->init_std;
    if (into_residual && c->init == TRIT_INIT_gpt2) std /= sqrt(2.0 * (double)c->layers);
    for (int64_t i = 0; i < trit_tensor_len(&p->val); i++) {
        trit_param_val(p)[i] = TRIT_R(std * trit_rng_normal(&rng, (uint64_t)i));
    }
}

/* A layer's weight; of adapters a as in LoRA (Kaiming's bound with a slope of sqrt 5), b stays 0.
 */
static void draw_linear(const builder *b, const trit_linear_layer *l, bool into_residual) {
    draw(b, l->w, into_residual);
    if (l->lora_a) draw_uniform(b, l->lora_a, 1 / sqrt((double)l->n_in));
}

static trit_status add_linear(const builder *b, trit_linear_layer *l, const char *path,
                              int64_t n_in, int64_t n_out, bool into_residual) {
    trit_quant_choice choice;
    b->choose(b->self, path, true, &choice);
    TRIT_TRY(trit_linear_layer_init(l, path, n_in, n_out, b->m->cfg.biases, NULL, TRIT_ROLE_weight,
                                    &choice, b->ps, b->e));
    draw_linear(b, l, into_residual);
    b->m->linear[b->m->n_linear++] = l;
    return TRIT_OK;
}

static bool is_gated(int64_t ffn) {
    return ffn == TRIT_FFN_swiglu || ffn == TRIT_FFN_relu2glu;
}

static trit_status add_attention(const builder *b, trit_block *k, int64_t i) {
    const trit_model_cfg *c = &b->m->cfg;
    int64_t head = c->width / c->heads, kv = head * c->kv_heads;
    bool bias = c->biases && c->norm == TRIT_NORM_layer;
    char path[96];
#define PATH(part) (snprintf(path, sizeof path, "blocks.%d.attn." part, (int)i), path)
    TRIT_TRY(add_norm(&k->attn_norm, PATH("norm"), c->width, bias, b->ps, b->e));
    TRIT_TRY(add_linear(b, &k->q, PATH("q"), c->width, c->width, false));
    TRIT_TRY(add_linear(b, &k->k, PATH("k"), c->width, kv, false));
    TRIT_TRY(add_linear(b, &k->v, PATH("v"), c->width, kv, false));
    if (c->qk_norm) {
        TRIT_TRY(add_norm(&k->q_norm, PATH("q_norm"), head, false, b->ps, b->e));
        TRIT_TRY(add_norm(&k->k_norm, PATH("k_norm"), head, false, b->ps, b->e));
    }
    if (c->sub_norm) {
        TRIT_TRY(add_norm(&k->attn_sub_norm, PATH("sub_norm"), c->width, bias, b->ps, b->e));
    }
    return add_linear(b, &k->o, PATH("o"), c->width, c->width, true);
#undef PATH
}

/* Learned numbers of the activation function, one for each channel. */
static trit_status add_activation(const builder *b, trit_block *k, int64_t i) {
    static const struct {
        trit_ffn ffn;
        const char *name;
        double first;
        trit_role role;
    } rows[] = {{TRIT_FFN_rprelu, "shift", 0, TRIT_ROLE_bias},
                {TRIT_FFN_rprelu, "slope", 0.25, TRIT_ROLE_norm},
                {TRIT_FFN_rprelu, "out", 0, TRIT_ROLE_bias},
                {TRIT_FFN_maxout, "pos", 1, TRIT_ROLE_norm},
                {TRIT_FFN_maxout, "neg", 0.25, TRIT_ROLE_norm}};
    const trit_model_cfg *c = &b->m->cfg;
    int n = 0;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        if ((int)rows[r].ffn != c->ffn) continue;
        char path[96];
        snprintf(path, sizeof path, "blocks.%d.ffn.act.%s", (int)i, rows[r].name);
        TRIT_TRY(trit_params_add(b->ps, path, rows[r].role, 1, &c->ffn_width, &k->act[n], b->e));
        for (int64_t j = 0; j < c->ffn_width; j++) {
            trit_param_val(k->act[n])[j] = TRIT_R(rows[r].first);
        }
        n++;
    }
    return TRIT_OK;
}

static trit_status add_ffn(const builder *b, trit_block *k, int64_t i) {
    const trit_model_cfg *c = &b->m->cfg;
    bool bias = c->biases && c->norm == TRIT_NORM_layer;
    char path[96];
#define PATH(part) (snprintf(path, sizeof path, "blocks.%d.ffn." part, (int)i), path)
    TRIT_TRY(add_norm(&k->ffn_norm, PATH("norm"), c->width, bias, b->ps, b->e));
    if (is_gated(c->ffn)) {
        TRIT_TRY(add_linear(b, &k->gate, PATH("gate"), c->width, c->ffn_width, false));
    }
    TRIT_TRY(add_linear(b, &k->up, PATH("up"), c->width, c->ffn_width, false));
    TRIT_TRY(add_activation(b, k, i));
    if (c->sub_norm) {
        TRIT_TRY(add_norm(&k->ffn_sub_norm, PATH("sub_norm"), c->ffn_width, bias, b->ps, b->e));
    }
    return add_linear(b, &k->down, PATH("down"), c->ffn_width, c->width, true);
#undef PATH
}

static void resolve(trit_model_cfg *c) {
    if (!c->kv_heads) c->kv_heads = c->heads;
    if (!c->ffn_width) {
        c->ffn_width = is_gated(c->ffn) ? (8 * c->width / 3 + 31) / 32 * 32 : 4 * c->width;
    }
}

trit_status trit_transformer_init(trit_transformer *m, const trit_model_cfg *cfg,
                                  trit_quant_chooser choose, void *self, uint64_t seed,
                                  trit_params *ps, trit_error *e) {
    *m = (trit_transformer){.cfg = *cfg};
    resolve(&m->cfg);
    const trit_model_cfg *c = &m->cfg;
    builder b = {m, choose, self, seed, ps, e};
    m->block = trit_arena_get(ps->mem, (size_t)c->layers * sizeof *m->block, e);
    m->linear = trit_arena_get(ps->mem, (size_t)(7 * c->layers + 1) * sizeof *m->linear, e);
    if (!m->block || !m->linear) return TRIT_E_NOMEM;

    trit_quant_choice choice;
    TRIT_TRY(trit_params_add(ps, "embed.weight", TRIT_ROLE_embedding, 2,
                             (int64_t[]){c->vocab, c->width}, &m->embed, e));
    if (c->stable_embedding) {
        draw_xavier(&b, m->embed);
        TRIT_TRY(add_norm(&m->embed_norm, "embed.norm", c->width, true, ps, e));
    } else {
        draw(&b, m->embed, false);
    }
    choose(self, "embed", false, &choice);
    choice.activations = trit_spec_off(); /* a table has no second operand */
    TRIT_TRY_AS(trit_spec_check_pair(&choice.weights, &choice.activations, e), e, "embed");
    TRIT_TRY(trit_quant_init(&m->embed_quant, &choice.weights, TRIT_QUANT_WEIGHT,
                             "embed.weight_quant", c->vocab, c->width, ps, e));
    if (c->positions == TRIT_POSITION_learned) {
        TRIT_TRY(trit_params_add(ps, "position.weight", TRIT_ROLE_embedding, 2,
                                 (int64_t[]){c->context, c->width}, &m->position, e));
        draw(&b, m->position, false);
    }
    for (int64_t i = 0; i < c->layers; i++) {
        TRIT_TRY(add_attention(&b, &m->block[i], i));
        TRIT_TRY(add_ffn(&b, &m->block[i], i));
    }
    TRIT_TRY(add_norm(&m->final_norm, "final_norm", c->width,
                      c->biases && c->norm == TRIT_NORM_layer, ps, e));
    choose(self, "head", false, &choice);
    TRIT_TRY(trit_linear_layer_init(&m->head, "head", c->width, c->vocab, false,
                                    c->tied ? m->embed : NULL, TRIT_ROLE_head, &choice, ps, e));
    if (!c->tied) draw_linear(&b, &m->head, false);
    m->linear[m->n_linear++] = &m->head;
    return TRIT_OK;
}

int trit_transformer_n_quant(const trit_transformer *m) {
    return 2 * m->n_linear + 1;
}

trit_quant *trit_transformer_quant(trit_transformer *m, int i) {
    if (!i) return &m->embed_quant;
    trit_linear_layer *l = m->linear[(i - 1) / 2];
    return i % 2 ? &l->wq : &l->aq;
}

trit_status trit_transformer_without_quant(trit_transformer *to, const trit_transformer *m,
                                           trit_arena *mem, trit_error *e) {
    *to = *m;
    size_t n = (size_t)m->cfg.layers;
    to->block = trit_arena_get(mem, n * sizeof *to->block, e);
    to->linear = trit_arena_get(mem, (size_t)m->n_linear * sizeof *to->linear, e);
    if (!to->block || !to->linear) return TRIT_E_NOMEM;
    memcpy(to->block, m->block, n * sizeof *to->block);
    to->embed_quant = (trit_quant){0};
    for (int i = 0; i < m->n_linear; i++) {
        ptrdiff_t at = (const char *)m->linear[i] - (const char *)m->block;
        bool head = m->linear[i] == &m->head;
        to->linear[i] = head ? &to->head : (trit_linear_layer *)(void *)((char *)to->block + at);
        to->linear[i]->wq = to->linear[i]->aq = (trit_quant){0};
        to->linear[i]->branch = (trit_branch){0};
    }
    return TRIT_OK;
}

void trit_transformer_step(trit_transformer *m, int64_t step) {
    for (int i = 0; i < trit_transformer_n_quant(m); i++) {
        trit_quant_step(trit_transformer_quant(m, i), step);
    }
    for (int i = 0; i < m->n_linear; i++) {
        trit_linear_layer *l = m->linear[i];
        trit_branch_step(&l->branch, step - l->wq.spec.start);
    }
}

/* ---- tracing ---- */

static trit_node *apply_norm(const trit_transformer *m, trit_graph *g, const trit_norm_layer *l,
                             trit_node *x) {
    if (!l->w) return x;
    trit_node *w = trit_leaf(g, l->w);
    if (m->cfg.norm == TRIT_NORM_rms) return trit_rms_norm(g, x, w, m->cfg.norm_eps);
    return trit_layer_norm(g, x, w, l->b ? trit_leaf(g, l->b) : NULL, m->cfg.norm_eps);
}

/* RMSNorm of each head on its own: x [B,T,H*D] as [B,T*H,D]. */
static trit_node *apply_head_norm(const trit_transformer *m, trit_graph *g,
                                  const trit_norm_layer *l, trit_node *x, int64_t n_head) {
    if (!l->w || !x) return x;
    int64_t B = x->val.dim[0], T = x->val.dim[1], C = x->val.dim[2];
    trit_node *h = trit_reshape(g, x, 3, (int64_t[]){B, T * n_head, C / n_head});
    h = trit_rms_norm(g, h, trit_leaf(g, l->w), m->cfg.norm_eps);
    return trit_reshape(g, h, 3, (int64_t[]){B, T, C});
}

static trit_node *apply_linear(trit_graph *g, trit_linear_layer *l, const char *name,
                               trit_node *x) {
    trit_graph_push(g, name);
    trit_node *y = trit_linear_layer_apply(l, g, x);
    trit_graph_pop(g);
    return y;
}

static trit_node *apply_attention(trit_transformer *m, trit_graph *g, trit_block *b, trit_node *x,
                                  trit_taps *taps) {
    const trit_model_cfg *c = &m->cfg;
    int first = g->n;
    trit_graph_push(g, "attn");
    trit_node *n = apply_norm(m, g, &b->attn_norm, x);
    trit_node *q = taps->at[TRIT_TAP_q] = apply_linear(g, &b->q, "q", n);
    q = apply_head_norm(m, g, &b->q_norm, q, c->heads);
    trit_node *k = taps->at[TRIT_TAP_k] = apply_linear(g, &b->k, "k", n);
    k = apply_head_norm(m, g, &b->k_norm, k, c->kv_heads);
    trit_node *v = taps->at[TRIT_TAP_v] = apply_linear(g, &b->v, "v", n);
    if (c->positions == TRIT_POSITION_rope) {
        q = trit_rope(g, q, c->heads, c->rope_theta);
        k = trit_rope(g, k, c->kv_heads, c->rope_theta);
    }
    taps->at[TRIT_TAP_query] = q;
    taps->at[TRIT_TAP_key] = k;
    trit_node *y = c->attention == TRIT_ATTENTION_binary
                       ? trit_binary_attention(g, q, k, v, c->heads, c->kv_heads)
                       : trit_attention(g, q, k, v, c->heads, c->kv_heads, c->dropout);
    y = apply_linear(g, &b->o, "o", apply_norm(m, g, &b->attn_sub_norm, y));
    y = trit_dropout(g, y, c->dropout);
    trit_graph_pop(g);
    if (m->recompute == TRIT_RECOMPUTE_attention) trit_graph_recompute(g, first);
    return trit_add(g, x, y);
}

static trit_node *apply_activation(const trit_transformer *m, trit_graph *g, const trit_block *b,
                                   trit_node *x) {
    const trit_model_cfg *c = &m->cfg;
    if (c->ffn == TRIT_FFN_rprelu) {
        return trit_rprelu(g, x, trit_leaf(g, b->act[0]), trit_leaf(g, b->act[1]),
                           trit_leaf(g, b->act[2]));
    }
    if (c->ffn == TRIT_FFN_maxout) {
        return trit_maxout(g, x, trit_leaf(g, b->act[0]), trit_leaf(g, b->act[1]));
    }
    trit_act gelu = c->gelu == 0 /*tanh*/ ? TRIT_ACT_gelu_tanh : TRIT_ACT_gelu;
    return trit_activation(g, x, c->ffn == TRIT_FFN_gelu ? gelu : TRIT_ACT_relu2);
}

static trit_node *apply_ffn(trit_transformer *m, trit_graph *g, trit_block *b, trit_node *x) {
    const trit_model_cfg *c = &m->cfg;
    trit_graph_push(g, "ffn");
    trit_node *n = apply_norm(m, g, &b->ffn_norm, x);
    trit_node *h;
    if (is_gated(c->ffn)) {
        trit_node *gate = apply_linear(g, &b->gate, "gate", n);
        h = trit_gated(g, gate, apply_linear(g, &b->up, "up", n),
                       c->ffn == TRIT_FFN_swiglu ? TRIT_ACT_silu : TRIT_ACT_relu2);
    } else {
        h = apply_activation(m, g, b, apply_linear(g, &b->up, "up", n));
    }
    h = apply_linear(g, &b->down, "down", apply_norm(m, g, &b->ffn_sub_norm, h));
    h = trit_dropout(g, h, c->dropout);
    trit_graph_pop(g);
    return trit_add(g, x, h);
}

/* Token plus position embedding, [B,T,C]. */
static trit_node *apply_embedding(trit_transformer *m, trit_graph *g, trit_node *tokens) {
    const trit_model_cfg *c = &m->cfg;
    trit_node *table = trit_quant_apply(&m->embed_quant, g, trit_leaf(g, m->embed));
    trit_node *x = trit_embedding(g, table, tokens);
    if (m->embed_norm.w) {
        x = trit_layer_norm(g, x, trit_leaf(g, m->embed_norm.w), trit_leaf(g, m->embed_norm.b),
                            c->norm_eps);
    }
    if (m->position && tokens) {
        int64_t dim[2] = {tokens->val.dim[0], tokens->val.dim[1]};
        trit_node *at = trit_input(g, "positions", TRIT_I32, 2, dim);
        for (int64_t i = 0; at && i < dim[0] * dim[1]; i++) {
            ((int32_t *)at->val.data)[i] = (int32_t)(i % dim[1]);
        }
        x = trit_add(g, x, trit_embedding(g, trit_leaf(g, m->position), at));
    }
    return trit_dropout(g, x, c->dropout);
}

trit_transformer_io trit_transformer_build(trit_transformer *m, trit_graph *g, int64_t B, int64_t T,
                                           bool with_loss, double label_smoothing) {
    trit_transformer_io io = {0};
    int64_t dim[2] = {B, T};
    io.tokens = trit_input(g, "tokens", TRIT_I32, 2, dim);
    if (with_loss) io.labels = trit_input(g, "labels", TRIT_I32, 2, dim);
    trit_graph_push(g, "embed");
    trit_node *x = apply_embedding(m, g, io.tokens);
    trit_graph_pop(g);
    io.block = trit_arena_get(&g->mem, (size_t)m->cfg.layers * sizeof *io.block, &g->err);
    if (!io.block) return io;
    for (int64_t i = 0; i < m->cfg.layers; i++) {
        char name[32];
        snprintf(name, sizeof name, "blocks.%d", (int)i);
        int first = g->n;
        trit_graph_push(g, name);
        x = apply_attention(m, g, &m->block[i], x, &io.block[i]);
        x = io.block[i].at[TRIT_TAP_hidden] = apply_ffn(m, g, &m->block[i], x);
        trit_graph_pop(g);
        if (m->recompute == TRIT_RECOMPUTE_block) trit_graph_recompute(g, first);
    }
    trit_graph_push(g, "final_norm");
    x = apply_norm(m, g, &m->final_norm, x);
    trit_graph_pop(g);
    g->bf16_linear = m->bf16_head;
    io.logits = apply_linear(g, &m->head, "head", x);
    g->bf16_linear = false;
    if (with_loss) io.loss = trit_cross_entropy(g, io.logits, io.labels, label_smoothing);
    return io;
}

double trit_transformer_flops(const trit_transformer *m, int64_t T) {
    double product = 0;
    for (int i = 0; i < m->n_linear; i++) {
        product += (double)m->linear[i]->n_in * (double)m->linear[i]->n_out;
    }
    return 6 * product + 12.0 * (double)m->cfg.layers * (double)m->cfg.width * (double)T;
}
