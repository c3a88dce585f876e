/* The one generic fake-quant op.
 *
 *   forward   u = x/s + z,  q = project(u),  y = s*(q - z)
 *   backward  dL/dx = g*d,  dL/ds = sum of g*((q - z) - (u - z)*d),  d the estimator's stand-in for
 * dq/du
 *
 * with y = x + lambda*(Q(x) - x) in training. Every estimator only supplies d, and where a paper
 * has another dL/ds, the factor of g in it. The scale is a constant for autograd unless it is
 * learned. Codes are written where a consumer wants them: whole-number levels as they are, others
 * by index. */
#include "quant/quant.h"

#include "quant/rows.h"

#include <math.h>
#include <string.h>

typedef struct fq_attr {
    trit_quant *quant;
    trit_mode mode;
    bool check;        /* gradient check: keep what `freeze` needs, no gradient scaling */
    int64_t group_len; /* elements that share a scale */
    int64_t n_group;
    int64_t part_len; /* elements of one task: a group, or an equal part of a long one */
    int64_t n_part;   /* tasks per group */
} fq_attr;

/* Parts of node->saved, in this order. */
typedef struct fq_saved {
    trit_real *scale;  /* [n_group] */
    double *partial;   /* [n_group * n_part * TRIT_MAX_MEASURE] measures, then gradient sums */
    trit_real *work;   /* [n] for rules that need the whole group, else NULL */
    trit_real *frozen; /* [2n] in a gradient check: q0 - d0*u0, then d0; else NULL */
} fq_saved;

enum { MEASURE_PART = 8192, FEW_GROUPS = 16 };

static size_t lay_out(const fq_attr *a, char *base, fq_saved *s) {
    size_t n = (size_t)(a->n_group * a->group_len), at = 0;
    const trit_scale_rule *rule = trit_scales[a->quant->spec.scale];
    s->partial = (double *)(void *)(base + at);
    at += (size_t)(a->n_group * a->n_part) * TRIT_MAX_MEASURE * sizeof(double);
    s->scale = (trit_real *)(void *)(base + at);
    at += (size_t)a->n_group * sizeof(trit_real);
    s->work = rule->combine == TRIT_MEASURE_WHOLE ? (trit_real *)(void *)(base + at) : NULL;
    if (s->work) at += n * sizeof(trit_real);
    s->frozen = a->check ? (trit_real *)(void *)(base + at) : NULL;
    if (s->frozen) at += 2 * n * sizeof(trit_real);
    return at;
}

/* Whether y = s*code holds in every step, with the scale shared by whole rows. */
static bool codes_stand_for_value(const fq_attr *a) {
    const trit_spec *sp = &a->quant->spec;
    bool steady = sp->lambda.shape == TRIT_SHAPE_hold && sp->lambda.from == 1 && sp->start == 0;
    bool rows = a->n_group == 1 || a->group_len == a->quant->cols;
    return steady && rows && !a->check && sp->is_signed && sp->bits <= 8 &&
           trit_grids[sp->grid]->uniform && !trit_estimators[sp->estimator]->soft;
}

static bool describe_codes(trit_graph *g, trit_node *n) {
    const fq_attr *a = n->attr;
    trit_coding *coding = trit_arena_get(&g->mem, sizeof *coding, &g->err);
    if (!coding) return false;
    *coding = (trit_coding){.scales = trit_quant_scales, .per_row = a->n_group > 1};
    n->coding = coding;
    return true;
}

static bool infer(trit_graph *g, trit_node *n) {
    fq_attr *a = n->attr;
    const trit_quant *q = a->quant;
    const trit_tensor *x = &n->in[0]->val;
    char text[96];
    if (x->ndim < 1 || x->dim[x->ndim - 1] != q->cols) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "x %s, but %s has rows of %lld",
                               trit_tensor_shape_text(x, text), q->path, (long long)q->cols);
    }
    n->val = trit_tensor_make(TRIT_REAL, x->ndim, x->dim);
    int64_t len = trit_len(n);
    a->mode = g->mode;
    a->check = g->check;
    a->group_len = trit_quant_group_len(q, len / q->cols);
    a->n_group = len / a->group_len;
    if (q->step && trit_tensor_len(&q->step->val) != a->n_group) {
        return trit_graph_fail(g, n, TRIT_E_SHAPE, "x %s has %lld groups, but %s has %lld steps",
                               trit_tensor_shape_text(x, text), (long long)a->n_group, q->path,
                               (long long)trit_tensor_len(&q->step->val));
    }
    bool whole = trit_scales[q->spec.scale]->combine == TRIT_MEASURE_WHOLE;
    a->part_len = whole || a->group_len < MEASURE_PART ? a->group_len : MEASURE_PART;
    a->n_part = (a->group_len + a->part_len - 1) / a->part_len;
    fq_saved s;
    n->saved_bytes = lay_out(a, NULL, &s);
    n->once = q->step != NULL; /* a first forward sets it */
    if (codes_stand_for_value(a) && !describe_codes(g, n)) return false;
    /* Groups within rows, each with a scale of its own numbers alone, are quantized where they lie.
     */
    n->whole = q->step || a->check || a->part_len < a->group_len || q->cols % a->group_len ||
               !trit_scales[q->spec.scale]->measure;
    if (trit_estimators[q->spec.estimator]->identity && !q->step) n->reads &= ~TRIT_IN(0);
    return true;
}

/* Begin and length of task t within the tensor; its group. */
static int64_t task_span(const fq_attr *a, int64_t t, int64_t *begin, int64_t *group) {
    *group = t / a->n_part;
    int64_t within = t % a->n_part * a->part_len;
    *begin = *group * a->group_len + within;
    return a->group_len - within < a->part_len ? a->group_len - within : a->part_len;
}

static trit_real fit_group(const fq_attr *a, const fq_saved *s, int64_t group) {
    const trit_quant *q = a->quant;
    const trit_scale_rule *rule = trit_scales[q->spec.scale];
    double m[TRIT_MAX_MEASURE] = {0};
    for (int64_t p = 0; p < a->n_part; p++) {
        const double *part = s->partial + (group * a->n_part + p) * TRIT_MAX_MEASURE;
        for (int i = 0; i < TRIT_MAX_MEASURE; i++) {
            if (rule->combine == TRIT_MEASURE_MAX || (rule->combine == TRIT_MEASURE_MIXED && !i)) {
                m[i] = isnan(m[i]) || part[i] <= m[i] ? m[i] : part[i]; /* a NaN wins */
            } else {
                m[i] += part[i];
            }
        }
    }
    return TRIT_R(rule->finish(&q->spec, q->knob[TRIT_KNOB_SCALE], m, a->group_len, (double)q->lo,
                               (double)q->hi));
}

static void fit_groups(const trit_exec *x, const fq_attr *a, const fq_saved *s) {
    if (a->n_group <= FEW_GROUPS) { /* not worth a team */
        for (int64_t i = 0; i < a->n_group; i++) s->scale[i] = fit_group(a, s, i);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t i = 0; i < a->n_group; i++) s->scale[i] = fit_group(a, s, i);
}

/* v: where the task's numbers lie. */
static void measure_task(const trit_exec *x, const fq_attr *a, const fq_saved *s,
                         const trit_real *v, int64_t t) {
    const trit_scale_rule *rule = trit_scales[a->quant->spec.scale];
    int64_t begin, group, len = task_span(a, t, &begin, &group);
    double *m = s->partial + t * TRIT_MAX_MEASURE;
    memset(m, 0, TRIT_MAX_MEASURE * sizeof *m);
    if (rule->measure) rule->measure(&x->k, len, v, s->work ? s->work + begin : NULL, m);
}

/* A code cannot say NaN, so the scale of a group with one says it for rules that do not look at the
 * data. */
static void spoil_scales(const trit_exec *x, const fq_attr *a, const fq_saved *s,
                         const trit_real *v) {
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t t = 0; t < a->n_group * a->n_part; t++) {
        int64_t begin, group, len = task_span(a, t, &begin, &group);
        s->partial[t] = isnan(x->k.abs_max(len, v + begin)) ? NAN : 0;
    }
    for (int64_t t = 0; t < a->n_group * a->n_part; t++) {
        s->scale[t / a->n_part] += TRIT_R(s->partial[t]);
    }
}

/* Fills s->scale. A learned step that has no value yet gets its first one from this tensor: kept in
 * training, for this forward only in evaluation. */
static void fit_scales(const trit_exec *x, const trit_node *n, const fq_attr *a,
                       const fq_saved *s) {
    trit_quant *q = a->quant;
    const trit_real *v = trit_val_of(n, 0);
    if (q->step && *trit_param_val(q->ready) != 0) {
        for (int64_t i = 0; i < a->n_group; i++) {
            trit_real step = trit_param_val(q->step)[i], eps = TRIT_R(q->spec.eps);
            s->scale[i] = step < eps ? eps : step;
        }
        if (n->code.data) spoil_scales(x, a, s, v);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t t = 0; t < a->n_group * a->n_part; t++) {
        int64_t begin, group;
        task_span(a, t, &begin, &group);
        measure_task(x, a, s, v + begin, t);
    }
    fit_groups(x, a, s);
    if (n->code.data && !trit_scales[q->spec.scale]->measure) spoil_scales(x, a, s, v);
    if (!q->step) return;
    for (int64_t i = 0; i < a->n_group; i++) {
        trit_real eps = TRIT_R(q->spec.eps);
        if (s->scale[i] < eps) s->scale[i] = eps;
        if (a->mode == TRIT_TRAIN) trit_param_val(q->step)[i] = s->scale[i];
    }
    if (a->mode == TRIT_TRAIN) *trit_param_val(q->ready) = 1;
}

/* One span, elements from begin on: positions u[len] of v[len], and levels by the grid or the
 * estimator's soft forward. */
static trit_span place(const trit_exec *x, const trit_node *n, const fq_attr *a, trit_real scale,
                       int64_t begin, int64_t len, const trit_real *v, trit_real *u,
                       trit_real *level) {
    const trit_quant *q = a->quant;
    const trit_grid *grid = trit_grids[q->spec.grid];
    const trit_estimator *est = trit_estimators[q->spec.estimator];
    for (int64_t i = 0; i < len; i++) u[i] = v[i] / scale;
    trit_span span = {.spec = &q->spec,
                      .n = len,
                      .x = v,
                      .u = u,
                      .q = level,
                      .s = scale,
                      .lo = q->lo,
                      .hi = q->hi,
                      .level = q->level,
                      .n_level = q->n_level,
                      .knob = q->knob[TRIT_KNOB_ESTIMATOR],
                      .rng = trit_node_rng(x, n),
                      .first = (uint64_t)begin,
                      .noise = q->noise ? q->noise + begin : NULL};
    if (est->soft && a->mode == TRIT_TRAIN) {
        est->soft(&span, level);
    } else {
        trit_span on_grid = span;
        on_grid.knob = q->knob[TRIT_KNOB_GRID];
        grid->project(&on_grid, level);
    }
    return span;
}

/* Gradient check (a soft forward is differentiable as it is). Measured: keep q0 - d0*u0 and d0.
 * Frozen: q = (q0 - d0*u0) + d0*u, whose true derivative is what the estimator claims. */
static void freeze_span(const trit_exec *x, const fq_attr *a, const fq_saved *s, trit_span *span,
                        trit_real *level) {
    int64_t n = a->n_group * a->group_len;
    trit_real *rest = s->frozen + span->first, *slope = rest + n;
    if (x->freeze) {
        for (int64_t i = 0; i < span->n; i++) level[i] = rest[i] + slope[i] * span->u[i];
        return;
    }
    trit_real none[TRIT_QUANT_SPAN] = {0};
    span->g = none;
    trit_estimators[a->quant->spec.estimator]->slope(span, slope);
    for (int64_t i = 0; i < span->n; i++) rest[i] = level[i] - slope[i] * span->u[i];
}

static void write_codes(const trit_quant *q, int64_t n, const trit_real *level, int8_t *codes) {
    if (trit_grids[q->spec.grid]->indexed) {
        for (int64_t i = 0; i < n; i++) {
            codes[i] = (int8_t)trit_level_below(q->level, q->n_level, level[i]);
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) codes[i] = (int8_t)(int32_t)level[i];
}

/* The task's numbers are v, and go to y unless it is NULL. Returns whether all of v is finite. */
static bool project_task(const trit_exec *x, const trit_node *n, const fq_attr *a,
                         const fq_saved *s, int64_t t, const trit_real *v, trit_real *y) {
    const trit_quant *q = a->quant;
    int64_t begin, group, len = task_span(a, t, &begin, &group);
    trit_real scale = s->scale[group];
    bool good = x->k.all_finite(len, v);
    int8_t *codes = n->code.data ? (int8_t *)n->code.data + begin : NULL;
    bool training = a->mode == TRIT_TRAIN;
    bool mixed = training && q->lambda != 1;
    const trit_estimator *est = trit_estimators[q->spec.estimator];
    if (trit_grids[q->spec.grid]->uniform && !(est->soft && training) && !mixed && !a->check) {
        x->k.fake_quant(len, scale, 0, q->lo, q->hi, v, y, codes);
        return good;
    }
    trit_real u[TRIT_QUANT_SPAN], level[TRIT_QUANT_SPAN];
    for (int64_t at = 0; at < len; at += TRIT_QUANT_SPAN) {
        int64_t m = len - at < TRIT_QUANT_SPAN ? len - at : TRIT_QUANT_SPAN;
        trit_span span = place(x, n, a, scale, begin + at, m, v + at, u, level);
        if (s->frozen && !est->soft) freeze_span(x, a, s, &span, level);
        for (int64_t i = at; y && i < at + m; i++) {
            trit_real full = scale * level[i - at];
            y[i] = mixed ? v[i] + q->lambda * (full - v[i]) : full;
        }
        if (codes) write_codes(q, m, level, codes + at);
    }
    return good;
}

static void spoil(const fq_attr *a) {
#pragma omp atomic write
    a->quant->bad = true;
}

/* Groups are measured, all that fit into a run of a few at a time, while they are in the cache. */
static void forward_block(const trit_exec *x, const trit_node *n, const trit_row_block *b) {
    const fq_attr *a = n->attr;
    int64_t cols = trit_cols(n), in_row = cols / a->group_len, first = b->begin * in_row;
    if (!a->quant->on) {
        memcpy(b->out, b->in[0], (size_t)(b->n * cols) * sizeof *b->out);
        return;
    }
    fq_saved s;
    lay_out(a, n->saved, &s);
    bool good = true;
    for (int64_t from = 0, end; from < b->n * in_row; from = end) {
        end = from + FEW_GROUPS < b->n * in_row ? from + FEW_GROUPS : b->n * in_row;
        for (int64_t t = from; t < end; t++) {
            measure_task(x, a, &s, b->in[0] + t * a->group_len, first + t);
        }
        for (int64_t t = first + from; t < first + end; t++) s.scale[t] = fit_group(a, &s, t);
        for (int64_t t = from; t < end; t++) {
            int64_t at = t * a->group_len;
            good =
                project_task(x, n, a, &s, first + t, b->in[0] + at, b->out ? b->out + at : NULL) &&
                good;
        }
    }
    if (!good) spoil(a);
}

static void forward(const trit_exec *x, trit_node *n) {
    const fq_attr *a = n->attr;
    if (!n->whole) {
        trit_forward_rows(x, n);
        return;
    }
    const trit_real *v = trit_val_of(n, 0);
    trit_real *y = trit_val(n);
    if (!a->quant->on) {
        memcpy(y, v, (size_t)trit_len(n) * sizeof *y);
        return;
    }
    fq_saved s;
    lay_out(a, n->saved, &s);
    if (!x->freeze || a->quant->step) fit_scales(x, n, a, &s);
    bool good = true;
#pragma omp parallel for schedule(static) num_threads(x->n_threads) reduction(&& : good)
    for (int64_t t = 0; t < a->n_group * a->n_part; t++) {
        int64_t begin, group;
        task_span(a, t, &begin, &group);
        good = project_task(x, n, a, &s, t, v + begin, y ? y + begin : NULL) && good;
    }
    if (!good) a->quant->bad = true;
}

/* One task of the generic backward; returns its part of the sum for dL/ds. */
static double backward_task(const trit_exec *x, trit_node *n, const fq_attr *a, const fq_saved *s,
                            int64_t t) {
    const trit_quant *q = a->quant;
    const trit_estimator *est = trit_estimators[q->spec.estimator];
    int64_t begin, group, len = task_span(a, t, &begin, &group);
    trit_real u[TRIT_QUANT_SPAN], level[TRIT_QUANT_SPAN], d[TRIT_QUANT_SPAN], g[TRIT_QUANT_SPAN];
    trit_real *gx = trit_grad_of(n, 0);
    bool acc = gx && trit_acc(x, n, 0);
    double gs = 0;
    for (int64_t at = 0; at < len; at += TRIT_QUANT_SPAN) {
        int64_t m = len - at < TRIT_QUANT_SPAN ? len - at : TRIT_QUANT_SPAN;
        const trit_real *v = trit_val_of(n, 0) + begin + at;
        trit_span span = place(x, n, a, s->scale[group], begin + at, m, v, u, level);
        memcpy(g, trit_grad(n) + begin + at, (size_t)m * sizeof *g);
        span.g = g;
        est->slope(&span, d);
        if (q->step && est->rho) {
            trit_real r[TRIT_QUANT_SPAN];
            est->rho(&span, d, r);
            for (int64_t i = 0; i < m; i++) gs += (double)g[i] * (double)r[i];
        } else if (q->step) {
            for (int64_t i = 0; i < m; i++) {
                gs += (double)g[i] * ((double)level[i] - (double)u[i] * (double)d[i]);
            }
        }
        if (!gx) continue;
        for (int64_t i = 0; i < m; i++) {
            /* No difference of 1 and d: a slope far below 1 keeps its digits. */
            trit_real add = g[i] * ((1 - q->lambda) + q->lambda * d[i]);
            gx[begin + at + i] = acc ? gx[begin + at + i] + add : add;
        }
    }
    return gs * (double)q->lambda;
}

static void backward(const trit_exec *x, trit_node *n) {
    const fq_attr *a = n->attr;
    const trit_quant *q = a->quant;
    if (!q->on || (trit_estimators[q->spec.estimator]->identity && !q->step)) {
        if (trit_grad_of(n, 0)) trit_pass_grad(x, n, 0, 1);
        if (!q->on && trit_grad_of(n, 1) && !trit_acc(x, n, 1)) {
            memset(trit_grad_of(n, 1), 0, trit_tensor_bytes(&n->in[1]->grad));
        }
        return;
    }
    fq_saved s;
    lay_out(a, n->saved, &s);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t t = 0; t < a->n_group * a->n_part; t++) {
        s.partial[t] = backward_task(x, n, a, &s, t);
    }
    trit_real *gs = trit_grad_of(n, 1);
    if (!gs) return;
    double k = 1;
    if (!a->check) { /* which wants the bare derivative */
        k = trit_scales[q->spec.scale]->grad_scale(q->knob[TRIT_KNOB_SCALE], a->group_len,
                                                   a->n_group * a->group_len, (double)q->hi);
    }
    for (int64_t i = 0; i < a->n_group; i++) {
        double sum = 0;
        for (int64_t p = 0; p < a->n_part; p++) sum += s.partial[i * a->n_part + p];
        gs[i] = TRIT_R(k * sum) + (trit_acc(x, n, 1) ? gs[i] : 0);
    }
}

static const trit_op op = {.name = "fakequant",
                           .n_in_min = 1,
                           .n_in_max = 2,
                           .attr_bytes = sizeof(fq_attr),
                           .reads = TRIT_IN(0),
                           .flags = TRIT_OP_GRAD_PASS0 | TRIT_OP_EMITS_CODES,
                           .infer = infer,
                           .forward = forward,
                           .rows = forward_block,
                           .backward = backward};

trit_node *trit_axes_apply(trit_quant *q, trit_graph *g, trit_node *x) {
    for (int i = 0; i < g->n; i++) {
        const trit_node *n = g->node[i];
        if (n->op != &op || n->in[0] != x) continue;
        const trit_quant *other = ((const fq_attr *)n->attr)->quant;
        if (!q->step && !other->step && trit_spec_equal(&q->spec, &other->spec)) {
            return g->node[i];
        }
    }
    trit_node *step = q->step ? trit_leaf(g, q->step) : NULL;
    return trit_emit(g, &op, 2, (trit_node *[]){x, step}, &(fq_attr){.quant = q});
}

bool trit_quant_is(const trit_node *n) {
    return n->op == &op || trit_form_is(n);
}

const trit_quant *trit_quant_of(const trit_node *n) {
    if (trit_form_is(n)) return trit_form_quant_of(n);
    return ((const fq_attr *)n->attr)->quant;
}

const trit_real *trit_quant_scales(const trit_node *n) {
    fq_saved s;
    lay_out(n->attr, n->saved, &s);
    return s.scale;
}
