#include "autograd/param.h"

#include <stdlib.h>
#include <string.h>

const char *const trit_role_names[TRIT_N_ROLE + 1] = {
#define X(name) #name,
    TRIT_ROLE_LIST(X)
#undef X
        NULL};

void trit_params_init(trit_params *ps, trit_arena *mem) {
    *ps = (trit_params){.mem = mem};
}

void trit_params_free(trit_params *ps) {
    free(ps->at);
    *ps = (trit_params){0};
}

static trit_status add(trit_params *ps, const char *path, trit_role role, bool frozen, int ndim,
                       const int64_t *dim, trit_param **out, trit_error *e) {
    if (trit_params_find(ps, path)) {
        return TRIT_FAIL(e, E_CONFIG, "parameter %s is declared twice", path);
    }
    if (ps->n == ps->cap) {
        int cap = ps->cap ? 2 * ps->cap : 64;
        trit_param **at = realloc(ps->at, (size_t)cap * sizeof *at);
        if (!at) return TRIT_FAIL(e, E_NOMEM, "no memory for the list of parameters");
        ps->at = at;
        ps->cap = cap;
    }
    trit_param *p = trit_arena_get(ps->mem, sizeof *p, e);
    if (!p) return TRIT_E_NOMEM;
    *p = (trit_param){.path = trit_arena_text(ps->mem, path, e),
                      .role = role,
                      .frozen = frozen,
                      .val = trit_tensor_make(TRIT_REAL, ndim, dim)};
    p->grad = p->val;
    p->val.data = trit_arena_get(ps->mem, trit_tensor_bytes(&p->val), e);
    bool moves = role != TRIT_ROLE_buffer && !frozen;
    if (moves) {
        p->grad.data = trit_arena_get(ps->mem, trit_tensor_bytes(&p->grad), e);
    }
    if (!p->path || !p->val.data || (moves && !p->grad.data)) return TRIT_E_NOMEM;
    ps->at[ps->n++] = p;
    *out = p;
    return TRIT_OK;
}

trit_status trit_params_add(trit_params *ps, const char *path, trit_role role, int ndim,
                            const int64_t *dim, trit_param **out, trit_error *e) {
    return add(ps, path, role, ps->frozen, ndim, dim, out, e);
}

trit_status trit_params_add_frozen(trit_params *ps, const char *path, trit_role role, int ndim,
                                   const int64_t *dim, trit_param **out, trit_error *e) {
    return add(ps, path, role, true, ndim, dim, out, e);
}

trit_param *trit_params_find(const trit_params *ps, const char *path) {
    for (int i = 0; i < ps->n; i++) {
        if (strcmp(ps->at[i]->path, path) == 0) return ps->at[i];
    }
    return NULL;
}

int64_t trit_params_count(const trit_params *ps) {
    int64_t n = 0;
    for (int i = 0; i < ps->n; i++) {
        if (ps->at[i]->role != TRIT_ROLE_buffer) n += trit_tensor_len(&ps->at[i]->val);
    }
    return n;
}

int64_t trit_params_count_frozen(const trit_params *ps) {
    int64_t n = 0;
    for (int i = 0; i < ps->n; i++) {
        const trit_param *p = ps->at[i];
        if (p->frozen && p->role != TRIT_ROLE_buffer) n += trit_tensor_len(&p->val);
    }
    return n;
}
