/* Groups of parameters: exceptions by path and role. */
#include "base/text.h"
#include "optim/optim.h"

#include <math.h>
#include <string.h>

static bool matches(const trit_optim_group *g, const trit_param *p) {
    if (p->role == TRIT_ROLE_buffer) return false;
    if (g->role && g->role != (int)p->role + 1) return false;
    return trit_text_match(g->match, p->path);
}

static trit_status fail_unmatched(const trit_optim_group *g, int i, const trit_params *ps,
                                  trit_error *e) {
    enum { MOST = 1024 };
    const char *paths[MOST];
    int n = 0;
    for (int k = 0; k < ps->n && n < MOST; k++) {
        if (ps->at[k]->role != TRIT_ROLE_buffer) paths[n++] = ps->at[k]->path;
    }
    bool by_role = strcmp(g->match, "*") == 0;
    char hint[TRIT_TEXT_HINT_BYTES];
    return TRIT_FAIL(e, E_CONFIG, "groups/%d/%s: \"%s\" matches no parameter%s%s%s", i,
                     by_role ? "role" : "match",
                     by_role ? trit_group_role_names[g->role] : g->match,
                     g->role && !by_role ? " of role " : "",
                     g->role && !by_role ? trit_group_role_names[g->role] : "",
                     by_role ? "" : trit_text_hint(hint, g->match, paths, n));
}

trit_status trit_optim_freeze(const trit_optim_cfg *cfg, const trit_params *ps, trit_error *e) {
    for (int i = 0; i < cfg->n_group; i++) {
        const trit_optim_group *g = &cfg->group[i];
        int n = 0;
        for (int k = 0; k < ps->n; k++) n += matches(g, ps->at[k]);
        if (!n) return fail_unmatched(g, i, ps, e);
    }
    for (int k = 0; k < ps->n; k++) {
        bool freeze = false;
        for (int i = 0; i < cfg->n_group; i++) {
            const trit_optim_group *g = &cfg->group[i];
            if (g->has_freeze && matches(g, ps->at[k])) freeze = g->freeze;
        }
        if (freeze) ps->at[k]->frozen = true;
    }
    return TRIT_OK;
}

static void take(double *out, double v) {
    if (!isnan(v)) *out = v;
}

void trit_optim_group_apply(const trit_optim_cfg *cfg, trit_optim_item *it) {
    trit_role role = it->param->role;
    bool matrix = role == TRIT_ROLE_weight || role == TRIT_ROLE_head || role == TRIT_ROLE_embedding;
    it->lr_scale = 1;
    it->decay = matrix ? cfg->weight_decay : 0;
    it->beta1 = cfg->beta1;
    it->beta2 = cfg->beta2;
    it->clip_norm = NAN;
    it->clip_group = -1;
    it->rounds = matrix && cfg->weights == TRIT_WEIGHTS_bf16;
    for (int i = 0; i < cfg->n_group; i++) {
        const trit_optim_group *g = &cfg->group[i];
        if (!matches(g, it->param)) continue;
        take(&it->lr_scale, g->lr);
        take(&it->decay, g->weight_decay);
        take(&it->beta1, g->beta1);
        take(&it->beta2, g->beta2);
        take(&it->clip_norm, g->clip_norm);
        if (!isnan(g->clip_norm)) it->clip_group = i;
    }
}
