#include "run/run.h"

#include "run_fixture.h"

#include <malloc.h>
#include <stdatomic.h>

#define LSQ ", \"quant\": \"lsq-w4\""
/* All products that may be of low precision. */
#define LOW \
    B158 ", \"compute\": {\"linear\": \"int8\", \"attention\": \"bf16\", \"head\": \"bf16\"}"
#define B158 ", \"quant\": \"bitnet-b1.58\""

#define HELD                                                                              \
    ", \"quant\": {\"method\": \"lsq-w4\", \"controllers\": [\"freeze\", \"dampening\", " \
    "\"kurtosis\"]}"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#endif

/* Every allocation of the process, those of OpenBLAS and OpenMP too, is counted: these replace the
 * C library's, which offers its own under other names. A sanitizer does the same; clang's OpenMP
 * allocates in every parallel loop by itself. */
#if defined(__GLIBC__) && !defined(HAS_ASAN) && !defined(__clang__)
#define COUNTS_ALLOCATIONS 1
static atomic_long n_allocations;
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n) {
    n_allocations++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
    n_allocations++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n) {
    n_allocations++;
    return __libc_realloc(p, n);
}
void *memalign(size_t align, size_t n) {
    n_allocations++;
    return __libc_memalign(align, n);
}
void *aligned_alloc(size_t align, size_t n) {
    n_allocations++;
    return __libc_memalign(align, n);
}
int posix_memalign(void **out, size_t align, size_t n) {
    n_allocations++;
    *out = __libc_memalign(align, n);
    return *out ? 0 : 12;
}
#endif

/* A teacher is at hand. */
#define TAUGHT                                                                             \
    B158 ", \"distill\": {\"teacher\": \"self\", \"losses\": [\"ce\", {\"loss\": \"kl\", " \
         "\"temperature\": 2}, {\"loss\": \"kl-top\", \"k\": 30}, \"rkl\"]}"

static void steps_allocate_nothing(void **state) {
    (void)state;
#ifdef COUNTS_ALLOCATIONS
    static const char *const quants[] = {
        "",
        B158,
        LSQ,
        LOW,
        HELD,
        TAUGHT,
        ", \"optim\": {\"kind\": \"muon\", \"ema\": 0.9, \"clip_percentile\": 5}"};
    for (int q = 0; q < 7; q++) {
        trit_error e = {0};
        trit_step_result step;
        trit_eval_result v;
        fixture f;
        open_run(&f, "\"accumulate\": 2, \"batch\": 4", quants[q], 2,
                 TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        assert_true(n_allocations > 0);
        /* Libraries may set themselves up in the first. */
        assert_ok(trit_run_step(&f.r, NULL, &step, &e));
        long before = n_allocations;
        for (int i = 0; i < 5; i++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
        assert_ok(trit_run_eval(&f.r, 0, NULL, &v, &e));
        assert_int_equal(n_allocations - before, 0);
        close_run(&f);
    }
#else
    skip();
#endif
}

static void threads_make_no_difference(void **state) {
    (void)state;
    static const char *const quants[] = {"", B158, LSQ, LOW, TAUGHT};
    for (int q = 0; q < 5; q++) {
        fixture f[3];
        double loss[3], valid[3];
        for (int n = 0; n < 3; n++) {
            trit_error e = {0};
            trit_step_result step;
            trit_eval_result v;
            open_run(&f[n], "\"batch\": 5", quants[q], n + 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
            for (int i = 0; i < 8; i++) assert_ok(trit_run_step(&f[n].r, NULL, &step, &e));
            assert_ok(trit_run_eval(&f[n].r, 0, NULL, &v, &e));
            loss[n] = step.loss;
            valid[n] = v.loss;
            assert_true(loss[n] == loss[0] && valid[n] == valid[0]);
            assert_true(same_state(&f[0].r, &f[n].r));
        }
        for (int n = 0; n < 3; n++) close_run(&f[n]);
    }
}

/* Integer products are exact, so an evaluation does not depend on them; training in low precision
 * stays near. */
static void low_precision_is_near(void **state) {
    (void)state;
    static const char *const computes[] = {B158, LOW};
    double first[2], last[2], valid[2];
    for (int c = 0; c < 2; c++) {
        trit_error e = {0};
        trit_step_result step = {0};
        trit_eval_result v;
        fixture f;
        open_run(&f, "\"batch\": 8", computes[c], 2, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        assert_ok(trit_run_eval(&f.r, 0, NULL, &v, &e));
        valid[c] = v.loss;
        for (int i = 0; i < 40; i++) {
            assert_ok(trit_run_step(&f.r, NULL, &step, &e));
            if (i == 0) first[c] = step.loss;
        }
        last[c] = step.loss;
        close_run(&f);
    }
    assert_near(valid[1], valid[0], 1e-5 * valid[0]);
    assert_near(first[1], first[0], 1e-3);
    assert_true(last[0] < first[0] - 1);
    assert_near(last[1], last[0], 0.05);
}

/* The same eight windows a step, at once or in two halves. */
static void accumulation_is_a_larger_batch(void **state) {
    (void)state;
    fixture a, b;
    open_run(&a, "\"batch\": 8", "", 1, TRIT_RUN_TRAIN);
    open_run(&b, "\"batch\": 4, \"accumulate\": 2", "", 1, TRIT_RUN_TRAIN);
    trit_error e = {0};
    trit_step_result x, y;
    for (int i = 0; i < 10; i++) {
        assert_ok(trit_run_step(&a.r, NULL, &x, &e));
        assert_ok(trit_run_step(&b.r, NULL, &y, &e));
        assert_near(x.loss, y.loss, 1e-5);
        assert_near(x.grad_norm, y.grad_norm, 1e-4);
    }
    /* Adam divides tiny gradients by themselves, so a few weights may differ more. */
    double off = 0, size = 0;
    for (int p = 0; p < a.r.ps.n; p++) {
        for (int64_t i = 0; i < trit_tensor_len(&a.r.ps.at[p]->val); i++) {
            double w = (double)trit_param_val(a.r.ps.at[p])[i];
            off += pow(w - (double)trit_param_val(b.r.ps.at[p])[i], 2);
            size += w * w;
        }
    }
    assert_true(sqrt(off) <= 1e-5 * sqrt(size));
    close_run(&a);
    close_run(&b);
}

/* Four texts of 16 random letters, told apart by the first: learned by heart. Returns the loss. */
static double learn_by_heart(const char *quant, int n_steps) {
    char more[256];
    snprintf(more, sizeof more,
             "%s, \"optim\": {\"lr\": 4e-3, \"warmup\": 10, \"weight_decay\": 0, \"schedule\": "
             "\"constant\"}",
             quant);
    fixture f;
    open_run(&f, "\"batch\": 4", more, 1, TRIT_RUN_BENCH);
    int32_t *x = f.r.train.io.tokens->val.data, *y = f.r.train.io.labels->val.data;
    trit_rng rng = {.seed = 1};
    for (int i = 0; i < 4 * 17; i++) {
        int at = i / 17 * 16 + i % 17;
        int32_t letter =
            i % 17 ? 'a' + (int32_t)(26 * trit_rng_uniform(&rng, (uint64_t)i)) : '0' + i / 17;
        if (i % 17 < 16) x[at] = letter;
        if (i % 17 > 0) y[at - 1] = letter;
    }
    double loss = INFINITY;
    for (int64_t s = 0; s < n_steps; s++) {
        trit_transformer_step(&f.r.model, s);
        trit_graph_forward(&f.r.train.graph, &f.r.x);
        loss = (double)*trit_val(f.r.train.io.loss);
        trit_graph_backward(&f.r.train.graph, &f.r.x, 1);
        trit_optim_update(&f.r.opt, &f.r.x, s, trit_optim_grad_norm(&f.r.opt, &f.r.x));
    }
    close_run(&f);
    return loss;
}

static void overfits(void **state) {
    (void)state;
    double full = learn_by_heart("", 400), lsq = learn_by_heart(LSQ, 400),
           ternary = learn_by_heart(B158, 400);
    if (!(full < 0.05 && lsq < 0.05 && ternary < 0.05)) {
        fail_msg("losses: full precision %g, lsq-w4 %g, bitnet-b1.58 %g", full, lsq, ternary);
    }
}

static void bad_numbers_are_named(void **state) {
    (void)state;
    trit_error e = {0};
    trit_step_result step;
    trit_eval_result v;
    fixture f;
    open_run(&f, "", B158, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    for (int i = 0; i < 3; i++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
    trit_param *p = trit_params_find(&f.r.ps, "blocks.0.ffn.up.weight");
    trit_real kept = trit_param_val(p)[7];
    trit_param_val(p)[7] = TRIT_R(NAN);
    assert_int_equal(trit_run_step(&f.r, NULL, &step, &e), TRIT_E_NUMERIC);
    assert_error_has(e, "step 3");
    assert_error_has(e, "quantizer blocks.0.ffn.up.weight_quant ");
    assert_error_has(e, "parameter blocks.0.ffn.up.weight ");
    assert_int_equal(f.r.step, 3);
    e = (trit_error){0};
    assert_int_equal(trit_run_eval(&f.r, 0, NULL, &v, &e), TRIT_E_NUMERIC);
    assert_error_has(e, "blocks.0.ffn.up.weight");
    /* Weights that are finite, but too large to multiply. */
    e = (trit_error){0};
    trit_param_val(p)[7] = kept;
    trit_param *head = trit_params_find(&f.r.ps, "embed.weight");
    for (int i = 0; i < 257 * 32; i++) trit_param_val(head)[i] = TRIT_R(3e38);
    assert_int_equal(trit_run_step(&f.r, NULL, &step, &e), TRIT_E_NUMERIC);
    assert_error_has(e, "step 3: loss ");
    assert_error_has(e, "optim.lr");
    close_run(&f);
}

/* Clipping would hide an infinity from the loss; a bad bias or norm shows in what is quantized
 * next.
 */
static void what_is_quantized_is_finite(void **state) {
    (void)state;
    static const char *const quants[] = {
        ", \"quant\": {\"weights\": \"int4-learned\", \"activations\": \"int8-learned\"}",
        ", \"quant\": {\"weights\": \"lsqplus4\", \"activations\": \"lsqplus4\"}"};
    for (int i = 0; i < 4; i++) {
        trit_error e = {0};
        trit_step_result step;
        trit_eval_result v;
        fixture f;
        open_run(&f, "", quants[i / 2], 2, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        for (int s = 0; s < 2; s++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
        const char *path = i % 2 ? "blocks.0.ffn.norm.weight" : "blocks.0.ffn.down.weight";
        const char *quant = i % 2 ? "quantizer blocks.0.ffn.gate.input_quant "
                                  : "quantizer blocks.0.ffn.down.weight_quant ";
        trit_param *p = trit_params_find(&f.r.ps, path);
        trit_param_val(p)[3] = TRIT_R(INFINITY);
        assert_int_equal(trit_run_step(&f.r, NULL, &step, &e), TRIT_E_NUMERIC);
        assert_error_has(e, "step 2: ");
        assert_error_has(e, quant);
        assert_error_has(e, path);
        e = (trit_error){0};
        assert_int_equal(trit_run_eval(&f.r, 0, NULL, &v, &e), TRIT_E_NUMERIC);
        assert_error_has(e, quant);
        /* It is forgotten once the cause is gone. */
        trit_param_val(p)[3] = 0;
        e = (trit_error){0};
        assert_ok(trit_run_step(&f.r, NULL, &step, &e));
        assert_ok(trit_run_eval(&f.r, 0, NULL, &v, &e));
        close_run(&f);
    }
}

/* Each token but the first is predicted once, however many windows there are in a batch. */
static void evaluation(void **state) {
    (void)state;
    trit_error e = {0};
    trit_eval_result first = {0}, v;
    static const char *const batches[] = {"\"batch\": 1", "\"batch\": 3", "\"batch\": 64"};
    for (int i = 0; i < 3; i++) {
        fixture f;
        open_run(&f, batches[i], B158, 1, TRIT_RUN_EVAL);
        assert_ok(trit_run_eval(&f.r, 0, NULL, &v, &e));
        if (i == 0) first = v;
        assert_int_equal(v.n_tokens, trit_data_valid_tokens(f.r.data) - 1);
        assert_near(v.loss, first.loss, 1e-6);
        assert_near(v.loss, log(257), 0.03);
        assert_true(isnan(v.gap_to_source));
        /* One end-of-text token is predicted, and is no byte. */
        assert_near(v.bits_per_byte,
                    v.loss / log(2) * (double)v.n_tokens / (double)(v.n_tokens - 1), 1e-9);
        assert_ok(trit_run_eval(&f.r, 33, NULL, &v, &e));
        assert_int_equal(v.n_tokens, 48); /* whole windows of 16 */
        close_run(&f);
    }
}

static void label_smoothing_is_for_training(void **state) {
    (void)state;
    trit_error e = {0};
    double train[2], valid[2];
    for (int i = 0; i < 2; i++) {
        trit_step_result step = {0};
        trit_eval_result v;
        fixture f;
        open_run(&f, i ? "\"label_smoothing\": 0.5" : "", "", 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
        assert_ok(trit_run_eval(&f.r, 0, NULL, &v, &e));
        valid[i] = v.loss;
        for (int k = 0; k < 60; k++) assert_ok(trit_run_step(&f.r, NULL, &step, &e));
        train[i] = step.loss;
        close_run(&f);
    }
    assert_true(valid[0] == valid[1]);
    assert_true(train[1] > train[0] + 0.3);
}

static void a_stopped_step_changes_nothing(void **state) {
    (void)state;
    trit_error e = {0};
    trit_step_result step;
    trit_eval_result v;
    const volatile sig_atomic_t stop = 15;
    fixture a, b;
    open_run(&a, "", B158, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    open_run(&b, "", B158, 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    for (int i = 0; i < 3; i++) {
        e = (trit_error){0};
        assert_int_equal(trit_run_step(&a.r, &stop, &step, &e), TRIT_E_STOPPED);
        assert_int_equal(trit_run_eval(&a.r, 0, &stop, &v, &e), TRIT_E_STOPPED);
        assert_true(same_state(&a.r, &b.r));
        e = (trit_error){0};
        assert_ok(trit_run_step(&a.r, NULL, &step, &e));
        assert_ok(trit_run_step(&b.r, NULL, &step, &e));
        assert_true(same_state(&a.r, &b.r));
    }
    close_run(&a);
    close_run(&b);
}

static const trit_real *logits_of(fixture *f, const int32_t *tokens, int64_t n) {
    const trit_real *logits = NULL;
    trit_error e = {0};
    assert_ok(trit_run_logits(&f->r, tokens, n, &logits, &e));
    return logits;
}

/* Prediction sees the last `context` tokens, and what the training graph would compute. */
static void prediction(void **state) {
    (void)state;
    fixture f;
    open_run(&f, "", B158, 1, TRIT_RUN_GENERATE);
    int32_t text[40];
    for (int i = 0; i < 40; i++) text[i] = (i * 7) % 257;
    trit_real last[257];
    memcpy(last, logits_of(&f, text + 24, 16), sizeof last);
    assert_memory_equal(logits_of(&f, text, 40), last, sizeof last);
    memcpy(last, logits_of(&f, text, 5), sizeof last);
    assert_memory_not_equal(logits_of(&f, text, 6), last, sizeof last);
    assert_memory_equal(logits_of(&f, text, 5), last, sizeof last);
    trit_error e = {0};
    const trit_real *logits;
    trit_param *norm = trit_params_find(&f.r.ps, "final_norm.weight");
    assert_non_null(norm);
    trit_param_val(norm)[0] = TRIT_R(INFINITY);
    assert_int_equal(trit_run_logits(&f.r, text, 5, &logits, &e), TRIT_E_NUMERIC);
    assert_error_has(e, "parameter final_norm.weight ");
    close_run(&f);
}

/* What is computed again is the same, so training goes the same way with less memory. */
static void recomputation_changes_no_bit(void **state) {
    (void)state;
    static const char *const quants[] = {"", B158, LSQ, LOW};
    static const char *const ways[] = {"\"accumulate\": 2",
                                       "\"accumulate\": 2, \"recompute\": \"attention\"",
                                       "\"accumulate\": 2, \"recompute\": \"block\""};
    for (int q = 0; q < 4; q++) {
        fixture f[3];
        for (int w = 0; w < 3; w++) {
            trit_error e = {0};
            trit_step_result step;
            open_run(&f[w], ways[w], quants[q], w + 1, TRIT_RUN_TRAIN);
            for (int i = 0; i < 4; i++) assert_ok(trit_run_step(&f[w].r, NULL, &step, &e));
            assert_true(same_state(&f[0].r, &f[w].r));
            assert_true(f[w].r.train.graph.bound_bytes <= f[0].r.train.graph.bound_bytes);
        }
        assert_true(f[2].r.train.graph.n > f[0].r.train.graph.n); /* something is computed again */
        for (int w = 0; w < 3; w++) close_run(&f[w]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recomputation_changes_no_bit),
        cmocka_unit_test(steps_allocate_nothing),
        cmocka_unit_test(threads_make_no_difference),
        cmocka_unit_test(low_precision_is_near),
        cmocka_unit_test(accumulation_is_a_larger_batch),
        cmocka_unit_test(overfits),
        cmocka_unit_test(bad_numbers_are_named),
        cmocka_unit_test(what_is_quantized_is_finite),
        cmocka_unit_test(evaluation),
        cmocka_unit_test(label_smoothing_is_for_training),
        cmocka_unit_test(a_stopped_step_changes_nothing),
        cmocka_unit_test(prediction),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
