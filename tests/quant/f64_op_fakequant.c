/* Gradients with the rounding residual frozen, of every pair of rows that a config may ask for: a
 * new row is tested by being in its list. */
#include "../autograd/op_check.h"
#include "combinations.h"
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

/* Gradient-dependent and random estimators, and steps that learn by another rule than the chain's,
 * are no derivatives; their own tests check them against the published formula. */
static bool is_derivative(const trit_spec *sp) {
    const trit_estimator *est = trit_estimators[sp->estimator];
    if (est->check == TRIT_CHECK_ORACLE) return false;
    return !(est->rho && trit_scales[sp->scale]->learned);
}

static void one_combination(const trit_spec *sp, trit_quant_kind kind) {
    static const int64_t flat[3] = {3, 8}, deep[3] = {2, 3, 8};
    const trit_grid *grid = trit_grids[sp->grid];
    now.kind = kind;
    now.spec = *sp;
    bool activation = kind == TRIT_QUANT_ACTIVATION;
    check(activation ? 3 : 2, activation ? deep : flat, 1);
    check(2, flat, 0.5);
    if (grid->bits_min == grid->bits_default) return;
    now.spec.bits = grid->bits_min;
    if (!trit_spec_check(&now.spec, kind, NULL)) check(2, flat, 1);
}

static void pairs_of_rows(void **state) {
    (void)state;
    combinations_each(4, is_derivative, one_combination);
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
        cmocka_unit_test_teardown(pairs_of_rows, tell),
        cmocka_unit_test_teardown(long_groups, tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
