/* A linear layer with quantizers on its weight and its input. */
#ifndef TRIT_LAYERS_LINEAR_H
#define TRIT_LAYERS_LINEAR_H

#include "autograd/graph.h"
#include "layers/branch.h"
#include "layers/lora.h"
#include "quant/quant.h"

typedef struct trit_linear_layer {
    const char *path; /* "blocks.2.ffn.up"; run arena */
    int64_t n_in, n_out;
    trit_param *w;     /* [n_out, n_in] */
    trit_param *b;     /* [n_out], or NULL */
    trit_quant wq, aq; /* weight and input quantizers; off unless configured */
    /* Adapters, or NULL: a [rank, n_in], b [n_out, rank]. w is then frozen, and the layer's weight
     * is Q(w + lora_scale * b a). */
    trit_param *lora_a, *lora_b;
    double lora_scale;
    trit_branch branch; /* beside the product; without parameters unless configured */
} trit_linear_layer;

/* Which quantizers a layer gets, by its path: the model asks once per layer. */
typedef struct trit_quant_choice {
    trit_spec weights, activations;
    trit_lora_cfg lora;     /* rank 0: none */
    trit_branch_cfg branch; /* ditto */
} trit_quant_choice;

/* Adds <path>.weight (role `role`), <path>.bias if asked, and learned quantizer parameters. tied:
 * the weight of another layer to use instead of a new one, or NULL. Where weights are quantized and
 * not tied, also <path>.lora_a and <path>.lora_b if asked, or the parameters of a branch. Weights
 * and adapters are zero until initialised: lora_b may stay so, lora_a may not. E_CONFIG: operands
 * or a branch that do not go together. */
trit_status trit_linear_layer_init(trit_linear_layer *l, const char *path, int64_t n_in,
                                   int64_t n_out, bool bias, trit_param *tied, trit_role role,
                                   const trit_quant_choice *quant, trit_params *ps, trit_error *e);
/* x [..., n_in] -> [..., n_out] */
trit_node *trit_linear_layer_apply(trit_linear_layer *l, trit_graph *g, trit_node *x);

#endif
