/* The baseline kernels against double precision; test_kernel.c proves the others equal to them. */
#include "base/rng.h"
#include "kernel/kernel.h"
#include "testing.h"

enum { N = 1000 };

static trit_kernels k;

static int open_base(void **state) {
    (void)state;
    trit_error e = {0};
    return trit_kernels_pick(&k, "base", &e);
}

static void fill_normal(int n, float *x, uint32_t stream, double mean, double size) {
    trit_rng r = {.seed = 9, .stream = stream};
    for (int i = 0; i < n; i++) x[i] = (float)(mean + size * trit_rng_normal(&r, (uint64_t)i));
}

static void fill_nan(int n, float *x) {
    for (int i = 0; i < n; i++) x[i] = NAN;
}

static void exponential(void **state) {
    (void)state;
    for (int block = 0; block < 174 * 4; block++) {
        float x[N], y[N];
        for (int i = 0; i < N; i++) x[i] = (float)(-86 + 0.25 * (block + i / (double)N));
        k.exp_shift(N, 1, 0, x, y);
        for (int i = 0; i < N; i++) {
            double want = exp((double)x[i]);
            if (!(fabs((double)y[i] - want) < 4e-7 * want)) assert_near(y[i] / want, 1, 4e-7);
        }
    }
    /* Beyond the ends: never 0, never infinite; NaN stays NaN. */
    float x[] = {-1000, -INFINITY, 1000, INFINITY, NAN, 0}, y[6];
    k.exp_shift(6, 1, 0, x, y);
    assert_true(y[0] > 0 && y[0] < 1e-37f && y[1] == y[0]);
    assert_true(y[2] > 1e38f && isfinite(y[2]) && y[3] == y[2]);
    assert_true(isnan(y[4]) && y[5] == 1);
    float z[] = {2};
    k.exp_shift(1, 3, 5, z, y);
    assert_near(y[0], exp(1), 4e-7);
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double normal_cdf(double x) {
    return 0.5 * erfc(-x / sqrt(2));
}
static double tanh_u(double x) {
    return sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
}
static double tanh_du(double x) {
    return sqrt(2 / acos(-1)) * (1 + 3 * 0.044715 * x * x);
}

static double exact(trit_act f, double x) {
    switch (f) {
    case TRIT_ACT_relu:
        return x > 0 ? x : 0;
    case TRIT_ACT_relu2:
        return x > 0 ? x * x : 0;
    case TRIT_ACT_silu:
        return x * sigmoid(x);
    case TRIT_ACT_gelu:
        return x * normal_cdf(x);
    case TRIT_ACT_gelu_tanh:
        return 0.5 * x * (1 + tanh(tanh_u(x)));
    default:
        return NAN;
    }
}

static double exact_slope(trit_act f, double x) {
    switch (f) {
    case TRIT_ACT_relu:
        return x > 0;
    case TRIT_ACT_relu2:
        return x > 0 ? 2 * x : 0;
    case TRIT_ACT_silu:
        return sigmoid(x) * (1 + x * (1 - sigmoid(x)));
    case TRIT_ACT_gelu:
        return normal_cdf(x) + x * exp(-0.5 * x * x) / sqrt(2 * acos(-1));
    case TRIT_ACT_gelu_tanh: {
        double t = tanh(tanh_u(x));
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * tanh_du(x);
    }
    default:
        return NAN;
    }
}

static void activations(void **state) {
    (void)state;
    float x[N], y[N], one[N], slope[N];
    for (int i = 0; i < N; i++) one[i] = 1;
    for (trit_act f = 0; f < TRIT_N_ACT; f++) {
        for (int block = 0; block < 400; block++) {
            for (int i = 0; i < N; i++) x[i] = (float)(-20 + 0.1 * (block + i / (double)N));
            k.act(f, N, x, y);
            fill_nan(N, slope); /* overwritten, not read */
            k.act_back(f, N, x, one, slope, false);
            for (int i = 0; i < N; i++) {
                double v = (double)x[i], tol = 5e-7 * fmax(1, fabs(v));
                if (f == TRIT_ACT_relu2) tol *= fmax(1, fabs(v)); /* rounding of 400 */
                if (fabs((double)y[i] - exact(f, v)) <= tol &&
                    fabs((double)slope[i] - exact_slope(f, v)) <= tol) {
                    continue;
                }
                print_error("%s(%.9g) = %.9g, exactly %.9g; slope %.9g, exactly %.9g\n",
                            trit_act_names[f], v, (double)y[i], exact(f, v), (double)slope[i],
                            exact_slope(f, v));
                fail();
            }
        }
        float in[] = {NAN, 0, 1e4f, -1e4f}, out[4];
        k.act(f, 4, in, out);
        assert_true(isnan(out[0]) && out[1] == 0);
        assert_near(out[2], exact(f, 1e4), 1e-6);
        assert_near(out[3], 0, 1e-6);
    }
}

static void gates(void **state) {
    (void)state;
    float a[N], b[N], g[N], y[N], ga[N], gb[N];
    fill_normal(N, a, 1, 0, 2);
    fill_normal(N, b, 2, 0, 2);
    fill_normal(N, g, 3, 0, 2);
    for (trit_act f = 0; f < TRIT_N_ACT; f++) {
        k.gate(f, N, a, b, y);
        for (int variant = 0; variant < 6; variant++) { /* pairs of (acc_a, acc_b), then alone */
            bool acc_a = variant & 1, acc_b = variant & 2;
            fill_nan(N, ga);
            fill_nan(N, gb);
            for (int i = 0; i < N && acc_a; i++) ga[i] = 10;
            for (int i = 0; i < N && acc_b; i++) gb[i] = 20;
            k.gate_back(f, N, a, b, g, variant == 5 ? NULL : ga, acc_a, variant == 4 ? NULL : gb,
                        acc_b);
            for (int i = 0; i < N; i++) {
                double u = (double)a[i], v = (double)b[i], w = (double)g[i];
                assert_near(y[i], exact(f, u) * v, 4e-5);
                if (variant == 5) {
                    assert_true(acc_a ? ga[i] == 10 : isnan(ga[i]));
                } else {
                    assert_near(ga[i], w * v * exact_slope(f, u) + 10 * acc_a, 4e-5);
                }
                if (variant == 4) {
                    assert_true(acc_b ? gb[i] == 20 : isnan(gb[i]));
                } else {
                    assert_near(gb[i], w * exact(f, u) + 20 * acc_b, 4e-5);
                }
            }
        }
    }
}

static void sums(void **state) {
    (void)state;
    float x[N] = {0}, y[N] = {0};
    for (int n = 0; n <= N; n += n < 40 ? 1 : 320) {
        fill_normal(n, x, 1, 0.5, 3);
        fill_normal(n, y, 2, 0.5, 3);
        double sum = 0, sum_abs = 0, sum_sq = 0, dot = 0, most = 0;
        for (int i = 0; i < n; i++) {
            double v = (double)x[i];
            sum += v;
            sum_abs += fabs(v);
            sum_sq += v * v;
            dot += v * (double)y[i];
            most = fmax(most, fabs(v));
        }
        assert_near(k.sum(n, x), sum, 1e-12);
        assert_near(k.sum_abs(n, x), sum_abs, 1e-12);
        assert_near(k.sum_sq(n, x), sum_sq, 1e-12);
        assert_near(k.dot(n, x, y), dot, 1e-12);
        assert_true((double)k.abs_max(n, x) == most);
        assert_true(k.all_finite(n, x));
        for (int i = 0; i < n; i++) { /* wherever it stands */
            static const float bad[] = {NAN, INFINITY, -INFINITY};
            float kept = x[i];
            x[i] = bad[i % 3];
            assert_false(k.all_finite(n, x));
            assert_true(i % 3 ? isinf(k.abs_max(n, x)) : isnan(k.abs_max(n, x)));
            x[i] = kept;
        }
    }
}

static void norms(void **state) {
    (void)state;
    float x[N] = {0}, w[N] = {0}, b[N] = {0}, g[N] = {0}, y[N], gx[N], gw[N];
    for (int n = 1; n <= N; n += n < 40 ? 1 : 320) {
        for (int variant = 0; variant < 4; variant++) {
            const float *wp = variant & 1 ? w : NULL, *bp = variant & 2 ? b : NULL;
            bool acc = variant & 2;
            fill_normal(n, x, 1, 30, 2); /* a mean that would ruin E[x^2] - E[x]^2 */
            fill_normal(n, w, 2, 1, 0.2);
            fill_normal(n, b, 3, 0, 1);
            fill_normal(n, g, 4, 0, 1);
            double mean = 0, var = 0, ms = 0;
            for (int i = 0; i < n; i++) {
                mean += (double)x[i] / n;
                ms += (double)x[i] * (double)x[i] / n;
            }
            for (int i = 0; i < n; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean) / n;
            double rms = 1 / sqrt(ms + 0.01), rstd = 1 / sqrt(var + 0.01);
            double gh = 0, m1 = 0, m2 = 0;
            for (int i = 0; i < n; i++) {
                double gi = (double)g[i] * (wp ? (double)w[i] : 1);
                gh += gi * (double)x[i] * rms / n;
                m1 += gi / n;
                m2 += gi * ((double)x[i] - mean) * rstd / n;
            }

            assert_near(k.rms_norm(n, 0.01f, x, wp, y), rms, 1e-6);
            for (int i = 0; i < n; i++) gx[i] = acc ? 5 : NAN;
            k.rms_norm_back(n, (float)rms, x, wp, g, gx, acc);
            for (int i = 0; i < n; i++) {
                double wi = wp ? (double)w[i] : 1, h = (double)x[i] * rms;
                assert_near(y[i], h * wi, 2e-6);
                assert_near(gx[i], rms * ((double)g[i] * wi - h * gh) + 5 * acc, 2e-6);
            }

            float stat[2];
            k.layer_norm(n, 0.01f, x, wp, bp, y, stat);
            assert_near(stat[0], mean, 1e-6);
            assert_near(stat[1], rstd, 1e-4 * rstd);
            for (int i = 0; i < n; i++) gx[i] = acc ? 5 : NAN;
            for (int i = 0; i < n; i++) gw[i] = 7;
            k.layer_norm_back(n, stat, x, wp, g, gx, acc);
            k.norm_weight_back(n, stat[0], stat[1], x, g, gw);
            for (int i = 0; i < n; i++) {
                double wi = wp ? (double)w[i] : 1, h = ((double)x[i] - mean) * rstd;
                double gi = (double)g[i] * wi;
                assert_near(y[i], h * wi + (bp ? (double)b[i] : 0), 4e-5);
                assert_near(gx[i], rstd * (gi - m1 - h * m2) + 5 * acc, 4e-5 * fmax(1, rstd));
                assert_near(gw[i], 7 + (double)g[i] * h, 4e-5);
            }
        }
    }
}

static void softmax(void **state) {
    (void)state;
    float x[N] = {0}, p[N], g[N], sum;
    for (int n = 1; n <= N; n += n < 40 ? 1 : 320) {
        for (int variant = 0; variant < 3; variant++) {
            double shift = (variant - 1) * 1000.0, scale = 0.3, most = -INFINITY, total = 0;
            fill_normal(n, x, 1, shift, 5);
            for (int i = 0; i < n; i++) most = fmax(most, (double)x[i]);
            for (int i = 0; i < n; i++) total += exp((double)x[i] - most);
            assert_near(k.log_sum_exp(n, x), most + log(total), 1e-6);

            total = 0;
            for (int i = 0; i < n; i++) total += exp(scale * ((double)x[i] - most));
            memcpy(p, x, sizeof p);
            assert_near(k.exp_row(n, (float)scale, p, &sum), scale * most, 1e-6);
            assert_near(sum, total, 1e-4); /* k*x is rounded at 300 */
            for (int i = 0; i < n; i++) assert_near(p[i], exp(scale * ((double)x[i] - most)), 1e-4);
        }
        fill_normal(n, p, 2, 0, 1);
        fill_normal(n, g, 3, 0, 1);
        memcpy(x, g, sizeof x);
        k.softmax_back(n, 0.5f, 0.25f, p, g);
        for (int i = 0; i < n; i++) {
            assert_near(g[i], (double)p[i] * ((double)x[i] - 0.25) * 0.5, 1e-6);
        }
    }
    x[0] = -INFINITY; /* a masked element */
    x[1] = 2;
    assert_near(k.log_sum_exp(2, x), 2, 1e-6);
    assert_true(k.log_sum_exp(0, x) == -INFINITY);
    for (int i = 0; i < 40; i++) { /* a NaN anywhere is seen */
        fill_normal(40, x, 4, 0, 1);
        x[i] = NAN;
        assert_true(isnan(k.log_sum_exp(40, x)));
        k.exp_row(40, 1, x, &sum);
        assert_true(isnan(sum) && isnan(x[i]));
    }
}

static void rotation(void **state) {
    (void)state;
    enum { D = 38 };
    float x[D], y[D], z[D], c[D / 2], s[D / 2];
    fill_normal(D, x, 1, 0, 1);
    for (int i = 0; i < D / 2; i++) {
        c[i] = (float)cos(0.1 * i);
        s[i] = (float)sin(0.1 * i);
    }
    k.rotate_half(D, c, s, 1, x, y, false);
    for (int i = 0; i < D / 2; i++) {
        double a = (double)x[i], b = (double)x[i + D / 2], t = 0.1 * i;
        assert_near(y[i], a * cos(t) - b * sin(t), 1e-6);
        assert_near(y[i + D / 2], a * sin(t) + b * cos(t), 1e-6);
    }
    memcpy(z, x, sizeof z);
    k.rotate_half(D, c, s, -1, y, z, true); /* back, added to x */
    for (int i = 0; i < D; i++) assert_near(z[i], 2 * x[i], 1e-6);
}

/* Against the matrix, row by row: entry (i, j) is -1 to the number of bits that i and j share. */
static void hadamard(void **state) {
    (void)state;
    enum { MOST = 3 * 256 };
    float x[MOST], y[MOST], z[MOST];
    for (int block = 1; block <= 256; block *= 2) {
        int n = 3 * block; /* an odd number of blocks */
        fill_normal(n, x, (uint32_t)block, 0.2, 1);
        x[n / 2] = 40; /* an outlier, and exact zeros */
        x[0] = x[n - 1] = 0;
        fill_nan(n, y);
        k.hadamard(n, block, x, y);
        for (int i = 0; i < n; i++) {
            double want = 0;
            for (int j = 0; j < block; j++) {
                int sign = 1;
                for (int bits = i % block & j; bits; bits &= bits - 1) sign = -sign;
                want += sign * (double)x[i / block * block + j];
            }
            assert_near(y[i], want / sqrt(block), 1e-5);
        }
        memcpy(z, y, sizeof z);
        k.hadamard(n, block, z, z); /* in place, and twice: what it was */
        for (int i = 0; i < n; i++) assert_near(z[i], x[i], 1e-5);
    }
    /* The shared vector of the methods reference. */
    const float shared[8] = {-1.3f, -0.45f, -0.1f, 0, 0.2f, 0.55f, 0.9f, 2.1f};
    const double want[8] = {0.671751, -0.883883, -1.37886, 0.0353553,
                            -1.9799,  0.212132,  0.212132, -0.565685};
    k.hadamard(8, 8, shared, y);
    for (int i = 0; i < 8; i++) assert_near(y[i], want[i], 1e-5);
    /* Large numbers: no sum on the way is larger than the result. */
    const float huge[4] = {3e38f, 3e38f, -3e38f, 3e38f};
    k.hadamard(4, 4, huge, y);
    for (int i = 0; i < 4; i++) assert_near(y[i] / 3e38f, i == 1 ? -1 : 1, 1e-6);
    k.hadamard(0, 16, x, y);
}

static void quantization(void **state) {
    (void)state;
    const float half[] = {-2.25f, -1.75f, -1.25f, -0.75f, -0.25f, 0.25f,
                          0.75f,  1.25f,  1.75f,  9,      -9};
    const int8_t even[] = {-4, -4, -2, -2, 0, 0, 2, 2, 4, 5, -6}; /* in units of 1/2, in -6..5 */
    float y[11], only[11];
    int8_t codes[11], alone[11];
    k.fake_quant(11, 0.5f, 0, -6, 5, half, y, codes);
    k.fake_quant(11, 0.5f, 0, -6, 5, half, only, NULL);
    k.fake_quant(11, 0.5f, 0, -6, 5, half, NULL, alone);
    for (int i = 0; i < 11; i++) {
        assert_true(y[i] == 0.5f * (float)even[i] && only[i] == y[i]);
        assert_int_equal(codes[i], even[i]);
        assert_int_equal(alone[i], even[i]);
    }
    float x[N], z[N];
    fill_normal(N, x, 1, 0, 3);
    int8_t q[N];
    k.fake_quant(N, 0.3f, 5, 0, 15, x, z, q);
    for (int i = 0; i < N; i++) {
        float u = rintf(fminf(fmaxf(x[i] / 0.3f + 5, 0), 15));
        assert_int_equal(q[i], (int)u);
        assert_true(z[i] == 0.3f * (u - 5));
    }
    const float odd[] = {NAN, INFINITY, -INFINITY, 1e38f};
    k.fake_quant(4, 0.1f, 0, -8, 7, odd, y, NULL);
    assert_true(isnan(y[0]) && y[1] == 0.1f * 7 && y[2] == 0.1f * -8 && y[3] == y[1]);
}

static void adamw(void **state) {
    (void)state;
    float w[N], g[N], m[N] = {0}, v[N] = {0};
    double wd[N], md[N] = {0}, vd[N] = {0};
    const double lr = 1e-2, b1 = 0.9, b2 = 0.95, eps = 1e-8, decay = 0.1, clip = 0.7;
    fill_normal(N, w, 1, 0, 1);
    for (int i = 0; i < N; i++) wd[i] = (double)w[i];
    for (int t = 1; t <= 50; t++) {
        double c1 = 1 / (1 - pow(b1, t)), c2 = 1 / (1 - pow(b2, t));
        fill_normal(N, g, (uint32_t)t, 0.1, 1);
        g[0] = 0; /* a dead weight only decays */
        for (int i = 0; i < N; i++) {
            double gi = clip * (double)g[i];
            md[i] = b1 * md[i] + (1 - b1) * gi;
            vd[i] = b2 * vd[i] + (1 - b2) * gi * gi;
            wd[i] -= lr * decay * wd[i];
            wd[i] -= lr * (md[i] * c1) / (sqrt(vd[i] * c2) + eps);
        }
        trit_adam_args a = {(float)lr, (float)b1, (float)b2,   (float)eps,      (float)decay,
                            (float)c1, (float)c2, (float)clip, (float)(1 - b1), (float)(1 - b2)};
        k.adamw(N, &a, w, g, m, v);
    }
    for (int i = 0; i < N; i++) {
        assert_near(w[i], wd[i], 1e-5);
        assert_near(m[i], md[i], 1e-6);
        assert_near(v[i], vd[i], 1e-6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential),  cmocka_unit_test(activations),
        cmocka_unit_test(gates),        cmocka_unit_test(sums),
        cmocka_unit_test(norms),        cmocka_unit_test(softmax),
        cmocka_unit_test(rotation),     cmocka_unit_test(hadamard),
        cmocka_unit_test(quantization), cmocka_unit_test(adamw),
    };
    return cmocka_run_group_tests(tests, open_base, NULL);
}
