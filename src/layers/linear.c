#include "layers/linear.h"

#include "autograd/ops.h"

#include <stdio.h>

trit_status trit_linear_layer_init(trit_linear_layer *l, const char *path, int64_t n_in,
                                   int64_t n_out, bool bias, trit_param *tied, trit_role role,
                                   const trit_quant_choice *quant, trit_params *ps, trit_error *e) {
    char name[256];
    *l = (trit_linear_layer){
        .path = trit_arena_text(ps->mem, path, e), .n_in = n_in, .n_out = n_out};
    if (!l->path) return TRIT_E_NOMEM;
    if (tied) {
        l->w = tied;
    } else {
        snprintf(name, sizeof name, "%s.weight", path);
        TRIT_TRY(trit_params_add(ps, name, role, 2, (int64_t[]){n_out, n_in}, &l->w, e));
    }
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

trit_node *trit_linear_layer_apply(trit_linear_layer *l, trit_graph *g, trit_node *x) {
    trit_node *latent = trit_leaf(g, l->w), *w = trit_quant_apply(&l->wq, g, latent);
    trit_node *in = trit_quant_apply(&l->aq, g, x);
    trit_node *b = l->b ? trit_leaf(g, l->b) : NULL;
    trit_node *made = trit_quant_bias(&l->wq, g, latent);
    if (made) b = b ? trit_add(g, b, made) : made;
    return trit_linear(g, in, w, b);
}

void trit_linear_layer_step(trit_linear_layer *l, int64_t step) {
    trit_quant_step(&l->wq, step);
    trit_quant_step(&l->aq, step);
}
