#include "quant/view.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

trit_status trit_quant_view_init(trit_quant_view *v, trit_quant *q, trit_param *w, trit_error *e) {
    *v = (trit_quant_view){.quant = q, .w = w};
    if (!w) return TRIT_OK;
    v->group_len = trit_quant_group_len(q, w->val.dim[0]);
    v->n_group = trit_tensor_len(&w->val) / v->group_len;
    trit_graph_init(&v->graph, TRIT_EVAL);
    v->y = trit_quant_apply(q, &v->graph, trit_leaf(&v->graph, w));
    for (int i = 0; v->y && i < v->graph.n; i++) {
        if (trit_quant_is(v->graph.node[i])) v->q = v->graph.node[i];
    }
    if (v->q) {
        v->q->keep = true;
        v->q->want |= TRIT_WANT_VAL | TRIT_WANT_CODES;
    }
    return trit_graph_plan(&v->graph, v->y, TRIT_PLAN_SEPARATE, e);
}

void trit_quant_view_free(trit_quant_view *v) {
    trit_graph_free(&v->graph);
}

void trit_quant_view_run(trit_quant_view *v, const trit_exec *x) {
    trit_graph_forward(&v->graph, x);
}

bool trit_quant_in_layer(const trit_quant *q, const char *pattern) {
    char layer[256];
    const char *end = strrchr(q->path, '.');
    snprintf(layer, sizeof layer, "%.*s", end ? (int)(end - q->path) : (int)strlen(q->path),
             q->path);
    return trit_text_match(pattern, layer);
}
