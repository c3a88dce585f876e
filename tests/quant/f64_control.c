/* Penalties in the double build: the gradient that is added is the derivative of the value that is
 * reported. */
#include "control_bench.h"

enum { ROWS = 6, COLS = 16 };

/* By differences at the present values. */
static void check(const char *name, const char *spec, double spread,
                  trit_param *(*of)(control_bench *)) {
    control_bench b;
    bench_quantizers(&b, spec, 2, ROWS, COLS, 2);
    bench_control(&b, name);
    const trit_rng rng = {.seed = 11};
    bool near_levels = strcmp(spec, "int4-fixed") == 0;
    for (int i = 0; i < 2; i++) {
        for (int64_t k = 0; k < ROWS * COLS; k++) {
            double v = trit_rng_normal(&rng, (uint64_t)(k + i * ROWS * COLS));
            double w = spread * (v + 0.3 * v * v);
            /* Away from thresholds, which differences may not pass. */
            if (near_levels) w = rint(4 * v) + 0.4 * sin((double)k);
            trit_param_val(b.w[i])[k] = TRIT_R(w);
        }
        if (near_levels) b.quant[i].knob[TRIT_KNOB_SCALE][0] = 1;
    }
    trit_param *p = of(&b);
    int64_t n = trit_tensor_len(&p->val);
    for (int64_t k = 0; k < n && p != b.w[0]; k++)
        trit_param_val(p)[k] = TRIT_R(0.1 * (double)k - 1);
    bench_gradient(&b);
    trit_real want[ROWS * COLS];
    memcpy(want, p->grad.data, trit_tensor_bytes(&p->grad));
    double largest = 0;
    for (int64_t k = 0; k < n; k++) largest = fmax(largest, fabs((double)want[k]));
    assert_true(largest > 0);
    const double h = 1e-4;
    for (int64_t k = 0; k < n; k++) {
        double v[4], at = (double)trit_param_val(p)[k];
        static const double off[4] = {-2, -1, 1, 2};
        for (int i = 0; i < 4; i++) {
            trit_param_val(p)[k] = TRIT_R(at + off[i] * h);
            v[i] = bench_gradient(&b);
        }
        trit_param_val(p)[k] = TRIT_R(at);
        double slope = (v[0] - 8 * v[1] + 8 * v[2] - v[3]) / (12 * h);
        if (!(fabs(slope - (double)want[k]) <= 1e-7 * largest)) {
            fail_msg("%s, element %d: %.12g by differences, %.12g by the hook", name, (int)k, slope,
                     (double)want[k]);
        }
    }
    bench_free(&b);
}

static trit_param *weight(control_bench *b) {
    return b->w[0];
}
static trit_param *first_learnable(control_bench *b) {
    return b->quant[1].learn[0];
}

static void penalties(void **state) {
    (void)state;
    check("dampening", "int4-fixed", 0, weight); /* some of them clipped */
    check("kurtosis", "int4-absmax", 0.5, weight);
    check("skew", "ternary", 0.02, weight);
    check("biper", "biper", 0.05, weight);
    check("pact-l2", "+pact4", 1, first_learnable);
    check("diffq-size", "diffq", 1, first_learnable);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(penalties)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
