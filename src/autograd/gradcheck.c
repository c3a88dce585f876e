#include "autograd/gradcheck.h"

#include <math.h>

static double loss_at(trit_graph *g, const trit_exec *x, trit_real *w, trit_real value) {
    trit_real kept = *w;
    *w = value;
    trit_graph_forward(g, x);
    *w = kept;
    return (double)*trit_val(g->loss);
}

void trit_gradcheck_run(trit_graph *g, trit_exec *x, const trit_params *ps, double h,
                        int64_t max_per_param, trit_gradcheck *result) {
    enum { FLOOR_INVERSE = 10000 }; /* gradients below 1e-4 are compared absolutely */
    *result = (trit_gradcheck){0};
    x->freeze = false;
    x->accumulate = false;
    trit_graph_forward(g, x);
    trit_graph_backward(g, x, 1);
    x->freeze = true;
    for (int i = 0; i < ps->n; i++) {
        const trit_param *p = ps->at[i];
        if (!p->used) continue;
        int64_t n = trit_tensor_len(&p->val);
        int64_t step = max_per_param && n > max_per_param ? n / max_per_param : 1;
        double size = 1.0 / FLOOR_INVERSE, worst = -1, a_worst = 0, n_worst = 0;
        int64_t at = 0;
        for (int64_t j = 0; j < n; j += step) {
            trit_real *w = trit_param_val(p) + j;
            double a = (double)trit_param_grad(p)[j], w0 = (double)*w;
            double numeric =
                (loss_at(g, x, w, TRIT_R(w0 - 2 * h)) - 8 * loss_at(g, x, w, TRIT_R(w0 - h)) +
                 8 * loss_at(g, x, w, TRIT_R(w0 + h)) - loss_at(g, x, w, TRIT_R(w0 + 2 * h))) /
                (12 * h);
            size = fmax(size, fmax(fabs(a), fabs(numeric)));
            double error = fabs(a - numeric);
            if (!(error <= worst)) { /* a NaN is the worst of all */
                worst = error;
                at = j;
                a_worst = a;
                n_worst = numeric;
            }
            result->n_checked++;
        }
        if (n > 0 && (!result->path || !(worst / size <= result->error))) {
            result->error = worst / size;
            result->path = p->path;
            result->element = at;
            result->analytic = a_worst;
            result->numeric = n_worst;
        }
    }
    x->freeze = false;
    trit_graph_forward(g, x);
}
