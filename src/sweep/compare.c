#include "sweep/compare.h"

#include "sweep/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const trit_verdict_names[] = {
    "baseline",          "better", "worse", "no significant difference", "too few pairs to tell",
    "nothing to compare"};

typedef struct keyed {
    uint64_t key; /* of the values of all axes */
    int cell;
} keyed;

typedef struct work {
    const trit_results *r;
    trit_analysis *a;
    keyed *index; /* [n_cell] sorted */
    double *v;    /* [n_cell] */
    double *resample;
} work;

static uint64_t key_of(const trit_results *r, const int *value) {
    uint64_t key = 0;
    for (int a = 0; a < r->n_axis; a++) key = key * (uint64_t)r->axis[a].n + (uint64_t)value[a];
    return key;
}

static int by_key(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* The cell of some values, -1 where there is none. */
static int find(const work *w, const int *value) {
    keyed wanted = {key_of(w->r, value), 0};
    const keyed *k = bsearch(&wanted, w->index, (size_t)w->r->n_cell, sizeof *w->index, by_key);
    return k ? k->cell : -1;
}

static double metric_of(const work *w, int cell) {
    return cell < 0 ? (double)NAN : w->r->cell[cell].metric[w->a->metric];
}

static void count(const trit_result_cell *c, trit_cell_count *n) {
    bool done = c->state == TRIT_CELL_DONE, failed = c->state == TRIT_CELL_FAILED,
         pruned = c->state == TRIT_CELL_PRUNED;
    n->done += done;
    n->failed += failed;
    n->diverged += c->diverged;
    n->pruned += pruned;
    n->open += !done && !failed && !pruned;
}

/* ---- a value against the baseline ---- */

static double mean_of(const work *w, const trit_comparison *c, size_t member) {
    int n = 0;
    for (int i = 0; i < w->r->n_cell; i++) {
        const trit_result_cell *cell = &w->r->cell[i];
        if (cell->value[c->axis] != c->value || cell->state != TRIT_CELL_DONE) continue;
        double v = *(const double *)(const void *)((const char *)cell + member);
        if (!isnan(v)) w->v[n++] = v;
    }
    return trit_stat_mean(w->v, n);
}

static void compare(const work *w, trit_comparison *c) {
    const trit_results *r = w->r;
    int n = 0;
    for (int i = 0; i < r->n_cell; i++) {
        if (r->cell[i].value[c->axis] != c->value) continue;
        count(&r->cell[i], &c->cells);
        if (!isnan(metric_of(w, i))) w->v[n++] = metric_of(w, i);
    }
    c->mean = trit_stat_mean(w->v, n);
    c->error = trit_stat_error(w->v, n);
    c->diff = c->lo = c->hi = c->p_wilcoxon = c->p_sign = c->p = (double)NAN;
    c->tokens_per_second = mean_of(w, c, offsetof(trit_result_cell, tokens_per_second));
    c->peak_bytes = mean_of(w, c, offsetof(trit_result_cell, peak_bytes));
    c->deploy_bytes = mean_of(w, c, offsetof(trit_result_cell, deploy_bytes));
    if (c->value == r->axis[c->axis].baseline) return;
    for (int i = 0; i < r->n_cell; i++) {
        if (r->cell[i].value[c->axis] != c->value) continue;
        int partner[TRIT_SWEEP_MAX_AXIS];
        memcpy(partner, r->cell[i].value, sizeof partner);
        partner[c->axis] = r->axis[c->axis].baseline;
        double d = metric_of(w, i) - metric_of(w, find(w, partner));
        if (!isnan(d)) w->v[c->n_pair++] = d;
    }
    if (!c->n_pair) return;
    c->diff = trit_stat_mean(w->v, c->n_pair);
    c->p_wilcoxon = c->p = trit_stat_wilcoxon(w->v, c->n_pair);
    c->p_sign = trit_stat_sign(w->v, c->n_pair);
    trit_stat_bootstrap(w->v, c->n_pair, trit_hash32(r->axis[c->axis].label[c->value]), w->resample,
                        &c->lo, &c->hi);
}

/* Of all values of one axis, whose p are corrected together. */
static void judge(const work *w, trit_comparison *c, int n) {
    double p[TRIT_SWEEP_MAX_VALUE];
    int n_test = 0;
    for (int i = 0; i < n; i++) {
        p[i] = c[i].p_wilcoxon;
        n_test += !isnan(p[i]);
    }
    trit_stat_holm(p, n);
    for (int i = 0; i < n; i++) {
        c[i].p = p[i];
        if (c[i].value == w->r->axis[c[i].axis].baseline) {
            c[i].verdict = TRIT_VERDICT_BASELINE;
        } else if (!c[i].n_pair) {
            c[i].verdict = TRIT_VERDICT_NONE;
        } else if (p[i] < TRIT_SWEEP_ALPHA) {
            c[i].verdict = c[i].diff < 0 ? TRIT_VERDICT_BETTER : TRIT_VERDICT_WORSE;
        } else if (trit_stat_least_p(c[i].n_pair) * n_test >= TRIT_SWEEP_ALPHA) {
            c[i].verdict = TRIT_VERDICT_FEW;
        } else {
            c[i].verdict = TRIT_VERDICT_SAME;
        }
    }
}

static trit_status compare_all(work *w, trit_error *e) {
    const trit_results *r = w->r;
    int n = 0;
    for (int a = 0; a < r->n_axis - 1; a++) n += r->axis[a].n;
    w->a->at = trit_arena_get(&w->a->mem, sizeof *w->a->at * (size_t)(n + 1), e);
    if (!w->a->at) return TRIT_E_NOMEM;
    for (int a = 0; a < r->n_axis - 1; a++) {
        if (r->axis[a].n < 2) continue;
        trit_comparison *first = &w->a->at[w->a->n];
        for (int v = 0; v < r->axis[a].n; v++) {
            first[v].axis = a;
            first[v].value = v;
            compare(w, &first[v]);
        }
        judge(w, first, r->axis[a].n);
        w->a->n += r->axis[a].n;
    }
    return TRIT_OK;
}

/* ---- points ---- */

static bool same_point(const trit_results *r, int a, int b) {
    return memcmp(r->cell[a].value, r->cell[b].value, sizeof(int) * (size_t)(r->n_axis - 1)) == 0;
}

/* One past the last cell of a point that begins at `first`. */
static int point_end(const trit_results *r, int first) {
    int end = first + 1;
    while (end < r->n_cell && same_point(r, first, end)) end++;
    return end;
}

static trit_status find_points(work *w, trit_error *e) {
    const trit_results *r = w->r;
    trit_analysis *a = w->a;
    a->point = trit_arena_get(&a->mem, sizeof *a->point * (size_t)(r->n_cell + 1), e);
    a->rank = trit_arena_get(&a->mem, sizeof *a->rank * (size_t)(r->n_cell + 1), e);
    if (!a->point || !a->rank) return TRIT_E_NOMEM;
    for (int first = 0; first < r->n_cell; first = point_end(r, first)) {
        trit_point *p = &a->point[a->n_point];
        *p = (trit_point){.first = first, .deploy_bytes = r->cell[first].deploy_bytes};
        for (int i = first; i < point_end(r, first); i++) {
            if (isnan(metric_of(w, i))) continue;
            w->v[p->n++] = metric_of(w, i);
            p->parameters = r->cell[i].parameters;
        }
        p->mean = trit_stat_mean(w->v, p->n);
        p->error = trit_stat_error(w->v, p->n);
        int at = a->n_ranked;
        if (p->n) a->n_ranked++;
        /* By insertion: equal ones stay in the order of cells. */
        for (; p->n && at > 0 && a->point[a->rank[at - 1]].mean > p->mean; at--) {
            a->rank[at] = a->rank[at - 1];
        }
        if (p->n) a->rank[at] = a->n_point;
        a->n_point++;
    }
    return TRIT_OK;
}

/* ---- budgets ---- */

static double loss_at(const trit_series *s, double step) {
    for (int64_t i = 0; i < s->n; i++) {
        if (s->x[i] == step) return s->y[i];
    }
    return (double)NAN;
}

/* Best two points by their mean loss at a step; points of which a done cell has none are left out.
 */
static void find_best(const work *w, trit_budget *b) {
    const trit_results *r = w->r;
    b->best = b->second = -1;
    b->best_loss = b->second_loss = INFINITY;
    for (int p = 0; p < w->a->n_point; p++) {
        int n = 0, first = w->a->point[p].first;
        for (int i = first; i < point_end(r, first); i++) {
            if (r->cell[i].state == TRIT_CELL_DONE)
                w->v[n++] = loss_at(&r->cell[i].valid, b->steps);
        }
        double mean = trit_stat_mean(w->v, n);
        if (mean < b->best_loss) {
            b->second = b->best;
            b->second_loss = b->best_loss;
            b->best = p;
            b->best_loss = mean;
        } else if (mean < b->second_loss) {
            b->second = p;
            b->second_loss = mean;
        }
    }
}

/* Evaluations nearest to a quarter, a half, three quarters and all of the training. */
static void find_budgets(work *w) {
    const trit_series *s = NULL;
    for (int i = 0; i < w->r->n_cell && !s; i++) {
        const trit_result_cell *c = &w->r->cell[i];
        if (c->state == TRIT_CELL_DONE && c->valid.n) s = &c->valid;
    }
    for (int k = 1; s && k <= TRIT_MAX_BUDGET; k++) {
        double wanted = s->x[s->n - 1] * k / TRIT_MAX_BUDGET, at = NAN;
        for (int64_t i = 0; i < s->n; i++) {
            if (!(fabs(s->x[i] - wanted) >= fabs(at - wanted))) at = s->x[i];
        }
        trit_budget *b = &w->a->budget[w->a->n_budget];
        if (w->a->n_budget && b[-1].steps == at) continue;
        b->steps = at;
        find_best(w, b);
        w->a->n_budget += b->best >= 0;
    }
}

/* ---- rungs ---- */

static void find_rungs(work *w) {
    const trit_results *r = w->r;
    for (int k = 0; k < r->n_rung; k++) {
        trit_rung *g = &w->a->rung[w->a->n_rung++];
        *g = (trit_rung){.part = r->rung[k],
                         .step = (double)NAN,
                         .result = r->halving.at[k],
                         .best = -1,
                         .best_value = (double)NAN};
        bool several = false;
        for (int i = 0; i < r->n_cell; i++) {
            const trit_result_cell *c = &r->cell[i];
            if (c->n_rung <= k) continue;
            if (g->best < 0 && c->point == g->result.best) g->best = i;
            several = several || (!isnan(g->step) && g->step != c->rung[k].step);
            g->step = c->rung[k].step;
        }
        if (several) g->step = (double)NAN;
        if (g->best >= 0) {
            g->best_value = r->halving.value[g->result.best * r->n_rung + k];
        }
    }
}

/* ---- two axes ---- */

static trit_status make_heat(work *w, int x, int y, trit_error *e) {
    const trit_results *r = w->r;
    trit_heat *h = &w->a->heat[w->a->n_heat];
    int n = r->axis[x].n * r->axis[y].n;
    *h = (trit_heat){{x, y}, NULL, INFINITY, -INFINITY};
    h->mean = trit_arena_get(&w->a->mem, sizeof *h->mean * (size_t)n, e);
    int *number = trit_arena_get(&w->a->mem, sizeof *number * (size_t)n, e);
    if (!h->mean || !number) return TRIT_E_NOMEM;
    for (int i = 0; i < r->n_cell; i++) {
        int at = r->cell[i].value[x] * r->axis[y].n + r->cell[i].value[y];
        if (isnan(metric_of(w, i))) continue;
        h->mean[at] += metric_of(w, i);
        number[at]++;
    }
    for (int i = 0; i < n; i++) {
        h->mean[i] = number[i] ? h->mean[i] / number[i] : (double)NAN;
        if (h->mean[i] < h->lo) h->lo = h->mean[i];
        if (h->mean[i] > h->hi) h->hi = h->mean[i];
    }
    w->a->n_heat += h->lo <= h->hi;
    return TRIT_OK;
}

static trit_status make_heats(work *w, trit_error *e) {
    for (int x = 0; x < w->r->n_axis - 1; x++) {
        for (int y = x + 1; y < w->r->n_axis - 1; y++) {
            if (w->r->axis[x].n < 2 || w->r->axis[y].n < 2) continue;
            if (w->a->n_heat < TRIT_MAX_HEAT) TRIT_TRY(make_heat(w, x, y, e));
        }
    }
    return TRIT_OK;
}

trit_status trit_analyse(const trit_results *r, trit_analysis *out, trit_error *e) {
    *out = (trit_analysis){.metric = r->metric};
    trit_arena_init(&out->mem, "analysis");
    work w = {.r = r, .a = out};
    size_t n = (size_t)r->n_cell + 1;
    w.index = trit_arena_get(&out->mem, sizeof *w.index * n, e);
    w.v = trit_arena_get(&out->mem, sizeof *w.v * n, e);
    w.resample = trit_arena_get(&out->mem, sizeof *w.resample * TRIT_STAT_RESAMPLES, e);
    if (!w.index || !w.v || !w.resample) return TRIT_E_NOMEM;
    for (int i = 0; i < r->n_cell; i++) {
        w.index[i] = (keyed){key_of(r, r->cell[i].value), i};
        count(&r->cell[i], &out->cells);
    }
    qsort(w.index, (size_t)r->n_cell, sizeof *w.index, by_key);
    TRIT_TRY(compare_all(&w, e));
    TRIT_TRY(find_points(&w, e));
    find_budgets(&w);
    find_rungs(&w);
    return make_heats(&w, e);
}

void trit_analysis_free(trit_analysis *a) {
    trit_arena_free(&a->mem);
    *a = (trit_analysis){0};
}
