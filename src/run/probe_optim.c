#include "run/probe_optim.h"

#include "io/optim_settings.h"
#include "optim/lr.h"
#include "optim/optim.h"
#include "run/probe_case.h"

#include <inttypes.h>
#include <string.h>

typedef struct rig {
    const trit_optim_probe *q;
    trit_exec *x;
    trit_arena mem;
    trit_params ps;
    trit_graph g;
    trit_optim o;
    trit_param *p;
    trit_tensor w, grad; /* grad may have one dimension more, of steps */
    bool many;           /* it does */
    int64_t steps;
    double *values; /* room for the largest array */
} rig;

/* The section as it is read, with what a probe leaves out. */
static trit_status read_cfg(rig *r, trit_optim_cfg *cfg, trit_error *e) {
    const cJSON *spec = r->q->spec;
    cJSON *v = cJSON_IsString(spec) ? cJSON_CreateObject() : cJSON_Duplicate(spec, true);
    bool ok = v != NULL;
    if (cJSON_IsString(spec)) ok = ok && cJSON_AddStringToObject(v, "kind", spec->valuestring);
    if (cJSON_IsObject(v)) {
        if (!trit_json_get(v, "schedule")) {
            ok = ok && cJSON_AddStringToObject(v, "schedule", "constant");
        }
        if (!trit_json_get(v, "clip_norm")) ok = ok && cJSON_AddNumberToObject(v, "clip_norm", 0);
    }
    trit_status status = ok ? trit_optim_settings_read(cfg, v, "SPEC", "", &r->mem, e)
                            : TRIT_FAIL(e, E_NOMEM, "no memory for an optimizer");
    cJSON_Delete(v);
    TRIT_TRY(status);
    trit_optim_cfg_in_steps(cfg, 1);
    TRIT_TRY_AS(trit_lr_check(cfg, r->steps, e), e, "SPEC");
    return TRIT_OK;
}

static trit_status read_numbers(rig *r, trit_error *e) {
    const trit_probe_place w = {"--w", "", e}, g = {"--g", "", e};
    TRIT_TRY(trit_probe_read_list(&r->w, r->q->w, &r->mem, &w));
    if (cJSON_IsNumber(r->q->g)) {
        TRIT_TRY(trit_probe_spread(&r->grad, r->q->g, &r->w, &r->mem, &g));
    } else {
        TRIT_TRY(trit_probe_read_list(&r->grad, r->q->g, &r->mem, &g));
    }
    trit_tensor one = r->grad;
    r->many = one.ndim == r->w.ndim + 1;
    if (r->many) {
        memmove(one.dim, one.dim + 1, sizeof one.dim - sizeof *one.dim);
        one.ndim--;
    }
    if (!trit_tensor_same_shape(&one, &r->w)) {
        char a[96], b[96];
        return TRIT_FAIL(e, E_CONFIG,
                         "--g: found numbers of shape %s, expected %s like w, a list of such for "
                         "each step, or one number",
                         trit_tensor_shape_text(&r->grad, a), trit_tensor_shape_text(&r->w, b));
    }
    int64_t n = r->many ? r->grad.dim[0] : 1;
    r->steps = r->q->steps ? r->q->steps : n;
    if (!r->many || r->steps <= n) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "--g: found gradients for %" PRId64 " steps, but --steps is %" PRId64, n,
                     r->steps);
}

static trit_status set_up(rig *r, trit_error *e) {
    trit_optim_cfg cfg;
    TRIT_TRY(read_numbers(r, e));
    TRIT_TRY(read_cfg(r, &cfg, e));
    TRIT_TRY(trit_params_add(&r->ps, "w", (trit_role)r->q->role, r->w.ndim, r->w.dim, &r->p, e));
    memcpy(r->p->val.data, r->w.data, trit_tensor_bytes(&r->w));
    TRIT_TRY_AS(trit_optim_freeze(&cfg, &r->ps, e), e, "SPEC");
    trit_leaf(&r->g, r->p);
    if (r->g.err.code) {
        *e = r->g.err;
        return e->code;
    }
    TRIT_TRY(trit_optim_init(&r->o, &cfg, &r->ps, r->steps, 1, e));
    int64_t most = trit_tensor_len(&r->w);
    if (most < TRIT_CLIP_HISTORY) most = TRIT_CLIP_HISTORY;
    r->values = trit_arena_get(&r->mem, (size_t)most * sizeof *r->values, e);
    return r->values ? TRIT_OK : TRIT_E_NOMEM;
}

static void step(rig *r, int64_t i) {
    int64_t n = trit_tensor_len(&r->w);
    const trit_real *g = (const trit_real *)r->grad.data + (r->many ? i * n : 0);
    memcpy(r->p->grad.data, g, (size_t)n * sizeof *g);
    r->x->rng.step = (uint32_t)i;
    trit_optim_update(&r->o, r->x, i, trit_optim_grad_norm(&r->o, r->x));
}

static void add_tensor(rig *r, trit_text *out, const trit_tensor *t) {
    const trit_real *v = t->data;
    for (int64_t i = 0; i < trit_tensor_len(t); i++) r->values[i] = (double)v[i];
    trit_probe_add_values(out, t, r->values);
}

/* Encoded state: what it decodes to, codes (of 8 bits and fewer), largest magnitudes of blocks. */
static void add_coded(rig *r, trit_text *out, const trit_slot *s) {
    const trit_tensor *shape = &r->w;
    int64_t n = trit_tensor_len(shape), block = TRIT_STATE_MAX_BLOCK;
    for (int64_t at = 0; at < n; at += block) {
        trit_real x[TRIT_STATE_MAX_BLOCK];
        int64_t some = n - at < block ? n - at : block;
        trit_slot_decode(s, &r->x->k, at, some, x);
        for (int64_t i = 0; i < some; i++) r->values[at + i] = (double)x[i];
    }
    trit_probe_add_values(out, shape, r->values);
    if (!r->q->json || !s->absmax.data) return;
    const uint8_t *code = s->val.data;
    bool halves = s->state->bits == 4; /* the even element in the high one */
    for (int64_t i = 0; i < n; i++) {
        r->values[i] = halves ? (i % 2 ? code[i / 2] & 15 : code[i / 2] >> 4) : code[i];
    }
    trit_text_add(out, ", \"codes\": ");
    trit_probe_add_values(out, shape, r->values);
    trit_text_add(out, ", \"absmax\": ");
    add_tensor(r, out, &s->absmax);
}

static void show(rig *r, int64_t i, bool first, trit_text *out) {
    const trit_slot *s;
    const trit_optim_item *it = r->o.n_item ? &r->o.item[0] : NULL;
    bool json = r->q->json;
    trit_text_add(out, json ? "%s{\"step\": %" PRId64 ", \"lr\": " : "%sstep %" PRId64 ", lr ",
                  json && !first ? ",\n " : "", i + 1);
    trit_json_number(out, trit_optim_lr(&r->o, i) * (it ? it->lr_scale : 1));
    trit_text_add(out, json ? ", \"w\": " : "\n  %-8s ", "w");
    add_tensor(r, out, &r->p->val);
    trit_text_add(out, json ? ", \"state\": {" : "\n");
    const char *comma = "";
    for (int k = 0; it && trit_optim_state(it, k, &s); k++) {
        if (!s->val.data) continue;
        trit_text_add(out, json ? "%s\"%s\": {\"value\": " : "%s  %-8s ", json ? comma : "",
                      s->name);
        if (trit_slot_is_plain(s)) {
            add_tensor(r, out, &s->val);
        } else {
            add_coded(r, out, s);
        }
        trit_text_add(out, json ? "}" : "\n");
        comma = ", ";
    }
    if (json) trit_text_add(out, "}}");
}

static trit_status run(rig *r, trit_text *out, trit_error *e) {
    TRIT_TRY(set_up(r, e));
    const trit_optim_probe *q = r->q;
    if (q->json) trit_text_add(out, "{\"optimizer\": \"%s\", \"steps\": [", r->o.type->name);
    for (int64_t i = 0; i < r->steps && !out->failed; i++) {
        if (r->o.n_item) step(r, i);
        if (!q->last || i == r->steps - 1) show(r, i, i == 0 || q->last, out);
    }
    if (q->json) trit_text_add(out, "]}\n");
    return out->failed ? TRIT_FAIL(e, E_NOMEM, "no memory for the output") : TRIT_OK;
}

trit_status trit_optim_probe_run(const trit_optim_probe *q, trit_exec *x, trit_text *out,
                                 trit_error *e) {
    rig r = {.q = q, .x = x};
    trit_arena_init(&r.mem, "probe");
    trit_params_init(&r.ps, &r.mem);
    trit_graph_init(&r.g, TRIT_TRAIN);
    trit_status status = run(&r, out, e);
    trit_graph_free(&r.g);
    trit_params_free(&r.ps);
    trit_arena_free(&r.mem);
    return status;
}
