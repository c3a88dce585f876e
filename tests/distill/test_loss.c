#include "distill/inside.h"

#include "testing.h"

/* Against the definition: how many come before. */
static void largest_numbers(void **state) {
    (void)state;
    enum { N = 41 };
    trit_rng r = {.seed = 4};
    for (int round = 0; round < 30; round++) {
        trit_real x[N];
        int32_t out[N];
        for (int i = 0; i < N; i++) { /* with many that are equal */
            x[i] = TRIT_R(floor(trit_rng_uniform(&r, (uint64_t)(round * N + i)) * 12));
        }
        for (int k = 0; k <= N; k++) {
            int n = 0;
            trit_top_k(N, x, k, out);
            for (int i = 0; i < N; i++) {
                int before = 0;
                for (int j = 0; j < N; j++) before += x[j] > x[i] || (x[j] == x[i] && j < i);
                if (before < k) assert_int_equal(out[n++], i);
            }
            assert_int_equal(n, k);
        }
    }
}

static void rows_are_whole(void **state) {
    (void)state;
    for (int i = 0; trit_losses[i]; i++) {
        const trit_loss *l = trit_losses[i];
        assert_string_equal(l->name, trit_loss_names[i]);
        assert_true(l->doc && l->formula);
        assert_true(trit_loss_knob(l, "temperature") <= 0);
        assert_true(!l->token == (l->inside != NULL)); /* of logits, or of what lies inside */
        const trit_loss_inside *in = l->inside;
        if (in) assert_true(in->pair && in->taps && !l->coarse);
        if (in && in->heads) assert_true(trit_loss_knob(l, "heads") >= 0);
        if (in && in->basis) assert_true(trit_loss_knob(l, "rank") >= 0);
        if (in && in->fixed) assert_true(trit_loss_knob(l, in->fixed) >= 0);
        if (l->top) assert_int_equal(trit_loss_knob(l, "k"), 1);
        for (const trit_knob *k = l->knob; k && k->name; k++) {
            assert_true(k->lo <= k->dflt && k->dflt <= k->hi && k - l->knob < TRIT_MAX_KNOB);
        }
    }
}

/* Where depths differ: the last goes with the last, and none is left out on the longer side's way.
 */
static void uniform_layers(void **state) {
    (void)state;
    static const int64_t want[][6] = {{3, 3, 0, 1, 2}, {2, 6, 2, 5}, {4, 2, 0, 0, 1, 1}, {1, 5, 4}};
    for (int i = 0; i < 4; i++) {
        const int64_t *w = want[i];
        for (int64_t k = 0; k < w[0]; k++) {
            assert_int_equal(trit_layer_uniform(k, w[0], w[1]), w[2 + k]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(largest_numbers),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(uniform_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
