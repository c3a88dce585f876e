#include "distill/loss.h"

#include "distill/loss_list.h"

#include <string.h>

#define X(symbol, word) extern const trit_loss trit_loss_##symbol;
TRIT_LOSS_LIST(X)
#undef X

const trit_loss *const trit_losses[] = {
#define X(symbol, word) &trit_loss_##symbol,
    TRIT_LOSS_LIST(X)
#undef X
        NULL};

const char *const trit_loss_names[] = {
#define X(symbol, word) word,
    TRIT_LOSS_LIST(X)
#undef X
        NULL};

const char *const trit_layer_rules[] = {"last", "uniform", NULL};

int trit_loss_knob(const trit_loss *l, const char *name) {
    for (int i = 0; l->knob && l->knob[i].name; i++) {
        if (strcmp(l->knob[i].name, name) == 0) return i;
    }
    return -1;
}

double trit_loss_forward_kl(const trit_loss_token *c, trit_real weight, trit_real *g) {
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        sum += trit_loss_term(c->p[i], c->log_p[i], c->log_q[i]);
        if (g && isfinite(c->log_q[i])) g[i] -= weight * c->p[i];
    }
    return sum;
}

double trit_loss_reverse_kl(const trit_loss_token *c, trit_real weight, trit_real *g) {
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        double term = trit_loss_term(c->q[i], c->log_q[i], c->log_p[i]);
        sum += term;
        if (g && isfinite(c->log_p[i])) g[i] += weight * (TRIT_R(term) + c->q[i]);
    }
    return sum;
}

double trit_loss_cross(const trit_loss_token *c, const trit_real *target, trit_real weight,
                       trit_real *g) {
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        trit_real t = isfinite(c->log_q[i]) ? target[i] : 0;
        if (t > 0) sum -= (double)t * (double)c->log_q[i];
        if (g) g[i] -= weight * t;
    }
    return sum;
}

double trit_loss_entropy(int64_t n, const trit_real *p, const trit_real *log_p) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum -= p[i] > 0 ? (double)p[i] * (double)log_p[i] : 0;
    return sum;
}

/* ln(p'/q'); 0 for a class that one of both lacks. */
static double log_ratio(const trit_loss_token *c, int32_t at, double shift) {
    double ratio = (double)c->log_p[at] - (double)c->log_q[at] - shift;
    return isfinite(ratio) ? ratio : 0;
}

double trit_loss_on_top(const trit_loss_token *c, bool reverse, trit_real *g) {
    double p_all = 0, q_all = 0, sum = 0;
    for (int64_t i = 0; i < c->n_top; i++) {
        p_all += (double)c->p[c->top[i]];
        q_all += (double)c->q[c->top[i]];
    }
    if (!(p_all > 0 && q_all > 0)) return 0;
    double shift = log(p_all) - log(q_all);
    for (int64_t i = 0; i < c->n_top; i++) {
        int32_t at = c->top[i];
        double ratio = log_ratio(c, at, shift);
        sum += reverse ? -(double)c->q[at] / q_all * ratio : (double)c->p[at] / p_all * ratio;
    }
    for (int64_t i = 0; g && i < c->n_top; i++) {
        int32_t at = c->top[i];
        double p = (double)c->p[at] / p_all, q = (double)c->q[at] / q_all;
        g[at] += TRIT_R(reverse ? -q * (log_ratio(c, at, shift) + sum) : q - p);
    }
    return sum;
}

/* A heap of the best so far, the worst on top: i comes behind j when it is smaller, or equal and
 * later. */
static bool behind(const trit_real *x, int32_t i, int32_t j) {
    return x[i] < x[j] || (!(x[j] < x[i]) && i > j);
}

static void sift(const trit_real *x, int32_t *heap, int64_t n, int64_t at) {
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && behind(x, heap[child + 1], heap[child])) child++;
        if (!behind(x, heap[child], heap[at])) return;
        int32_t swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

void trit_top_k(int64_t n, const trit_real *x, int64_t k, int32_t *out) {
    for (int64_t i = 0; i < k; i++) out[i] = (int32_t)i;
    if (k == n || k == 0) return;
    for (int64_t i = k / 2; i-- > 0;) sift(x, out, k, i);
    for (int64_t i = k; i < n; i++) {
        if (!behind(x, out[0], (int32_t)i)) continue;
        out[0] = (int32_t)i;
        sift(x, out, k, 0);
    }
    int32_t worst = out[0];
    for (int64_t i = 0, n_out = 0; i < n; i++) {
        if (i == worst || behind(x, worst, (int32_t)i)) out[n_out++] = (int32_t)i;
    }
}
