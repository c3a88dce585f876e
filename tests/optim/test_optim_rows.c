/* Every optimizer against a naive one in double, 100 steps of gradients of very different sizes. */
#include "rig.h"

enum { ROWS = 37, COLS = 53, N = ROWS * COLS, STEPS = 100, N_STATE = 3 };

typedef struct naive {
    const trit_optim_cfg *c;
    double t; /* of the update, from 1 */
    int rows, cols;
    double *w, *s[N_STATE];
    const double *g;
} naive;

static double corrected(double m, double beta, double t) {
    return m / (1 - pow(beta, t));
}

static void adam(naive *a, bool l2) {
    const trit_optim_cfg *c = a->c;
    for (int i = 0; i < N; i++) {
        double g = a->g[i] + (l2 ? c->weight_decay * a->w[i] : 0);
        if (!l2) a->w[i] -= c->lr * c->weight_decay * a->w[i];
        a->s[0][i] = c->beta1 * a->s[0][i] + (1 - c->beta1) * g;
        a->s[1][i] = c->beta2 * a->s[1][i] + (1 - c->beta2) * g * g;
        a->w[i] -= c->lr * corrected(a->s[0][i], c->beta1, a->t) /
                   (sqrt(corrected(a->s[1][i], c->beta2, a->t)) + c->eps);
    }
}
static void naive_adamw(naive *a) {
    adam(a, false);
}
static void naive_adam(naive *a) {
    adam(a, true);
}

static void naive_sgd(naive *a) {
    const trit_optim_cfg *c = a->c;
    for (int i = 0; i < N; i++) {
        double g = a->g[i] + c->weight_decay * a->w[i];
        a->s[0][i] = c->momentum * a->s[0][i] + g;
        a->w[i] -= c->lr * (c->nesterov ? g + c->momentum * a->s[0][i] : a->s[0][i]);
    }
}

static void naive_lion(naive *a) {
    const trit_optim_cfg *c = a->c;
    for (int i = 0; i < N; i++) {
        double d = c->beta1 * a->s[0][i] + (1 - c->beta1) * a->g[i];
        a->w[i] -= c->lr * (c->weight_decay * a->w[i] + (d > 0 ? 1 : d < 0 ? -1 : 0));
        a->s[0][i] = c->beta2 * a->s[0][i] + (1 - c->beta2) * a->g[i];
    }
}

static void naive_rmsprop(naive *a) {
    const trit_optim_cfg *c = a->c;
    for (int i = 0; i < N; i++) {
        double g = a->g[i] + c->weight_decay * a->w[i];
        a->s[0][i] = c->beta2 * a->s[0][i] + (1 - c->beta2) * g * g;
        a->s[1][i] = c->momentum * a->s[1][i] + g / (sqrt(a->s[0][i]) + c->eps);
        a->w[i] -= c->lr * a->s[1][i];
    }
}

static double rms(const double *x) {
    double sum = 0;
    for (int i = 0; i < N; i++) sum += x[i] * x[i];
    return sqrt(sum / N);
}

static void naive_lamb(naive *a) {
    const trit_optim_cfg *c = a->c;
    static double u[N];
    for (int i = 0; i < N; i++) {
        a->s[0][i] = c->beta1 * a->s[0][i] + (1 - c->beta1) * a->g[i];
        a->s[1][i] = c->beta2 * a->s[1][i] + (1 - c->beta2) * a->g[i] * a->g[i];
        u[i] = corrected(a->s[0][i], c->beta1, a->t) /
                   (sqrt(corrected(a->s[1][i], c->beta2, a->t)) + c->eps) +
               c->weight_decay * a->w[i];
    }
    double trust = rms(a->w) / rms(u);
    for (int i = 0; i < N; i++) a->w[i] -= c->lr * trust * u[i];
}

/* beta3 by its half-life, which grows evenly from beta1's. */
static void naive_ademamix(naive *a) {
    const trit_optim_cfg *c = a->c;
    double at = fmin(1, a->t / (double)c->slow_warmup);
    double from = log(.5) / log(c->beta1), to = log(.5) / log(c->beta3);
    double beta3 = pow(.5, 1 / (from + at * (to - from)));
    for (int i = 0; i < N; i++) {
        a->s[0][i] = c->beta1 * a->s[0][i] + (1 - c->beta1) * a->g[i];
        a->s[1][i] = c->beta2 * a->s[1][i] + (1 - c->beta2) * a->g[i] * a->g[i];
        a->s[2][i] = beta3 * a->s[2][i] + (1 - beta3) * a->g[i];
        a->w[i] -= c->lr * ((corrected(a->s[0][i], c->beta1, a->t) + at * c->alpha * a->s[2][i]) /
                                (sqrt(corrected(a->s[1][i], c->beta2, a->t)) + c->eps) +
                            c->weight_decay * a->w[i]);
    }
}

static void naive_adafactor(naive *a) {
    const trit_optim_cfg *c = a->c;
    static double u[N];
    double *R = a->s[0], *C = a->s[1], b = 1 - pow(a->t, -c->decay_power), mean = 0;
    for (int i = 0; i < ROWS; i++) R[i] *= b;
    for (int j = 0; j < COLS; j++) C[j] *= b;
    for (int i = 0; i < N; i++) {
        double sq = a->g[i] * a->g[i] + c->eps;
        R[i / COLS] += (1 - b) * sq / COLS;
        C[i % COLS] += (1 - b) * sq / ROWS;
    }
    for (int i = 0; i < ROWS; i++) mean += R[i] / ROWS;
    for (int i = 0; i < N; i++) u[i] = a->g[i] / sqrt(R[i / COLS] / mean) / sqrt(C[i % COLS]);
    double k = fmax(1, rms(u) / c->update_clip);
    for (int i = 0; i < N; i++) a->w[i] -= c->lr * (c->weight_decay * a->w[i] + u[i] / k);
}

static const struct {
    const char *kind;
    void (*step)(naive *a);
    trit_optim_cfg cfg;
} rows[] = {
/* Of these, 1 - lr*weight_decay is a 32-bit number: adamw multiplies by it. */
#define COMMON .lr = 0x1p-7, .weight_decay = 0x1p-3, .beta1 = .9, .eps = 1e-8
#define L2     .decay_mode = TRIT_DECAY_coupled
    {"adamw", naive_adamw, {COMMON, .beta2 = .95}},
    {"adam", naive_adam, {COMMON, .beta2 = .95, L2}},
    {"sgd", naive_sgd, {COMMON, .momentum = .9, L2}},
    {"sgd", naive_sgd, {COMMON, .momentum = .9, .nesterov = true, L2}},
    {"lion", naive_lion, {COMMON, .beta2 = .99}},
    {"adafactor", naive_adafactor, {COMMON, .decay_power = .8, .update_clip = .5}},
    {"lamb", naive_lamb, {COMMON, .beta2 = .999}},
    {"rmsprop", naive_rmsprop, {COMMON, .beta2 = .99, .momentum = .5, L2}},
    {"rmsprop", naive_rmsprop, {COMMON, .beta2 = .99, L2}},
    {"ademamix",
     naive_ademamix,
     {COMMON, .beta2 = .999, .beta3 = .9999, .alpha = 5, .slow_warmup = 60}},
};
enum { N_ROW = sizeof rows / sizeof *rows };

static void fill(double *g, int step) {
    static const double size[] = {1e-3, 1e-2, 1e-1, 1, 10};
    trit_rng r = {.seed = 3, .step = (uint32_t)step};
    for (int i = 0; i < N; i++) {
        g[i] = (double)(float)(size[i % 5] * trit_rng_normal(&r, (uint64_t)i));
    }
}

static void agrees(void **state) {
    (void)state;
    for (int k = 0; k < N_ROW; k++) {
        static double w[N], s[N_STATE][N], g[N];
        memset(s, 0, sizeof s);
        fill(w, 999);
        trit_optim_cfg cfg = rows[k].cfg;
        cfg.kind = rig_kind(rows[k].kind);
        rig r;
        rig_open(&r, &cfg, TRIT_ROLE_weight, ROWS, COLS, w, 2);
        naive a = {&cfg, 0, ROWS, COLS, w, {s[0], s[1], s[2]}, g};
        for (int step = 0; step < STEPS; step++) {
            fill(g, step);
            rig_step(&r, g);
            a.t = step + 1;
            rows[k].step(&a);
        }
        double off = 0, size = 0;
        for (int i = 0; i < N; i++) {
            double d = (double)trit_param_val(r.p)[i] - w[i];
            off += d * d;
            size += w[i] * w[i];
        }
        if (!(sqrt(off) <= 1e-6 * sqrt(size))) {
            fail_msg("%s (row %d): off by %g of %g", rows[k].kind, k, sqrt(off), sqrt(size));
        }
        rig_close(&r);
    }
}

/* Any row, spans and matrices of odd sizes: the same bits for any number of threads. */
static void threads_make_no_difference(void **state) {
    (void)state;
    enum { TALL = 131, WIDE = 173, ALL = TALL * WIDE };
    static double w[ALL], g[ALL];
    static trit_real first[ALL];
    for (int kind = 0; trit_optim_names[kind]; kind++) {
        trit_optim_cfg cfg = {.kind = kind,
                              .lr = 1e-2,
                              .weight_decay = .1,
                              .beta1 = .9,
                              .beta2 = .95,
                              .beta3 = .999,
                              .alpha = 2,
                              .eps = 1e-8,
                              .momentum = .9,
                              .decay_power = .8,
                              .update_clip = 1,
                              .scale_lr = true,
                              .ns_steps = 5,
                              .clip_norm = 1,
                              .clip_value = .01,
                              .clip_percentile = 50,
                              .ema = .9,
                              .weights = TRIT_WEIGHTS_bf16};
        for (int threads = 1; threads <= 3; threads++) {
            rig r;
            trit_rng rng = {.seed = 11};
            for (int i = 0; i < ALL; i++) w[i] = trit_rng_normal(&rng, (uint64_t)i);
            rig_open(&r, &cfg, TRIT_ROLE_weight, TALL, WIDE, w, threads);
            for (int step = 0; step < 4; step++) {
                rng.step = (uint32_t)step + 1;
                for (int i = 0; i < ALL; i++) g[i] = trit_rng_normal(&rng, (uint64_t)i);
                rig_step(&r, g);
            }
            trit_optim_swap(&r.o, &r.x);
            if (threads == 1) memcpy(first, r.p->val.data, sizeof first);
            assert_memory_equal(first, r.p->val.data, sizeof first);
            rig_close(&r);
        }
    }
}

/* Gradients of zero move nothing but what decays, whatever the state. */
static void zero_gradients_move_nothing(void **state) {
    (void)state;
    static const double w[6] = {1, -2, 3, -4, 5, -6}, zero[6] = {0};
    for (int kind = 0; trit_optim_names[kind]; kind++) {
        trit_optim_cfg cfg = {.kind = kind,
                              .lr = 1e-2,
                              .beta1 = .9,
                              .beta2 = .95,
                              .beta3 = .999,
                              .alpha = 2,
                              .eps = 1e-8,
                              .momentum = .9,
                              .decay_power = .8,
                              .update_clip = 1,
                              .ns_steps = 5,
                              .clip_norm = 1,
                              .clip_percentile = 5};
        rig r;
        rig_open(&r, &cfg, TRIT_ROLE_weight, 2, 3, w, 1);
        for (int step = 0; step < 10000; step++) rig_step(&r, zero);
        for (int i = 0; i < 6; i++) assert_true((double)trit_param_val(r.p)[i] == w[i]);
        rig_close(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(zero_gradients_move_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
