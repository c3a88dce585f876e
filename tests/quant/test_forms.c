/* What holds for every form: looping over the registry, so that a new form is tested by being in
 * its list. Each law is tried at every number of bits and granularity that a form takes. */
#include "form_bench.h"

static const int64_t MATRIX[2] = {5, 24};
enum { N = 5 * 24, GROUP = 8, ROWS = 5, COLS = 24 };

typedef struct subject {
    const trit_form *form;
    trit_spec spec;
    trit_quant_kind kind;
    char text[96];
} subject;
static subject now;

static int tell(void **state) {
    (void)state;
    if (now.form) print_error("last form tried: %s\n", now.text);
    return 0;
}

/* Numbers in place of random ones, so that no law meets chance. */
static trit_real *steady_noise(void) {
    static trit_real noise[N];
    for (int i = 0; i < N; i++) noise[i] = TRIT_R(0.25);
    return noise;
}

static void each(void (*law)(const subject *s)) {
    int n = 0;
    for (int i = 1; trit_forms[i]; i++) {
        now.form = trit_forms[i];
        for (int kind = 0; kind < 2; kind++) {
            for (int bits = now.form->bits_min; bits <= now.form->bits_max; bits++) {
                for (int g = 0; g < TRIT_N_GRANULARITY; g++) {
                    now.kind = (trit_quant_kind)kind;
                    now.spec = trit_spec_make_form(now.kind, i);
                    now.spec.bits = bits;
                    now.spec.granularity = (trit_granularity)g;
                    now.spec.group = GROUP;
                    if (trit_spec_check(&now.spec, now.kind, NULL)) continue;
                    trit_spec_text(&now.spec, now.text);
                    law(&now);
                    n++;
                }
            }
        }
    }
    assert_true(n > 0);
    now.form = NULL;
}

/* bench keeps pointers into itself: it is opened in place. */
#define OPEN(b, s, ...)                                                             \
    bench b;                                                                        \
    bench_open(&b, &(s)->spec, (s)->kind, 2, MATRIX, (bench_options){__VA_ARGS__}); \
    b.quant.noise = steady_noise();                                                 \
    bench_random(&b)

static trit_param *learnable(const bench *b, int k) {
    return b->quant.learn[k];
}

static int64_t length(const trit_param *p) {
    return trit_tensor_len(&p->val);
}

static bool all_finite(const trit_real *v, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) return false;
    }
    return true;
}

/* Values, and after training all gradients, are numbers. */
static void assert_numbers(const bench *b, const subject *s) {
    assert_true(all_finite(bench_y(b), b->n));
    for (int k = 0; k < s->form->n_learn; k++) {
        const trit_param *p = learnable(b, k);
        assert_true(all_finite(trit_param_val(p), length(p)));
        if (b->graph.mode == TRIT_TRAIN && !s->form->learn[k].buffer) {
            assert_true(all_finite(trit_param_grad(p), length(p)));
        }
    }
    if (b->graph.mode == TRIT_TRAIN) assert_true(all_finite(trit_param_grad(b->x), b->n));
}

/* Every number that a run of a and b left has the same bits. */
static void assert_same(const bench *a, const bench *b, const subject *s) {
    size_t bytes = (size_t)a->n * sizeof(trit_real);
    assert_memory_equal(bench_y(a), bench_y(b), bytes);
    if (a->graph.mode != TRIT_TRAIN) return;
    assert_memory_equal(trit_param_grad(a->x), trit_param_grad(b->x), bytes);
    for (int k = 0; k < s->form->n_learn; k++) {
        if (s->form->learn[k].buffer) continue;
        bytes = (size_t)length(learnable(a, k)) * sizeof(trit_real);
        assert_memory_equal(trit_param_grad(learnable(a, k)), trit_param_grad(learnable(b, k)),
                            bytes);
    }
}

/* ---- rows ---------------------------------------------------------------------------------- */

static void rows(void **state) {
    (void)state;
    for (int i = 1; trit_forms[i]; i++) {
        const trit_form *f = trit_forms[i];
        now = (subject){.form = f};
        snprintf(now.text, sizeof now.text, "%s", f->name);
        assert_string_equal(f->name, trit_form_names[i]);
        assert_int_equal(strspn(f->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(f->name));
        assert_true(f->doc && *f->doc && f->pitfall && *f->pitfall);
        assert_non_null(strstr(f->cite, "arXiv "));
        assert_true(f->weights || f->activations);
        assert_true(f->forward && f->backward);
        assert_true(f->bits_min >= 1 && f->bits_min <= f->bits_default);
        assert_true(f->bits_default <= f->bits_max && f->bits_max <= 32);
        assert_true((f->surrogate != NULL) == (f->check == TRIT_CHECK_SURROGATE));
        assert_true(f->n_learn <= TRIT_MAX_LEARN);
        for (int k = 0; k < f->n_learn; k++) {
            assert_true(f->learn[k].name && f->learn[k].doc);
            assert_string_not_equal(f->learn[k].name, "ready");
            for (int j = 0; j < k; j++) {
                assert_string_not_equal(f->learn[k].name, f->learn[j].name);
            }
        }
        int n = 0;
        for (const trit_knob *k = f->knob; k && k->name; k++, n++) {
            assert_true(k->lo <= k->dflt && k->dflt <= k->hi && *k->doc);
        }
        assert_true(n <= TRIT_MAX_KNOB);
        for (int j = 1; j < i; j++) assert_string_not_equal(f->name, trit_form_names[j]);
        /* The word is the form, in each use that it has. */
        for (int kind = 0; kind < 2; kind++) {
            trit_error e = {0};
            trit_spec sp, dflt = trit_spec_make_form((trit_quant_kind)kind, i);
            bool may = kind == TRIT_QUANT_WEIGHT ? f->weights : f->activations;
            trit_status status = trit_spec_parse(&sp, (trit_quant_kind)kind, f->name, &e);
            assert_int_equal(status, may ? TRIT_OK : TRIT_E_CONFIG);
            if (may) assert_true(trit_spec_equal(&sp, &dflt));
        }
    }
    now.form = NULL;
}

/* ---- values -------------------------------------------------------------------------------- */

static void check_numbers(const subject *s) {
    OPEN(b, s, .mode = TRIT_TRAIN);
    OPEN(again, s, .mode = TRIT_TRAIN);
    bench_run(&b);
    bench_run(&again);
    assert_numbers(&b, s);
    assert_same(&b, &again, s);
    bench_run(&b); /* what start gave is what the second forward finds */
    assert_same(&b, &again, s);
    bench_close(&b);
    bench_close(&again);
}

static void ordinary_numbers(void **state) {
    (void)state;
    each(check_numbers);
}

/* An outlier, exact zeros of both signs, and numbers too small for a reciprocal. Gradients may be
 * products of scales: the largest outlier is for values only. */
static void check_extremes(const subject *s) {
    enum { HUGE_OUTLIER, OUTLIER, ZEROS, TINY, N_ROUND };
    static const float special[] = {1e12f, 0, -0.0f, 1e-40f, -1e-40f, 1e-20f, -3, 0};
    for (int round = 0; round < N_ROUND; round++) {
        OPEN(b, s, .mode = TRIT_TRAIN);
        for (int i = 0; i < N; i++) {
            trit_real *x = trit_param_val(b.x) + i;
            *x = round == ZEROS ? TRIT_R(i % 2 ? -0.0 : 0) : TRIT_R(special[i % 8]);
            if (round == HUGE_OUTLIER && i % 8 == 0) *x = TRIT_R(1e37);
            if (round == TINY) *x = TRIT_R(1e-40f);
        }
        bench_run(&b);
        if (round == HUGE_OUTLIER) {
            assert_true(all_finite(bench_y(&b), N));
        } else {
            assert_numbers(&b, s);
        }
        bench_close(&b);
    }
}

static void extreme_numbers(void **state) {
    (void)state;
    each(check_extremes);
}

static void check_groups_of_one(const subject *s) {
    if (s->spec.granularity != TRIT_GRANULARITY_group || s->form->multiple > 1) return;
    subject one = *s;
    one.spec.group = 1;
    OPEN(b, &one, .mode = TRIT_TRAIN);
    bench_run(&b);
    assert_numbers(&b, &one);
    bench_close(&b);
}

static void groups_of_one(void **state) {
    (void)state;
    each(check_groups_of_one);
}

/* A NaN that turns up later is seen where it is, with and without codes, and not in other groups.
 */
static void check_nan(const subject *s) {
    for (int no_codes = 0; no_codes < 2; no_codes++) {
        OPEN(b, s, .mode = TRIT_TRAIN, .no_codes = no_codes);
        bench_run(&b);
        trit_real before[N];
        memcpy(before, bench_y(&b), sizeof before);
        enum { AT = 2 * COLS + 3 };
        trit_param_val(b.x)[AT] = TRIT_R(NAN);
        bench_run(&b);
        assert_true(isnan(bench_y(&b)[AT]));
        int64_t len = b.n / b.n_group;
        for (int64_t i = 0; i < b.n; i++) {
            if (i / len == AT / len || s->spec.granularity == TRIT_GRANULARITY_tensor) continue;
            if (s->form->look) continue; /* groups that know of each other */
            assert_true(bench_y(&b)[i] == before[i]);
        }
        if (!no_codes && trit_form_stats(b.y)[AT / len * TRIT_FORM_STAT + 2] == 0) {
            assert_true(isnan(trit_form_stats(b.y)[AT / len * TRIT_FORM_STAT]));
        }
        bench_close(&b);
    }
}

static void nan_is_seen(void **state) {
    (void)state;
    each(check_nan);
}

/* ---- the grid ------------------------------------------------------------------------------ */

static int distinct(const trit_real *v, int64_t n) {
    int found = 0;
    for (int64_t i = 0; i < n; i++) {
        bool old = false;
        for (int64_t j = 0; j < i && !old; j++) old = v[j] == v[i];
        found += !old;
    }
    return found;
}

static void check_levels(const subject *s) {
    OPEN(b, s, .mode = TRIT_EVAL);
    bench_run(&b);
    int64_t len = b.n / b.n_group;
    for (int64_t group = 0; group < b.n_group; group++) {
        trit_real level[256];
        int n = trit_form_levels(b.y, group, level, 256);
        const trit_real *y = bench_y(&b) + group * len;
        const double *stat = trit_form_stats(b.y) + group * TRIT_FORM_STAT;
        if (n == 0 || n > 256) continue;
        for (int k = 1; k < n; k++) assert_true(level[k] > level[k - 1]);
        bool zero_beside = strcmp(s->form->name, "adalog") == 0; /* a level more, as released */
        assert_true(distinct(y, len) <= (1 << s->spec.bits) + zero_beside);
        for (int64_t i = 0; i < len; i++) {
            const int8_t *codes = b.y->code.data;
            int at = 0;
            int32_t code = codes[group * len + i]; /* NOLINT(bugprone-signed-char-misuse): signed */
            while (at < n && level[at] != y[i]) at++;
            assert_true(at < n);
            if (stat[2] != 0) {
                assert_int_equal(code & 255, at);
            } else {
                assert_near(stat[0] * (code - stat[1]), y[i], 1e-6);
            }
        }
    }
    bench_close(&b);
}

static void values_are_levels_and_codes(void **state) {
    (void)state;
    each(check_levels);
}

static void check_codes_only(const subject *s) {
    OPEN(b, s, .mode = TRIT_EVAL);
    OPEN(only, s, .mode = TRIT_EVAL, .codes_only = true);
    bench_run(&b);
    bench_run(&only);
    assert_null(only.y->val.data);
    assert_memory_equal(only.y->code.data, b.y->code.data, (size_t)b.n);
    bench_close(&b);
    bench_close(&only);
}

static void codes_without_values(void **state) {
    (void)state;
    each(check_codes_only);
}

/* ---- laws that a form declares -------------------------------------------------------------- */

static void check_scaling(const subject *s) {
    double factor[2] = {s->form->odd ? -1 : 1, s->form->equivariant ? 4 : 1};
    for (int law = 0; law < 2; law++) {
        OPEN(b, s, .mode = TRIT_TRAIN);
        OPEN(other, s, .mode = TRIT_TRAIN);
        for (int i = 0; i < N; i++) trit_param_val(other.x)[i] *= TRIT_R(factor[law]);
        bench_run(&b);
        bench_run(&other);
        for (int i = 0; i < N; i++) {
            assert_true(bench_y(&other)[i] == TRIT_R(factor[law]) * bench_y(&b)[i]);
        }
        bench_close(&b);
        bench_close(&other);
    }
}

static void odd_and_equivariant(void **state) {
    (void)state;
    each(check_scaling);
}

/* ---- threads and places --------------------------------------------------------------------- */

static void check_threads(const subject *s) {
    OPEN(b, s, .mode = TRIT_TRAIN, .n_threads = 1);
    OPEN(other, s, .mode = TRIT_TRAIN, .n_threads = 3);
    bench_run(&b);
    bench_run(&other);
    assert_same(&b, &other, s);
    bench_close(&b);
    bench_close(&other);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    each(check_threads);
}

/* Rows in reverse order give results in reverse order. */
static void check_order(const subject *s) {
    if (s->spec.granularity == TRIT_GRANULARITY_tensor) return;
    OPEN(b, s, .mode = TRIT_TRAIN);
    OPEN(turned, s, .mode = TRIT_TRAIN);
    size_t bytes = COLS * sizeof(trit_real);
    for (int r = 0; r < ROWS; r++) {
        int to = (ROWS - 1 - r) * COLS;
        memcpy(trit_param_val(turned.x) + to, trit_param_val(b.x) + r * COLS, bytes);
        memcpy(trit_val(turned.g) + to, trit_val(b.g) + r * COLS, bytes);
    }
    bench_run(&b);
    bench_run(&turned);
    for (int r = 0; r < ROWS; r++) {
        int to = (ROWS - 1 - r) * COLS;
        assert_memory_equal(bench_y(&turned) + to, bench_y(&b) + r * COLS, bytes);
        assert_memory_equal(trit_param_grad(turned.x) + to, trit_param_grad(b.x) + r * COLS, bytes);
    }
    for (int k = 0; k < s->form->n_learn; k++) {
        if (s->form->learn[k].buffer) continue;
        int64_t n = length(learnable(&b, k));
        bool by_place = s->form->learn[k].size == TRIT_LEARN_GROUP ||
                        s->form->learn[k].size == TRIT_LEARN_ELEMENT;
        int64_t part = by_place ? n / ROWS : n;
        for (int64_t i = 0; i < n; i++) {
            int64_t to = by_place ? (ROWS - 1 - i / part) * part + i % part : i;
            assert_near(trit_param_grad(learnable(&turned, k))[to],
                        trit_param_grad(learnable(&b, k))[i], 1e-5);
        }
    }
    bench_close(&b);
    bench_close(&turned);
}

static void order_of_rows(void **state) {
    (void)state;
    each(check_order);
}

/* ---- gradients ------------------------------------------------------------------------------ */

static void check_no_gradient(const subject *s) {
    OPEN(b, s, .mode = TRIT_TRAIN);
    memset(trit_val(b.g), 0, N * sizeof(trit_real));
    bench_run(&b);
    for (int i = 0; i < N; i++) assert_true(trit_param_grad(b.x)[i] == 0);
    for (int k = 0; k < s->form->n_learn; k++) {
        if (s->form->learn[k].buffer) continue;
        const trit_param *p = learnable(&b, k);
        for (int64_t i = 0; i < length(p); i++) assert_true(trit_param_grad(p)[i] == 0);
    }
    bench_close(&b);
}

static void no_gradient_gives_none(void **state) {
    (void)state;
    each(check_no_gradient);
}

/* Half strength is half way between the input and the quantized value, gradients likewise. */
static void check_strength(const subject *s) {
    subject half = *s;
    half.spec.lambda.from = half.spec.lambda.to = 0.5;
    OPEN(b, s, .mode = TRIT_TRAIN);
    OPEN(mixed, &half, .mode = TRIT_TRAIN);
    bench_run(&b);
    bench_run(&mixed);
    for (int i = 0; i < N; i++) {
        trit_real x = trit_param_val(b.x)[i], g = trit_val(b.g)[i];
        assert_near(bench_y(&mixed)[i], (x + bench_y(&b)[i]) / 2, 1e-6);
        assert_near(trit_param_grad(mixed.x)[i], (g + trit_param_grad(b.x)[i]) / 2, 1e-6);
    }
    for (int k = 0; k < s->form->n_learn; k++) {
        if (s->form->learn[k].buffer) continue;
        for (int64_t i = 0; i < length(learnable(&b, k)); i++) {
            assert_near(trit_param_grad(learnable(&mixed, k))[i],
                        trit_param_grad(learnable(&b, k))[i] / 2, 1e-6);
        }
    }
    bench_close(&b);
    bench_close(&mixed);
}

static void strength(void **state) {
    (void)state;
    each(check_strength);
}

/* ---- learnables ----------------------------------------------------------------------------- */

static bool ready(const bench *b) {
    return *trit_param_val(b->quant.ready) != 0;
}

/* First values come once, in training, and not where a run brings its own. */
static void check_first_values(const subject *s) {
    int n_learn = s->form->n_learn;
    if (!n_learn) return;
    OPEN(b, s, .mode = TRIT_TRAIN);
    assert_false(ready(&b));
    bench_run(&b);
    assert_true(ready(&b));
    trit_real first[N];
    for (int k = 0; k < n_learn; k++) {
        trit_real *v = trit_param_val(learnable(&b, k));
        size_t bytes = (size_t)length(learnable(&b, k)) * sizeof *v;
        memcpy(first, v, bytes);
        for (int i = 0; i < N; i++) trit_param_val(b.x)[i] *= TRIT_R(3.5);
        bench_run(&b);
        assert_memory_equal(v, first, bytes);
    }

    OPEN(resumed, s, .mode = TRIT_TRAIN);
    for (int k = 0; k < n_learn; k++) {
        memcpy(trit_param_val(learnable(&resumed, k)), trit_param_val(learnable(&b, k)),
               (size_t)length(learnable(&b, k)) * sizeof(trit_real));
    }
    *trit_param_val(resumed.quant.ready) = 1;
    memcpy(trit_param_val(resumed.x), trit_param_val(b.x), N * sizeof(trit_real));
    bench_run(&resumed);
    assert_same(&resumed, &b, s);
    bench_close(&resumed);
    bench_close(&b);

    OPEN(eval, s, .mode = TRIT_EVAL);
    bench_run(&eval);
    assert_false(ready(&eval));
    assert_numbers(&eval, s);
    bench_close(&eval);
}

static void first_values(void **state) {
    (void)state;
    each(check_first_values);
}

/* Before its start a form is not there, and its learnables have no values. */
static void check_start(const subject *s) {
    subject late = *s;
    late.spec.start = 2;
    OPEN(b, &late, .mode = TRIT_TRAIN);
    bench_run(&b);
    assert_memory_equal(bench_y(&b), trit_param_val(b.x), N * sizeof(trit_real));
    assert_memory_equal(trit_param_grad(b.x), trit_val(b.g), N * sizeof(trit_real));
    if (s->form->n_learn) assert_false(ready(&b));
    trit_quant_step(&b.quant, 2);
    bench_run(&b);
    assert_memory_not_equal(bench_y(&b), trit_param_val(b.x), N * sizeof(trit_real));
    if (s->form->n_learn) assert_true(ready(&b));
    bench_close(&b);
}

static void late_start(void **state) {
    (void)state;
    each(check_start);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rows, tell),
        cmocka_unit_test_teardown(ordinary_numbers, tell),
        cmocka_unit_test_teardown(extreme_numbers, tell),
        cmocka_unit_test_teardown(groups_of_one, tell),
        cmocka_unit_test_teardown(nan_is_seen, tell),
        cmocka_unit_test_teardown(values_are_levels_and_codes, tell),
        cmocka_unit_test_teardown(codes_without_values, tell),
        cmocka_unit_test_teardown(odd_and_equivariant, tell),
        cmocka_unit_test_teardown(threads_do_not_matter, tell),
        cmocka_unit_test_teardown(order_of_rows, tell),
        cmocka_unit_test_teardown(no_gradient_gives_none, tell),
        cmocka_unit_test_teardown(strength, tell),
        cmocka_unit_test_teardown(first_values, tell),
        cmocka_unit_test_teardown(late_start, tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
