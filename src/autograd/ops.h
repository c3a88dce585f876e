/* Op constructors. Each returns a new node, or NULL after an error (sticky in the graph) or when a
 * required input is NULL. Shapes: B batch, T tokens, C width, V vocabulary, N M K matrix; "rows"
 * means all leading dimensions together. Values are TRIT_REAL unless stated. */
#ifndef TRIT_AUTOGRAD_OPS_H
#define TRIT_AUTOGRAD_OPS_H

#include "autograd/graph.h"

/* y = x w^T + b.  x [..., K], w [N, K], b [N] or NULL  ->  [..., N] */
trit_node *trit_linear(trit_graph *g, trit_node *x, trit_node *w, trit_node *b);
/* Whether n is such a product (any dtype of operands), and whether of codes. */
bool trit_linear_is(const trit_node *n, bool *of_codes);

/* The first n of so many components, each with its share; may change between replays. */
typedef struct trit_components {
    int64_t n;
    const trit_real *share; /* [n] */
} trit_components;
/* y = base + x r^T diag(share) l^T.  base [..., N], x [..., K], r [k, K], l [N, k]  ->  [..., N].
 * `of`, with n <= k, outlives the graph; without components y is base, and nothing is computed. */
trit_node *trit_low_rank(trit_graph *g, trit_node *base, trit_node *x, trit_node *r, trit_node *l,
                         const trit_components *of);

/* y = a b.  a [M, K], b [K, N]  ->  [M, N] */
trit_node *trit_matmul(trit_graph *g, trit_node *a, trit_node *b);

/* y = a + b, same shape. */
trit_node *trit_add(trit_graph *g, trit_node *a, trit_node *b);
/* y = a * b element-wise, same shape. */
trit_node *trit_mul(trit_graph *g, trit_node *a, trit_node *b);
/* y = k * x. */
trit_node *trit_scale(trit_graph *g, trit_node *x, double k);
/* y = x + b over the last dimension.  x [..., C], b [C] */
trit_node *trit_bias(trit_graph *g, trit_node *x, trit_node *b);
/* y = H x in each run of `block` elements of the last dimension, which block, a power of two,
 * divides: the Walsh-Hadamard matrix in natural order over sqrt(block). H is its own transpose and
 * inverse: applied twice it gives x. The same node where x was rotated so before. */
trit_node *trit_hadamard(trit_graph *g, trit_node *x, int64_t block);
/* Sum of all elements, a scalar. */
trit_node *trit_sum(trit_graph *g, trit_node *x);

/* Rows of a table.  w [V, C], ids i32 [...] in 0..V-1  ->  [..., C] */
trit_node *trit_embedding(trit_graph *g, trit_node *w, trit_node *ids);

/* Over the last dimension; w, b [C] or NULL (ones, zeros).
 * RMSNorm (Zhang & Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * w
 * LayerNorm (Ba et al. 2016): y = (x - mean) / sqrt(var + eps) * w + b, variance over C, biased */
trit_node *trit_rms_norm(trit_graph *g, trit_node *x, trit_node *w, double eps);
trit_node *trit_layer_norm(trit_graph *g, trit_node *x, trit_node *w, trit_node *b, double eps);

/* y = f(x) */
trit_node *trit_activation(trit_graph *g, trit_node *x, trit_act f);
/* y = f(a) * b, same shape: SwiGLU for silu, ReGLU-squared for relu2 (Shazeer 2020). */
trit_node *trit_gated(trit_graph *g, trit_node *a, trit_node *b, trit_act f);
/* Activations with learned numbers for each channel, all [C]; x [..., C].
 * RPReLU (ReActNet, Liu et al. 2020): y = prelu(x + shift) + out, with `slope` below zero.
 * Maxout (AdaBin, Tu et al. 2022): y = pos*max(x, 0) - neg*max(-x, 0). */
trit_node *trit_rprelu(trit_graph *g, trit_node *x, trit_node *shift, trit_node *slope,
                       trit_node *out);
trit_node *trit_maxout(trit_graph *g, trit_node *x, trit_node *pos, trit_node *neg);

/* Inverted dropout: y = x * m / (1 - p), m in {0,1} from the node's random stream; the identity in
 * EVAL mode or for p = 0 (returns x). 0 <= p < 1. */
trit_node *trit_dropout(trit_graph *g, trit_node *x, double p);

/* Rotary position embedding (Su et al. 2021) in the "half" pairing of GPT-NeoX and Hugging Face
 * Llama: within a head of width D, element i is paired with i + D/2, i < D/2, and rotated by
 * t * theta^(-2i/D) at position t.  x [B, T, H*D], D even -> same shape. */
trit_node *trit_rope(trit_graph *g, trit_node *x, int64_t n_head, double theta);

/* Causal softmax attention with grouped key/value heads: query head h reads key/value head
 * h / (H / KV).  q [B, T, H*D], k and v [B, T, KV*D]  ->  [B, T, H*D].
 * y = softmax(q k^T / sqrt(D), keys 0..t) v, with dropout p on the probabilities in TRAIN mode.
 * Blockwise and recomputed in backward (as FlashAttention, Dao et al. 2022): saves one
 * log-sum-exp per query, never T x T. */
trit_node *trit_attention(trit_graph *g, trit_node *q, trit_node *k, trit_node *v, int64_t n_head,
                          int64_t n_kv_head, double dropout);

/* Bi-Attention (BiBERT, Qin et al. 2022), causal, shapes and heads as above, without a softmax:
 * y = bool(A > 0) sign(v), A = sign(q) sign(k)^T / sqrt(D), sign(0) = 0. Each row is a sum over up
 * to T keys: a norm should follow. Backward takes bool and sign for the identity on (-1, 1) and for
 * constants elsewhere. Blockwise and recomputed, never T x T. */
trit_node *trit_binary_attention(trit_graph *g, trit_node *q, trit_node *k, trit_node *v,
                                 int64_t n_head, int64_t n_kv_head);

/* Mean softmax cross-entropy over rows whose label is not `ignore`, a scalar; 0 when all are
 * ignored. logits [..., V], labels i32 [...] in 0..V-1 or = TRIT_IGNORE With label smoothing a in
 * [0,1): target (1-a)*onehot + a/V (Szegedy et al. 2016). Saves one log-sum-exp per row; the
 * gradient may overwrite the logits. */
enum { TRIT_IGNORE = -1 };
trit_node *trit_cross_entropy(trit_graph *g, trit_node *logits, trit_node *labels,
                              double smoothing);

/* Same elements, another shape; shares memory. One dim may be -1: what is left. */
trit_node *trit_reshape(trit_graph *g, trit_node *x, int ndim, const int64_t *dim);
/* Copies with axes reordered: y.dim[i] = x.dim[axis[i]]. */
trit_node *trit_permute(trit_graph *g, trit_node *x, const int *axis);
/* Copies columns begin..begin+n-1 of the last dimension. */
trit_node *trit_split(trit_graph *g, trit_node *x, int64_t begin, int64_t n);

#endif
