/* Gradients of every form that names the function whose derivative it claims, at every number of
 * bits and granularity, and at every value of knobs that are switches. */
#include "../autograd/op_check.h"
#include "quant/quant.h"

typedef struct subject {
    trit_spec spec;
    trit_quant_kind kind;
    trit_quant quant;
    const trit_params *bound; /* the parameters that quant was made with */
} subject;
static subject now;
static char failing[256]; /* says which form, when op_check leaves by longjmp */

static trit_node *apply(op_case *c) {
    static const int64_t dim[2] = {3, 16};
    trit_error e = {0};
    if (now.bound != c->ps) {
        assert_ok(trit_quant_init(&now.quant, &now.spec, now.kind, "q", dim[0], dim[1], c->ps, &e));
        now.bound = c->ps;
    }
    trit_node *x = op_param_sized(c, "x", 2, dim, 0.9);
    return trit_quant_apply(&now.quant, c->g, x);
}

static int tell(void **state) {
    (void)state;
    if (failing[0]) print_error("form: %s\n", failing);
    return 0;
}

/* Knobs that choose rather than measure are whole numbers over a small range. */
static bool is_switch(const trit_knob *k) {
    return k->dflt == rint(k->dflt) && k->lo == rint(k->lo) && k->hi - k->lo >= 1 &&
           k->hi - k->lo <= 4;
}

static void check(double lambda) {
    char text[96];
    now.spec.lambda.from = now.spec.lambda.to = lambda;
    now.bound = NULL;
    size_t n = (size_t)snprintf(failing, sizeof failing, "%s, lambda %g",
                                trit_spec_text(&now.spec, text), lambda);
    const trit_knob *k = trit_spec_knobs(&now.spec, TRIT_KNOB_FORM);
    for (int i = 0; k && k[i].name; i++) {
        n += (size_t)snprintf(failing + n, sizeof failing - n, ", %s %g", k[i].name,
                              now.spec.knob[TRIT_KNOB_FORM][i].from);
    }
    op_check(apply, 3, 1e-7);
    failing[0] = '\0';
}

static void check_switches(void) {
    check(1);
    const trit_knob *k = trit_spec_knobs(&now.spec, TRIT_KNOB_FORM);
    for (int i = 0; k && k[i].name; i++) {
        trit_schedule *knob = &now.spec.knob[TRIT_KNOB_FORM][i];
        for (double v = k[i].lo; is_switch(&k[i]) && v <= k[i].hi; v++) {
            if (v == k[i].dflt) continue;
            knob->from = knob->to = v;
            check(1);
        }
        knob->from = knob->to = k[i].dflt;
    }
}

/* First values with elements at the very edge of a clip, where there is no derivative:
 * f64_form gives these forms others. */
static bool starts_at_an_edge(const trit_form *f) {
    static const char *const names[] = {"adalog", "dsq", "lsqplus"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(f->name, names[i]) == 0) return true;
    }
    return false;
}

static void every_form(void **state) {
    (void)state;
    int n = 0;
    for (int i = 1; trit_forms[i]; i++) {
        const trit_form *f = trit_forms[i];
        if (f->check != TRIT_CHECK_SURROGATE || starts_at_an_edge(f)) continue;
        for (int kind = 0; kind < 2; kind++) {
            /* Differences do not resolve the gradients that still more bits leave. */
            for (int bits = f->bits_min; bits <= f->bits_max && bits <= 8; bits++) {
                for (int g = 0; g < TRIT_N_GRANULARITY; g++) {
                    now.kind = (trit_quant_kind)kind;
                    now.spec = trit_spec_make_form(now.kind, i);
                    trit_granularity dflt = now.spec.granularity;
                    now.spec.granularity = (trit_granularity)g;
                    now.spec.bits = bits;
                    now.spec.group = 8;
                    if (trit_spec_check(&now.spec, now.kind, NULL)) continue;
                    n++;
                    if (now.spec.granularity == dflt) {
                        check_switches();
                        check(0.5);
                    } else if (bits == f->bits_default) {
                        check(1);
                    }
                }
            }
        }
    }
    assert_true(n > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(every_form, tell)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
