/* Decoder-only transformer language model, all by config.
 *
 *   x = [norm] embed(tokens) [+ position embedding]                       dropout
 *   each block: x += o(subnorm(attention(q(n), k(n), v(n)))), n = norm(x)   dropout
 *               x += down(subnorm(f(up(n)) or f(gate(n))*up(n))), n = norm(x)  dropout
 *   logits = head(norm(x))
 *
 * Normalisation comes first (pre-norm). sub_norm adds BitNet's extra norms before the output and
 * the down projection (arXiv 2402.17764, 2504.12285); qk_norm normalises each query and key head.
 */
#ifndef TRIT_LAYERS_TRANSFORMER_H
#define TRIT_LAYERS_TRANSFORMER_H

#include "autograd/graph.h"
#include "base/schema.h"
#include "layers/linear.h"

extern const char *const trit_model_kind_names[];   /* transformer */
extern const char *const trit_model_preset_names[]; /* none, gpt2, llama, bitnet */
extern const char *const trit_ffn_names[];          /* gelu to maxout, as trit_ffn */
extern const char *const trit_attention_names[];    /* softmax, binary */
extern const char *const trit_gelu_names[];         /* tanh, erf */
extern const char *const trit_norm_names[];         /* rms, layer */
extern const char *const trit_position_names[];     /* rope, learned */
extern const char *const trit_init_names[];         /* gpt2, normal, xavier */
typedef enum {
    TRIT_FFN_gelu,
    TRIT_FFN_relu2,
    TRIT_FFN_swiglu,
    TRIT_FFN_relu2glu,
    TRIT_FFN_rprelu,
    TRIT_FFN_maxout
} trit_ffn;
typedef enum { TRIT_ATTENTION_softmax, TRIT_ATTENTION_binary } trit_attention_kind;
typedef enum { TRIT_NORM_rms, TRIT_NORM_layer } trit_norm;
typedef enum { TRIT_POSITION_rope, TRIT_POSITION_learned } trit_position;
typedef enum { TRIT_INIT_gpt2, TRIT_INIT_normal, TRIT_INIT_xavier } trit_init;

#define TRIT_MODEL_FIELDS(F)                                                                      \
    F(NAME, kind, "\"transformer\"", 0, 0, trit_model_kind_names, "", "model family")             \
    F(NAME, preset, "\"none\"", 0, 0, trit_model_preset_names, "",                                \
      "values for the other keys of this section; keys that are given win")                       \
    F(INT, layers, "4", 1, 1000, NULL, "", "transformer blocks")                                  \
    F(INT, width, "256", 1, 65536, NULL, "", "width of the residual stream")                      \
    F(INT, heads, "4", 1, 1024, NULL, "", "query heads; divides width")                           \
    F(INT, kv_heads, "0", 0, 1024, NULL, "", "key/value heads; divides heads; 0 = heads")         \
    F(NAME, ffn, "\"gelu\"", 0, 0, trit_ffn_names, "",                                            \
      "feed-forward kind: gelu and relu2 are up-f-down, swiglu and relu2glu are f(gate)*up-down;" \
      " rprelu (ReActNet) and maxout (AdaBin) are up-f-down with learned slopes")                 \
    F(INT, ffn_width, "0", 0, 1048576, NULL, "",                                                  \
      "hidden width; 0 = 4*width, gated kinds 8/3*width rounded up to a multiple of 32")          \
    F(NAME, gelu, "\"erf\"", 0, 0, trit_gelu_names, "", "form of gelu")                           \
    F(NAME, norm, "\"rms\"", 0, 0, trit_norm_names, "", "normalisation")                          \
    F(REAL, norm_eps, "1e-5", 1e-12, 1, NULL, "", "added to the variance")                        \
    F(NAME, positions, "\"rope\"", 0, 0, trit_position_names, "", "position encoding")            \
    F(REAL, rope_theta, "10000", 1, 1e9, NULL, "", "base of the rotary angles")                   \
    F(NAME, attention, "\"softmax\"", 0, 0, trit_attention_names, "",                             \
      "binary: Bi-Attention of BiBERT, bool(sign(q)sign(k) > 0)*sign(v), which wants sub_norm")   \
    F(INT, context, "256", 1, 1048576, NULL, "tokens", "training and evaluation window")          \
    F(INT, vocab, "0", 0, 4194304, NULL, "tokens", "0 = the tokenizer's")                         \
    F(BOOL, tied, "false", 0, 0, NULL, "", "output head shares the embedding")                    \
    F(BOOL, biases, "false", 0, 0, NULL, "", "biases in linear layers and layer norms")           \
    F(REAL, dropout, "0", 0, 0.95, NULL, "", "of embedding, softmax attention and residual")      \
    F(BOOL, sub_norm, "false", 0, 0, NULL, "",                                                    \
      "extra norm before the output and down projections (BitNet)")                               \
    F(BOOL, qk_norm, "false", 0, 0, NULL, "", "RMSNorm of each query and key head")               \
    F(NAME, init, "\"gpt2\"", 0, 0, trit_init_names, "",                                          \
      "gpt2: normal, projections into the residual stream over sqrt(2*layers); normal; xavier: "  \
      "uniform by fan-in and fan-out")                                                            \
    F(REAL, init_std, "0.02", 1e-6, 10, NULL, "", "standard deviation of gpt2 and normal")        \
    F(BOOL, stable_embedding, "false", 0, 0, NULL, "",                                            \
      "xavier for the token table, and a layer norm right after the look-up (8-bit optimizers, "  \
      "arXiv 2110.02861)")

typedef struct trit_model_cfg {
    TRIT_MODEL_FIELDS(TRIT_MEMBER)
} trit_model_cfg;
extern const trit_schema trit_model_schema;
/* JSON text of a preset's values for the model section; "{}" for "none". i: its index. */
const char *trit_model_preset_json(int i);

typedef struct trit_norm_layer {
    trit_param *w, *b; /* [width]; b NULL without bias */
} trit_norm_layer;

typedef struct trit_block {
    trit_norm_layer attn_norm, ffn_norm;
    trit_norm_layer attn_sub_norm, ffn_sub_norm;  /* w NULL unless sub_norm */
    trit_norm_layer q_norm, k_norm;               /* w NULL unless qk_norm */
    trit_linear_layer q, k, v, o, gate, up, down; /* gate.w NULL unless gated */
    trit_param *act[3]; /* [ffn_width] rprelu: shift, slope, out; maxout: pos, neg; else NULL */
} trit_block;

/* Nothing; attention with its norm and projections; or all of a block. */
extern const char *const trit_recompute_names[];
typedef enum { TRIT_RECOMPUTE_none, TRIT_RECOMPUTE_attention, TRIT_RECOMPUTE_block } trit_recompute;

typedef struct trit_transformer {
    trit_model_cfg cfg; /* with every 0 = automatic resolved */
    trit_param *embed;  /* [vocab, width] */
    trit_quant embed_quant;
    trit_norm_layer embed_norm; /* w NULL unless stable_embedding; a layer norm, with bias */
    trit_param *position;       /* [context, width], or NULL */
    trit_block *block;          /* [layers], run arena */
    trit_norm_layer final_norm;
    trit_linear_layer head;
    trit_linear_layer **linear; /* every linear layer in order, run arena */
    int n_linear;
    bool bf16_head;           /* graphs built from here on compute the head in bf16 */
    trit_recompute recompute; /* what they compute again in backward instead of keeping it */
} trit_transformer;

/* Says which quantizers the layer at `path` gets ("blocks.0.attn.q", "head", "embed").
 * default_on: the layer is quantized unless asked otherwise (not the head, not the embedding). */
typedef void (*trit_quant_chooser)(void *self, const char *path, bool default_on,
                                   trit_quant_choice *out);

/* Declares parameters in ps and fills them from seed; the draw of a parameter depends on its path
 * and the seed only. cfg.vocab must not be 0. */
trit_status trit_transformer_init(trit_transformer *m, const trit_model_cfg *cfg,
                                  trit_quant_chooser choose, void *self, uint64_t seed,
                                  trit_params *ps, trit_error *e);
/* Quantizer i of 0..trit_transformer_n_quant - 1, on or off: the embedding's, then of each linear
 * layer that of its weight and that of its input. */
int trit_transformer_n_quant(const trit_transformer *m);
trit_quant *trit_transformer_quant(trit_transformer *m, int i);
/* The same model on the same parameters, without its quantizers; lists in mem. */
trit_status trit_transformer_without_quant(trit_transformer *to, const trit_transformer *m,
                                           trit_arena *mem, trit_error *e);
/* Refreshes all schedules of quantizers and branches. */
void trit_transformer_step(trit_transformer *m, int64_t step);

/* What may be looked at inside of a block: the residual stream behind it [B,T,width]; what the
 * projections q, k and v give; query and key as attention takes them, normed and rotated. Heads
 * stand side by side: [B,T,heads*D] for q and query, [B,T,kv_heads*D] for the others. */
typedef enum {
    TRIT_TAP_hidden,
    TRIT_TAP_q,
    TRIT_TAP_k,
    TRIT_TAP_v,
    TRIT_TAP_query,
    TRIT_TAP_key,
    TRIT_N_TAP
} trit_tap;
typedef struct trit_taps {
    trit_node *at[TRIT_N_TAP];
} trit_taps;

typedef struct trit_transformer_io {
    trit_node *tokens; /* i32 [B,T], input */
    trit_node *labels; /* i32 [B,T], input; TRIT_IGNORE = not counted. NULL without loss */
    trit_node *logits; /* [B,T,V] */
    trit_node *loss;   /* scalar, nats; NULL without loss */
    trit_taps *block;  /* [layers], graph arena */
} trit_transformer_io;

/* Traces the model for a batch of B windows of T <= context tokens. */
trit_transformer_io trit_transformer_build(trit_transformer *m, trit_graph *g, int64_t B, int64_t T,
                                           bool with_loss, double label_smoothing);

/* Floating-point operations of one training token, as usually counted: 6 per parameter of a product
 * and 12*layers*width*T for attention (PaLM, appendix B). */
double trit_transformer_flops(const trit_transformer *m, int64_t T);

#endif
