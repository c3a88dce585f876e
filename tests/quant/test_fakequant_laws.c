/* What holds for every combination of rows: looping over the registries, so that a new row is
 * tested by being in its list. */
#include "combinations.h"
#include "fakequant_bench.h"

static const int64_t MATRIX[2] = {4, 12}; /* groups of 4 */

static bool looks_at_data(const trit_spec *sp) {
    return trit_scales[sp->scale]->measure != NULL;
}

/* Whether training draws random numbers, which are another element's in another tensor. */
static bool is_random(const trit_spec *sp) {
    return trit_estimators[sp->estimator]->soft != NULL;
}
static bool is_not_random(const trit_spec *sp) {
    return !is_random(sp);
}

static bool has_level(const bench *b, trit_real v) {
    for (int i = 0; i < b->quant.n_level; i++) {
        if (b->quant.level[i] == v) return true;
    }
    return false;
}

/* ---- codes, scales and values -------------------------------------------------------------- */

static int64_t group_of(const bench *b, int64_t i) {
    return i / (b->n / b->n_group);
}

static void check_codes(const trit_spec *sp, trit_quant_kind kind) {
    bench b, only;
    bench_open(&b, sp, kind, 2, MATRIX, (bench_options){.mode = TRIT_EVAL});
    bench_open(&only, sp, kind, 2, MATRIX, (bench_options){.mode = TRIT_EVAL, .codes_only = true});
    bench_random(&b);
    bench_random(&only);
    bench_run(&b);
    bench_run(&only);
    assert_null(only.y->val.data);
    assert_memory_equal(only.y->code.data, b.y->code.data, (size_t)b.n);
    for (int64_t i = 0; i < b.n; i++) {
        trit_real level = bench_level(&b, i);
        assert_true(bench_y(&b)[i] == bench_scales(&b)[group_of(&b, i)] * level);
        assert_true(has_level(&b, level));
        if (trit_grids[sp->grid]->indexed) assert_true(bench_code(&b, i) < b.quant.n_level);
    }
    bench_close(&b);
    bench_close(&only);
}

static void codes_times_scales_are_values(void **state) {
    (void)state;
    combinations_each(4, NULL, check_codes);
}

/* The scale of each group is that of the group alone. */
static void check_granularity(const trit_spec *sp, trit_quant_kind kind) {
    bench b, alone;
    bench_open(&b, sp, kind, 2, MATRIX, (bench_options){.mode = TRIT_TRAIN});
    bench_random(&b);
    bench_run(&b);
    static const int64_t n_group[] = {1, 4, 4, 12};
    assert_int_equal(b.n_group, n_group[sp->granularity]);
    int64_t len = b.n / b.n_group;
    trit_spec one = *sp;
    one.granularity = TRIT_GRANULARITY_tensor;
    for (int64_t k = 0; k < b.n_group; k++) {
        bench_open(&alone, &one, kind, 2, (int64_t[]){1, len}, (bench_options){.mode = TRIT_TRAIN});
        size_t bytes = (size_t)len * sizeof(trit_real);
        memcpy(trit_param_val(alone.x), trit_param_val(b.x) + k * len, bytes);
        memcpy(trit_val(alone.g), trit_val(b.g) + k * len, bytes);
        bench_run(&alone);
        assert_true(bench_scales(&alone)[0] == bench_scales(&b)[k]);
        assert_memory_equal(bench_y(&alone), bench_y(&b) + k * len, bytes);
        assert_memory_equal(trit_param_grad(alone.x), trit_param_grad(b.x) + k * len, bytes);
        if (bench_step(&b)) { /* over sqrt(N): N of the tensor */
            double got = (double)trit_param_grad(bench_step(&b))[k],
                   whole = (double)*trit_param_grad(bench_step(&alone)) / sqrt((double)b.n_group);
            assert_near(got, whole, 1e-6 * fmax(1, fabs(whole)));
        }
        bench_close(&alone);
    }
    bench_close(&b);
}

static void groups_are_independent(void **state) {
    (void)state;
    combinations_each(4, is_not_random, check_granularity);
}

static void groups_of_one(void **state) {
    (void)state;
    trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, "int8-group1", "ste");
    bench b;
    bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, MATRIX, (bench_options){.mode = TRIT_TRAIN});
    bench_random(&b);
    bench_run(&b);
    assert_int_equal(b.n_group, b.n);
    for (int64_t i = 0; i < b.n; i++) {
        trit_real x = trit_param_val(b.x)[i];
        assert_int_equal(bench_code(&b, i), x < 0 ? -127 : 127);
        assert_near(bench_y(&b)[i], x, 1e-6);
    }
    bench_close(&b);
}

/* ---- values that are no ordinary numbers ---------------------------------------------------- */

static void check_zeros(const trit_spec *sp, trit_quant_kind kind) {
    bench b;
    bench_open(&b, sp, kind, 2, MATRIX, (bench_options){.mode = TRIT_TRAIN});
    for (int64_t i = 0; i < b.n; i += 2) trit_param_val(b.x)[i] = -0.0f;
    bench_run(&b);
    bool has_zero = has_level(&b, 0);
    for (int64_t i = 0; i < b.n; i++) {
        assert_true(has_zero ? bench_y(&b)[i] == 0 : isfinite(bench_y(&b)[i]));
        assert_true(isfinite(trit_param_grad(b.x)[i]));
        assert_true(bench_y(&b)[i] == bench_y(&b)[0] || is_random(sp)); /* -0 is 0 */
    }
    for (int64_t k = 0; k < b.n_group; k++) assert_true(bench_scales(&b)[k] > 0);
    bench_close(&b);
}

static void check_denormals(const trit_spec *sp, trit_quant_kind kind) {
    bench b;
    bench_open(&b, sp, kind, 2, MATRIX, (bench_options){.mode = TRIT_TRAIN});
    for (int64_t i = 0; i < b.n; i++) trit_param_val(b.x)[i] = i % 2 ? 1e-40f : -1e-45f;
    bench_run(&b);
    for (int64_t i = 0; i < b.n; i++) {
        assert_true(fabsf((float)bench_y(&b)[i]) <= 0.05f); /* a level next to zero */
        assert_true(isfinite(trit_param_grad(b.x)[i]));
    }
    bench_close(&b);
}

static void check_outlier(const trit_spec *sp, trit_quant_kind kind) {
    bench b;
    bench_open(&b, sp, kind, 2, MATRIX, (bench_options){.mode = TRIT_TRAIN});
    bench_random(&b);
    trit_param_val(b.x)[5] = 1e30f;
    bench_run(&b);
    for (int64_t i = 0; i < b.n; i++) {
        assert_true(isfinite(bench_y(&b)[i]));
        assert_true(isfinite(trit_param_grad(b.x)[i]));
    }
    assert_true(bench_y(&b)[5] > 0);
    bool absmax = strcmp(trit_scale_names[sp->scale], "absmax") == 0;
    absmax = absmax && has_level(&b, 0);
    for (int64_t i = 0; absmax && i < b.n; i++) { /* nothing else is seen beside it */
        if (group_of(&b, i) != group_of(&b, 5)) continue;
        assert_true(bench_level(&b, i) == (i == 5 ? b.quant.hi : 0));
    }
    bench_close(&b);
}

/* A NaN stays one, in values and in codes times scale, and spoils no other group. */
static void check_nan(const trit_spec *sp, trit_quant_kind kind) {
    for (int no_codes = 0; no_codes < 2; no_codes++) {
        bench b;
        bench_open(&b, sp, kind, 2, MATRIX,
                   (bench_options){.mode = TRIT_TRAIN, .no_codes = no_codes});
        bench_random(&b);
        trit_param_val(b.x)[6] = NAN;
        for (int again = 0; again < 2; again++) { /* learned steps: first value, then the kept */
            if (again && bench_step(&b)) trit_param_val(bench_step(&b))[group_of(&b, 6)] = 0.5f;
            bench_run(&b);
            assert_true(isnan(bench_y(&b)[6]));
            bool spoiled = isnan(bench_scales(&b)[group_of(&b, 6)]);
            if (!no_codes || (looks_at_data(sp) && !again)) assert_true(spoiled);
            for (int64_t i = 0; i < b.n; i++) {
                if (group_of(&b, i) == group_of(&b, 6)) continue;
                assert_false(isnan(bench_y(&b)[i]));
            }
        }
        bench_close(&b);
    }
}

static void odd_values(void **state) {
    (void)state;
    combinations_each(4, NULL, check_zeros);
    combinations_each(4, NULL, check_denormals);
    combinations_each(4, NULL, check_outlier);
    combinations_each(4, NULL, check_nan);
}

/* A NaN anywhere in a group of many parts. */
static void nan_in_a_long_group(void **state) {
    (void)state;
    static const int64_t dim[2] = {2, 10000};
    for (int s = 0; trit_scales[s]; s++) {
        trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, "int8-tensor", "ste");
        sp.scale = s;
        trit_spec_reset_knobs(&sp);
        for (int64_t at = 0; at < 20000; at += 9999) {
            bench b;
            bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, dim, (bench_options){.mode = TRIT_EVAL});
            bench_random(&b);
            trit_param_val(b.x)[at] = NAN;
            bench_run(&b);
            assert_true(isnan(bench_scales(&b)[0]));
            assert_true(isnan(bench_y(&b)[at]));
            bench_close(&b);
        }
    }
}

/* ---- symmetry ------------------------------------------------------------------------------ */

/* Runs x times k; y of the caller gets the values. */
static void run_times(const trit_spec *sp, trit_quant_kind kind, trit_real k, trit_real *x,
                      trit_real *y) {
    bench b;
    bench_open(&b, sp, kind, 2, MATRIX, (bench_options){.mode = TRIT_TRAIN});
    bench_random(&b);
    for (int64_t i = 0; i < b.n; i++) {
        trit_param_val(b.x)[i] *= k;
        x[i] = trit_param_val(b.x)[i];
    }
    bench_run(&b);
    memcpy(y, bench_y(&b), (size_t)b.n * sizeof *y);
    bench_close(&b);
}

static void check_symmetry(const trit_spec *sp, trit_quant_kind kind) {
    trit_real x[48], y[48], other[48];
    run_times(sp, kind, 1, x, y);
    if (looks_at_data(sp)) {
        static const trit_real k[] = {2, 0.25f, 64};
        for (int j = 0; j < 3; j++) {
            run_times(sp, kind, k[j], x, other);
            /* The guard of rms is added, not a least value. */
            trit_real tol = strcmp(trit_scale_names[sp->scale], "rms") == 0 ? TRIT_R(1e-6) : 0;
            for (int i = 0; i < 48; i++) {
                assert_true(fabs((double)(other[i] - k[j] * y[i])) <= (double)(tol * k[j]) * 10);
            }
        }
    }
    const char *grid = trit_grid_names[sp->grid];
    if (is_random(sp) || !sp->is_signed || strcmp(grid, "nf4") == 0) return;
    trit_spec odd = *sp;
    odd.narrow = strcmp(grid, "int") == 0;
    run_times(&odd, kind, 1, x, y);
    if (strcmp(grid, "half") == 0) { /* ties: zero goes up, mirrored it goes down */
        odd.knob[TRIT_KNOB_GRID][0].from = -1;
    }
    run_times(&odd, kind, -1, x, other);
    for (int i = 0; i < 48; i++) assert_true(other[i] == -y[i]);
}

static void equivariance(void **state) {
    (void)state;
    combinations_each(4, NULL, check_symmetry);
}

/* On the grid already: nothing moves, whatever the step. */
static void idempotence(void **state) {
    (void)state;
    static const double steps[] = {0.05, 0.1, 1.0 / 3, 0.7, 1, 1e-6, 123.456};
    for (int g = 0; trit_grids[g]; g++) {
        for (int k = 0; k < 7; k++) {
            char text[64];
            snprintf(text, sizeof text, "%s-fixed", trit_grid_names[g]);
            trit_spec sp = bench_spec(TRIT_QUANT_ACTIVATION, text, "ste");
            sp.knob[TRIT_KNOB_SCALE][0].from = steps[k];
            bench b;
            bench_open(&b, &sp, TRIT_QUANT_ACTIVATION, 2, MATRIX,
                       (bench_options){.mode = TRIT_EVAL});
            bench_random(&b);
            for (int64_t i = 0; i < b.n; i++) {
                trit_param_val(b.x)[i] *= TRIT_R(steps[k] * 40);
            }
            bench_run(&b);
            trit_real once[48];
            memcpy(once, bench_y(&b), sizeof once);
            memcpy(trit_param_val(b.x), once, sizeof once);
            bench_run(&b);
            assert_memory_equal(bench_y(&b), once, sizeof once);
            bench_close(&b);
        }
    }
}

/* ---- threads ------------------------------------------------------------------------------- */

static void check_threads(const trit_spec *sp, trit_quant_kind kind) {
    static const int64_t dim[2] = {3, 3000}; /* a tensor has several parts, a row has one */
    bench b[2];
    trit_spec mixed = *sp;
    mixed.lambda.from = 0.75; /* the generic path */
    for (int path = 0; path < 2; path++) {
        for (int i = 0; i < 2; i++) {
            bench_open(&b[i], path ? &mixed : sp, kind, 2, dim,
                       (bench_options){.mode = TRIT_TRAIN, .n_threads = i ? 3 : 1});
            bench_random(&b[i]);
            bench_run(&b[i]);
        }
        size_t bytes = (size_t)b[0].n * sizeof(trit_real);
        size_t scale_bytes = (size_t)b[0].n_group * sizeof(trit_real);
        assert_memory_equal(bench_y(&b[0]), bench_y(&b[1]), bytes);
        assert_memory_equal(b[0].y->code.data, b[1].y->code.data, (size_t)b[0].n);
        assert_memory_equal(bench_scales(&b[0]), bench_scales(&b[1]), scale_bytes);
        assert_memory_equal(trit_param_grad(b[0].x), trit_param_grad(b[1].x), bytes);
        if (bench_step(&b[0])) {
            assert_memory_equal(trit_param_grad(bench_step(&b[0])),
                                trit_param_grad(bench_step(&b[1])), scale_bytes);
        }
        bench_close(&b[0]);
        bench_close(&b[1]);
    }
}

static void threads_change_nothing(void **state) {
    (void)state;
    combinations_each(1500, NULL, check_threads);
}

/* A group of several parts against a plain loop. */
static void parts_are_joined(void **state) {
    (void)state;
    static const int64_t dim[2] = {2, 10001};
    static const char *const texts[] = {"int8-absmax", "ternary-absmean", "int8-learned"};
    for (int t = 0; t < 3; t++) {
        trit_spec sp = bench_spec(TRIT_QUANT_WEIGHT, texts[t], "ste-clip");
        bench b;
        bench_open(&b, &sp, TRIT_QUANT_WEIGHT, 2, dim, (bench_options){.mode = TRIT_TRAIN});
        bench_random(&b);
        bench_run(&b);
        double sum = 0, most = 0, gs = 0, hi = (double)b.quant.hi, lo = (double)b.quant.lo;
        for (int64_t i = 0; i < b.n; i++) {
            double x = fabs((double)trit_param_val(b.x)[i]);
            sum += x;
            most = fmax(most, x);
        }
        double mean = sum / (double)b.n;
        double scale = t == 0 ? most / 127 : t == 1 ? mean : 2 * mean / sqrt(127);
        assert_near(bench_scales(&b)[0], scale, 1e-6);
        trit_real s = bench_scales(&b)[0];
        for (int64_t i = 0; i < b.n; i++) {
            double u = (double)(trit_param_val(b.x)[i] / s), g = (double)trit_val(b.g)[i];
            bool inside = u >= lo && u <= hi;
            double q = rint(fmax(lo, fmin(hi, u)));
            assert_true(bench_y(&b)[i] == s * (trit_real)q);
            assert_true(trit_param_grad(b.x)[i] == (inside ? (trit_real)g : 0));
            gs += g * (q - (inside ? u : 0));
        }
        if (t == 2) {
            double want = gs / sqrt((double)b.n * hi);
            assert_near(*trit_param_grad(bench_step(&b)), want, 1e-6);
        }
        bench_close(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_times_scales_are_values),
        cmocka_unit_test(groups_are_independent),
        cmocka_unit_test(groups_of_one),
        cmocka_unit_test(odd_values),
        cmocka_unit_test(nan_in_a_long_group),
        cmocka_unit_test(equivariance),
        cmocka_unit_test(idempotence),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(parts_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
