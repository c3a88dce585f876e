#include "quant/controls.h"

#include <stdio.h>
#include <string.h>

trit_status trit_states_add(trit_states *s, trit_arena *mem, const char *path, const char *name,
                            trit_dtype dtype, int ndim, const int64_t *dim, void **data,
                            trit_error *e) {
    if (s->n == s->cap) {
        int cap = s->cap ? 2 * s->cap : 64;
        trit_state *at = trit_arena_get(mem, (size_t)cap * sizeof *at, e);
        if (!at) return TRIT_E_NOMEM;
        if (s->n) memcpy(at, s->at, (size_t)s->n * sizeof *at);
        s->at = at;
        s->cap = cap;
    }
    char text[400];
    snprintf(text, sizeof text, "%s%s%s", path, name ? "." : "", name ? name : "");
    trit_state *one = &s->at[s->n];
    *one = (trit_state){.path = trit_arena_text(mem, text, e),
                        .val = trit_tensor_make(dtype, ndim, dim)};
    one->val.data = trit_arena_get(mem, trit_tensor_bytes(&one->val), e);
    if (!one->path || !one->val.data) return TRIT_E_NOMEM;
    *data = one->val.data;
    s->n++;
    return TRIT_OK;
}

/* ---- binding ------------------------------------------------------------------------------- */

/* What a controller acts on in this quantizer; NULL: nothing. */
static trit_param *tensor_of(const trit_controller *type, const trit_quant_view *v) {
    if (!type->form) return v->w && v->w->grad.data ? v->w : NULL; /* trained ones */
    if (!v->w && !type->activations) return NULL;
    const trit_form *f = trit_forms[v->quant->spec.form];
    if (!v->quant->spec.form || strcmp(f->name, type->form) != 0) return NULL;
    for (int k = 0; k < f->n_learn; k++) {
        trit_param *p = v->quant->learn[k];
        if (strcmp(f->learn[k].name, type->learn) == 0) return p->used ? p : NULL;
    }
    return NULL;
}

static trit_status add_states(trit_control_target *t, const trit_controller *type,
                              trit_states *states, trit_arena *mem, trit_error *e) {
    const trit_tensor *val = &t->p->val;
    char path[300];
    snprintf(path, sizeof path, "control/%s/%s", type->name, t->view->quant->path);
    for (int i = 0; i < TRIT_MAX_CONTROL_STATE && type->state[i].name; i++) {
        TRIT_TRY(trit_states_add(states, mem, path, type->state[i].name, type->state[i].dtype,
                                 val->ndim, val->dim, &t->state[i], e));
    }
    if (!type->keeps) return TRIT_OK;
    t->keep = trit_arena_get(mem, (size_t)trit_tensor_len(val) * sizeof *t->keep, e);
    return t->keep ? TRIT_OK : TRIT_E_NOMEM;
}

static trit_status check_fit(const trit_controller *type, const trit_quant *q, trit_error *e) {
    const trit_transform *basis = trit_transforms[q->spec.transform];
    if (type->views && basis->apply) {
        return TRIT_FAIL(e, E_CONFIG,
                         "controller %s, quantizer %s: it compares each weight with its level, but "
                         "transform %s mixes the weights of a block before they are quantized",
                         type->name, q->path, basis->name);
    }
    if (!type->fits) return TRIT_OK;
    TRIT_TRY_AS(type->fits(&q->spec, q->kind, e), e, "controller %s, quantizer %s", type->name,
                q->path);
    return TRIT_OK;
}

static trit_status check_once(const trit_controls *c, int n, const trit_quant *q, trit_error *e) {
    for (int i = 0; i < n; i++) {
        const trit_control *other = &c->at[i];
        if (other->type != c->at[n].type) continue;
        for (int k = 0; k < other->n_target; k++) {
            if (other->target[k].view->quant != q) continue;
            return TRIT_FAIL(e, E_CONFIG,
                             "controllers/%d: a second controller %s acts on %s; let their layers "
                             "differ",
                             n, other->type->name, q->path);
        }
    }
    return TRIT_OK;
}

static trit_status bind_one(trit_controls *c, int index, trit_quant_view *view, int n_view,
                            trit_states *states, trit_arena *mem, trit_error *e) {
    trit_control *one = &c->at[index];
    one->target = trit_arena_get(mem, (size_t)n_view * sizeof *one->target, e);
    if (!one->target) return TRIT_E_NOMEM;
    for (int i = 0; i < n_view; i++) {
        trit_param *p = tensor_of(one->type, &view[i]);
        if (!p || !trit_quant_in_layer(view[i].quant, one->cfg->layers)) continue;
        TRIT_TRY_AS(check_fit(one->type, view[i].quant, e), e, "controllers/%d", index);
        TRIT_TRY(check_once(c, index, view[i].quant, e));
        trit_control_target *t = &one->target[one->n_target++];
        *t = (trit_control_target){.view = &view[i], .p = p};
        TRIT_TRY(add_states(t, one->type, states, mem, e));
    }
    if (one->n_target) return TRIT_OK;
    return TRIT_FAIL(
        e, E_CONFIG,
        "controllers/%d: %s finds nothing to act on in layers \"%s\": there is no %s%s", index,
        one->type->name, one->cfg->layers,
        one->type->form ? "trained quantizer of form " : "quantizer of weights",
        one->type->form ? one->type->form : "");
}

static int64_t n_pieces(int64_t n, const trit_controller *type) {
    return type->whole ? 1 : (n + TRIT_SPAN_GRAIN - 1) / TRIT_SPAN_GRAIN;
}

trit_status trit_controls_init(trit_controls *c, const trit_control_cfg *cfg, int n_cfg,
                               trit_quant_view *view, int n_view, trit_states *states,
                               trit_arena *mem, trit_error *e) {
    *c = (trit_controls){.at = trit_arena_get(mem, (size_t)n_cfg * sizeof *c->at, e)};
    if (!c->at) return TRIT_E_NOMEM;
    int64_t most = 1;
    for (int i = 0; i < n_cfg; i++) {
        c->at[i] = (trit_control){.type = trit_controllers[cfg[i].type], .cfg = &cfg[i]};
        TRIT_TRY(bind_one(c, i, view, n_view, states, mem, e));
        for (int k = 0; k < c->at[i].n_target; k++) {
            int64_t n = n_pieces(trit_tensor_len(&c->at[i].target[k].p->val), c->at[i].type);
            if (n > most) most = n;
        }
    }
    c->n = n_cfg;
    c->partial = trit_arena_get(mem, (size_t)most * TRIT_CONTROL_SUM * sizeof *c->partial, e);
    return c->partial ? TRIT_OK : TRIT_E_NOMEM;
}

/* ---- running ------------------------------------------------------------------------------- */

static trit_control_call call_of(trit_control *one, trit_control_target *t, bool viewed,
                                 int64_t piece) {
    const trit_quant_view *v = t->view;
    int64_t n_all = trit_tensor_len(&t->p->val);
    int64_t first = piece * TRIT_SPAN_GRAIN;
    trit_control_call c = {.quant = v->quant,
                           .knob = one->knob,
                           .n = one->type->whole ? n_all : trit_span_len(n_all, first),
                           .first = first,
                           .n_all = n_all,
                           .group_len = v->group_len,
                           .n_tensor = one->n_target,
                           .w = trit_param_val(t->p) + first,
                           .g = trit_param_grad(t->p) + first,
                           .keep = t->keep ? t->keep + first : NULL,
                           .sum = &t->sum,
                           .all = (const double(*)[TRIT_CONTROL_SUM])one->all};
    if (v->quant->step) c.step_grad = trit_param_grad(v->quant->step);
    for (int i = 0; i < TRIT_MAX_CONTROL_STATE && t->state[i]; i++) {
        c.state[i] =
            (char *)t->state[i] + (size_t)first * trit_dtype_bytes(one->type->state[i].dtype);
    }
    if (viewed) {
        c.y = trit_val(v->y) + first;
        c.code = (const int8_t *)v->q->code.data + first;
        c.scale = v->quant->spec.form ? NULL : trit_quant_scales(v->q);
    }
    return c;
}

static void look_at(trit_controls *c, const trit_exec *x, trit_control *one, trit_control_target *t,
                    int pass) {
    int64_t n = n_pieces(trit_tensor_len(&t->p->val), one->type);
    memset(c->partial, 0, (size_t)n * TRIT_CONTROL_SUM * sizeof *c->partial);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < n; i++) {
        trit_control_call call = call_of(one, t, false, i);
        one->type->look(&call, pass, c->partial + i * TRIT_CONTROL_SUM);
    }
    for (int k = 0; k < TRIT_CONTROL_SUM; k++) {
        t->sum[pass][k] = 0;
        for (int64_t i = 0; i < n; i++) t->sum[pass][k] += c->partial[i * TRIT_CONTROL_SUM + k];
        one->all[pass][k] += t->sum[pass][k];
    }
}

static void look_at_all(trit_controls *c, const trit_exec *x, trit_control *one) {
    memset(one->all, 0, sizeof one->all);
    for (int pass = 0; pass < one->type->n_look; pass++) {
        for (int i = 0; i < one->n_target; i++) {
            if (one->target[i].view->quant->on) look_at(c, x, one, &one->target[i], pass);
        }
    }
}

static double run_gradient(trit_controls *c, const trit_exec *x, trit_control *one,
                           trit_control_target *t) {
    bool viewed = one->type->views & TRIT_VIEW_IN_GRADIENT;
    int64_t n = n_pieces(trit_tensor_len(&t->p->val), one->type);
    if (viewed) trit_quant_view_run(t->view, x);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < n; i++) {
        trit_control_call call = call_of(one, t, viewed, i);
        c->partial[i] = one->type->gradient(&call);
    }
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += c->partial[i];
    return sum;
}

void trit_controls_gradient(trit_controls *c, const trit_exec *x, int64_t step) {
    for (int k = 0; k < c->n; k++) {
        trit_control *one = &c->at[k];
        for (int i = 0; i < TRIT_MAX_KNOB; i++) {
            one->knob[i] = TRIT_R(trit_schedule_at(&one->cfg->knob[i], step));
        }
        one->penalty = 0;
        look_at_all(c, x, one);
        for (int i = 0; one->type->gradient && i < one->n_target; i++) {
            if (!one->target[i].view->quant->on) continue;
            one->penalty += run_gradient(c, x, one, &one->target[i]);
        }
    }
}

static void run_hook(trit_controls *c, const trit_exec *x, unsigned moment) {
    for (int k = 0; k < c->n; k++) {
        trit_control *one = &c->at[k];
        void (*hook)(const trit_control_call *) =
            moment == TRIT_VIEW_BEFORE ? one->type->before : one->type->after;
        bool viewed = one->type->views & moment;
        for (int i = 0; hook && i < one->n_target; i++) {
            trit_control_target *t = &one->target[i];
            if (!t->view->quant->on) continue;
            if (viewed) trit_quant_view_run(t->view, x);
            int64_t n = n_pieces(trit_tensor_len(&t->p->val), one->type);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
            for (int64_t piece = 0; piece < n; piece++) {
                trit_control_call call = call_of(one, t, viewed, piece);
                hook(&call);
            }
        }
    }
}

void trit_controls_before(trit_controls *c, const trit_exec *x) {
    run_hook(c, x, TRIT_VIEW_BEFORE);
}

void trit_controls_after(trit_controls *c, const trit_exec *x) {
    run_hook(c, x, TRIT_VIEW_AFTER);
}
