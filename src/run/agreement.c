#include "run/agreement.h"

#include "autograd/ops.h"
#include "io/json.h"

#include <math.h>
#include <string.h>

const double trit_agreement_edges[TRIT_N_AGREEMENT_EDGE] = {-4,   -2,  -1,  -0.5, -0.1, -0.01,
                                                            0.01, 0.1, 0.5, 1,    2,    4};

static int64_t n_blocks(int64_t rows) {
    return (rows + TRIT_ROW_GRAIN - 1) / TRIT_ROW_GRAIN;
}

size_t trit_agreement_work(int64_t rows) {
    return (size_t)n_blocks(rows) * sizeof(trit_agreement);
}

static int64_t likeliest(int64_t n, const trit_real *z) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++) best = z[i] > z[best] ? i : best;
    return best;
}

/* What one row adds: KL, whether both agree, both losses. */
static void add_token(trit_agreement *a, double kl, bool same, double my_loss, double its_loss) {
    double more = my_loss - its_loss;
    int at = 0;
    while (at < TRIT_N_AGREEMENT_EDGE && more >= trit_agreement_edges[at]) at++;
    a->n++;
    a->same += same;
    a->kl += kl;
    a->loss += its_loss;
    a->class_n[at]++;
}

static double term(double log_p, double log_q) {
    double p = exp(log_p);
    return p > 0 ? p * (log_p - log_q) : 0;
}

static void add_row(trit_agreement *a, const trit_kernels *k, int64_t n, const trit_real *mine,
                    const trit_real *its, int32_t label) {
    double my_lse = (double)k->log_sum_exp(n, mine), its_lse = (double)k->log_sum_exp(n, its);
    double kl = 0;
    for (int64_t i = 0; i < n; i++) kl += term((double)its[i] - its_lse, (double)mine[i] - my_lse);
    add_token(a, kl, likeliest(n, mine) == likeliest(n, its), my_lse - (double)mine[label],
              its_lse - (double)its[label]);
}

static void add_known_row(trit_agreement *a, const trit_kernels *k, int64_t n,
                          const trit_real *mine, const trit_known_logits *its, int64_t row,
                          int32_t label) {
    double my_lse = (double)k->log_sum_exp(n, mine), its_lse = (double)its->mass[2 * row];
    const int32_t *id = its->id + row * its->k;
    const float *logit = its->logit + row * its->k;
    int64_t best = 0, at = 0, at_label = 0;
    double kl = 0, others = 0;
    for (int64_t i = 0; i < n; i++) {
        double log_q = (double)mine[i] - my_lse;
        if (at == its->k || id[at] != i) {
            others += exp(log_q);
            continue;
        }
        kl += term((double)logit[at] - its_lse, log_q);
        if (logit[at] > logit[best]) best = at;
        if (i == label) at_label = at;
        at++;
    }
    kl += term((double)its->mass[2 * row + 1], log(others));
    add_token(a, kl, likeliest(n, mine) == id[best], my_lse - (double)mine[label],
              its_lse - (double)logit[at_label]);
}

static void add_all(trit_agreement *to, const trit_agreement *a) {
    to->n += a->n;
    to->same += a->same;
    to->kl += a->kl;
    to->loss += a->loss;
    for (int i = 0; i <= TRIT_N_AGREEMENT_EDGE; i++) to->class_n[i] += a->class_n[i];
}

/* Of another model all is there, or what is known. */
static void add_rows(trit_agreement *a, const trit_exec *x, int64_t rows, int64_t cols,
                     const trit_real *mine, const trit_real *its, const trit_known_logits *known,
                     const int32_t *label, void *work) {
    trit_agreement *part = work;
    memset(part, 0, trit_agreement_work(rows));
#pragma omp parallel for schedule(static) num_threads(x->n_threads)
    for (int64_t block = 0; block < n_blocks(rows); block++) {
        int64_t end = (block + 1) * TRIT_ROW_GRAIN < rows ? (block + 1) * TRIT_ROW_GRAIN : rows;
        for (int64_t i = block * TRIT_ROW_GRAIN; i < end; i++) {
            if (label[i] == TRIT_IGNORE) continue;
            if (its) {
                add_row(&part[block], &x->k, cols, mine + i * cols, its + i * cols, label[i]);
            } else {
                add_known_row(&part[block], &x->k, cols, mine + i * cols, known, i, label[i]);
            }
        }
    }
    for (int64_t block = 0; block < n_blocks(rows); block++) add_all(a, &part[block]);
}

void trit_agreement_add(trit_agreement *a, const trit_exec *x, int64_t rows, int64_t cols,
                        const trit_real *mine, const trit_real *its, const int32_t *label,
                        void *work) {
    add_rows(a, x, rows, cols, mine, its, NULL, label, work);
}

void trit_agreement_add_known(trit_agreement *a, const trit_exec *x, int64_t rows, int64_t cols,
                              const trit_real *mine, const trit_known_logits *its,
                              const int32_t *label, void *work) {
    add_rows(a, x, rows, cols, mine, NULL, its, label, work);
}

void trit_agreement_text(const trit_agreement *a, trit_text *out) {
    double n = (double)a->n, same = (double)a->same / n;
    const char *const key[] = {"kl", "same", "flips", "teacher_loss"};
    const double value[] = {a->kl / n, same, 1 - same, a->loss / n};
    for (int i = 0; i < 4; i++) {
        trit_text_add(out, "\"%s\":", key[i]);
        trit_json_number(out, value[i]);
        trit_text_add(out, ",");
    }
    trit_text_add(out, "\"loss_difference\":{\"edges\":[");
    for (int i = 0; i < TRIT_N_AGREEMENT_EDGE; i++) {
        trit_text_add(out, "%s%g", i ? "," : "", trit_agreement_edges[i]);
    }
    trit_text_add(out, "],\"share\":[");
    for (int i = 0; i <= TRIT_N_AGREEMENT_EDGE; i++) {
        trit_text_add(out, "%s%.6g", i ? "," : "", (double)a->class_n[i] / n);
    }
    trit_text_add(out, "]}");
}
