#include "run/store_files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

trit_status trit_store_join(char path[TRIT_STORE_PATH], const char *dir, const char *name,
                            trit_error *e) {
    int n = snprintf(path, TRIT_STORE_PATH, "%s/%s", dir, name);
    if (n < 0 || n >= TRIT_STORE_PATH) {
        return TRIT_FAIL(e, E_USAGE, "%s: path longer than %d bytes", dir, TRIT_STORE_PATH - 1);
    }
    return TRIT_OK;
}

bool trit_store_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

int64_t trit_store_step_of(const char *name) {
    int64_t step;
    int end = 0;
    if (sscanf(name, "step-%" SCNd64 ".h5%n", &step, &end) != 1 || !end || name[end]) return -1;
    return step;
}

void trit_store_name(char name[TRIT_STORE_NAME], int64_t step) {
    snprintf(name, TRIT_STORE_NAME, "checkpoints/step-%08" PRId64 ".h5", step);
}

static int newest_first(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

trit_status trit_store_steps(const char *dir, int64_t **out, int *n_out, trit_error *e) {
    char path[TRIT_STORE_PATH];
    *out = NULL;
    *n_out = 0;
    TRIT_TRY(trit_store_join(path, dir, "checkpoints", e));
    DIR *d = opendir(path);
    /* A folder that cannot be read is not an empty one: a run must not begin anew over it. */
    if (!d) return errno == ENOENT ? TRIT_OK : TRIT_FAIL(e, E_IO, "%s: %s", path, strerror(errno));
    int n = 0, cap = 0;
    for (struct dirent *entry; (entry = readdir(d));) {
        int64_t step = trit_store_step_of(entry->d_name);
        if (step < 0) continue;
        if (n == cap) {
            cap = cap ? 2 * cap : 16;
            int64_t *more = realloc(*out, (size_t)cap * sizeof *more);
            if (!more) {
                closedir(d);
                free(*out);
                return TRIT_FAIL(e, E_NOMEM, "no memory to list checkpoints");
            }
            *out = more;
        }
        (*out)[n++] = step;
    }
    closedir(d);
    if (n) qsort(*out, (size_t)n, sizeof **out, newest_first);
    *n_out = n;
    return TRIT_OK;
}

/* path NULL: no memory. */
static trit_ckpt_tensor tensor_at(const char *path, const trit_tensor *val, const char *unit,
                                  trit_arena *mem, trit_error *e) {
    trit_ckpt_tensor t = {.path = trit_arena_text(mem, path, e),
                          .dtype = val->dtype,
                          .ndim = val->ndim,
                          .data = val->data,
                          .unit = unit};
    memcpy(t.dim, val->dim, sizeof t.dim);
    return t;
}

trit_status trit_store_tensors(trit_run *r, trit_arena *mem, bool with_optim,
                               trit_ckpt_tensor **out, int *n_out, trit_error *e) {
    int n = 0;
    int n_most = r->ps.n * (1 + (with_optim ? 2 * TRIT_MAX_SLOT + 2 : 0)) + r->quant.states.n;
    trit_ckpt_tensor *t = trit_arena_get(mem, sizeof *t * (size_t)n_most, e);
    if (!t) return TRIT_E_NOMEM;
    for (int i = 0; i < r->ps.n; i++) {
        const trit_param *p = r->ps.at[i];
        char path[512];
        if (p->aside && !with_optim) continue;
        snprintf(path, sizeof path, "%s/%s", p->aside ? "aside" : "param", p->path);
        t[n] = tensor_at(path, &p->val, trit_role_names[p->role], mem, e);
        if (!t[n++].path) return TRIT_E_NOMEM;
        const trit_optim_item *it = with_optim ? trit_optim_find(&r->opt, p) : NULL;
        const trit_slot *s;
        for (int k = 0; it && trit_optim_state(it, k, &s); k++) {
            if (!s->val.data) continue;
            snprintf(path, sizeof path, "optim/%s/%s", s->name, p->path);
            t[n] = tensor_at(path, &s->val, NULL, mem, e);
            if (!t[n++].path) return TRIT_E_NOMEM;
            if (!s->absmax.data) continue;
            snprintf(path, sizeof path, "optim/%s.absmax/%s", s->name, p->path);
            t[n] = tensor_at(path, &s->absmax, NULL, mem, e);
            if (!t[n++].path) return TRIT_E_NOMEM;
        }
    }
    for (int i = 0; with_optim && i < r->quant.states.n; i++) {
        const trit_state *one = &r->quant.states.at[i];
        t[n] = tensor_at(one->path, &one->val, NULL, mem, e);
        if (!t[n++].path) return TRIT_E_NOMEM;
    }
    *out = t;
    *n_out = n;
    return TRIT_OK;
}

/* ---- what computed ---- */

trit_computed_by trit_store_computed_by(const trit_exec *x) {
    trit_computed_by by;
    snprintf(by.gemm, sizeof by.gemm, "%s%s%s", x->blas.name, *x->blas.core ? " " : "",
             x->blas.core);
    /* "avx512vbmi" has the bits of "avx512". */
    snprintf(by.kernels, sizeof by.kernels, "%.6s%s", x->k.isa, x->lowp.fast ? " int8 bf16" : "");
    return by;
}
