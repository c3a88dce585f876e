#include "layers/branch.h"

#include <math.h>
#include <stdio.h>

static const trit_field fields[] = {
#define F(...) TRIT_FIELD(trit_branch_cfg, __VA_ARGS__)
    TRIT_BRANCH_FIELDS(F)
#undef F
};
const trit_schema trit_branch_schema =
    TRIT_SCHEMA("branch", "low-rank branches beside quantized weights, gone at the end (QVGen)",
                trit_branch_cfg, fields, NULL);

static const double pi = 3.14159265358979323846;

int64_t trit_branch_shares(const trit_branch_cfg *c, int64_t since, trit_real *share) {
    if (since < 0 || since >= trit_branch_steps(c)) return 0;
    int64_t n = c->rank >> (since / c->phase), t = since % c->phase;
    double fading = 0.5 * (1 + cos(pi * (double)t / (double)c->phase));
    for (int64_t j = 0; share && j < n; j++) share[j] = j < n / 2 ? 1 : TRIT_R(fading);
    return n;
}

int64_t trit_branch_steps(const trit_branch_cfg *c) {
    int64_t n_phase = 0;
    while (c->rank >> n_phase) n_phase++;
    return n_phase * c->phase;
}

trit_status trit_branch_init(trit_branch *b, const trit_branch_cfg *c, const char *path,
                             int64_t n_out, int64_t n_in, trit_params *ps, trit_error *e) {
    char name[256];
    int64_t most = n_out < n_in ? n_out : n_in;
    *b = (trit_branch){.cfg = *c};
    if (!c->rank) return TRIT_OK;
    if (c->rank > most) {
        return TRIT_FAIL(e, E_CONFIG,
                         "%s: branch.rank %lld, but a weight [%lld,%lld] has %lld components", path,
                         (long long)c->rank, (long long)n_out, (long long)n_in, (long long)most);
    }
    b->share = trit_arena_get(ps->mem, (size_t)c->rank * sizeof *b->share, e);
    if (!b->share) return TRIT_E_NOMEM;
    b->of.share = b->share;
    snprintf(name, sizeof name, "%s.branch_l", path);
    TRIT_TRY(
        trit_params_add(ps, name, TRIT_ROLE_quantizer, 2, (int64_t[]){n_out, c->rank}, &b->l, e));
    snprintf(name, sizeof name, "%s.branch_r", path);
    return trit_params_add(ps, name, TRIT_ROLE_quantizer, 2, (int64_t[]){c->rank, n_in}, &b->r, e);
}

void trit_branch_step(trit_branch *b, int64_t since) {
    if (b->l) b->of.n = trit_branch_shares(&b->cfg, since, b->share);
}

trit_node *trit_branch_apply(trit_branch *b, trit_graph *g, trit_node *base, trit_node *x) {
    if (!b->l) return base;
    return trit_low_rank(g, base, x, trit_leaf(g, b->r), trit_leaf(g, b->l), &b->of);
}
