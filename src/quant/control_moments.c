#include "quant/control_moments.h"

void trit_moments_look(const trit_control_call *c, int pass, double *m) {
    double mean = pass ? (*c->sum)[0][0] / (double)c->n_all : 0;
    for (int64_t i = 0; i < c->n; i++) {
        double d = (double)c->w[i] - mean;
        if (pass == 0) {
            m[0] += d;
        } else {
            m[0] += d * d;
            m[1] += d * d * d;
            m[2] += d * d * (d * d);
        }
    }
}

trit_moments trit_moments_of(const trit_control_call *c) {
    double n = (double)c->n_all;
    return (trit_moments){.n = n,
                          .mean = (*c->sum)[0][0] / n,
                          .square = (*c->sum)[1][0],
                          .cube = (*c->sum)[1][1],
                          .fourth = (*c->sum)[1][2]};
}
