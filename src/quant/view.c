#include "quant/view.h"

#include "base/text.h"

#include <math.h>
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

/* How the codes of a group decode. */
typedef struct decoding {
    double scale, zero;
    int low; /* the lowest code that may be */
} decoding;

/* false: its codes are no evenly spaced integers. */
static bool decoding_of(const trit_quant_view *v, int64_t group, decoding *d) {
    if (trit_form_is(v->q)) {
        const double *stat = trit_form_stats(v->q) + group * TRIT_FORM_STAT;
        *d = (decoding){stat[0], stat[1], -(int)stat[TRIT_FORM_SHIFT]};
        return isfinite(stat[0]) && isfinite(stat[1]) && stat[2] != 1;
    }
    const trit_quant *q = v->quant;
    *d = (decoding){(double)trit_quant_scales(v->q)[group], 0, (int)q->lo};
    return trit_grids[q->spec.grid]->uniform;
}

static bool can_take(const trit_quant *q, const trit_quant_view *from) {
    const trit_spec *a = &q->spec, *b = &from->quant->spec;
    const int8_t *code = from->q->code.data;
    int most = (1 << a->bits) - 1;
    if (a->transform != b->transform || a->block != b->block) return false;
    for (int64_t g = 0; g < from->n_group; g++) {
        decoding d;
        if (!decoding_of(from, g, &d)) return false;
        for (int64_t i = 0; i < from->group_len; i++) {
            int level = code[g * from->group_len + i] - d.low;
            if (level < 0 || level > most) return false;
        }
    }
    return true;
}

bool trit_quant_take(const trit_quant *q, const trit_quant_view *from) {
    const trit_form *f = trit_forms[q->spec.form];
    if (!q->spec.form || !f->take || !from->q || !from->q->code.data) return false;
    if (trit_quant_group_len(q, from->w->val.dim[0]) != from->group_len) return false;
    if (!can_take(q, from)) return false;
    for (int64_t g = 0; g < from->n_group; g++) {
        decoding d;
        decoding_of(from, g, &d);
        trit_form_call c = {.spec = &q->spec, .n = from->group_len};
        for (int k = 0; k < f->n_learn; k++) {
            bool each = f->learn[k].size == TRIT_LEARN_ELEMENT;
            c.learn[k] = trit_param_val(q->learn[k]) + (each ? g * from->group_len : g);
        }
        f->take(&c, d.scale, d.zero, (const int8_t *)from->q->code.data + g * c.n, d.low);
    }
    *trit_param_val(q->ready) = 1;
    return true;
}

bool trit_quant_in_layer(const trit_quant *q, const char *pattern) {
    char layer[256];
    const char *end = strrchr(q->path, '.');
    snprintf(layer, sizeof layer, "%.*s", end ? (int)(end - q->path) : (int)strlen(q->path),
             q->path);
    return trit_text_match(pattern, layer);
}
