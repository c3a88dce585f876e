#include "distill/inside.h"

#include "distill/two_tokens.h"

/* The rows with the knob "causal" stand for all kinds. */
static trit_loss_use use;
static trit_relation_kind kind;
static int64_t n_window, n_token, n_head, kv_s, kv_t, d_s, d_t;
static bool ignores;

static void set_up(trit_relation_kind what, double weight, bool causal) {
    kind = what;
    for (int i = 0; trit_losses[i]; i++) {
        if (!strcmp(trit_losses[i]->name, "relation")) use.row = trit_losses[i];
    }
    use.weight = weight;
    use.knob[trit_loss_knob(use.row, "causal")] = causal;
}

static trit_node *input(op_case *c, const char *name, int64_t cols) {
    const int64_t dim[3] = {n_window, n_token, cols};
    trit_node *n = trit_input(c->g, name, TRIT_REAL, 3, dim);
    trit_rng r = {.seed = c->seed, .stream = trit_hash32(name)};
    for (int64_t i = 0; i < trit_len(n); i++) {
        trit_val(n)[i] = TRIT_R(trit_rng_normal(&r, (uint64_t)i));
    }
    return n;
}

static trit_node *build(op_case *c) {
    const int64_t dim[2] = {n_window, n_token};
    bool map = kind == TRIT_RELATION_MAP;
    trit_node *labels = op_ids(c, "labels", 2, dim, 9);
    for (int64_t i = 0; ignores && i < n_window * n_token; i += 3) {
        ((int32_t *)labels->val.data)[i] = TRIT_IGNORE;
    }
    trit_node *x = op_param(c, "x", n_window, n_token, 3);
    trit_node *w = op_param(c, "w", n_head * d_s, 3), *w_b = op_param(c, "v", kv_s * d_s, 3);
    trit_relation_side s = {trit_linear(c->g, x, w, NULL), NULL, map ? kv_s : n_head};
    trit_relation_side t = {input(c, "a", n_head * d_t), NULL, map ? kv_t : n_head};
    if (map) s.b = trit_linear(c->g, x, w_b, NULL);
    if (map) t.b = input(c, "b", kv_t * d_t);
    trit_node *y = trit_relation_loss(c->g, kind, &use, &s, &t, n_head, labels);
    trit_node *other = trit_sum(c->g, trit_mul(c->g, s.a, s.a)); /* gradients add up */
    if (s.b) other = trit_add(c->g, other, trit_sum(c->g, s.b));
    return trit_loss_weigh(c->g, &use, trit_scale(c->g, other, 0.01), y);
}

static void gradients(void **state) {
    (void)state;
    for (int i = 0; i < 4 * 5; i++) {
        /* causal or not, some tokens that do not count, several blocks, no weight */
        int way = i % 5;
        set_up((trit_relation_kind)(i / 5), way == 4 ? 0 : 0.7, way != 1);
        ignores = way == 2;
        n_window = way == 3 ? 1 : 3;
        n_token = way == 3 ? 70 : 6;
        n_head = 4, kv_s = 2, kv_t = 1, d_s = 2, d_t = 3;
        op_check(build, (uint64_t)i + 1, 2e-7);
    }
}

/* Two tokens of one head of width 2 each, and the gradient by the student's. */
static double run(const double *s, const double *t, int64_t n, const int32_t *label,
                  double *gradient) {
    two_tokens f;
    tokens_open(&f, s, t, n, label);
    bool map = kind == TRIT_RELATION_MAP;
    trit_relation_side mine = {f.student, map ? f.student : NULL, 1};
    trit_relation_side its = {f.teacher, map ? f.teacher : NULL, 1};
    return tokens_loss(&f, trit_relation_loss(&f.g, kind, &use, &mine, &its, 1, f.labels),
                       gradient);
}

/* The losses again, from their definitions: T x T, and no blocks. */
static double by_hand(const double *s, const double *t, int n, bool causal) {
    double S[2][8][8], norm[2] = {0, 0}, sum = 0;
    for (int m = 0; m < 2; m++) {
        const double *x = m ? t : s;
        for (int i = 0; i < n; i++) {
            double all = 0;
            for (int j = 0; j < n; j++) {
                double dot = x[2 * i] * x[2 * j] + x[2 * i + 1] * x[2 * j + 1];
                double len = hypot(x[2 * i], x[2 * i + 1]) * hypot(x[2 * j], x[2 * j + 1]);
                S[m][i][j] = kind == TRIT_RELATION_COSINE ? dot / len : dot / sqrt(2.0);
                if (causal && j > i) S[m][i][j] = (double)-INFINITY;
                if (isfinite(S[m][i][j])) norm[m] += S[m][i][j] * S[m][i][j];
                all += exp(S[m][i][j]);
            }
            for (int j = 0; j < n && kind != TRIT_RELATION_DIRECTION; j++) {
                S[m][i][j] = exp(S[m][i][j]) / all;
            }
        }
        norm[m] = sqrt(norm[m]);
    }
    for (int i = 0; i < n; i++) {
        double both = 0, s2 = 0, t2 = 0;
        for (int j = 0; j < (causal ? i + 1 : n); j++) {
            double a = S[0][i][j], b = S[1][i][j];
            both += a * b, s2 += a * a, t2 += b * b;
            if (kind == TRIT_RELATION_DIRECTION) sum += pow(a / norm[0] - b / norm[1], 2);
            if (kind < TRIT_RELATION_DIRECTION) sum += b * log(b / a) / n;
        }
        if (kind == TRIT_RELATION_MAP) sum += (1 - both / sqrt(s2 * t2)) / n;
    }
    return kind == TRIT_RELATION_DIRECTION ? sqrt(sum) : sum;
}

static const double X_T[4] = {1, 2, 3, -1}, X_S[4] = {1, 1, 1, -1};

/* As published, which is without a causal mask; in the first row of one there is one token only. */
static void known_answers(void **state) {
    (void)state;
    static const struct {
        trit_relation_kind kind;
        bool causal;
        double want;
    } rows[] = {
        {TRIT_RELATION_COSINE, false, .00204977923},
        {TRIT_RELATION_COSINE, true, .00204977923 / 2},
        {TRIT_RELATION_DOT, false, .288662724 / 2},
        {TRIT_RELATION_DIRECTION, false, .34297607},
    };
    double g[4];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        set_up(rows[i].kind, 1, rows[i].causal);
        assert_near(run(X_S, X_T, 2, NULL, g), rows[i].want, 2e-9);
    }
    for (int i = 0; i < 8; i++) {
        set_up((trit_relation_kind)(i / 2), 1, i % 2);
        double s[10] = {.3, 1, -2, .5, 1, 1, .2, -.7, 2, .1}, h = 1e-5;
        const double t[10] = {1, 0, -1, .6, .4, 2, 1, -.3, 1, 1};
        double gradient[10], loss = run(s, t, 5, NULL, gradient);
        assert_near(loss, by_hand(s, t, 5, i % 2), 1e-12);
        for (int k = 0; k < 10; k++) {
            double kept = s[k], side[2];
            for (int m = 0; m < 2; m++) {
                s[k] = kept + (m ? h : -h);
                side[m] = by_hand(s, t, 5, i % 2);
            }
            s[k] = kept;
            assert_near(gradient[k], (side[1] - side[0]) / (2 * h), 1e-8);
        }
    }
}

/* A token without a label is in no relation: the others are as without it. */
static void what_does_not_count(void **state) {
    (void)state;
    const double s[8] = {.3, 1, NAN, .5, 1, 1, .2, NAN}, t[8] = {1, 0, -1, .6, .4, 2, NAN, -.3};
    const double s_only[4] = {.3, 1, 1, 1}, t_only[4] = {1, 0, .4, 2};
    const int32_t label[4] = {5, TRIT_IGNORE, 6, TRIT_IGNORE};
    for (int i = 0; i < 8; i++) {
        double g[8], g_only[4];
        set_up((trit_relation_kind)(i / 2), 1, i % 2);
        double only = run(s_only, t_only, 2, NULL, g_only);
        assert_true(run(s, t, 4, label, g) == only && only > 0);
        for (int k = 0; k < 8; k++) {
            assert_true(g[k] == (k / 2 % 2 ? 0 : g_only[k / 4 * 2 + k % 2]));
        }
        const int32_t none[2] = {TRIT_IGNORE, TRIT_IGNORE};
        assert_true(run(X_S, X_T, 2, none, g) == 0 && g[0] == 0 && g[3] == 0);
    }
}

/* The student that is its teacher, and vectors that are 0: no NaN, no gradient. */
static void at_the_goal(void **state) {
    (void)state;
    const double zero[4] = {0, 0, 0, 0};
    double g[4];
    for (int i = 0; i < 4; i++) {
        set_up((trit_relation_kind)i, 1, true);
        assert_near(run(X_T, X_T, 2, NULL, g), 0, 1e-15);
        for (int k = 0; k < 4; k++) assert_near(g[k], 0, 1e-15);
        assert_true(isfinite(run(zero, X_T, 2, NULL, g)));
        for (int k = 0; k < 4; k++) assert_true(isfinite(g[k]));
        assert_true(isfinite(run(X_S, zero, 2, NULL, g)));
        for (int k = 0; k < 4; k++) assert_true(isfinite(g[k]));
    }
}

/* Scratch grows with T, not with its square. */
static void memory(void **state) {
    (void)state;
    size_t bytes[2];
    set_up(TRIT_RELATION_COSINE, 1, true);
    for (int i = 0; i < 2; i++) {
        trit_error e = {0};
        trit_graph g;
        const int64_t dim[3] = {1, 1024 << i, 16};
        trit_graph_init(&g, TRIT_EVAL);
        trit_relation_side s = {trit_input(&g, "s", TRIT_REAL, 3, dim), NULL, 2};
        trit_node *labels = trit_input(&g, "labels", TRIT_I32, 2, dim);
        trit_node *y = trit_relation_loss(&g, kind, &use, &s, &s, 2, labels);
        assert_ok(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e));
        bytes[i] = g.scratch_bytes + g.work_bytes + g.plan_bytes;
        trit_graph_free(&g);
    }
    assert_true(bytes[1] < 2.1 * (double)bytes[0]);
}

static void errors(void **state) {
    (void)state;
    trit_error e = {0};
    trit_graph g;
    const int64_t dim[3] = {2, 3, 8};
    trit_graph_init(&g, TRIT_EVAL);
    set_up(TRIT_RELATION_DOT, 1, true);
    trit_relation_side s = {trit_input(&g, "s", TRIT_REAL, 3, dim), NULL, 3};
    trit_node *labels = trit_input(&g, "labels", TRIT_I32, 2, dim);
    trit_node *y = trit_relation_loss(&g, kind, &use, &s, &s, 3, labels);
    assert_null(y);
    assert_int_not_equal(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e), TRIT_OK);
    assert_error_has(e, "a width of 8 cannot be split into 3 heads");
    trit_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(what_does_not_count),
        cmocka_unit_test(at_the_goal),
        cmocka_unit_test(memory),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
