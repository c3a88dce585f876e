#include "run/compare.h"

#include "run/store.h"

#include <string.h>

/* Codes of view i as the weights are now; NULL: it is off, or has none. */
static const int8_t *codes_of(trit_run *r, int i) {
    trit_quant_view *v = &r->quant.view[i];
    trit_quant_stats s;
    if (!v->w || !v->quant->on) return NULL;
    trit_quant_view_run(v, &r->x);
    trit_stats_measure(&s, v->y, &r->x, r->quant.work);
    return s.n_bin ? v->y->code.data : NULL;
}

static trit_status load(trit_run *r, const char *checkpoint, trit_error *e) {
    TRIT_TRY(trit_store_load_weights(checkpoint, r, e));
    trit_transformer_step(&r->model, r->step);
    return TRIT_OK;
}

static trit_status compare(trit_run *r, const char *a, const char *b,
                           void (*found)(void *self, const char *path, int64_t n,
                                         int64_t n_flipped),
                           void *self, trit_error *e) {
    int n = r->quant.n;
    int8_t **kept = trit_arena_get(&r->mem, (size_t)n * sizeof *kept, e);
    if (!kept) return TRIT_E_NOMEM;
    TRIT_TRY(load(r, a, e));
    for (int i = 0; i < n; i++) {
        const int8_t *code = codes_of(r, i);
        if (!code) continue;
        size_t n_bytes = (size_t)trit_tensor_len(&r->quant.view[i].w->val);
        kept[i] = trit_arena_get(&r->mem, n_bytes, e);
        if (!kept[i]) return TRIT_E_NOMEM;
        memcpy(kept[i], code, n_bytes);
    }
    TRIT_TRY(load(r, b, e));
    for (int i = 0; i < n; i++) {
        const int8_t *code = kept[i] ? codes_of(r, i) : NULL;
        if (!code) continue;
        const trit_param *w = r->quant.view[i].w;
        int64_t len = trit_tensor_len(&w->val), n_flipped = 0;
        for (int64_t k = 0; k < len; k++) n_flipped += code[k] != kept[i][k];
        found(self, w->path, len, n_flipped);
    }
    return TRIT_OK;
}

trit_status trit_compare_codes(const char *a, const char *b, const trit_runtime_options *options,
                               void (*found)(void *self, const char *path, int64_t n,
                                             int64_t n_flipped),
                               void *self, trit_error *e) {
    trit_experiment x = {0};
    trit_run r = {0};
    trit_status status = trit_store_load_config(a, &x, e);
    if (!status) {
        status = trit_run_open(&r, &x, TRIT_RUN_BENCH | TRIT_RUN_CODES, options, NULL, e);
    }
    if (!status) status = compare(&r, a, b, found, self, e);
    trit_run_close(&r);
    trit_experiment_close(&x);
    return status;
}
