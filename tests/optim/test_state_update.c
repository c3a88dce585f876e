/* Encoded state in updates: what the driver decodes, updates and encodes. */
#include "optim/optim.h"

#include "autograd/ops.h"
#include "autograd/runtime.h"
#include "base/rng.h"
#include "optim/state_map.h"
#include "testing.h"

typedef struct bench {
    trit_arena mem;
    trit_params ps;
    trit_param *p;
    trit_exec x;
    trit_optim o;
} bench;

static int kind_of(const char *name) {
    int k = 0;
    while (strcmp(trit_optim_names[k], name) != 0) k++;
    return k;
}

static int state_of(const char *name) {
    int k = 0;
    while (strcmp(trit_state_names[k], name) != 0) k++;
    return k;
}

static trit_optim_cfg config(const char *state) {
    return (trit_optim_cfg){.kind = kind_of("adamw"),
                            .state = state_of(state),
                            .lr = 0.01,
                            .min_lr = 0.01,
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .eps = 1e-8,
                            .weight_decay = 0.01,
                            .state_min = 1};
}

static void open_bench(bench *b, const trit_optim_cfg *c, int64_t n, int n_threads,
                       const char *isa) {
    trit_error e = {0};
    *b = (bench){0};
    trit_arena_init(&b->mem, "test");
    trit_params_init(&b->ps, &b->mem);
    assert_ok(
        trit_runtime_open(&b->x, &(trit_runtime_options){.n_threads = n_threads, .cpu = isa}, &e));
    assert_ok(trit_params_add(&b->ps, "w", TRIT_ROLE_weight, 1, &n, &b->p, &e));
    b->p->used = true;
    assert_ok(trit_optim_init(&b->o, c, &b->ps, 1000, b->x.n_threads, &e));
}

static void close_bench(bench *b) {
    trit_params_free(&b->ps);
    trit_runtime_close(&b->x);
    trit_arena_free(&b->mem);
}

static void step(bench *b, int64_t t) {
    b->x.rng.step = (uint32_t)t;
    trit_optim_update(&b->o, &b->x, t, trit_optim_grad_norm(&b->o, &b->x));
}

/* Three updates of a block of four; decay first. */
static void known_answers(void **state) {
    (void)state;
    static const trit_real w[4] = {1, -2, .5f, .25f};
    static const trit_real g[3][4] = {
        {.1f, -.2f, .003f, 0}, {.05f, .1f, -1e-6f, 0}, {-.1f, 0, 0, 0}};
    static const double want[3][4] = {{.989900001, -1.9898, .489950033, .249975},
                                      {.980487296, -1.98697979, .483761554, .249950003},
                                      {.97927747, -1.98477215, .479189624, .249925007}};
    static const double a[3][2] = {
        {.02, 4e-5}, {.0140140623, 4.996e-5}, {.00702564387, 4.991004e-5}};
    static const uint8_t c[3][2][4] = {{{219, 0, 160, 127}, {148, 255, 17, 0}},
                                       {{255, 31, 161, 127}, {148, 255, 16, 0}},
                                       {{210, 0, 166, 127}, {176, 255, 16, 0}}};
    const trit_optim_cfg cfg = config("8bit");
    bench b;
    open_bench(&b, &cfg, 4, 1, NULL);
    memcpy(b.p->val.data, w, sizeof w);
    for (int t = 0; t < 3; t++) {
        memcpy(b.p->grad.data, g[t], sizeof g[t]);
        step(&b, t);
        for (int i = 0; i < 4; i++) assert_near(trit_param_val(b.p)[i], want[t][i], 3e-7);
        for (int k = 0; k < 2; k++) {
            const trit_slot *s = &b.o.item[0].slot[k];
            assert_near(*(trit_real *)s->absmax.data / a[t][k], 1, 4e-7);
            assert_memory_equal(s->val.data, c[t][k], 4);
        }
    }
    close_bench(&b);
}

static void fill(bench *b, int64_t t) {
    const trit_rng r = {.seed = 4, .step = (uint32_t)t};
    trit_real *g = trit_param_grad(b->p);
    for (int64_t i = 0; i < trit_tensor_len(&b->p->val); i++) {
        g[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i) * pow(10, -(double)(i % 3)));
    }
}

static bool same_slots(const bench *a, const bench *b) {
    for (int k = 0; k < a->o.item[0].type->n_slot; k++) {
        const trit_slot *s = &a->o.item[0].slot[k], *t = &b->o.item[0].slot[k];
        if (!s->val.data) continue;
        if (memcmp(s->val.data, t->val.data, trit_tensor_bytes(&s->val)) != 0) return false;
        if (!s->absmax.data) continue;
        if (memcmp(s->absmax.data, t->absmax.data, trit_tensor_bytes(&s->absmax)) != 0)
            return false;
    }
    return memcmp(a->p->val.data, b->p->val.data, trit_tensor_bytes(&a->p->val)) == 0;
}

/* Neither threads nor instruction sets change a bit, for every optimizer that takes the state. */
static void same_bits_everywhere(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 255, 257, 20001};
    const char *isas[4];
    int n_isa = trit_cpu_isas(isas);
    for (int st = 1; trit_state_names[st]; st++) {
        for (int random = 0; random < 2; random++) {
            for (int i = 0; i < 4; i++) {
                trit_optim_cfg cfg = config(trit_state_names[st]);
                cfg.stochastic = random;
                bench want, got;
                open_bench(&want, &cfg, sizes[i], 1, "base");
                for (int64_t t = 0; t < 4; t++) {
                    fill(&want, t);
                    step(&want, t);
                }
                for (int j = 0; j < n_isa; j++) {
                    open_bench(&got, &cfg, sizes[i], 1 + j, isas[j]);
                    for (int64_t t = 0; t < 4; t++) {
                        fill(&got, t);
                        step(&got, t);
                    }
                    assert_true(same_slots(&want, &got));
                    close_bench(&got);
                }
                close_bench(&want);
            }
        }
    }
}

/* Rounding at random draws new numbers in every step, and for every seed. */
static void rounding_is_drawn_anew(void **state) {
    (void)state;
    static const struct {
        uint64_t seed;
        uint32_t step;
        bool same;
    } p[] = {{7, 3, true}, {7, 4, false}, {8, 3, false}};
    trit_optim_cfg cfg = config("8bit");
    cfg.stochastic = true;
    for (int i = 0; i < 3; i++) {
        bench a, b;
        open_bench(&a, &cfg, 3000, 1, NULL);
        open_bench(&b, &cfg, 3000, 1, NULL);
        fill(&a, 0);
        fill(&b, 0);
        a.x.rng = (trit_rng){.seed = 7, .step = 3};
        b.x.rng = (trit_rng){.seed = p[i].seed, .step = p[i].step};
        trit_optim_update(&a.o, &a.x, 0, 1);
        trit_optim_update(&b.o, &b.x, 0, 1);
        assert_int_equal(same_slots(&a, &b), p[i].same);
        close_bench(&a);
        close_bench(&b);
    }
}

/* The loop that decodes, updates and encodes gives the bits of the plain way, on which a norm that
 * is not finite sends updates. */
static void direct_and_plain_agree(void **state) {
    (void)state;
    trit_optim_cfg cfg = config("8bit");
    bench a, b;
    open_bench(&a, &cfg, 3000, 1, NULL);
    open_bench(&b, &cfg, 3000, 1, NULL);
    for (int64_t t = 0; t < 20; t++) {
        fill(&a, t);
        fill(&b, t);
        trit_optim_update(&a.o, &a.x, t, 1);
        trit_optim_update(&b.o, &b.x, t, INFINITY);
        assert_true(same_slots(&a, &b));
    }
    close_bench(&a);
    close_bench(&b);
}

/* Without gradients and decay nothing moves, in 10 000 steps; and state goes down to 0. */
static void nothing_drifts(void **state) {
    (void)state;
    for (int st = 0; trit_state_names[st]; st++) {
        trit_optim_cfg cfg = config(trit_state_names[st]);
        cfg.weight_decay = 0;
        bench b;
        open_bench(&b, &cfg, 300, 1, NULL);
        trit_real before[300];
        fill(&b, 0);
        memcpy(b.p->val.data, b.p->grad.data, sizeof before);
        memcpy(before, b.p->val.data, sizeof before);
        memset(b.p->grad.data, 0, sizeof before);
        for (int64_t t = 0; t < 10000; t++) step(&b, t);
        assert_memory_equal(before, b.p->val.data, sizeof before);
        close_bench(&b);
    }
}

/* Blocks whose largest momentum is negative, over 1000 steps of one gradient: it settles a little
 * below the gradient, never above. */
static void negative_maxima(void **state) {
    (void)state;
    trit_optim_cfg cfg = config("8bit");
    bench b;
    open_bench(&b, &cfg, 512, 1, NULL);
    for (int64_t t = 0; t < 1000; t++) {
        for (int i = 0; i < 512; i++) trit_param_grad(b.p)[i] = i % 256 ? -0.5f : -1;
        step(&b, t);
        const trit_real *a = b.o.item[0].slot[0].absmax.data;
        for (int k = 0; k < 2; k++) assert_true(a[k] <= 1.000001f && a[k] == a[0]);
    }
    const trit_real *a = b.o.item[0].slot[0].absmax.data;
    /* m = 0.9*0.99297*m + 0.1 */
    assert_near(a[0], 0.1 / (1 - 0.9 * 0.99296875), 1e-4);
    close_bench(&b);
}

/* Elements with a gradient that is not finite stay where they are, and forget. */
static void bad_gradients_touch_nothing_else(void **state) {
    (void)state;
    trit_optim_cfg cfg = config("8bit");
    bench a, b;
    open_bench(&a, &cfg, 600, 1, NULL);
    open_bench(&b, &cfg, 600, 1, NULL);
    for (int64_t t = 0; t < 3; t++) {
        fill(&a, t);
        fill(&b, t);
        if (t == 2) {
            trit_param_grad(b.p)[300] = NAN;
            trit_param_grad(b.p)[7] = -INFINITY;
        }
        trit_real before[2] = {trit_param_val(b.p)[300], trit_param_val(b.p)[7]};
        step(&a, t);
        step(&b, t);
        if (t < 2) continue;
        assert_true(trit_param_val(b.p)[300] == before[0] && trit_param_val(b.p)[7] == before[1]);
        for (int i = 0; i < 600; i++) {
            if (i != 300 && i != 7) assert_true(trit_param_val(a.p)[i] == trit_param_val(b.p)[i]);
        }
        for (int k = 0; k < 2; k++) {
            trit_real x[600];
            trit_slot_decode(&b.o.item[0].slot[k], &b.x.k, 0, 600, x);
            assert_true(x[300] == 0 && x[7] == 0 && isfinite(x[301]));
        }
    }
    close_bench(&a);
    close_bench(&b);
}

/* The largest error of a nearest code for x in a block with the largest magnitude a. */
static double error_of_nearest(const char *name, bool sign, double a, double x) {
    if (strcmp(name, "bf16") == 0) return ldexp(fabs(x), -8);
    bool few = strcmp(name, "4bit") == 0;
    float map[256];
    int n = few ? 16 : 256;
    double least = INFINITY;
    trit_state_map(few ? 4 : 8, sign, map);
    for (int c = 0; c < n; c++) {
        /* What is below 0 keeps its sign. */
        if (!few && sign && signbit(x) && !signbit(map[c])) continue;
        least = fmin(least, fabs((double)map[c] * a - x));
    }
    return least * 1.001; /* a little beside a middle single precision may decide otherwise */
}

/* An update on encoded state is that of fp32 on what the state stands for, to the bit; and what is
 * kept of the new state is nearest to it. */
static void only_storing_rounds(void **state) {
    (void)state;
    static const char *const kinds[] = {"adamw", "adam", "sgd", "lion"};
    enum { N = 2000 };
    for (int k = 0; k < 4; k++) {
        for (int st = 1; trit_state_names[st]; st++) {
            trit_optim_cfg cfg = config(trit_state_names[st]);
            cfg.kind = kind_of(kinds[k]);
            cfg.momentum = 0.9;
            bench coded, plain;
            open_bench(&coded, &cfg, N, 1, NULL);
            cfg.state = state_of("fp32");
            open_bench(&plain, &cfg, N, 1, NULL);
            const trit_optim_item *it = &coded.o.item[0], *of = &plain.o.item[0];
            for (int64_t t = 0; t < 20; t++) {
                for (int s = 0; s < it->type->n_slot; s++) {
                    trit_slot_convert(&it->slot[s], &of->slot[s], &coded.x.k, N);
                }
                fill(&coded, t);
                fill(&plain, t);
                step(&coded, t);
                step(&plain, t);
                const trit_tensor *w = &coded.p->val;
                assert_memory_equal(w->data, plain.p->val.data, trit_tensor_bytes(w));
                for (int s = 0; s < it->type->n_slot; s++) {
                    const trit_slot *slot = &it->slot[s];
                    const trit_real *x = trit_slot_at(&of->slot[s], 0), *a = slot->absmax.data;
                    trit_real kept[N];
                    trit_slot_decode(slot, &coded.x.k, 0, N, kept);
                    for (int i = 0; i < N; i++) {
                        double most =
                            error_of_nearest(trit_state_names[st], slot->is_signed,
                                             a ? (double)a[i / slot->block] : 0, (double)x[i]);
                        double off = fabs((double)(kept[i] - x[i]));
                        if (off <= most + 2e-7 * fabs((double)x[i])) continue;
                        fail_msg("%s, %s, step %d: %s[%d] is %g, kept as %g", kinds[k],
                                 trit_state_names[st], (int)t, slot->name, i, (double)x[i],
                                 (double)kept[i]);
                    }
                }
            }
            close_bench(&coded);
            close_bench(&plain);
        }
    }
}

/* Encoded state stays near fp32's: the weights of 100 updates. All bits are given, so the bounds
 * are what is, and a fifth. */
static void near_fp32(void **state) {
    (void)state;
    static const double most[2][4] = {{0, 0.0047, 0.098, 0.88}, {0, 0.004, 0.0243, 0.32}};
    static const char *const kinds[] = {"adamw", "sgd"};
    for (int k = 0; k < 2; k++) {
        trit_real want[2000];
        for (int st = 0; trit_state_names[st]; st++) {
            trit_optim_cfg cfg = config(trit_state_names[st]);
            cfg.kind = kind_of(kinds[k]);
            cfg.momentum = 0.9;
            bench b;
            open_bench(&b, &cfg, 2000, 1, NULL);
            for (int64_t t = 0; t < 100; t++) {
                fill(&b, t);
                step(&b, t);
            }
            double off = 0, size = 0;
            for (int i = 0; i < 2000; i++) {
                if (!st) want[i] = trit_param_val(b.p)[i];
                double d = (double)(trit_param_val(b.p)[i] - want[i]);
                off += d * d;
                size += (double)want[i] * (double)want[i];
            }
            if (sqrt(off / size) > most[k][st]) {
                fail_msg("%s, %s: off by %g", kinds[k], trit_state_names[st], sqrt(off / size));
            }
            close_bench(&b);
        }
    }
}

/* Who keeps numbers, and how many bytes the rest takes. */
static void eligibility(void **state) {
    (void)state;
    trit_error e = {0};
    for (int with_embeddings = 0; with_embeddings < 2; with_embeddings++) {
        trit_arena mem;
        trit_params ps;
        trit_optim o;
        trit_arena_init(&mem, "test");
        trit_params_init(&ps, &mem);
        static const struct {
            const char *path;
            trit_role role;
            int64_t n;
            const char *why;
        } p[] = {{"w", TRIT_ROLE_weight, 1000000, NULL},
                 {"head", TRIT_ROLE_head, 4096, NULL},
                 {"less", TRIT_ROLE_weight, 4095, "small"},
                 {"embed", TRIT_ROLE_embedding, 8192, "embedding"},
                 {"norm", TRIT_ROLE_norm, 8192, "norm"},
                 {"bias", TRIT_ROLE_bias, 8192, "bias"},
                 {"step", TRIT_ROLE_step_size, 8192, "part of a quantizer"},
                 {"part", TRIT_ROLE_quantizer, 8192, "part of a quantizer"}};
        enum { N = sizeof p / sizeof *p };
        for (int i = 0; i < N; i++) {
            trit_param *q;
            assert_ok(trit_params_add(&ps, p[i].path, p[i].role, 1, &p[i].n, &q, &e));
            q->used = true;
        }
        trit_optim_cfg cfg = config("8bit");
        cfg.state_min = 4096;
        cfg.state_embeddings = with_embeddings;
        assert_ok(trit_optim_init(&o, &cfg, &ps, 10, 1, &e));
        for (int i = 0; i < N; i++) {
            bool coded = !p[i].why || (with_embeddings && i == 3);
            if (coded) {
                assert_null(o.item[i].plain);
                int64_t blocks = (p[i].n + 255) / 256;
                assert_int_equal(trit_optim_item_bytes(&o.item[i]), 2 * p[i].n + 8 * blocks);
            } else {
                assert_string_equal(o.item[i].plain, p[i].why);
                assert_int_equal(trit_optim_item_bytes(&o.item[i]), 8 * p[i].n);
            }
        }
        assert_int_equal(trit_optim_item_bytes(&o.item[0]), 2031256);
        trit_params_free(&ps);
        trit_arena_free(&mem);
    }
    trit_optim_cfg whole = config("8bit");
    whole.kind = kind_of("adafactor");
    assert_int_equal(trit_optim_cfg_check(&whole, &e), TRIT_E_CONFIG);
    assert_error_has(e, "the state of adafactor is statistics of whole tensors");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(same_bits_everywhere),
        cmocka_unit_test(rounding_is_drawn_anew),
        cmocka_unit_test(direct_and_plain_agree),
        cmocka_unit_test(nothing_drifts),
        cmocka_unit_test(negative_maxima),
        cmocka_unit_test(bad_gradients_touch_nothing_else),
        cmocka_unit_test(only_storing_rounds),
        cmocka_unit_test(near_fp32),
        cmocka_unit_test(eligibility),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
