#include "sweep/halving.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t trit_halving_keep(int64_t n, int64_t divisor) {
    return n / divisor > 0 ? n / divisor : 1;
}

trit_status trit_halving_open(trit_halving *h, int n_point, int n_rung, int64_t divisor,
                              trit_error *e) {
    size_t n = (size_t)n_point + 1, n_value = n * (size_t)(n_rung + 1);
    *h = (trit_halving){.n_point = n_point, .n_rung = n_rung, .divisor = divisor};
    h->value = calloc(n_value, sizeof *h->value);
    h->n = calloc(n, sizeof *h->n);
    h->passed = calloc(n, sizeof *h->passed);
    h->pruned = calloc(n, sizeof *h->pruned);
    h->rank = calloc(n, sizeof *h->rank);
    if (h->value && h->n && h->passed && h->pruned && h->rank) return TRIT_OK;
    return TRIT_FAIL(e, E_NOMEM, "no memory for a search");
}

void trit_halving_free(trit_halving *h) {
    free(h->value);
    free(h->n);
    free(h->passed);
    free(h->pruned);
    free(h->rank);
    *h = (trit_halving){0};
}

void trit_halving_begin(trit_halving *h) {
    size_t n = (size_t)h->n_point;
    memset(h->value, 0, sizeof *h->value * n * (size_t)h->n_rung);
    memset(h->n, 0, sizeof *h->n * n);
    memset(h->passed, 0, sizeof *h->passed * n);
    memset(h->pruned, 0, sizeof *h->pruned * n);
}

void trit_halving_add(trit_halving *h, int point, const double *rung, int n_known, bool failed) {
    double *value = &h->value[point * h->n_rung];
    h->n[point]++;
    for (int k = 0; k < h->n_rung; k++) {
        double v = k < n_known ? rung[k] : failed ? INFINITY : (double)NAN;
        /* A point with a cell that failed is bad whatever the others do. */
        value[k] = isinf(value[k]) || isinf(v) ? INFINITY : value[k] + v;
    }
}

static int by_value(const void *a, const void *b) {
    const trit_halving_ranked *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return x->point - y->point;
}

/* n_in: points that get to rung k at most. Returns the same of the next rung. */
static int decide_rung(trit_halving *h, int k, int n_in, int keep) {
    trit_halving_rung *r = &h->at[k];
    *r = (trit_halving_rung){.n_in = n_in, .best = -1, .cut = (double)NAN};
    int n_good = 0;
    for (int p = 0; p < h->n_point; p++) {
        double value = h->value[p * h->n_rung + k];
        if (h->passed[p] != k || isnan(value)) continue;
        h->rank[r->n_known++] = (trit_halving_ranked){value, p};
        n_good += !isinf(value);
    }
    qsort(h->rank, (size_t)r->n_known, sizeof *h->rank, by_value);
    int n_missing = n_in - r->n_known; /* any of them may be better than those that are here */
    for (int i = 0; i < r->n_known; i++) {
        const trit_halving_ranked *one = &h->rank[i];
        if (isinf(one->value) || i >= keep) {
            h->pruned[one->point] = true;
        } else if (i + n_missing < keep) {
            h->passed[one->point]++;
            r->n_on++;
            r->cut = one->value;
        }
    }
    if (n_good) r->best = h->rank[0].point;
    return n_good + n_missing < keep ? n_good + n_missing : keep;
}

void trit_halving_decide(trit_halving *h) {
    int n_in = h->n_point;
    int64_t n = h->n_point;
    for (int p = 0; p < h->n_point; p++) {
        for (int k = 0; k < h->n_rung; k++) h->value[p * h->n_rung + k] /= h->n[p];
    }
    for (int k = 0; k < h->n_rung; k++) {
        n = trit_halving_keep(n, h->divisor);
        n_in = decide_rung(h, k, n_in, (int)n);
    }
}
