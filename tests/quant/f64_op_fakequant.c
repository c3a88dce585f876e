/* Gradients of every combination of rows that a config may ask for, with the rounding residual
 * frozen: a new row is tested by being in its list. */
#include "../autograd/op_check.h"
#include "quant/quant.h"

/* The combination under test. A case builds several graphs with one quantizer. */
typedef struct combination {
    trit_spec spec;
    trit_quant_kind kind;
    int ndim;
    int64_t dim[3];
    trit_quant quant;
    const trit_params *bound; /* the parameters that quant was made with */
} combination;
static combination now;
static char failing[128]; /* says which combination, when op_check leaves by longjmp */

static trit_node *apply(op_case *c) {
    trit_error e = {0};
    int64_t cols = now.dim[now.ndim - 1], rows = now.ndim == 2 ? now.dim[0] : 0;
    if (now.bound != c->ps) {
        assert_ok(trit_quant_init(&now.quant, &now.spec, now.kind, "q", rows, cols, c->ps, &e));
        now.bound = c->ps;
    }
    trit_node *x = op_param_sized(c, "x", now.ndim, now.dim, 1.0);
    if (now.kind == TRIT_QUANT_WEIGHT) return trit_quant_apply(&now.quant, c->g, x);
    /* A value that dies, and a gradient that a residual joins. */
    x = trit_add(c->g, x, x);
    return trit_add(c->g, trit_quant_apply(&now.quant, c->g, x), x);
}

static void check(int ndim, const int64_t dim[3], double lambda) {
    char text[96];
    now.ndim = ndim;
    memcpy(now.dim, dim, sizeof now.dim);
    now.spec.lambda.from = now.spec.lambda.to = lambda;
    now.bound = NULL;
    snprintf(failing, sizeof failing, "%s, %s, %d dimensions, lambda %g",
             trit_spec_text(&now.spec, text),
             now.kind == TRIT_QUANT_WEIGHT ? "weight" : "activation", ndim, lambda);
    op_check(apply, 3, 1e-7);
    failing[0] = '\0';
}

static int tell(void **state) {
    (void)state;
    if (failing[0]) print_error("combination: %s\n", failing);
    return 0;
}

static void one_combination(trit_quant_kind kind, int grid, int scale, int estimator,
                            trit_granularity granularity) {
    static const int64_t flat[3] = {3, 16}, deep[3] = {2, 3, 8};
    now.kind = kind;
    now.spec = trit_spec_make(kind, grid);
    now.spec.scale = scale;
    now.spec.estimator = estimator;
    now.spec.granularity = granularity;
    now.spec.group = 4;
    trit_spec_reset_knobs(&now.spec);
    if (trit_spec_check(&now.spec, kind, NULL)) return;
    check(2, flat, 1);
    check(2, flat, 0.5);
    if (kind == TRIT_QUANT_ACTIVATION) check(3, deep, 1);
    if (trit_grids[grid]->bits_min == trit_grids[grid]->bits_default) return;
    now.spec.bits = trit_grids[grid]->bits_min;
    check(2, flat, 1);
}

static void estimator_of_every_kind(trit_quant_kind kind) {
    int n = 0;
    for (int t = 0; trit_estimators[t]; t++) {
        if (trit_estimators[t]->check == TRIT_CHECK_ORACLE) continue;
        for (int g = 0; trit_grids[g]; g++) {
            for (int s = 0; trit_scales[s]; s++) {
                for (int r = 0; r < TRIT_N_GRANULARITY; r++, n++) {
                    one_combination(kind, g, s, t, (trit_granularity)r);
                }
            }
        }
    }
    assert_true(n > 0);
}

static void weights(void **state) {
    (void)state;
    estimator_of_every_kind(TRIT_QUANT_WEIGHT);
}

static void activations(void **state) {
    (void)state;
    estimator_of_every_kind(TRIT_QUANT_ACTIVATION);
}

/* Groups of several parts, whose sums are joined: the last part shorter than the others. */
static void long_groups(void **state) {
    (void)state;
    static const int64_t dim[3] = {2, 8200};
    static const char *const texts[] = {"int4-learned", "int4-learned-row", "ternary-absmedian",
                                        "binary-absmean-row"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        trit_error e = {0};
        now.kind = TRIT_QUANT_WEIGHT;
        assert_ok(trit_spec_parse(&now.spec, now.kind, texts[i], &e));
        while (trit_estimators[now.spec.estimator]->identity) now.spec.estimator++;
        check(2, dim, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(weights, tell),
        cmocka_unit_test_teardown(activations, tell),
        cmocka_unit_test_teardown(long_groups, tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
