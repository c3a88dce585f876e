/* The first terms of the Fourier series of a square wave stand in for sign(x):
 *   d = 4*w/pi * sum of cos((2i+1)*w*x), i = 0 .. n,  for |x| <= 1, else 0
 * Xu et al., "Learning Frequency Domain Approximation for Binary Neural Networks", 2021,
 * arXiv 2103.00841; numbers as in the code of PB-LLM. */
#include "quant/rows.h"

static void slope(const trit_span *a, trit_real *d) {
    double w = (double)a->knob[0];
    double unit = (double)trit_slope_unit(a, 2) * 4 * w / 3.14159265358979323846;
    int n = (int)a->knob[1];
    for (int64_t i = 0; i < a->n; i++) {
        double x = (double)a->x[i], sum = 0;
        bool inside = x >= -1 && x <= 1;
        for (int k = 0; inside && k <= n; k++) sum += cos((2 * k + 1) * w * x);
        d[i] = TRIT_R(unit * sum);
    }
}

static const trit_knob knobs[] = {{"omega", 0.1, 1e-3, 100, "frequency of the square wave"},
                                  {"terms", 10, 0, 100, "number of the last term, from 0"},
                                  TRIT_KNOB_SCALED,
                                  {0}};

const trit_estimator trit_estimator_fourier_sign = {
    .name = "fourier-sign",
    .doc = "first terms of the Fourier series of a square wave, for sign(x) (FDA-BNN)",
    .cite = "Xu et al. 2021, arXiv 2103.00841",
    .formula = "dL/dx = g * 4 omega/pi * sum of cos((2i+1) omega x), i = 0 .. terms, |x| <= 1\n"
               "times s if scaled",
    .pitfall = "on x itself, not x/s",
    .knob = knobs,
    .slope = slope,
    .check = TRIT_CHECK_FROZEN,
};
