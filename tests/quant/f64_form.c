/* Gradients of forms to x and to every learnable, as f64_op_form.c takes them, at learnables away
 * from their first values, so that elements are clipped on both sides. */
#include "../autograd/op_check.h"
#include "quant/quant.h"

typedef struct row {
    trit_quant_kind kind;
    const char *text;
    double knob[TRIT_MAX_KNOB];
    double learn[TRIT_MAX_LEARN]; /* of group 0, each further one 5% more; NAN: as started */
} row;

static const row *now;  /* under test; NULL: none */
static double strength; /* its lambda */
static trit_quant quant;
static const trit_params *bound; /* the parameters that quant was made with */

static trit_spec spec_of(const row *r) {
    trit_error e = {0};
    trit_spec sp;
    assert_ok(trit_spec_parse(&sp, r->kind, r->text, &e));
    const trit_knob *k = trit_spec_knobs(&sp, TRIT_KNOB_FORM);
    for (int i = 0; k && k[i].name; i++) {
        sp.knob[TRIT_KNOB_FORM][i].from = sp.knob[TRIT_KNOB_FORM][i].to = r->knob[i];
    }
    return sp;
}

static void set_learnables(const row *r) {
    const trit_form *f = trit_forms[quant.spec.form];
    if (!f->n_learn || isnan(r->learn[0])) return;
    for (int k = 0; k < f->n_learn; k++) {
        for (int64_t i = 0; i < trit_tensor_len(&quant.learn[k]->val); i++) {
            trit_param_val(quant.learn[k])[i] = r->learn[k] * (1 + 0.05 * (double)i);
        }
    }
    *trit_param_val(quant.ready) = 1;
}

static trit_node *apply(op_case *c) {
    trit_error e = {0};
    if (bound != c->ps) {
        trit_spec sp = spec_of(now);
        sp.lambda.from = sp.lambda.to = strength;
        assert_ok(trit_quant_init(&quant, &sp, now->kind, "q", 3, 16, c->ps, &e));
        set_learnables(now);
        bound = c->ps;
    }
    trit_node *x = op_param(c, "x", 3, 16);
    if (now->kind == TRIT_QUANT_WEIGHT) return trit_quant_apply(&quant, c->g, x);
    /* A value that dies, and a gradient that a residual joins. */
    x = trit_add(c->g, x, x);
    return trit_add(c->g, trit_quant_apply(&quant, c->g, x), x);
}

static const row rows[] = {
    {TRIT_QUANT_WEIGHT, "dorefa1", {0}, {0}},
    {TRIT_QUANT_WEIGHT, "dorefa3-row", {1}, {0}},
    {TRIT_QUANT_ACTIVATION, "dorefaact3", {0}, {0}},
    {TRIT_QUANT_ACTIVATION, "pact3", {10, 0}, {1.3}},
    {TRIT_QUANT_WEIGHT, "lsqplus3-row", {0, 1, 0}, {0.21, -0.4}},
    {TRIT_QUANT_WEIGHT, "lsqplus3-group4", {1, 1, 1}, {0.31, 0.1}},
    {TRIT_QUANT_ACTIVATION, "lsqplus2", {0, 1, 0}, {0.5, -0.8}},
    {TRIT_QUANT_WEIGHT, "dsq2-row", {0.2}, {-0.9, 1.1, 0.3}},
    {TRIT_QUANT_ACTIVATION, "dsq4", {0.2}, {-1.2, 1.4, 0.1}},
    {TRIT_QUANT_WEIGHT, "diffq-group8", {0, 2, 15}, {0.3}},
    {TRIT_QUANT_WEIGHT, "diffq-tensor", {1, 2, 15}, {-0.7}},
    {TRIT_QUANT_WEIGHT, "nipq-row", {1, 0}, {0.4, -0.5}},
    {TRIT_QUANT_ACTIVATION, "nipq", {0, 6}, {0.6, -0.8}},
    {TRIT_QUANT_WEIGHT, "pqt6-group16", {4}, {0.7}},
    {TRIT_QUANT_ACTIVATION, "asq3-token", {1}, {0.37, 0.3, -0.1, 0.2}},
    {TRIT_QUANT_ACTIVATION, "asq2-group4", {0}, {0.37, 0.3, -0.1, 0.2}},
    {TRIT_QUANT_WEIGHT, "doubleround6-row", {3}, {0.0413}},
    {TRIT_QUANT_WEIGHT, "adapt-row", {5, 1}, {0}},
    {TRIT_QUANT_WEIGHT, "nvfp4", {1}, {0}},
    {TRIT_QUANT_WEIGHT, "llmfp4", {2, 1.17}, {0}},
    {TRIT_QUANT_ACTIVATION, "adalog4", {37, 0, 1}, {1.1, 0.2}},
    {TRIT_QUANT_ACTIVATION, "adalog3", {20, 1, 1}, {1.1, 0.4}},
    {TRIT_QUANT_ACTIVATION, "adalog6", {30, 0, 2}, {1.1, 0.4}},
    {TRIT_QUANT_WEIGHT, "nupes4-row", {0.5, 1}, {0.63}},
    {TRIT_QUANT_ACTIVATION, "fsq", {6, 0}, {0}},
    {TRIT_QUANT_WEIGHT, "fsq", {7, 1}, {0}},
    {TRIT_QUANT_ACTIVATION, "ifsq", {9}, {0}},
    {TRIT_QUANT_WEIGHT, "lwc3-group8", {4}, {0.8, 0.5}},
    {TRIT_QUANT_WEIGHT, "lwc2-tensor", {4}, {0.8, 0.5}},
    {TRIT_QUANT_WEIGHT, "blockap2-group8", {0}, {0.53, 1.6}},
    {TRIT_QUANT_WEIGHT, "peqa3-row", {0}, {NAN}},
    {TRIT_QUANT_WEIGHT, "apotnorm4", {0, 0, 3}, {1.3}},
    {TRIT_QUANT_WEIGHT, "apotnorm3-row", {1, 0, 3}, {1.1}},
    {TRIT_QUANT_WEIGHT, "apotnorm2-row", {1, 1, 3}, {1.2}},
};
enum { N_ROW = sizeof rows / sizeof *rows };

static void check(const row *r, double lambda) {
    now = r;
    bound = NULL;
    strength = lambda;
    op_check(apply, 3, 1e-7);
    now = NULL;
}

static void every_row(void **state) {
    (void)state;
    for (int i = 0; i < N_ROW; i++) {
        check(&rows[i], 1);
        check(&rows[i], 0.5);
    }
}

/* Says which, when op_check leaves by longjmp. */
static int tell(void **state) {
    (void)state;
    if (now) print_error("%s, lambda %g\n", now->text, strength);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_row, tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
