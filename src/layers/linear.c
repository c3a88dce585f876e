#include "layers/linear.h"

#include "autograd/ops.h"

#include <stdio.h>

static trit_status add_adapters(trit_linear_layer *l, const trit_lora_cfg *c, trit_params *ps,
                                trit_error *e) {
    char name[256];
    l->lora_scale = c->alpha / (double)c->rank;
    snprintf(name, sizeof name, "%s.lora_a", l->path);
    TRIT_TRY(trit_params_add(ps, name, TRIT_ROLE_weight, 2, (int64_t[]){c->rank, l->n_in},
                             &l->lora_a, e));
    snprintf(name, sizeof name, "%s.lora_b", l->path);
    return trit_params_add(ps, name, TRIT_ROLE_weight, 2, (int64_t[]){l->n_out, c->rank},
                           &l->lora_b, e);
}

/* What a branch can stand beside. */
static trit_status check_branch(const trit_quant_choice *quant, trit_error *e) {
    const trit_schedule *lambda = &quant->weights.lambda;
    if (quant->lora.rank) {
        return TRIT_FAIL(e, E_CONFIG,
                         "branch.rank and lora.rank: adapters move the weight that is quantized, a "
                         "branch its error; a layer has one of both");
    }
    if (trit_transforms[quant->weights.transform]->apply) {
        return TRIT_FAIL(e, E_CONFIG,
                         "branch.rank: its components are of the weight, but transform %s "
                         "quantizes another basis",
                         trit_transform_names[quant->weights.transform]);
    }
    if (lambda->from != 1 || lambda->to != 1) {
        return TRIT_FAIL(e, E_CONFIG,
                         "branch.rank: begins with the errors of quantization as a whole; leave "
                         "out weights.lambda");
    }
    return TRIT_OK;
}

trit_status trit_linear_layer_init(trit_linear_layer *l, const char *path, int64_t n_in,
                                   int64_t n_out, bool bias, trit_param *tied, trit_role role,
                                   const trit_quant_choice *quant, trit_params *ps, trit_error *e) {
    char name[256];
    *l = (trit_linear_layer){
        .path = trit_arena_text(ps->mem, path, e), .n_in = n_in, .n_out = n_out};
    if (!l->path) return TRIT_E_NOMEM;
    TRIT_TRY_AS(trit_spec_check_pair(&quant->weights, &quant->activations, e), e, "%s", path);
    bool adapted = !tied && quant->lora.rank > 0 && quant->weights.on;
    if (tied) {
        l->w = tied;
    } else {
        snprintf(name, sizeof name, "%s.weight", path);
        const int64_t dim[2] = {n_out, n_in};
        TRIT_TRY(adapted ? trit_params_add_frozen(ps, name, role, 2, dim, &l->w, e)
                         : trit_params_add(ps, name, role, 2, dim, &l->w, e));
    }
    if (!tied && quant->branch.rank && quant->weights.on) {
        TRIT_TRY_AS(check_branch(quant, e), e, "%s", path);
        TRIT_TRY(trit_branch_init(&l->branch, &quant->branch, l->path, n_out, n_in, ps, e));
    }
    if (adapted) TRIT_TRY(add_adapters(l, &quant->lora, ps, e));
    if (bias) {
        snprintf(name, sizeof name, "%s.bias", path);
        TRIT_TRY(trit_params_add(ps, name, TRIT_ROLE_bias, 1, &n_out, &l->b, e));
    }
    snprintf(name, sizeof name, "%s.weight_quant", path);
    TRIT_TRY(trit_quant_init(&l->wq, &quant->weights, TRIT_QUANT_WEIGHT, name, n_out, n_in, ps, e));
    snprintf(name, sizeof name, "%s.input_quant", path);
    return trit_quant_init(&l->aq, &quant->activations, TRIT_QUANT_ACTIVATION, name, 0, n_in, ps,
                           e);
}

/* The weight before its quantizer. */
static trit_node *latent_weight(const trit_linear_layer *l, trit_graph *g) {
    trit_node *w = trit_leaf(g, l->w);
    if (!l->lora_a) return w;
    trit_node *ba = trit_matmul(g, trit_leaf(g, l->lora_b), trit_leaf(g, l->lora_a));
    return trit_add(g, w, trit_scale(g, ba, l->lora_scale));
}

trit_node *trit_linear_layer_apply(trit_linear_layer *l, trit_graph *g, trit_node *x) {
    /* The input first: its quantizer stands beside what made it, and they go row by row together.
     */
    trit_node *in = trit_quant_apply(&l->aq, g, x);
    trit_node *latent = latent_weight(l, g), *w = trit_quant_apply(&l->wq, g, latent);
    trit_node *b = l->b ? trit_leaf(g, l->b) : NULL;
    trit_node *made = trit_quant_bias(&l->wq, g, latent);
    if (made) b = b ? trit_add(g, b, made) : made;
    return trit_branch_apply(&l->branch, g, trit_linear(g, in, w, b), in);
}
