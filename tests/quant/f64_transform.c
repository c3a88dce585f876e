/* Gradients through transforms: a rotation round axes and forms, with learnables and without. */
#include "../autograd/op_check.h"
#include "quant/quant.h"

static const char *text;
static trit_quant quant;
static const trit_params *bound; /* the parameters that quant was made with */

static trit_node *apply(op_case *c) {
    static const int64_t dim[2] = {5, 24};
    trit_error e = {0};
    if (bound != c->ps) {
        trit_spec sp;
        assert_ok(trit_spec_parse(&sp, TRIT_QUANT_WEIGHT, text, &e));
        assert_ok(trit_quant_init(&quant, &sp, TRIT_QUANT_WEIGHT, "q", dim[0], dim[1], c->ps, &e));
        bound = c->ps;
    }
    return trit_quant_apply(&quant, c->g, op_param_sized(c, "x", 2, dim, 0.9));
}

static void transform_gradients(void **state) {
    (void)state;
    static const char *const inner[] = {"half2-rms-row-trust",
                                        "ternary-absmean-tensor-ste",
                                        "int4-learned-row-ste-clip",
                                        "int4-absmax-group8-ste-clip",
                                        "irnet-row",
                                        "lwc4-row"};
    static const char *const outer[] = {"hadamard", "hadamard4", "hadamard-half",
                                        "hadamard-native"};
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        for (size_t k = 0; k < sizeof outer / sizeof *outer; k++) {
            char whole[96];
            snprintf(whole, sizeof whole, "%s-%s", inner[i], outer[k]);
            text = whole;
            bound = NULL;
            op_check(apply, 3, 1e-7);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(transform_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
