#include "run/branches.h"

#include "kernel/svd.h"

#include <string.h>

int64_t trit_branches_end(const trit_run *r) {
    int64_t end = 0;
    for (int i = 0; i < r->model.n_linear; i++) {
        const trit_linear_layer *l = r->model.linear[i];
        int64_t at = l->branch.l ? l->wq.spec.start + trit_branch_steps(&l->branch.cfg) : 0;
        if (at > end) end = at;
    }
    return end;
}

trit_status trit_branches_open(trit_run *r, trit_error *e) {
    int64_t end = trit_branches_end(r), steps = r->exp->cfg.train.steps;
    size_t most = 0;
    if (!end) return TRIT_OK;
    if (end > steps) {
        const trit_branch_cfg *c = &r->exp->cfg.quant.branch;
        return trit_settings_fail(
            e, r->exp->file, "/quant/branch/phase",
            "with rank %lld and phases of %lld steps the branches are gone "
            "at step %lld, but training ends at step %lld; at most %lld fit",
            (long long)c->rank, (long long)c->phase, (long long)end, (long long)steps,
            (long long)((steps - (end - trit_branch_steps(c))) * c->phase / trit_branch_steps(c)));
    }
    for (int i = 0; i < r->model.n_linear; i++) {
        const trit_linear_layer *l = r->model.linear[i];
        size_t bytes = trit_svd_work(l->n_out, l->n_in, l->branch.cfg.rank);
        if (l->branch.l && bytes > most) most = bytes;
    }
    r->branch_work = trit_arena_get(&r->mem, most, e);
    return r->branch_work ? TRIT_OK : TRIT_E_NOMEM;
}

static trit_quant_view *view_of(const trit_run *r, const trit_quant *q) {
    for (int i = 0; i < r->quant.n; i++) {
        if (r->quant.view[i].quant == q) return &r->quant.view[i];
    }
    return NULL;
}

/* An average of weights that were something else says nothing. */
static void restart_average(const trit_run *r, const trit_param *p) {
    const trit_optim_item *it = trit_optim_find(&r->opt, p);
    trit_real *ema = it ? trit_slot_at(&it->ema, 0) : NULL;
    if (ema) memcpy(ema, p->val.data, trit_tensor_bytes(&p->val));
}

static void begin(const trit_run *r, const trit_linear_layer *l) {
    trit_quant_view *v = view_of(r, &l->wq);
    int64_t n = trit_tensor_len(&l->w->val);
    const trit_rng rng = {.seed = r->x.rng.seed, .stream = trit_hash32(l->branch.l->path)};
    trit_quant_view_run(v, &r->x);
    /* What is lost takes the place of what was made: nobody reads that. */
    trit_real *error = trit_val(v->y);
    const trit_real *w = trit_param_val(l->w);
    for (int64_t i = 0; i < n; i++) error[i] = w[i] - error[i];
    trit_svd_components(&r->x.blas, r->x.n_threads, l->n_out, l->n_in, error, l->branch.cfg.rank,
                        &rng, trit_param_val(l->branch.l), trit_param_val(l->branch.r),
                        r->branch_work);
    restart_average(r, l->branch.l);
    restart_average(r, l->branch.r);
}

void trit_branches_begin(const trit_run *r) {
    for (int i = 0; r->branch_work && i < r->model.n_linear; i++) {
        const trit_linear_layer *l = r->model.linear[i];
        if (l->branch.l && r->step == l->wq.spec.start) begin(r, l);
    }
}

static void forget_direction(const trit_run *r, const trit_param *p) {
    const trit_optim_item *it = trit_optim_find(&r->opt, p);
    for (int k = 0; it && k < it->type->n_slot; k++) {
        if (it->type->slot_signed[k]) trit_slot_clear(&it->slot[k]);
    }
    restart_average(r, p);
}

void trit_branches_end_step(const trit_run *r) {
    for (int i = 0; r->branch_work && i < r->model.n_linear; i++) {
        const trit_linear_layer *l = r->model.linear[i];
        const trit_branch *b = &l->branch;
        int64_t since = r->step + 1 - l->wq.spec.start;
        if (!b->l || since <= 0 || since % b->cfg.phase) continue;
        if (since > trit_branch_steps(&b->cfg)) continue;
        int64_t left = trit_branch_shares(&b->cfg, since, NULL);
        trit_svd_refactor(l->n_out, l->n_in, b->cfg.rank, left, trit_param_val(b->l),
                          trit_param_val(b->r), r->branch_work);
        forget_direction(r, b->l);
        forget_direction(r, b->r);
    }
}
