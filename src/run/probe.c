#include "run/probe.h"

#include "io/settings.h"
#include "run/probe_case.h"
#include "run/probe_rig.h"

#include <math.h>
#include <string.h>

/* ---- state --------------------------------------------------------------------------------- */

static trit_status unknown_state(const trit_probe_case *q, const trit_probe_rig *r,
                                 const char *word, const trit_probe_place *p) {
    const char *words[TRIT_PROBE_MAX_LEARN], *name;
    char hint[TRIT_TEXT_HINT_BYTES] = "; this quantizer has none", text[96];
    int n = 0;
    while (n < TRIT_PROBE_MAX_LEARN && trit_probe_rig_state(r, n, &name)) words[n++] = name;
    if (n) trit_text_hint(hint, word, words, n);
    return trit_settings_fail(p->e, p->file, p->pointer, "unknown learnable or buffer of %s%s",
                              trit_spec_text(&q->spec, text), hint);
}

static trit_status set_state(trit_param *to, const cJSON *v, trit_arena *mem,
                             const trit_probe_place *p) {
    trit_tensor t;
    if (cJSON_IsNumber(v)) {
        TRIT_TRY(trit_probe_spread(&t, v, &to->val, mem, p));
    } else {
        TRIT_TRY(trit_probe_read_list(&t, v, mem, p));
    }
    int64_t found = trit_tensor_len(&t), n = trit_tensor_len(&to->val);
    if (found != n) {
        return trit_settings_fail(p->e, p->file, p->pointer,
                                  "found %lld numbers, expected %lld, or one for all",
                                  (long long)found, (long long)n);
    }
    memcpy(to->val.data, t.data, trit_tensor_bytes(&to->val));
    return TRIT_OK;
}

static void fill_rig(const trit_probe_rig *r, const trit_probe_case *q) {
    memcpy(r->x->val.data, q->x.data, trit_tensor_bytes(&q->x));
    memcpy(trit_val(r->g), q->g.data, trit_tensor_bytes(&q->g));
}

/* First values from x for all learnables and buffers, and nothing else changed. */
static trit_status first_values(const trit_probe_rig *r, trit_exec *x, const trit_probe_case *q,
                                trit_error *e) {
    trit_probe_rig own;
    const char *name;
    /* A form starts in evaluation too, where its forward moves no state; a learned step is only
     * kept in training. */
    trit_mode mode = q->spec.form ? TRIT_EVAL : TRIT_TRAIN;
    trit_status status =
        trit_probe_rig_open(&own, x, &q->spec, q->kind, &q->x, mode, false, q->noise.data, e);
    if (!status) {
        fill_rig(&own, q);
        trit_probe_rig_run(&own, x, q->spec.start);
        trit_param *to, *from;
        for (int i = 0; (to = trit_probe_rig_state(r, i, &name)); i++) {
            from = trit_probe_rig_state(&own, i, &name);
            memcpy(to->val.data, from->val.data, trit_tensor_bytes(&to->val));
        }
    }
    trit_probe_rig_close(&own);
    return status;
}

/* Gives values to learnables and buffers: those of the case, first values for the others. Training
 * without a state is left to the quantizer's own first forward. */
static trit_status give_state(const trit_probe_rig *r, trit_exec *x, const trit_probe_case *q,
                              trit_arena *mem, trit_error *e) {
    const char *name;
    int n = 0;
    bool all = true;
    for (; trit_probe_rig_state(r, n, &name); n++) {
        all = all && trit_json_get(q->state, name);
    }
    if (n == 0 && !q->state) return TRIT_OK;
    if (!q->state && q->mode == TRIT_TRAIN) return TRIT_OK;
    if (n && !all) TRIT_TRY(first_values(r, x, q, e));
    for (const cJSON *v = q->state ? q->state->child : NULL; v; v = v->next) {
        char pointer[TRIT_JSON_POINTER_BYTES];
        trit_probe_place inner = q->state_place;
        inner.pointer = trit_json_pointer_add(pointer, q->state_pointer, v->string);
        trit_param *to = NULL;
        for (int i = 0; i < n && !to; i++) {
            trit_param *one = trit_probe_rig_state(r, i, &name);
            if (strcmp(name, v->string) == 0) to = one;
        }
        if (!to) return unknown_state(q, r, v->string, &inner);
        TRIT_TRY(set_state(to, v, mem, &inner));
    }
    trit_probe_rig_ready(r);
    return TRIT_OK;
}

static bool moves_state(const trit_probe_rig *r) {
    const char *name;
    trit_param *one;
    for (int i = 0; (one = trit_probe_rig_state(r, i, &name)); i++) {
        if (one->role == TRIT_ROLE_buffer) return true;
    }
    return false;
}

/* ---- results ------------------------------------------------------------------------------- */

/* n numbers as doubles in mem; NULL: no memory. */
static double *keep(trit_probe *p, const trit_real *v, int64_t n, trit_error *e) {
    double *out = trit_arena_get(&p->mem, (size_t)n * sizeof *out, e);
    for (int64_t i = 0; out && i < n; i++) out[i] = (double)v[i];
    return out;
}

/* Levels of the first group, rising, in units of its scale for axes; how many. */
enum { MAX_LEVEL = 1024 };
static int list_levels(const trit_probe *p, const trit_probe_rig *r, trit_real at[MAX_LEVEL]) {
    const trit_spec *sp = &p->spec;
    int n = sp->form ? trit_form_levels(r->q, 0, at, MAX_LEVEL)
                     : trit_grids[sp->grid]->levels(sp, at, MAX_LEVEL);
    return n < MAX_LEVEL ? n : MAX_LEVEL;
}

/* How stored codes stand for values: y = scale*(code - zero), or by the number of the level. */
typedef struct coding {
    double unit, zero; /* of axes: the scale of codes in units of the group's, and the zero point */
    const double *stat; /* of a form's groups; NULL: axes */
    bool whole;         /* values are levels: strength is 1 */
    bool numbered;      /* codes are numbers of levels, from 0 */
    bool even;          /* there is a zero point */
} coding;

static coding coding_of_axes(const trit_spec *sp, const trit_real *level, int n) {
    coding c = {.unit = 1, .even = true, .numbered = trit_grids[sp->grid]->indexed};
    if (!c.numbered) return c;
    double first = (double)level[0], gap = n > 1 ? (double)level[1] - first : 1;
    for (int i = 0; i < n; i++) {
        c.even = c.even && fabs((double)level[i] - first - gap * i) < 1e-5 * gap;
    }
    if (c.even) {
        c.unit = gap;
        c.zero = -first / gap;
    }
    return c;
}

static trit_status keep_scales(trit_probe *p, const trit_probe_rig *r, coding *c, int n_level,
                               trit_error *e) {
    double *scale = trit_arena_get(&p->mem, (size_t)p->n_group * sizeof *scale, e);
    double *zero = trit_arena_get(&p->mem, (size_t)p->n_group * sizeof *zero, e);
    if (!scale || !zero) return TRIT_E_NOMEM;
    const double *stat = p->spec.form ? trit_form_stats(r->q) : NULL;
    if (stat) *c = (coding){.even = true, .stat = stat};
    for (int64_t i = 0; i < p->n_group; i++) {
        const double *own = stat ? stat + i * TRIT_FORM_STAT : NULL;
        scale[i] = own ? own[0] : (double)trit_quant_scales(r->q)[i] * c->unit;
        zero[i] = own ? own[1] + own[TRIT_FORM_SHIFT] : c->zero;
        if (own && own[2] == 1 && n_level) *c = (coding){.numbered = true};
    }
    p->scale = stat && c->numbered ? NULL : scale;
    p->zero = c->even ? zero : NULL;
    return TRIT_OK;
}

/* A stored code is a byte; whether it has a sign shows in what it decodes to. */
static double decode(const trit_probe *p, const coding *c, int8_t byte, double y, int64_t i) {
    double low = byte, high = low < 0 ? low + 256 : low;
    int64_t group = i / (p->n / p->n_group);
    if (!isfinite(y)) return NAN;
    if (c->numbered) return high;
    if (!isfinite(p->scale[group])) return NAN; /* a form that is on no grid in training */
    double at = y / p->scale[group] + p->zero[group];
    if (c->stat) {
        double code = low + c->stat[group * TRIT_FORM_STAT + TRIT_FORM_SHIFT];
        return c->whole && fabs(code - at) > 0.01 ? NAN : code; /* what a form leaves as it is */
    }
    return fabs(high - at) < fabs(low - at) ? high : low;
}

static trit_status keep_codes(trit_probe *p, const trit_probe_rig *r, trit_error *e) {
    trit_real at[MAX_LEVEL];
    int n = list_levels(p, r, at);
    coding c = coding_of_axes(&p->spec, at, n);
    TRIT_TRY(keep_scales(p, r, &c, n, e));
    c.whole = p->mode == TRIT_EVAL || r->quant.lambda == 1;
    double *code = trit_arena_get(&p->mem, (size_t)p->n * sizeof *code, e);
    double *level = keep(p, at, n, e);
    if (!code || !level) return TRIT_E_NOMEM;
    const int8_t *byte = r->q->code.data;
    for (int64_t i = 0; i < p->n; i++)
        code[i] = decode(p, &c, byte[i], (double)trit_val(r->q)[i], i);
    double unit = p->spec.form ? 1 : (double)trit_quant_scales(r->q)[0];
    for (int i = 0; i < n; i++) level[i] *= unit;
    p->code = code;
    p->level = level;
    p->n_level = n;
    return TRIT_OK;
}

static trit_status keep_state(trit_probe *p, const trit_probe_rig *r, trit_error *e) {
    const char *name;
    trit_param *one;
    for (int i = 0; (one = trit_probe_rig_state(r, i, &name)); i++) {
        TRIT_ASSERT(i < TRIT_PROBE_MAX_LEARN);
        trit_probe_learn *l = &p->learn[p->n_learn++];
        *l = (trit_probe_learn){.name = trit_arena_text(&p->mem, name, e),
                                .buffer = one->role == TRIT_ROLE_buffer,
                                .like_x = one->val.ndim == 2 && trit_tensor_len(&one->val) == p->n,
                                .n = trit_tensor_len(&one->val)};
        l->value = keep(p, trit_param_val(one), l->n, e);
        if (!l->name || !l->value) return TRIT_E_NOMEM;
        if (l->buffer || p->mode == TRIT_EVAL) continue;
        l->grad_scaled = keep(p, trit_param_grad(one), l->n, e);
        if (!l->grad_scaled) return TRIT_E_NOMEM;
    }
    return TRIT_OK;
}

static trit_status keep_results(trit_probe *p, const trit_probe_rig *r, const trit_probe_case *q,
                                trit_error *e) {
    p->n_group = p->spec.on ? p->n / trit_quant_group_len(&r->quant, p->n / r->quant.cols) : 1;
    p->x = keep(p, q->x.data, p->n, e);
    p->g = keep(p, q->g.data, p->n, e);
    p->y = keep(p, trit_val(r->y), p->n, e);
    if (!p->x || !p->g || !p->y) return TRIT_E_NOMEM;
    if (p->mode == TRIT_TRAIN) p->gx = keep(p, trit_param_grad(r->x), p->n, e);
    if (p->mode == TRIT_TRAIN && !p->gx) return TRIT_E_NOMEM;
    if (p->spec.on && r->quant.on) TRIT_TRY(keep_codes(p, r, e));
    return keep_state(p, r, e);
}

/* Copies of all learnables and buffers, in their order, and whether they have values. */
typedef struct snapshot {
    void *at[TRIT_PROBE_MAX_LEARN];
    bool ready;
} snapshot;

static trit_status take(snapshot *s, const trit_probe_rig *r, trit_arena *mem, trit_error *e) {
    const char *name;
    trit_param *one;
    s->ready = r->quant.ready && *trit_param_val(r->quant.ready) != 0;
    for (int i = 0; (one = trit_probe_rig_state(r, i, &name)); i++) {
        s->at[i] = trit_arena_get(mem, trit_tensor_bytes(&one->val), e);
        if (!s->at[i]) return TRIT_E_NOMEM;
        memcpy(s->at[i], one->val.data, trit_tensor_bytes(&one->val));
    }
    return TRIT_OK;
}

/* The bare gradients: once more from the same state, without gradient scaling. */
static trit_status bare_gradients(trit_probe *p, trit_exec *x, const trit_probe_case *q,
                                  const snapshot *s, trit_error *e) {
    trit_probe_rig r;
    const char *name;
    trit_param *one;
    trit_status status =
        trit_probe_rig_open(&r, x, &q->spec, q->kind, &q->x, q->mode, true, q->noise.data, e);
    if (!status) {
        fill_rig(&r, q);
        for (int i = 0; (one = trit_probe_rig_state(&r, i, &name)); i++) {
            if (s->at[i]) memcpy(one->val.data, s->at[i], trit_tensor_bytes(&one->val));
        }
        if (s->ready) trit_probe_rig_ready(&r);
        trit_probe_rig_run(&r, x, q->steps);
        for (int i = 0; !status && (one = trit_probe_rig_state(&r, i, &name)); i++) {
            if (p->learn[i].buffer) continue;
            p->learn[i].grad = keep(p, trit_param_grad(one), p->learn[i].n, e);
            if (!p->learn[i].grad) status = TRIT_E_NOMEM;
        }
    }
    trit_probe_rig_close(&r);
    return status;
}

static trit_status run_case(trit_probe *p, trit_exec *x, const trit_probe_case *q,
                            trit_probe_rig *r, trit_error *e) {
    snapshot before = {0};
    TRIT_TRY(trit_probe_rig_open(r, x, &q->spec, q->kind, &q->x, q->mode, false, q->noise.data, e));
    fill_rig(r, q);
    TRIT_TRY(give_state(r, x, q, &p->mem, e));
    for (int64_t i = 0; i < q->steps && moves_state(r); i++) trit_probe_rig_run(r, x, i);
    TRIT_TRY(take(&before, r, &p->mem, e));
    trit_probe_rig_run(r, x, q->steps);
    TRIT_TRY(keep_results(p, r, q, e));
    bool learns = false;
    for (int i = 0; i < p->n_learn; i++) learns = learns || !p->learn[i].buffer;
    if (!learns || q->mode == TRIT_EVAL) return TRIT_OK;
    return bare_gradients(p, x, q, &before, e);
}

trit_status trit_probe_run(trit_probe *p, trit_exec *x, const cJSON *in, const char *file,
                           const char *pointer, trit_error *e) {
    memset(p, 0, sizeof *p);
    trit_arena_init(&p->mem, "probe");
    trit_probe_case q = {.state = NULL};
    trit_probe_place at = {file, pointer, e};
    TRIT_TRY(trit_probe_case_read(&q, in, &at, &p->mem));
    p->spec = q.spec;
    p->kind = q.kind;
    p->mode = q.mode;
    p->step = q.steps;
    p->shape = q.x;
    p->shape.data = NULL;
    p->n = trit_tensor_len(&q.x);
    trit_probe_rig r;
    trit_status status = run_case(p, x, &q, &r, e);
    trit_probe_rig_close(&r);
    return status;
}

void trit_probe_free(trit_probe *p) {
    trit_arena_free(&p->mem);
}
