#include "quant/quant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t trit_quant_group_len(const trit_quant *q, int64_t rows) {
    switch (q->spec.granularity) {
    case TRIT_GRANULARITY_tensor:
        return rows * q->cols;
    case TRIT_GRANULARITY_group:
        return q->spec.group;
    default:
        return q->cols;
    }
}

/* Whether the learnables have their first values is part of the state: a resumed run must not give
 * them new ones. */
static trit_status add_ready(trit_quant *q, trit_params *ps, trit_error *e) {
    char path[256];
    snprintf(path, sizeof path, "%s.ready", q->path);
    return trit_params_add(ps, path, TRIT_ROLE_buffer, 0, NULL, &q->ready, e);
}

static trit_status add_learned_step(trit_quant *q, int64_t rows, trit_params *ps, trit_error *e) {
    char path[256];
    int64_t n_group = rows * q->cols / trit_quant_group_len(q, rows);
    snprintf(path, sizeof path, "%s.step", q->path);
    TRIT_TRY(trit_params_add(ps, path, TRIT_ROLE_step_size, 1, &n_group, &q->step, e));
    return add_ready(q, ps, e);
}

static trit_status add_learnables(trit_quant *q, int64_t rows, trit_params *ps, trit_error *e) {
    const trit_form *f = trit_forms[q->spec.form];
    for (int k = 0; k < f->n_learn; k++) {
        char path[256];
        const trit_form_learn *l = &f->learn[k];
        int64_t n_group = rows * q->cols / trit_quant_group_len(q, rows);
        int64_t dim[2] = {l->size == TRIT_LEARN_GROUP    ? n_group
                          : l->size == TRIT_LEARN_COLUMN ? q->cols
                                                         : rows,
                          q->cols};
        int ndim = l->size == TRIT_LEARN_TENSOR ? 0 : l->size == TRIT_LEARN_ELEMENT ? 2 : 1;
        trit_role role = l->buffer ? TRIT_ROLE_buffer : TRIT_ROLE_quantizer;
        snprintf(path, sizeof path, "%s.%s", q->path, l->name);
        TRIT_TRY(trit_params_add(ps, path, role, ndim, dim, &q->learn[k], e));
    }
    return f->n_learn ? add_ready(q, ps, e) : TRIT_OK;
}

static trit_status check_blocks(const trit_quant *q, const char *path, trit_error *e) {
    const trit_form *f = trit_forms[q->spec.form];
    bool grouped = q->spec.granularity == TRIT_GRANULARITY_group;
    int64_t len = grouped ? q->spec.group : q->cols;
    if (!f->multiple || len % f->multiple == 0) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "%s: %s works on blocks of %d elements, but %s have %lld", path,
                     f->name, f->multiple, grouped ? "groups" : "rows", (long long)len);
}

static void fill_levels(trit_quant *q) {
    const trit_grid *grid = trit_grids[q->spec.grid];
    q->n_level = grid->levels(&q->spec, q->level, TRIT_MAX_LEVEL);
    grid->bounds(&q->spec, &q->lo, &q->hi);
}

static trit_status list_levels(trit_quant *q, trit_params *ps, trit_error *e) {
    bool changes = q->spec.bits_at.shape != TRIT_SHAPE_hold;
    int n = changes ? TRIT_MAX_LEVEL : trit_grids[q->spec.grid]->levels(&q->spec, NULL, 0);
    q->level = trit_arena_get(ps->mem, (size_t)n * sizeof *q->level, e);
    if (!q->level) return TRIT_E_NOMEM;
    fill_levels(q);
    return TRIT_OK;
}

/* A learned step is that of its bits: on the range of 8 bits fewer levels would be too far apart to
 * tell most weights from 0. So each rung begins anew, from the weights as they are. */
static void follow_bits(trit_quant *q, int64_t step) {
    const trit_schedule *at = &q->spec.bits_at;
    if (at->shape == TRIT_SHAPE_hold) return;
    q->spec.bits = (int64_t)rint(trit_schedule_at(at, step));
    fill_levels(q);
    bool changed = step > 0 && q->spec.bits != (int64_t)rint(trit_schedule_at(at, step - 1));
    if (q->ready && changed) *trit_param_val(q->ready) = 0;
}

int trit_quant_params(const trit_quant *q, trit_param *out[TRIT_QUANT_MAX_PARAM]) {
    int n = 0;
    if (!q->ready) return 0;
    if (q->step) out[n++] = q->step;
    for (int k = 0; k < TRIT_MAX_LEARN && q->learn[k]; k++) out[n++] = q->learn[k];
    out[n++] = q->ready;
    return n;
}

trit_real trit_quant_level(const trit_quant *q, int8_t code) {
    if (trit_grids[q->spec.grid]->indexed) return q->level[(uint8_t)code];
    return TRIT_R(q->spec.is_signed ? code : (uint8_t)code);
}

trit_status trit_quant_init(trit_quant *q, const trit_spec *spec, trit_quant_kind kind,
                            const char *path, int64_t rows, int64_t cols, trit_params *ps,
                            trit_error *e) {
    *q = (trit_quant){.spec = *spec, .kind = kind, .cols = cols};
    if (!spec->on) return TRIT_OK;
    q->path = trit_arena_text(ps->mem, path, e);
    if (!q->path) return TRIT_E_NOMEM;
    if (spec->granularity == TRIT_GRANULARITY_group && cols % spec->group != 0) {
        return TRIT_FAIL(e, E_CONFIG, "%s: group %lld does not divide rows of %lld elements", path,
                         (long long)spec->group, (long long)cols);
    }
    if (spec->form) {
        TRIT_TRY(check_blocks(q, path, e));
        TRIT_TRY(add_learnables(q, kind == TRIT_QUANT_WEIGHT ? rows : 1, ps, e));
        trit_quant_step(q, 0);
        return TRIT_OK;
    }
    TRIT_TRY(list_levels(q, ps, e));
    if (trit_scales[spec->scale]->learned) {
        TRIT_TRY(add_learned_step(q, kind == TRIT_QUANT_WEIGHT ? rows : 1, ps, e));
    }
    trit_quant_step(q, 0);
    return TRIT_OK;
}

trit_node *trit_quant_transform(const trit_quant *q, trit_graph *g, trit_node *x) {
    const trit_transform *t = trit_transforms[q->spec.transform];
    if (!q->spec.on || !t->apply || !x || trit_cols(x) != q->cols) return x;
    return t->apply(g, x, trit_spec_block(&q->spec, q->cols));
}

trit_node *trit_quant_apply(trit_quant *q, trit_graph *g, trit_node *x) {
    if (!x || !q->spec.on) return x;
    x = trit_quant_transform(q, g, x);
    if (!x) return NULL;
    trit_node *y = q->spec.form ? trit_form_apply(q, g, x) : trit_axes_apply(q, g, x);
    const trit_transform *t = trit_transforms[q->spec.transform];
    return y && t->undo ? t->undo(g, y, trit_spec_block(&q->spec, q->cols)) : y;
}

void trit_quant_step(trit_quant *q, int64_t step) {
    if (!q->spec.on) return;
    q->now = step;
    q->bad = false;
    follow_bits(q, step);
    q->on = step >= q->spec.start;
    q->lambda = TRIT_R(trit_schedule_at(&q->spec.lambda, step));
    for (int axis = 0; axis < TRIT_N_KNOB_AXIS; axis++) {
        for (int i = 0; i < TRIT_MAX_KNOB; i++) {
            q->knob[axis][i] = TRIT_R(trit_schedule_at(&q->spec.knob[axis][i], step));
        }
    }
}
