#include "run/distill_inside.h"

#include "autograd/ops.h"
#include "run/distill.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* "FILE: /distill/losses/2/layers: ..." */
#define UNFIT(r, i, key, e, ...)                                           \
    (snprintf(pointer, sizeof pointer, "/distill/losses/%d/%s", (i), key), \
     trit_settings_fail((e), (r)->exp->file, pointer, __VA_ARGS__))

static const trit_loss_cfg *cfg_of(const trit_run *r, int i) {
    return &r->exp->cfg.distill.losses.at[i];
}

static int64_t width_of(const trit_model_cfg *m, trit_tap what) {
    bool of_kv = what == TRIT_TAP_k || what == TRIT_TAP_v || what == TRIT_TAP_key;
    return of_kv ? m->width / m->heads * m->kv_heads : m->width;
}

/* ---- opening ------------------------------------------------------------------------------- */

static trit_status find_pairs(trit_run *r, int i, const trit_model_cfg *t, trit_inside_use *u,
                              trit_error *e) {
    const trit_loss_cfg *c = cfg_of(r, i);
    int64_t n_s = r->model.cfg.layers, n_t = t ? t->layers : n_s;
    bool last = !c->n_pair && c->rule == TRIT_LAYERS_last;
    u->n_pair = c->n_pair ? c->n_pair : last ? 1 : (int)n_s;
    u->pair = trit_arena_get(&r->mem, (size_t)u->n_pair * sizeof *u->pair, e);
    if (!u->pair) return TRIT_E_NOMEM;
    for (int k = 0; k < u->n_pair; k++) {
        u->pair[k][0] = c->n_pair ? c->pair[k][0] : last ? n_s - 1 : k;
        u->pair[k][1] = c->n_pair ? c->pair[k][1]
                        : last    ? n_t - 1
                                  : trit_layer_uniform(k, n_s, n_t);
        const int64_t n[2] = {n_s, n_t};
        for (int side = 0; side < (t ? 2 : 1); side++) {
            if (u->pair[k][side] < n[side]) continue;
            char pointer[64], key[32];
            snprintf(key, sizeof key, "layers/%d", k);
            return UNFIT(r, i, key, e, "found layer %lld, but the %s has layers 0 to %lld",
                         (long long)u->pair[k][side], side ? "teacher" : "student",
                         (long long)n[side] - 1);
        }
    }
    return TRIT_OK;
}

static trit_status find_heads(trit_run *r, int i, const trit_model_cfg *t, trit_inside_use *u,
                              trit_error *e) {
    const trit_loss *row = trit_losses[cfg_of(r, i)->loss];
    const trit_model_cfg *both[] = {&r->model.cfg, t};
    char pointer[64];
    if (!row->inside->heads) return TRIT_OK;
    u->heads = (int64_t)cfg_of(r, i)->knob[trit_loss_knob(row, "heads")].from;
    if (!u->heads) u->heads = r->model.cfg.kv_heads;
    for (int k = 0; k < 2 * TRIT_N_TAP; k++) {
        const trit_model_cfg *m = both[k / TRIT_N_TAP];
        if (!m || !(row->inside->taps >> k % TRIT_N_TAP & 1)) continue;
        int64_t width = width_of(m, (trit_tap)(k % TRIT_N_TAP));
        if (width % u->heads == 0) continue;
        return UNFIT(r, i, "heads", e,
                     "found %lld, which does not divide the %lld numbers of a query, key or value "
                     "of the %s",
                     (long long)u->heads, (long long)width, m == t ? "teacher" : "student");
    }
    return TRIT_OK;
}

static trit_status check_maps(trit_run *r, int i, const trit_model_cfg *t, trit_error *e) {
    const trit_loss *row = trit_losses[cfg_of(r, i)->loss];
    const trit_model_cfg *s = &r->model.cfg;
    char pointer[64];
    if (!row->inside->maps || !t) return TRIT_OK; /* such a row has a teacher */
    if (s->attention != TRIT_ATTENTION_softmax || t->attention != TRIT_ATTENTION_softmax) {
        return UNFIT(r, i, "loss", e, "%s compares attention maps of model.attention \"softmax\"",
                     row->name);
    }
    if (s->heads == t->heads) return TRIT_OK;
    return UNFIT(r, i, "loss", e,
                 "%s compares attention head by head, but the student has %lld heads, the teacher "
                 "%lld",
                 row->name, (long long)s->heads, (long long)t->heads);
}

/* A learned matrix from the student's width to the teacher's. */
static trit_status add_projection(trit_run *r, int i, const trit_model_cfg *t, trit_inside_use *u,
                                  trit_error *e) {
    const trit_loss *row = trit_losses[cfg_of(r, i)->loss];
    const int64_t dim[2] = {t ? t->width : 0, r->model.cfg.width};
    char pointer[64], path[64];
    if (!row->inside->projects) return TRIT_OK;
    if (!cfg_of(r, i)->projection) {
        if (dim[0] == dim[1]) return TRIT_OK;
        return UNFIT(r, i, "projection", e,
                     "hidden states of the student are %lld numbers wide, of the teacher %lld; "
                     "true learns a matrix between them",
                     (long long)dim[1], (long long)dim[0]);
    }
    snprintf(path, sizeof path, "distill.%d.projection", i);
    TRIT_TRY(trit_params_add(&r->ps, path, TRIT_ROLE_weight, 2, dim, &u->projection, e));
    u->projection->aside = true;
    trit_rng rng = {.seed = (uint64_t)r->exp->cfg.train.seed, .stream = trit_hash32(path)};
    double std = 1 / sqrt((double)dim[1]);
    for (int64_t k = 0; k < dim[0] * dim[1]; k++) {
        trit_param_val(u->projection)[k] = TRIT_R(std * trit_rng_normal(&rng, (uint64_t)k));
    }
    return TRIT_OK;
}

/* Until they are found: the first axes. */
static trit_status add_basis(trit_run *r, int i, const trit_model_cfg *t, trit_inside_use *u,
                             trit_error *e) {
    const trit_loss *row = trit_losses[cfg_of(r, i)->loss];
    char pointer[64];
    if (!row->inside->basis || !t) return TRIT_OK; /* such a row has a teacher */
    if (r->distill->model == &r->distill->own) {
        return UNFIT(r, i, "loss", e,
                     "%s needs a teacher that holds still; the student's own weights change",
                     row->name);
    }
    u->width = t->width;
    u->rank = (int64_t)cfg_of(r, i)->knob[trit_loss_knob(row, "rank")].from;
    if (!u->rank) u->rank = u->width / 4 > 2 ? u->width / 4 : 2;
    if (u->rank > u->width) {
        return UNFIT(r, i, "rank", e, "found %lld, but hidden states have %lld directions",
                     (long long)u->rank, (long long)u->width);
    }
    size_t n = (size_t)(u->n_pair * u->rank * u->width);
    u->basis = trit_arena_get(&r->mem, n * sizeof *u->basis, e);
    if (!u->basis) return TRIT_E_NOMEM;
    for (int64_t k = 0; k < u->n_pair * u->rank; k++) u->basis[k * u->width + k % u->rank] = 1;
    return TRIT_OK;
}

static trit_teacher_tap *find_tap(const trit_distill_inside *in, int64_t layer, trit_tap what) {
    for (int i = 0; i < in->n_tap; i++) {
        if (in->tap[i].layer == layer && in->tap[i].what == what) return &in->tap[i];
    }
    return NULL;
}

static trit_status add_taps(trit_run *r, const trit_model_cfg *t, const trit_loss *row,
                            const trit_inside_use *u, trit_error *e) {
    trit_distill_inside *in = &r->distill->inside;
    for (int k = 0; row->teacher && k < u->n_pair * TRIT_N_TAP; k++) {
        trit_tap what = (trit_tap)(k % TRIT_N_TAP);
        int64_t layer = u->pair[k / TRIT_N_TAP][1];
        if (!(row->inside->taps >> what & 1) || find_tap(in, layer, what)) continue;
        trit_teacher_tap *tap = &in->tap[in->n_tap++];
        int64_t n = r->exp->cfg.train.batch * r->model.cfg.context * width_of(t, what);
        *tap = (trit_teacher_tap){.layer = layer, .what = what};
        tap->data = trit_arena_get(&r->mem, (size_t)n * sizeof *tap->data, e);
        if (!tap->data) return TRIT_E_NOMEM;
    }
    return TRIT_OK;
}

trit_status trit_distill_inside_open(trit_run *r, const trit_transformer *teacher, trit_error *e) {
    trit_distill *d = r->distill;
    const trit_model_cfg *t = teacher ? &teacher->cfg : NULL;
    size_t n_tap = t ? (size_t)t->layers * TRIT_N_TAP : 0;
    d->inside.use = trit_arena_get(&r->mem, (size_t)d->n_use * sizeof *d->inside.use, e);
    d->inside.tap = trit_arena_get(&r->mem, n_tap * sizeof *d->inside.tap, e);
    if (!d->inside.use || !d->inside.tap) return TRIT_E_NOMEM;
    for (int i = 0; i < d->n_use; i++) {
        const trit_loss *row = d->use[i].row;
        trit_inside_use *u = &d->inside.use[i];
        if (!row->inside) continue;
        TRIT_ASSERT(t || !row->teacher);
        TRIT_TRY(find_pairs(r, i, row->teacher ? t : NULL, u, e));
        TRIT_TRY(find_heads(r, i, row->teacher ? t : NULL, u, e));
        TRIT_TRY(check_maps(r, i, t, e));
        TRIT_TRY(add_projection(r, i, t, u, e));
        TRIT_TRY(add_basis(r, i, t, u, e));
        TRIT_TRY(add_taps(r, t, row, u, e));
    }
    return TRIT_OK;
}

/* ---- graphs -------------------------------------------------------------------------------- */

void trit_distill_inside_find(trit_distill_inside *in, const trit_transformer_io *teacher) {
    for (int i = 0; i < in->n_tap; i++) {
        in->tap[i].from = teacher->block[in->tap[i].layer].at[in->tap[i].what];
    }
}

void trit_distill_inside_copy(const trit_distill_inside *in, const trit_node *n) {
    for (int i = 0; i < in->n_tap; i++) {
        if (in->tap[i].from != n) continue;
        memcpy(in->tap[i].data, n->val.data, trit_tensor_bytes(&n->val));
    }
}

/* What a row needs of a layer of the teacher, as inputs of the student's graph. */
static trit_taps teacher_taps(const trit_distill_inside *in, trit_graph *g, const trit_tensor *like,
                              unsigned taps, int64_t layer, const trit_model_cfg *t) {
    trit_taps out = {0};
    for (int what = 0; what < TRIT_N_TAP; what++) {
        if (!(taps >> what & 1)) continue;
        trit_teacher_tap *tap = find_tap(in, layer, (trit_tap)what);
        const int64_t dim[3] = {like->dim[0], like->dim[1], width_of(t, (trit_tap)what)};
        if (!tap->input) tap->input = trit_input_at(g, "teacher", TRIT_REAL, 3, dim, tap->data);
        out.at[what] = tap->input;
    }
    return out;
}

/* The mean over a loss's pairs, and what becomes of it. */
static trit_node *build_one(trit_run *r, int i, trit_graph *g, const trit_transformer_io *io) {
    trit_distill *d = r->distill;
    const trit_inside_use *u = &d->inside.use[i];
    const trit_loss_inside *row = d->use[i].row->inside;
    trit_node *sum = NULL;
    for (int k = 0; k < u->n_pair; k++) {
        bool taught = d->use[i].row->teacher;
        trit_taps t = {0};
        trit_inside_pair p = {.use = &d->use[i],
                              .labels = io->labels,
                              .s = &io->block[u->pair[k][0]],
                              .t = taught ? &t : NULL,
                              .projection = trit_leaf(g, u->projection),
                              .heads = u->heads,
                              .cfg_s = &r->model.cfg,
                              .cfg_t = taught ? &d->model->cfg : NULL};
        if (taught) {
            t = teacher_taps(&d->inside, g, &io->tokens->val, row->taps, u->pair[k][1], p.cfg_t);
        }
        if (u->basis) {
            const int64_t dim[2] = {u->rank, u->width};
            p.basis =
                trit_input_at(g, "principal", TRIT_REAL, 2, dim, u->basis + k * u->rank * u->width);
        }
        trit_node *one = row->pair(g, &p);
        sum = sum ? trit_add(g, sum, one) : one;
    }
    if (u->n_pair > 1) sum = trit_scale(g, sum, 1 / (double)u->n_pair);
    return row->finish ? row->finish(g, sum) : sum;
}

void trit_distill_inside_build(trit_run *r, trit_graph *g, trit_transformer_io *io) {
    trit_distill *d = r->distill;
    for (int i = 0; i < d->n_use && io->loss; i++) {
        if (!d->inside.use[i].n_pair) continue;
        char name[32];
        snprintf(name, sizeof name, "distill.%d", i);
        trit_graph_push(g, name);
        io->loss = trit_loss_weigh(g, &d->use[i], io->loss, build_one(r, i, g, io));
        trit_graph_pop(g);
    }
}

trit_status trit_distill_inside_bind(trit_run *r, trit_error *e) {
    trit_distill *d = r->distill;
    const trit_run_graph *g = &r->train;
    bool seen = false;
    if (!g->graph.node || !r->data) return TRIT_OK;
    for (int i = 0; i < d->n_use; i++) {
        trit_inside_use *u = &d->inside.use[i];
        for (int k = 0; k < u->n_pair && u->basis; k++) {
            if (!seen) {
                trit_data_train(r->data, (uint64_t)r->exp->cfg.train.seed, 0, g->B, g->T,
                                g->io.tokens->val.data, g->io.labels->val.data);
                TRIT_TRY(trit_distill_ask(r, g->io.tokens->val.data, 0, e));
                seen = true;
            }
            const trit_teacher_tap *tap = find_tap(&d->inside, u->pair[k][1], TRIT_TAP_hidden);
            TRIT_TRY(trit_principal(g->B * g->T, u->width, tap->data, u->rank,
                                    u->basis + k * u->rank * u->width, e));
        }
    }
    return TRIT_OK;
}
