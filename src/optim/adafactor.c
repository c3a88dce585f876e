/* Adafactor: the second moment of a matrix from the means of its rows and columns.
 * Shazeer & Stern, "Adafactor", 2018, arXiv 1804.04235; without its first moment. */
#include "optim/rows.h"

enum { ROW, COLUMN, MOMENT2 };

static bool shape(const trit_optim_cfg *cfg, const trit_tensor *param, int k, trit_tensor *out) {
    (void)cfg;
    *out = *param;
    bool matrix = param->ndim == 2;
    if (k == MOMENT2) return !matrix;
    if (matrix) *out = trit_tensor_make(TRIT_REAL, 1, &param->dim[k == ROW ? 0 : 1]);
    return matrix;
}

/* One real for each column. */
static size_t scratch(const trit_tensor *param) {
    return param->ndim == 2 ? (size_t)param->dim[1] * sizeof(trit_real) : 0;
}

static double decay_of(const trit_optim_call *c) {
    return 1 - pow((double)c->t, -c->cfg->decay_power);
}

static void update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot) {
    (void)w;
    trit_real k = c->grad_scale, eps = TRIT_R(c->cfg->eps), *v = slot[MOMENT2];
    trit_real b = TRIT_R(decay_of(c)), a = TRIT_R(1 - decay_of(c));
    for (int64_t i = 0; i < n; i++) {
        g[i] *= k;
        if (!v) continue;
        v[i] = b * v[i] + a * (g[i] * g[i] + eps);
        g[i] /= TRIT_SQRT(v[i]);
    }
}

/* x = decay*x + (1 - decay)*(mean + eps) */
static void average(const trit_optim_call *c, trit_real *x, double mean) {
    double b = decay_of(c);
    *x = TRIT_R(b * (double)*x + (1 - b) * (mean + c->cfg->eps));
}

static void average_columns(const trit_optim_call *c, const trit_optim_whole *t, int64_t begin) {
    double sum[TRIT_COL_GRAIN] = {0};
    int64_t rows = t->shape->dim[0], cols = t->shape->dim[1];
    int64_t n = cols - begin < TRIT_COL_GRAIN ? cols - begin : TRIT_COL_GRAIN;
    for (int64_t i = 0; i < rows; i++) {
        const trit_real *g = t->u + i * cols + begin;
        for (int64_t j = 0; j < n; j++) sum[j] += (double)g[j] * (double)g[j];
    }
    trit_real *root = t->scratch;
    for (int64_t j = 0; j < n; j++) {
        trit_real *mean = &t->slot[COLUMN][begin + j];
        average(c, mean, sum[j] / (double)rows);
        root[begin + j] = TRIT_R(1 / sqrt((double)*mean));
    }
}

/* u = g / sqrt(R/mean(R)) / sqrt(C), in place. */
static void divide(const trit_optim_call *c, const trit_optim_whole *t) {
    int64_t rows = t->shape->dim[0], cols = t->shape->dim[1];
    trit_real *row = t->slot[ROW];
    const trit_real *root = t->scratch;
    for (int64_t i = 0; i < rows; i++) {
        average(c, &row[i], t->x->k.sum_sq(cols, t->u + i * cols) / (double)cols);
    }
    for (int64_t j = 0; j < cols; j += TRIT_COL_GRAIN) average_columns(c, t, j);
    double mean = t->x->k.sum(rows, row) / (double)rows;
    for (int64_t i = 0; i < rows; i++) {
        trit_real k = TRIT_R(sqrt(mean / (double)row[i])), *u = t->u + i * cols;
        for (int64_t j = 0; j < cols; j++) u[j] *= k * root[j];
    }
}

static void finish(const trit_optim_call *c, trit_optim_whole *t) {
    double n = (double)trit_tensor_len(t->shape), lr = (double)c->lr;
    if (t->slot[ROW]) divide(c, t);
    if (c->cfg->scale_lr) lr *= fmax(1e-3, sqrt(trit_optim_sum_sq(t, t->w) / n));
    double rms = sqrt(trit_optim_sum_sq(t, t->u) / n);
    trit_optim_apply(t, TRIT_R(lr * (double)c->decay),
                     TRIT_R(lr / fmax(1, rms / c->cfg->update_clip)), t->u);
}

const trit_optim_type trit_optim_adafactor = {
    .name = "adafactor",
    .doc = "second moment of a matrix from the means of its rows and columns; no first moment",
    .cite = "Shazeer & Stern 2018, arXiv 1804.04235",
    .formula = "b = 1 - t^-decay_power\n"
               "R = b*R + (1-b)*(row means of g^2 + eps); C likewise with columns\n"
               "u = g / sqrt(R/mean(R)) / sqrt(C); vectors: v = b*v + (1-b)*(g^2 + eps), "
               "u = g/sqrt(v)\n"
               "u = u / max(1, rms(u)/update_clip)\n"
               "w = w*(1 - lr*weight_decay) - lr*u, with scale_lr lr * max(1e-3, rms(w))",
    .pitfall = "its relative step size is schedule inverse-sqrt without warm-up, lr at most 0.01",
    .defaults = "{\"eps\": 1e-30, \"weight_decay\": 0}",
    .n_slot = 3,
    .slot_name = {"row", "column", "moment2"},
    .slot_signed = {false, false, false},
    .shape = shape,
    .update = update,
    .finish = finish,
    .scratch = scratch,
};
