#include "run/sample.h"

#include <math.h>
#include <stdlib.h>

/* Orders order[n] by falling weight, then rising token: a heap sort, since qsort takes no context.
 */
static bool before(const double *weight, int a, int b) {
    return weight[a] > weight[b] || (weight[a] == weight[b] && a < b);
}

static void sift(int *order, const double *weight, int at, int n) {
    for (int child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && before(weight, order[child], order[child + 1])) child++;
        if (!before(weight, order[at], order[child])) return;
        int t = order[at];
        order[at] = order[child];
        order[child] = t;
    }
}

static void sort_by_weight(int *order, const double *weight, int n) {
    for (int i = n / 2 - 1; i >= 0; i--) sift(order, weight, i, n);
    for (int end = n - 1; end > 0; end--) {
        int t = order[0];
        order[0] = order[end];
        order[end] = t;
        sift(order, weight, 0, end);
    }
}

int trit_sample(const trit_sampler *s, uint64_t i, int n_vocab, const trit_real *logits, int *work,
                double *probs) {
    int best = 0;
    for (int v = 1; v < n_vocab; v++) {
        if (logits[v] > logits[best]) best = v;
    }
    if (s->temperature <= 0) return best;
    double sum = 0;
    for (int v = 0; v < n_vocab; v++) {
        probs[v] = exp(((double)logits[v] - (double)logits[best]) / s->temperature);
        work[v] = v;
        sum += probs[v];
    }
    sort_by_weight(work, probs, n_vocab);
    int n = s->top_k > 0 && s->top_k < n_vocab ? (int)s->top_k : n_vocab;
    double kept = 0;
    int m = 0;
    /* top_p counts of the whole distribution, as is usual. */
    while (m < n && (m == 0 || kept < s->top_p * sum)) kept += probs[work[m++]];
    double draw = trit_rng_uniform(&s->rng, i) * kept;
    for (int k = 0; k < m; k++) {
        draw -= probs[work[k]];
        if (draw < 0) return work[k];
    }
    return work[m - 1];
}
