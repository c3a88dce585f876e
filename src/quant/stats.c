#include "quant/stats.h"

#include "quant/rows.h"

#include <math.h>
#include <string.h>

static const double DEAD = 0.05; /* steps */

/* ---- thresholds ---------------------------------------------------------------------------- */

static trit_real project_one(const trit_quant *q, trit_real u) {
    trit_real level;
    const trit_span a = {.spec = &q->spec,
                         .n = 1,
                         .x = &u,
                         .u = &u,
                         .s = 1,
                         .lo = q->lo,
                         .hi = q->hi,
                         .level = q->level,
                         .n_level = q->n_level,
                         .knob = q->knob[TRIT_KNOB_GRID]};
    trit_grids[q->spec.grid]->project(&a, &level);
    return level;
}

/* Where the grid passes from level i to the next, found by halving: grids round in their own ways.
 */
static void find_thresholds(const trit_quant *q, trit_real *threshold) {
    for (int i = 0; i + 1 < q->n_level; i++) {
        double lo = (double)q->level[i], hi = (double)q->level[i + 1];
        for (int k = 0; k < 30; k++) {
            double mid = 0.5 * (lo + hi);
            if (project_one(q, TRIT_R(mid)) > q->level[i]) {
                hi = mid;
            } else {
                lo = mid;
            }
        }
        threshold[i] = TRIT_R(hi);
    }
}

static trit_real distance(const trit_quant *q, const trit_real *threshold, trit_real u) {
    int n = q->n_level - 1;
    if (trit_grids[q->spec.grid]->uniform) {
        trit_real v = u - q->lo - TRIT_R(0.5), near = trit_rint(v), last = TRIT_R(n - 1);
        near = near < 0 ? 0 : near > last ? last : near;
        return v < near ? near - v : v - near;
    }
    int i = trit_level_below(threshold, n, u);
    trit_real d = u < threshold[i] ? threshold[i] - u : u - threshold[i];
    if (i + 1 < n && threshold[i + 1] - u < d) d = threshold[i + 1] - u;
    return d;
}

/* ---- one piece ----------------------------------------------------------------------------- */

static void add_error(trit_stats_part *p, trit_real x, trit_real y) {
    double off = (double)x - (double)y;
    p->signal += (double)x * (double)x;
    p->noise += off * off;
    p->n_zero += y == 0;
}

/* Elements begin..end of a node with a grid. */
static void measure_grid(const trit_node *n, const trit_quant *q, const trit_real *threshold,
                         int64_t group_len, int64_t begin, int64_t end, trit_stats_part *p) {
    const trit_grid *grid = trit_grids[q->spec.grid];
    const trit_real *x = trit_val_of(n, 0), *scale = trit_quant_scales(n);
    trit_real u[TRIT_QUANT_SPAN], level[TRIT_QUANT_SPAN];
    while (begin < end) {
        int64_t m = group_len - begin % group_len;
        if (m > end - begin) m = end - begin;
        if (m > TRIT_QUANT_SPAN) m = TRIT_QUANT_SPAN;
        trit_real s = scale[begin / group_len];
        for (int64_t i = 0; i < m; i++) u[i] = x[begin + i] / s;
        const trit_span a = {.spec = &q->spec,
                             .n = m,
                             .x = x + begin,
                             .u = u,
                             .s = s,
                             .lo = q->lo,
                             .hi = q->hi,
                             .level = q->level,
                             .n_level = q->n_level,
                             .knob = q->knob[TRIT_KNOB_GRID]};
        grid->project(&a, level);
        for (int64_t i = 0; i < m; i++) {
            add_error(p, x[begin + i], s * level[i]);
            if (isnan(level[i])) {
                p->n_lost++;
                continue;
            }
            p->n_clip += u[i] < q->lo || u[i] > q->hi;
            double d = (double)distance(q, threshold, u[i]);
            p->edge += d;
            p->n_dead += d <= DEAD;
            p->count[grid->uniform ? (int)(level[i] - q->lo)
                                   : trit_level_below(q->level, q->n_level, level[i])]++;
        }
        begin += m;
    }
}

static int nearest(const trit_real *level, int n, trit_real y) {
    int i = trit_level_below(level, n, y);
    return i + 1 < n && level[i + 1] - y < y - level[i] ? i + 1 : i;
}

/* Groups begin..end of a node with a form. */
static void measure_form(const trit_node *n, int64_t group_len, int64_t begin, int64_t end,
                         trit_stats_part *p) {
    trit_real level[TRIT_MAX_LEVEL];
    for (int64_t group = begin; group < end; group++) {
        int n_level = trit_form_levels(n, group, level, TRIT_MAX_LEVEL);
        bool known = n_level > 0 && n_level <= TRIT_MAX_LEVEL;
        const trit_real *x = trit_val_of(n, 0) + group * group_len;
        const trit_real *y = trit_val(n) + group * group_len;
        if (!known) p->n_lost += group_len;
        if (known && n_level > 1) {
            p->scale += (double)(level[n_level - 1] - level[0]) / (n_level - 1);
            p->n_scale++;
        }
        for (int64_t i = 0; i < group_len; i++) {
            add_error(p, x[i], y[i]);
            if (!known || isnan(y[i])) {
                p->n_lost += known;
                continue;
            }
            p->n_clip += x[i] < level[0] || x[i] > level[n_level - 1];
            p->count[nearest(level, n_level, y[i])]++;
        }
    }
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void finish(trit_quant_stats *s, const trit_stats_part *sum, int64_t n_all, int n_level) {
    double n = (double)n_all, nan = (double)NAN;
    *s = (trit_quant_stats){.clip = (double)sum->n_clip / n,
                            .zero = (double)sum->n_zero / n,
                            .sqnr = 10 * log10(sum->signal / sum->noise),
                            .scale = sum->scale / (double)sum->n_scale,
                            .edge = sum->edge / n,
                            .dead = (double)sum->n_dead / n};
    if (sum->n_lost) {
        s->clip = s->entropy = s->edge = s->dead = nan;
        return;
    }
    for (int i = 0; i < n_level; i++) {
        double p = (double)sum->count[i] / n;
        if (p > 0) s->entropy -= p * log2(p);
        s->bin[n_level <= TRIT_STATS_BIN ? i : i * TRIT_STATS_BIN / n_level] += p;
    }
    s->entropy = s->entropy > 0 ? s->entropy : 0; /* not -0 */
    s->n_bin = n_level <= TRIT_STATS_BIN ? n_level : TRIT_STATS_BIN;
}

/* Groups of a form may differ in how many levels they have. */
static int most_levels(const trit_node *n, const trit_stats_part *sum) {
    trit_real level[TRIT_MAX_LEVEL];
    int most = trit_form_levels(n, 0, level, TRIT_MAX_LEVEL);
    for (int i = most; i < TRIT_MAX_LEVEL; i++) {
        if (sum->count[i]) most = i + 1;
    }
    return most < TRIT_MAX_LEVEL ? most : TRIT_MAX_LEVEL;
}

void trit_stats_measure(trit_quant_stats *s, const trit_node *n, const trit_exec *x,
                        trit_stats_work *work) {
    const trit_quant *q = trit_quant_of(n);
    int64_t n_all = trit_len(n), group_len = trit_quant_group_len(q, n_all / q->cols);
    int64_t n_unit = q->spec.form ? n_all / group_len : n_all;
    if (!q->spec.form && !trit_grids[q->spec.grid]->uniform) find_thresholds(q, work->threshold);
    memset(work->part, 0, sizeof work->part);
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int i = 0; i < TRIT_STATS_PIECE; i++) {
        int64_t begin = n_unit * i / TRIT_STATS_PIECE, end = n_unit * (i + 1) / TRIT_STATS_PIECE;
        if (q->spec.form) {
            measure_form(n, group_len, begin, end, &work->part[i]);
        } else {
            measure_grid(n, q, work->threshold, group_len, begin, end, &work->part[i]);
        }
    }
    trit_stats_part *sum = &work->part[0];
    for (int i = 1; i < TRIT_STATS_PIECE; i++) {
        const trit_stats_part *p = &work->part[i];
        sum->n_clip += p->n_clip;
        sum->n_zero += p->n_zero;
        sum->n_dead += p->n_dead;
        sum->n_lost += p->n_lost;
        sum->signal += p->signal;
        sum->noise += p->noise;
        sum->edge += p->edge;
        sum->scale += p->scale;
        sum->n_scale += p->n_scale;
        for (int k = 0; k < TRIT_MAX_LEVEL; k++) sum->count[k] += p->count[k];
    }
    int n_level = q->n_level;
    if (q->spec.form) {
        n_level = most_levels(n, sum);
    } else {
        sum->n_scale = n_all / group_len;
        for (int64_t i = 0; i < sum->n_scale; i++) sum->scale += (double)trit_quant_scales(n)[i];
    }
    finish(s, sum, n_all, n_level);
    if (q->spec.form) s->edge = s->dead = (double)NAN;
}

/* ---- codes over time ----------------------------------------------------------------------- */

enum { UNSEEN, DOWN, NEITHER, UP }; /* of mark: the last direction */

trit_stats_flips trit_stats_compare(const trit_quant *q, int64_t n, const int8_t *codes,
                                    int8_t *prev, int8_t *mark) {
    bool by_index = !q->spec.form && trit_grids[q->spec.grid]->indexed;
    int64_t n_flip = 0, n_back = 0;
    bool first = n && mark[0] == UNSEEN;
    for (int64_t i = 0; i < n; i++) {
        int now = by_index ? (uint8_t)codes[i] : codes[i];
        int was = by_index ? (uint8_t)prev[i] : prev[i];
        if (first) {
            mark[i] = NEITHER;
        } else if (now != was) {
            int direction = now > was ? UP : DOWN;
            n_flip++;
            n_back += mark[i] != NEITHER && mark[i] != direction;
            mark[i] = (int8_t)direction;
        }
        prev[i] = codes[i];
    }
    if (first) return (trit_stats_flips){(double)NAN, (double)NAN};
    return (trit_stats_flips){(double)n_flip / (double)n, (double)n_back / (double)n};
}

double trit_stats_cosine(const trit_exec *x, const trit_node *n, trit_real *scratch) {
    trit_node in[TRIT_MAX_IN], copy = *n;
    for (int k = 0; k < n->n_in; k++) {
        if (!n->in[k]) continue;
        in[k] = *n->in[k];
        in[k].needs_grad = k == 0;
        copy.in[k] = &in[k];
    }
    in[0].grad = in[0].val;
    in[0].grad.data = scratch;
    copy.first = ~0U;
    trit_exec alone = *x;
    alone.accumulate = false;
    n->op->backward(&alone, &copy);
    int64_t len = trit_len(n);
    double both = x->k.dot(len, scratch, trit_grad(n));
    return both / sqrt(x->k.sum_sq(len, scratch)) / sqrt(x->k.sum_sq(len, trit_grad(n)));
}
