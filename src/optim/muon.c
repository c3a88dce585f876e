/* Muon: momentum, made orthogonal by Newton-Schulz iterations, for the matrices inside the network;
 * AdamW for embeddings, output head, norms and biases.
 * Jordan et al. 2024 (the method and its coefficients); Liu et al. 2025, arXiv 2502.16982 (scale
 * "rms", decoupled decay). */
#include "optim/rows.h"

#include <string.h>

static bool takes(const trit_param *p) {
    return p->role == TRIT_ROLE_weight && p->val.ndim == 2;
}

static int64_t shorter(const trit_tensor *t) {
    return t->dim[0] < t->dim[1] ? t->dim[0] : t->dim[1];
}

/* Two squares of the shorter side, and a copy of the matrix. */
static size_t scratch(const trit_tensor *t) {
    int64_t s = shorter(t);
    return (size_t)(2 * s * s + trit_tensor_len(t)) * sizeof(trit_real);
}

static void update(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot) {
    (void)w;
    trit_real *m = slot[0], k = c->grad_scale;
    trit_real mu = TRIT_R(c->cfg->momentum), rest = TRIT_R(1 - c->cfg->momentum);
    if (c->cfg->nesterov) {
        for (int64_t i = 0; i < n; i++) {
            trit_real gi = k * g[i];
            m[i] = mu * m[i] + rest * gi;
            g[i] = mu * m[i] + rest * gi;
        }
    } else {
        for (int64_t i = 0; i < n; i++) g[i] = m[i] = mu * m[i] + rest * (k * g[i]);
    }
}

/* One iteration X <- aX + (bA + cA^2)X with A = X X^T, or from the other side where X is tall: the
 * polynomial of the singular values is the same. from and to: [rows, cols]. */
static void iterate(const trit_optim_whole *t, const trit_real *from, trit_real *to, trit_real *A,
                    trit_real *B) {
    const trit_real a = TRIT_R(3.4445), b = TRIT_R(-4.7750), c = TRIT_R(2.0315);
    const trit_exec *x = t->x;
    int64_t rows = t->shape->dim[0], cols = t->shape->dim[1], s = shorter(t->shape);
    bool tall = rows > cols;
    size_t square = (size_t)(s * s) * sizeof *A, all = (size_t)(rows * cols) * sizeof *A;
    trit_gemm gram = {.ta = tall,
                      .tb = !tall,
                      .m = s,
                      .n = s,
                      .k = tall ? rows : cols,
                      .alpha = 1,
                      .a = from,
                      .lda = cols,
                      .b = from,
                      .ldb = cols,
                      .c = A,
                      .ldc = s};
    trit_gemm_run(&x->blas, x->n_threads, &gram);
    memcpy(B, A, square);
    trit_gemm poly = {.m = s,
                      .n = s,
                      .k = s,
                      .alpha = c,
                      .a = A,
                      .lda = s,
                      .b = A,
                      .ldb = s,
                      .beta = b,
                      .c = B,
                      .ldc = s};
    trit_gemm_run(&x->blas, x->n_threads, &poly);
    memcpy(to, from, all);
    trit_gemm step = {.m = rows,
                      .n = cols,
                      .k = s,
                      .alpha = 1,
                      .a = tall ? from : B,
                      .lda = tall ? cols : s,
                      .b = tall ? B : from,
                      .ldb = tall ? s : cols,
                      .beta = a,
                      .c = to,
                      .ldc = cols};
    trit_gemm_run(&x->blas, x->n_threads, &step);
}

static double scale_of(const trit_optim_cfg *cfg, const trit_tensor *t) {
    double rows = (double)t->dim[0], cols = (double)t->dim[1];
    switch ((trit_muon_scale)cfg->muon_scale) {
    case TRIT_MUON_rms:
        return 0.2 * sqrt(fmax(rows, cols));
    case TRIT_MUON_fan:
        return sqrt(fmax(1, rows / cols));
    default:
        return 1;
    }
}

static void finish(const trit_optim_call *c, trit_optim_whole *t) {
    int64_t s = shorter(t->shape), len = trit_tensor_len(t->shape);
    trit_real *A = t->scratch, *B = A + s * s, *at = t->u, *other = B + s * s;
    double norm = sqrt(trit_optim_sum_sq(t, at));
    c->k->scale(len, TRIT_R(1 / (norm + 1e-7)), at, at, false);
    for (int64_t i = 0; i < c->cfg->ns_steps; i++) {
        iterate(t, at, other, A, B);
        trit_real *swap = at;
        at = other;
        other = swap;
    }
    double lr = (double)c->lr;
    trit_optim_apply(t, TRIT_R(lr * (double)c->decay), TRIT_R(lr * scale_of(c->cfg, t->shape)), at);
}

const trit_optim_type trit_optim_muon = {
    .name = "muon",
    .doc = "momentum made orthogonal, for the matrices inside the network; adamw for the rest",
    .cite = "Jordan et al. 2024; Liu et al. 2025, arXiv 2502.16982",
    .formula = "m = momentum*m + (1 - momentum)*g; u = m, or momentum*m + (1 - momentum)*g with "
               "nesterov\n"
               "X = u/(|u| + 1e-7); ns_steps times, A = X X^T: X = 3.4445*X + (-4.7750*A + "
               "2.0315*A^2) X\n"
               "w = w*(1 - lr*weight_decay) - lr * scale * X, with scale as muon_scale says",
    .pitfall =
        "singular values come out between 0.68 and 1.13, not at 1; with muon_scale fan or none "
        "it wants an lr of about 0.02, and adam_lr for the rest",
    .defaults = "{\"momentum\": 0.95, \"nesterov\": true}",
    .n_slot = 1,
    .slot_name = {"momentum"},
    .slot_signed = {true},
    .takes = takes,
    .rest = &trit_optim_adamw,
    .update = update,
    .finish = finish,
    .scratch = scratch,
};
