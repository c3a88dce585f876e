/* Low-rank branches in a small run. */
#include "run/branches.h"

#include "run/begin.h"
#include "run/train.h"
#include "run_fixture.h"

/* Four phases of 12 steps of 60: 8, 4, 2, 1 components. */
#define WEIGHTS "\"weights\": \"ternary-absmean\""
#define LEARNED "\"weights\": \"int2-learned-row\""
#define BRANCH  ", \"branch\": {\"rank\": 8, \"phase\": 12}"

static void train_steps(trit_run *r, int64_t to) {
    trit_error e = {0};
    trit_step_result step;
    while (r->step < to) assert_ok(trit_run_step(r, NULL, &step, &e));
}

static double loss_of(trit_run *r) {
    trit_error e = {0};
    trit_eval_result v;
    assert_ok(trit_run_eval(r, 0, NULL, &v, &e));
    return v.loss;
}

static double size_of(const trit_param *p) {
    double sum = 0;
    for (int64_t i = 0; i < trit_tensor_len(&p->val); i++) {
        sum += (double)trit_param_val(p)[i] * (double)trit_param_val(p)[i];
    }
    return sqrt(sum);
}

/* With as many components as a weight has, nothing of it is lost at first, whatever quantizes it:
 * the model computes what it would without quantizers of weights. */
static void begins_as_full_precision(void **state) {
    (void)state;
    static const char *const quants[] = {WEIGHTS, LEARNED, "\"weights\": \"dlt\"",
                                         "\"weights\": \"int4-absmax-row\", \"start\": 3"};
    for (int i = 0; i < 4; i++) {
        char more[256];
        fixture f, plain;
        snprintf(more, sizeof more, ", \"quant\": {%s, \"branch\": {\"rank\": 32, \"phase\": 9}}",
                 quants[i]);
        open_run(&f, "\"batch\": 4", more, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        open_run(&plain, "\"batch\": 4", "", 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        int64_t start = i == 3 ? 3 : 0;
        train_steps(&f.r, start);
        train_steps(&plain.r, start);
        trit_transformer_step(&f.r.model, f.r.step);
        trit_branches_begin(&f.r);
        assert_near(loss_of(&f.r), loss_of(&plain.r), 1e-5);
        trit_real before[32 * 32];
        const trit_param *l = f.r.model.linear[0]->branch.l;
        memcpy(before, l->val.data, sizeof before);
        trit_branches_begin(&f.r); /* the same again */
        assert_memory_equal(before, l->val.data, sizeof before);
        close_run(&f);
        close_run(&plain);
    }
}

/* A branch of a few components begins with the largest part of the error that so many can hold. */
static void takes_a_part_of_the_error(void **state) {
    (void)state;
    fixture f, without;
    open_run(&f, "\"batch\": 4", ", \"quant\": {" WEIGHTS BRANCH "}", 1,
             TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    open_run(&without, "\"batch\": 4", ", \"quant\": {" WEIGHTS "}", 1, TRIT_RUN_EVAL);
    assert_true(loss_of(&f.r) == loss_of(&without.r)); /* not yet */
    trit_branches_begin(&f.r);
    for (int i = 0; i < f.r.model.n_linear; i++) {
        const trit_linear_layer *l = f.r.model.linear[i];
        if (!l->branch.l) continue;
        trit_quant_view *v = f.r.quant.view;
        while (v->quant != &l->wq) v++;
        trit_quant_view_run(v, &f.r.x);
        double before = 0, after = 0;
        for (int64_t a = 0; a < l->n_out; a++) {
            for (int64_t b = 0; b < l->n_in; b++) {
                double d = (double)trit_param_val(l->w)[a * l->n_in + b] -
                           (double)trit_val(v->y)[a * l->n_in + b];
                before += d * d;
                for (int64_t c = 0; c < 8; c++) {
                    d -= (double)trit_param_val(l->branch.l)[a * 8 + c] *
                         (double)trit_param_val(l->branch.r)[c * l->n_in + b];
                }
                after += d * d;
            }
        }
        /* Any 8 of at least 32 directions hold a quarter on average, the largest ones more. */
        assert_true(after < (1 - 8. / 32) * before);
    }
    close_run(&f);
    close_run(&without);
}

/* Components go in phases; at the end the model is one without branches, to the bit. */
static void fades_to_nothing(void **state) {
    (void)state;
    static const int64_t n[] = {8, 4, 2, 1, 0, 0};
    fixture f, plain;
    open_run(&f, "\"batch\": 4", ", \"quant\": {" WEIGHTS BRANCH "}", 1,
             TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    assert_int_equal(trit_branches_end(&f.r), 48);
    const trit_branch *b = &f.r.model.linear[0]->branch;
    for (int p = 0; p < 5; p++) {
        train_steps(&f.r, 12 * p + 6);
        assert_int_equal(b->of.n, n[p]);
        if (n[p]) assert_near(b->share[n[p] - 1], 0.5 * (1 + cos(3.14159265358979 * 5 / 12)), 1e-6);
        train_steps(&f.r, 12 * p + 12);
        /* What does not count any more is gone, the rest is balanced. */
        for (int64_t j = n[p + 1] * 32; j < 8 * 32; j++) {
            assert_true(trit_param_val(b->r)[j] == 0);
        }
        if (n[p + 1]) assert_near(size_of(b->l), size_of(b->r), 1e-4);
    }
    assert_int_equal(f.r.step, 60);
    open_run(&plain, "\"batch\": 4", ", \"quant\": {" WEIGHTS "}", 1, TRIT_RUN_EVAL);
    for (int i = 0; i < plain.r.ps.n; i++) {
        trit_param *p = plain.r.ps.at[i];
        memcpy(p->val.data, trit_params_find(&f.r.ps, p->path)->val.data,
               trit_tensor_bytes(&p->val));
    }
    plain.r.step = 60;
    assert_true(loss_of(&f.r) == loss_of(&plain.r));
    close_run(&f);
    close_run(&plain);
}

/* The function of the model does not jump where a phase ends: only a factorisation changes. */
static void phases_meet(void **state) {
    (void)state;
    fixture f;
    open_run(&f, "\"batch\": 4",
             ", \"quant\": {" LEARNED BRANCH "}, \"optim\": {\"lr\": 1e-9, "
             "\"min_lr\": 0, \"warmup\": 0}",
             1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    train_steps(&f.r, 11);
    const trit_linear_layer *l = f.r.model.linear[0];
    double before[32 * 32];
    for (int i = 0; i < 32 * 32; i++) {
        before[i] = 0;
        for (int c = 0; c < 4; c++) {
            before[i] += (double)trit_param_val(l->branch.l)[i / 32 * 8 + c] *
                         (double)trit_param_val(l->branch.r)[c * 32 + i % 32];
        }
    }
    train_steps(&f.r, 12);
    for (int i = 0; i < 32 * 32; i++) {
        double now = 0;
        for (int c = 0; c < 4; c++) {
            now += (double)trit_param_val(l->branch.l)[i / 32 * 8 + c] *
                   (double)trit_param_val(l->branch.r)[c * 32 + i % 32];
        }
        assert_near(now, before[i], 1e-6);
    }
    close_run(&f);
}

/* Nor does what is computed again for backward; also beside products of codes. */
static void threads_make_no_difference(void **state) {
    (void)state;
    static const char *const mores[] = {", \"quant\": {" LEARNED BRANCH "}",
                                        ", \"compute\": {\"linear\": \"int8\"}, \"quant\": "
                                        "{\"method\": \"bitnet-b1.58\"" BRANCH "}"};
    static const char *const trains[] = {"\"batch\": 5", "\"batch\": 5",
                                         "\"batch\": 5, \"recompute\": \"block\""};
    for (int m = 0; m < 2; m++) {
        fixture f[3];
        for (int i = 0; i < 3; i++) {
            open_run(&f[i], trains[i], mores[m], i == 1 ? 2 : 1, TRIT_RUN_TRAIN);
            train_steps(&f[i].r, 26);
            assert_true(same_state(&f[0].r, &f[i].r));
        }
        for (int i = 0; i < 3; i++) close_run(&f[i]);
    }
}

static volatile sig_atomic_t stop_now;
static int64_t stop_at;

static void watch(void *self, const trit_progress *p) {
    (void)self;
    if (p->kind == TRIT_PROGRESS_STEP && p->step == stop_at) stop_now = 1;
}

/* Begins or resumes, and trains until the stop. */
static trit_status go(const char *dir, const char *more, int64_t stop, trit_error *e) {
    fixture f;
    trit_store s = {0};
    trit_train_result out;
    char sections[512];
    snprintf(sections, sizeof sections, "%s, \"run\": {\"log_every\": 1}", more);
    open_run(&f, "\"batch\": 4", sections, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    trit_train_options o = {.stop = &stop_now, .progress = watch};
    *e = (trit_error){0};
    stop_now = 0;
    stop_at = stop;
    trit_status status = trit_store_open(&s, dir, NULL, &f.exp, e);
    if (!status) status = trit_store_resume(&s, &f.r, e);
    if (!status) status = trit_begin(&f.r, &s, e);
    if (!status) status = trit_train(&f.r, &s, &o, &out, e);
    trit_store_close(&s);
    close_run(&f);
    return status;
}

/* Stopped before it begins, in a phase, and between two. */
static void resuming_is_exact(void **state) {
    (void)state;
    static const char more[] = ", \"optim\": {\"ema\": 0.9, \"state\": \"8bit\"}, \"quant\": "
                               "{" LEARNED ", \"start\": 5" BRANCH "}";
    trit_error e;
    assert_ok(go("straight", more, -1, &e));
    static const int64_t stops[] = {5, 20, 29};
    for (int i = 0; i < 3; i++) assert_int_equal(go("broken", more, stops[i], &e), TRIT_E_STOPPED);
    assert_ok(go("broken", more, -1, &e));
    static const char *const files[] = {"checkpoints/step-00000060.h5", "metrics.jsonl"};
    for (int i = 0; i < 2; i++) {
        char line[128];
        snprintf(line, sizeof line, "cmp straight/%s broken/%s", files[i], files[i]);
        assert_int_equal(system(line), 0);
    }
}

/* A run may begin with another one whose branches are gone, not with one that needs them. */
static void starting_points(void **state) {
    (void)state;
    trit_error e;
    static const char source[] = ", \"quant\": {" WEIGHTS BRANCH "}";
    assert_ok(go("whole", source, -1, &e));
    assert_int_equal(go("half", source, 20, &e), TRIT_E_STOPPED);
    assert_ok(go("next", ", \"init\": {\"from\": \"whole\"}, \"quant\": {" WEIGHTS "}", -1, &e));
    assert_ok(
        go("again", ", \"init\": {\"from\": \"whole\"}, \"quant\": {" WEIGHTS BRANCH "}", -1, &e));
    assert_int_equal(go("bad", ", \"init\": {\"from\": \"half\"}", -1, &e), TRIT_E_CONFIG);
    assert_error_has(e, "only in the source:\n  blocks.0.attn.q.branch_l [32,8]");
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *quant, *part;
    } cases[] = {
        {WEIGHTS BRANCH ", \"lora\": {\"rank\": 2}",
         "/quant: blocks.0.attn.q: branch.rank and lora.rank"},
        {"\"weights\": \"int4-absmax-row-hadamard16\"" BRANCH, "transform hadamard"},
        {"\"weights\": {\"grid\": \"ternary\", \"lambda\": {\"shape\": \"linear\", \"from\": 0, "
         "\"to\": 1, \"end\": 5}}" BRANCH,
         "leave out weights.lambda"},
        {WEIGHTS ", \"branch\": {\"rank\": 33, \"phase\": 1}", "has 32 components"},
        {WEIGHTS ", \"branch\": {\"rank\": 8, \"phase\": 16}",
         "test.json: /quant/branch/phase: with rank 8 and phases of 16 steps the branches are gone "
         "at step 64, but training ends at step 60; at most 15 fit"},
        {WEIGHTS ", \"start\": 13" BRANCH, "at most 11 fit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        trit_error e = {0};
        fixture f = {0};
        snprintf(text, sizeof text, "{" TINY_MODEL ", \"train\": {\"steps\": 60}, \"quant\": {%s}}",
                 cases[i].quant);
        assert_ok(trit_experiment_parse(&f.exp, text, "test.json", &e));
        assert_int_equal(trit_run_open(&f.r, &f.exp, TRIT_RUN_TRAIN,
                                       &(trit_runtime_options){.n_threads = 1}, NULL, &e),
                         TRIT_E_CONFIG);
        assert_error_has(e, cases[i].part);
        close_run(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_as_full_precision),
        cmocka_unit_test(takes_a_part_of_the_error),
        cmocka_unit_test(fades_to_nothing),
        cmocka_unit_test(phases_meet),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(resuming_is_exact),
        cmocka_unit_test(starting_points),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
