#include "distill/op_logits.h"

#include "autograd/op_check.h"

enum { MOST = 4 };
static trit_loss_use use[MOST];
static int n_use, n_known; /* tokens of which the teacher's logits are known; 0: all */

static int row_of(const char *name) {
    for (int i = 0; trit_losses[i]; i++) {
        if (!strcmp(trit_losses[i]->name, name)) return i;
    }
    print_error("no loss %s\n", name);
    fail();
    return -1;
}

/* The row with its default knobs. */
static trit_loss_use *put(int i, int row, double weight) {
    use[i] = (trit_loss_use){.row = trit_losses[row], .weight = weight};
    const trit_knob *k = trit_losses[row]->knob;
    for (int j = 0; k && k[j].name; j++) use[i].knob[j] = TRIT_R(k[j].dflt);
    n_use = i + 1;
    return &use[i];
}

static void set(trit_loss_use *u, const char *knob, double value) {
    int i = trit_loss_knob(u->row, knob);
    assert_true(i >= 0);
    u->knob[i] = TRIT_R(value);
}

/* What a teacher of whole logits z [rows, V] says when only the largest k are kept. */
static trit_teacher_logits keep_top(trit_graph *g, int64_t rows, int64_t V, const trit_real *z,
                                    int64_t k) {
    trit_teacher_logits t = {.logits = trit_input(g, "known", TRIT_REAL, 2, (int64_t[]){rows, k}),
                             .ids = trit_input(g, "ids", TRIT_I32, 2, (int64_t[]){rows, k}),
                             .mass = trit_input(g, "mass", TRIT_REAL, 2, (int64_t[]){rows, 2})};
    for (int64_t i = 0; i < rows; i++, z += V) {
        int32_t *id = (int32_t *)t.ids->val.data + i * k;
        double all = 0, known = 0;
        trit_top_k(V, z, k, id);
        for (int64_t j = 0; j < V; j++) all += exp((double)z[j]);
        for (int64_t j = 0; j < k; j++) {
            trit_val(t.logits)[i * k + j] = z[id[j]];
            known += exp((double)z[id[j]]);
        }
        trit_val(t.mass)[2 * i] = TRIT_R(log(all));
        trit_val(t.mass)[2 * i + 1] = TRIT_R(log((all - known) / all));
    }
    return t;
}

/* 19 rows, some ignored, of 7 logits that are computed, so that their gradient lies over them. */
static trit_node *build(op_case *c) {
    enum { ROWS = 19, V = 7 };
    trit_node *labels = op_ids(c, "labels", 1, (int64_t[]){ROWS}, V);
    for (int i = 0; i < ROWS; i += 5) ((int32_t *)labels->val.data)[i] = TRIT_IGNORE;
    trit_node *z_t = trit_input(c->g, "teacher", TRIT_REAL, 2, (int64_t[]){ROWS, V});
    trit_rng r = {.seed = c->seed, .stream = 7};
    for (int64_t i = 0; i < ROWS * V; i++) {
        trit_val(z_t)[i] = TRIT_R(2 * trit_rng_normal(&r, (uint64_t)i));
    }
    trit_teacher_logits t = {.logits = z_t};
    if (n_known) t = keep_top(c->g, ROWS, V, trit_val(z_t), n_known);
    trit_node *x = op_param(c, "x", ROWS, 5), *w = op_param(c, "w", V, 5);
    return trit_logit_losses(c->g, trit_linear(c->g, x, w, NULL), labels, &t, use, n_use);
}

static void every_row_alone(void **state) {
    (void)state;
    for (int i = 0; trit_losses[i]; i++) {
        for (int known = 0; known <= 7; known += 3) {
            if (!trit_losses[i]->token || (known && known < 7 && !trit_losses[i]->coarse)) continue;
            trit_loss_use *u = put(0, i, 0.7);
            n_known = known == 6 ? 7 : known;
            if (trit_loss_knob(u->row, "temperature") == 0 && !known) set(u, "temperature", 2.5);
            if (trit_loss_knob(u->row, "k") >= 0) set(u, "k", 3);
            if (trit_loss_knob(u->row, "beta") >= 0) set(u, "beta", 0.3);
            if (trit_loss_knob(u->row, "smoothing") >= 0) set(u, "smoothing", 0.1);
            /* Its entropies are held constant: no derivative of its value. */
            if (trit_loss_knob(u->row, "gamma") >= 0) set(u, "gamma", 0);
            op_check(build, (uint64_t)i + 1, 1e-7);
        }
    }
    n_known = 0;
}

static void rows_together(void **state) {
    (void)state;
    put(0, row_of("kl"), 0.5);
    put(1, row_of("ce"), 0.25);
    set(put(2, row_of("rkl"), 2), "temperature", 3);
    put(3, row_of("logits-mse"), 0.1);
    op_check(build, 5, 1e-7);
    put(0, row_of("kl"), 0); /* of no weight: only the second is computed */
    put(1, row_of("ce"), 1);
    op_check(build, 6, 1e-7);
    put(0, row_of("kl"), 0);
    op_check(build, 7, 1e-7);
}

/* Loss and gradient of one token with 4 logits. */
static double run(const trit_real z_s[4], const trit_real z_t[4], int64_t k, int32_t label,
                  trit_real gradient[4]) {
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_param *p;
    trit_exec x;
    trit_graph g;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 2}, &e));
    assert_ok(trit_params_add(&ps, "l", TRIT_ROLE_weight, 2, (int64_t[]){1, 4}, &p, &e));
    memcpy(trit_param_val(p), z_s, 4 * sizeof *z_s);
    trit_graph_init(&g, TRIT_TRAIN);
    trit_node *labels = trit_input(&g, "labels", TRIT_I32, 1, (int64_t[]){1});
    *(int32_t *)labels->val.data = label;
    trit_teacher_logits t = {.logits = trit_input(&g, "teacher", TRIT_REAL, 2, (int64_t[]){1, 4})};
    memcpy(trit_val(t.logits), z_t, 4 * sizeof *z_t);
    if (k) t = keep_top(&g, 1, 4, z_t, k);
    trit_node *y = trit_logit_losses(&g, trit_leaf(&g, p), labels, &t, use, n_use);
    void *block = op_forward(&x, &g, y);
    trit_graph_backward(&g, &x, 1);
    double loss = (double)*trit_val(y);
    memcpy(gradient, trit_param_grad(p), 4 * sizeof *gradient);
    free(block);
    trit_graph_free(&g);
    trit_runtime_close(&x);
    trit_params_free(&ps);
    trit_arena_free(&mem);
    return loss;
}

static const trit_real Z_T[4] = {2, 1, 0, -1}, Z_S[4] = {1, 1.5, 0, -0.5};

/* Losses and gradients that were computed apart from this code, of the two rows of logits above. */
static void known_answers(void **state) {
    (void)state;
    static const struct {
        const char *loss, *knob;
        double value;
        int32_t label;
        int k; /* tokens of the teacher that are known; 0: all */
        double temperature, want;
        double gradient[4]; /* of weight 1; all 0: not given */
    } rows[] = {
        {"kl", NULL, 0, 0, 0, 1, .244744113, {-.335246645, .272024044, .0264081508, .036814451}},
        {"rkl", NULL, 0, 0, 0, 1, .24492178, {-.302562892, .264518416, .00224580175, .0357986747}},
        {"js",
         "beta",
         .5,
         0,
         0,
         1,
         .0598308819,
         {-.0761766066, .0639057304, .00362217611, .00864870012}},
        {"kl", NULL, 0, 0, 0, 2, .234454816, {-.315387679, .21162792, .0259061981, .0778535609}},
        {"kl", NULL, 0, 0, 0, 5, .210423709, {0}},
        {"rkl", NULL, 0, 0, 0, 2, .225673603, {0}},
        {"rkl", NULL, 0, 0, 0, 5, .204992243, {0}},
        {"js", "beta", .5, 0, 0, 2, 4 * .0142906617, {0}},
        {"js", "beta", .5, 0, 0, 5, 25 * .00207475112, {0}},
        {"soft-ce",
         NULL,
         0,
         0,
         0,
         1,
         1.19228108,
         {-.335246645, .272024044, .0264081508, .036814451}},
        {"cakld", "beta", .3, 0, 0, 1, .244797413, {0}},
        {"cakld",
         "beta",
         .7,
         0,
         0,
         1,
         .24486848,
         {-.312368018, .266770104, .00949450646, .0361034076}},
        {"cakld-token", NULL, 0, 0, 0, 1, .244858515, {0}},
        {"cakld-token", NULL, 0, 3, 0, 1, .244749809, {0}},
        {"kl-top",
         "k",
         2,
         0,
         0,
         1,
         .257403165,
         {.377540669 - .731058579, .622459331 - .268941421, 0, 0}},
        {"kl-top",
         "k",
         2,
         0,
         3,
         1,
         .257403165,
         {.377540669 - .731058579, .622459331 - .268941421, 0, 0}},
        {"rkl-top", "k", 2, 0, 0, 1, .2728737, {0}},
        {"topkld", "k", 2, 0, 0, 1, .375050821, {0}},
        {"dad",
         "gamma",
         .1,
         0,
         0,
         1,
         1.20129214,
         {-.335246645 * 1.00755783, .272024044 * 1.00755783, .0264081508 * 1.00755783,
          .036814451 * 1.00755783}},
        {"kl", NULL, 0, 0, 2, 1, .241603761, {0}},
        {"kl", NULL, 0, 0, 4, 1, .244744113, {-.335246645, .272024044, .0264081508, .036814451}},
        {"logits-mse", NULL, 0, 0, 0, 1, .375, {-.5, .25, 0, .25}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        trit_real gradient[4];
        trit_loss_use *u = put(0, row_of(rows[i].loss), 1);
        if (rows[i].knob) set(u, rows[i].knob, rows[i].value);
        if (rows[i].temperature != 1) set(u, "temperature", rows[i].temperature);
        double loss = run(Z_S, Z_T, rows[i].k, rows[i].label, gradient);
        if (fabs(loss - rows[i].want) > 2e-8 * fmax(1, rows[i].want)) {
            print_error("%s, row %zu: %.10g, expected %.10g\n", rows[i].loss, i, loss,
                        rows[i].want);
            fail();
        }
        double all = 0;
        for (int j = 0; j < 4; j++) all += fabs(rows[i].gradient[j]);
        for (int j = 0; j < 4 && all > 0; j++) assert_near(gradient[j], rows[i].gradient[j], 2e-8);
    }
}

/* The target that mft corrects the teacher to: its gradient by the logits is q less the target. */
static void mft_target(void **state) {
    (void)state;
    static const struct {
        int32_t label;
        double target;
    } rows[] = {{1, .566112199}, {0, .843914204}};
    double q = exp(Z_S[0]) + exp(Z_S[1]) + exp(Z_S[2]) + exp(Z_S[3]);
    for (int i = 0; i < 2; i++) {
        trit_real gradient[4];
        put(0, row_of("mft"), 1);
        double loss = run(Z_S, Z_T, 0, rows[i].label, gradient);
        int32_t at = rows[i].label;
        assert_near(exp(Z_S[at]) / q - (double)gradient[at], rows[i].target, 1e-8);
        assert_true(loss > 0);
    }
}

/* A gradient of the residual class reaches the tail: q_j * (1 - p_rest / q_rest). */
static void the_residual_class_moves_the_tail(void **state) {
    (void)state;
    trit_real g[4];
    put(0, row_of("kl"), 1);
    run(Z_S, Z_T, 2, 0, g);
    double p = 0, q = 0, p_rest = exp(0) + exp(-1), q_rest = exp(0) + exp(-.5);
    for (int i = 0; i < 4; i++) p += exp(Z_T[i]), q += exp(Z_S[i]);
    for (int i = 2; i < 4; i++) {
        double q_i = exp(Z_S[i]) / q;
        assert_near(g[i], q_i * (1 - p_rest / p / (q_rest / q)), 1e-12);
    }
}

/* As a run without distillation: the same value and gradient, bit for bit, whatever stands beside
 * it with weight 0. */
static void cross_entropy_is_the_same(void **state) {
    (void)state;
    trit_error e = {0};
    enum { ROWS = 37, V = 11 };
    trit_real loss[2], gradient[2][ROWS * V];
    for (int way = 0; way < 2; way++) {
        trit_arena mem;
        trit_params ps;
        trit_param *p;
        trit_exec x;
        trit_graph g;
        trit_arena_init(&mem, "test");
        trit_params_init(&ps, &mem);
        assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 2}, &e));
        assert_ok(trit_params_add(&ps, "l", TRIT_ROLE_weight, 2, (int64_t[]){ROWS, V}, &p, &e));
        trit_rng r = {.seed = 3};
        for (int i = 0; i < ROWS * V; i++) {
            trit_param_val(p)[i] = TRIT_R(3 * trit_rng_normal(&r, (uint64_t)i));
        }
        trit_graph_init(&g, TRIT_TRAIN);
        trit_node *labels = trit_input(&g, "labels", TRIT_I32, 1, (int64_t[]){ROWS});
        for (int i = 0; i < ROWS; i++) ((int32_t *)labels->val.data)[i] = i % 9 ? i % V : -1;
        trit_teacher_logits t = {.logits =
                                     trit_input(&g, "teacher", TRIT_REAL, 2, (int64_t[]){ROWS, V})};
        put(0, row_of("kl"), 0);
        put(1, row_of("ce"), 1);
        trit_node *y = way ? trit_logit_losses(&g, trit_leaf(&g, p), labels, &t, use, n_use)
                           : trit_cross_entropy(&g, trit_leaf(&g, p), labels, 0);
        void *block = op_forward(&x, &g, y);
        trit_graph_backward(&g, &x, TRIT_R(0.3));
        loss[way] = *trit_val(y);
        memcpy(gradient[way], trit_param_grad(p), sizeof gradient[way]);
        free(block);
        trit_graph_free(&g);
        trit_runtime_close(&x);
        trit_params_free(&ps);
        trit_arena_free(&mem);
    }
    assert_memory_equal(&loss[0], &loss[1], sizeof *loss);
    assert_memory_equal(gradient[0], gradient[1], sizeof *gradient);
    assert_true(isnan(use[0].value));
    assert_near(use[1].value, loss[1], 0);
}

/* Tokens that a model masks out add nothing, and leave no NaN; no counted token gives 0. */
static void masked_tokens(void **state) {
    (void)state;
    const trit_real none = TRIT_R(-INFINITY), z[4] = {2, 1, none, 0}, s[4] = {1, none, 0, 0.5};
    trit_real g[4];
    for (int i = 0; trit_losses[i]; i++) {
        if (!trit_losses[i]->token || !strcmp(trit_losses[i]->name, "logits-mse")) continue;
        put(0, i, 1);
        double loss = run(s, z, 0, 0, g);
        assert_true(isfinite(loss));
        for (int j = 0; j < 4; j++) assert_true(isfinite(g[j]));
        assert_true(run(Z_S, Z_T, 0, TRIT_IGNORE, g) == 0);
        for (int j = 0; j < 4; j++) assert_true(g[j] == 0);
    }
}

static void errors(void **state) {
    (void)state;
    static const struct {
        const char *loss, *part;
        int64_t k, rows;
    } cases[] = {
        {"dad", "the loss dad needs all logits of the teacher, not the largest only", 2, 3},
        {"kl", "logits [3,5] of the student, [4,5] of the teacher", 0, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_error e = {0};
        trit_graph g;
        trit_graph_init(&g, TRIT_EVAL);
        put(0, row_of(cases[i].loss), 1);
        trit_node *logits = trit_input(&g, "logits", TRIT_REAL, 2, (int64_t[]){3, 5});
        trit_node *labels = trit_input(&g, "labels", TRIT_I32, 1, (int64_t[]){3});
        const trit_real z[25] = {0};
        trit_teacher_logits t = {
            .logits = trit_input(&g, "t", TRIT_REAL, 2, (int64_t[]){cases[i].rows, 5})};
        if (cases[i].k) t = keep_top(&g, 3, 5, z, cases[i].k);
        trit_node *y = trit_logit_losses(&g, logits, labels, &t, use, 1);
        assert_null(y);
        assert_int_not_equal(trit_graph_plan(&g, y, TRIT_PLAN_REUSE, &e), TRIT_OK);
        assert_error_has(e, cases[i].part);
        trit_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_alone),
        cmocka_unit_test(rows_together),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(mft_target),
        cmocka_unit_test(the_residual_class_moves_the_tail),
        cmocka_unit_test(cross_entropy_is_the_same),
        cmocka_unit_test(masked_tokens),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
