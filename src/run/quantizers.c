#include "run/quantizers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- setting up ---------------------------------------------------------------------------- */

static trit_status add_view(trit_quantizers *q, trit_quant *quant, trit_param *w, trit_error *e) {
    if (!quant->spec.on) return TRIT_OK;
    return trit_quant_view_init(&q->view[q->n++], quant, w, e);
}

static trit_status add_record(trit_quantizers *q, int i, trit_arena *mem, trit_error *e) {
    const trit_quant_view *v = &q->view[i];
    if (!v->w) return TRIT_OK;
    char path[300];
    void *data[3];
    const trit_tensor *t = &v->w->val;
    snprintf(path, sizeof path, "stats/%s", v->quant->path);
    TRIT_TRY(trit_states_add(&q->states, mem, path, "prev", TRIT_I8, t->ndim, t->dim, &data[0], e));
    TRIT_TRY(trit_states_add(&q->states, mem, path, "mark", TRIT_I8, t->ndim, t->dim, &data[1], e));
    TRIT_TRY(trit_states_add(&q->states, mem, path, "cosine", TRIT_REAL, 0, NULL, &data[2], e));
    q->record[i].prev = data[0];
    q->record[i].mark = data[1];
    q->record[i].cosine = data[2];
    *q->record[i].cosine = TRIT_R(NAN);
    return TRIT_OK;
}

trit_status trit_quantizers_init(trit_quantizers *q, trit_transformer *m, const trit_quant_cfg *cfg,
                                 trit_arena *mem, trit_error *e) {
    *q = (trit_quantizers){0};
    size_t most = 2 * (size_t)m->n_linear + 1;
    int64_t largest = 1;
    q->view = trit_arena_get(mem, most * sizeof *q->view, e);
    q->record = trit_arena_get(mem, most * sizeof *q->record, e);
    if (!q->view || !q->record) return TRIT_E_NOMEM;
    TRIT_TRY(add_view(q, &m->embed_quant, m->embed, e));
    for (int i = 0; i < m->n_linear; i++) {
        trit_linear_layer *l = m->linear[i];
        /* With adapters it is no parameter that is quantized, and only evaluation sees it. */
        TRIT_TRY(add_view(q, &l->wq, l->lora_a ? NULL : l->w, e));
        TRIT_TRY(add_view(q, &l->aq, NULL, e));
    }
    for (int i = 0; i < q->n; i++) {
        TRIT_TRY(add_record(q, i, mem, e));
        int64_t n = q->view[i].w ? trit_tensor_len(&q->view[i].w->val) : 0;
        if (n > largest) largest = n;
    }
    q->work = trit_arena_get(mem, sizeof *q->work, e);
    q->scratch = trit_arena_get(mem, (size_t)largest * sizeof *q->scratch, e);
    if (!q->work || !q->scratch) return TRIT_E_NOMEM;
    return trit_controls_init(&q->controls, cfg->controllers.at, cfg->controllers.n, q->view, q->n,
                              &q->states, mem, e);
}

void trit_quantizers_free(trit_quantizers *q) {
    for (int i = 0; i < q->n; i++) trit_quant_view_free(&q->view[i]);
    *q = (trit_quantizers){0};
}

size_t trit_quantizers_block(const trit_quantizers *q, size_t *scratch_bytes) {
    size_t bytes = 0;
    *scratch_bytes = 0;
    for (int i = 0; i < q->n; i++) {
        const trit_graph *g = &q->view[i].graph;
        if (g->plan_bytes > bytes) bytes = g->plan_bytes;
        if (g->scratch_bytes > *scratch_bytes) *scratch_bytes = g->scratch_bytes;
    }
    return bytes;
}

void trit_quantizers_bind(trit_quantizers *q, void *block) {
    for (int i = 0; i < q->n; i++) {
        if (q->view[i].w) trit_graph_bind(&q->view[i].graph, block);
    }
}

/* ---- watching ------------------------------------------------------------------------------ */

/* The quantizer of a node that is on; NULL: none that is known. */
static trit_quant_record *record_of(trit_quantizers *q, const trit_node *n, bool weight) {
    if (!trit_quant_is(n) || !trit_quant_of(n)->on) return NULL;
    for (int i = 0; i < q->n; i++) {
        const trit_quant_view *v = &q->view[i];
        if (v->quant == trit_quant_of(n)) return weight == (v->w != NULL) ? &q->record[i] : NULL;
    }
    return NULL;
}

void trit_quantizers_watch_backward(void *self, const trit_exec *x, const trit_node *n) {
    trit_quantizers *q = self;
    trit_quant_record *r = record_of(q, n, true);
    if (r) *r->cosine = TRIT_R(trit_stats_cosine(x, n, q->scratch));
}

void trit_quantizers_watch_forward(void *self, const trit_exec *x, const trit_node *n) {
    trit_quantizers *q = self;
    trit_quant_record *r = record_of(q, n, false);
    if (!r) return;
    trit_stats_measure(&r->input, n, x, q->work);
    r->has_input = true;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void add_number(trit_text *t, const char *key, double v) {
    trit_text_add(t, "\"%s\":", key);
    if (isfinite(v)) {
        trit_text_add(t, "%.4g,", v);
    } else {
        trit_text_add(t, "null,");
    }
}

/* "PATH":{"clip":..., behind which only further numbers may come. */
static void begin_entry(trit_text *t, const char *path, const trit_quant_stats *s) {
    bool first = t->at[t->len - 1] == '{';
    trit_text_add(t, "%s\"%s\":{", first ? "" : ",", path);
    add_number(t, "clip", s->clip);
    add_number(t, "zero", s->zero);
    add_number(t, "entropy", s->entropy);
    add_number(t, "sqnr", s->sqnr);
    add_number(t, "scale", s->scale);
}

static void end_entry(trit_text *t, const trit_quant_stats *s) {
    trit_text_add(t, "\"levels\":[");
    for (int i = 0; i < s->n_bin; i++) trit_text_add(t, "%s%.4g", i ? "," : "", s->bin[i]);
    trit_text_add(t, "]}");
}

static void add_weight(trit_quantizers *q, int i, const trit_exec *x, trit_text *line) {
    trit_quant_view *v = &q->view[i];
    const trit_quant_record *r = &q->record[i];
    trit_quant_stats s;
    trit_quant_view_run(v, x);
    trit_stats_measure(&s, v->q, x, q->work);
    trit_stats_flips f =
        trit_stats_compare(v->quant, trit_len(v->q), v->q->code.data, r->prev, r->mark);
    if (!s.n_bin) f.flip = f.osc = (double)NAN; /* such codes say nothing */
    begin_entry(line, v->quant->path, &s);
    add_number(line, "flip", f.flip);
    add_number(line, "osc", f.osc);
    if (!v->quant->spec.form) {
        add_number(line, "edge", s.edge);
        add_number(line, "dead", s.dead);
    }
    add_number(line, "cos", (double)*r->cosine);
    end_entry(line, &s);
}

void trit_quantizers_sample(trit_quantizers *q, const trit_exec *x, int64_t step, bool inputs,
                            trit_text *line) {
    bool any = false;
    for (int i = 0; i < q->n; i++) any = any || q->view[i].quant->on;
    if (!any) return;
    trit_text_add(line, "{\"step\":%" PRId64 ",\"quantizers\":{", step);
    for (int i = 0; i < q->n && !line->failed; i++) {
        const trit_quant_record *r = &q->record[i];
        if (!q->view[i].quant->on) continue;
        if (q->view[i].w) {
            add_weight(q, i, x, line);
        } else if (inputs && r->has_input) {
            begin_entry(line, q->view[i].quant->path, &r->input);
            end_entry(line, &r->input);
        }
    }
    trit_text_add(line, "}}");
}
