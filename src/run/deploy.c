#include "run/deploy.h"

double trit_deploy_weight_bits(const trit_quant *q, int64_t rows, int64_t cols) {
    double n = (double)(rows * cols);
    if (!q->spec.on) return 32 * n;
    return n * trit_spec_storage_bits(&q->spec) + 32 * n / (double)trit_quant_group_len(q, rows);
}

double trit_deploy_bits(const trit_run *r) {
    const trit_transformer *m = &r->model;
    const trit_tensor *embed = &m->embed->val;
    double bits = trit_deploy_weight_bits(&m->embed_quant, embed->dim[0], embed->dim[1]);
    int64_t other = trit_params_count(&r->ps) - trit_tensor_len(embed);
    for (int i = 0; i < r->ps.n; i++) {
        if (r->ps.at[i]->aside) other -= trit_tensor_len(&r->ps.at[i]->val);
    }
    for (int i = 0; i < m->n_linear; i++) {
        const trit_linear_layer *l = m->linear[i];
        if (l->lora_a) {
            other -= trit_tensor_len(&l->lora_a->val) + trit_tensor_len(&l->lora_b->val);
        }
        if (l->branch.l) { /* gone by then */
            other -= trit_tensor_len(&l->branch.l->val) + trit_tensor_len(&l->branch.r->val);
        }
        if (l->w == m->embed) continue; /* tied */
        bits += trit_deploy_weight_bits(&l->wq, l->w->val.dim[0], l->w->val.dim[1]);
        other -= trit_tensor_len(&l->w->val);
    }
    return bits + 32.0 * (double)other;
}
