#include "run/agreement.h"

#include "autograd/ops.h"
#include "autograd/runtime.h"
#include "testing.h"

enum { ROWS = 37, V = 5 };

/* Against the definitions, for any number of threads. */
static void agrees_with_the_definition(void **state) {
    (void)state;
    trit_real a[ROWS * V], b[ROWS * V];
    int32_t label[ROWS];
    trit_rng r = {.seed = 8};
    for (int i = 0; i < ROWS * V; i++) {
        a[i] = TRIT_R(2 * trit_rng_normal(&r, (uint64_t)i));
        b[i] = a[i] + TRIT_R((i / V % 5) * trit_rng_normal(&r, (uint64_t)i + 1000));
    }
    trit_agreement want = {0}, got[2] = {{0}};
    for (int i = 0; i < ROWS; i++) {
        label[i] = i % 6 ? i % V : TRIT_IGNORE;
        if (label[i] == TRIT_IGNORE) continue;
        double p[2][V], all[2] = {0, 0}, kl = 0;
        int best[2] = {0, 0};
        for (int m = 0; m < 2; m++) {
            const trit_real *z = (m ? b : a) + i * V;
            for (int j = 0; j < V; j++) {
                all[m] += exp((double)z[j]);
                if (z[j] > z[best[m]]) best[m] = j;
            }
            for (int j = 0; j < V; j++) p[m][j] = exp((double)z[j]) / all[m];
        }
        for (int j = 0; j < V; j++) kl += p[1][j] * log(p[1][j] / p[0][j]);
        double more = log(p[1][label[i]] / p[0][label[i]]);
        int at = 0;
        while (at < TRIT_N_AGREEMENT_EDGE && more >= trit_agreement_edges[at]) at++;
        want.n++;
        want.same += best[0] == best[1];
        want.kl += kl;
        want.loss -= log(p[1][label[i]]);
        want.class_n[at]++;
    }
    void *work = malloc(trit_agreement_work(ROWS));
    for (int n = 0; n < 2; n++) {
        trit_error e = {0};
        trit_exec x;
        assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 1 + 2 * n}, &e));
        trit_agreement_add(&got[n], &x, ROWS, V, a, b, label, work);
        trit_runtime_close(&x);
        assert_int_equal(got[n].n, want.n);
        assert_int_equal(got[n].same, want.same);
        assert_near(got[n].kl, want.kl, 1e-5);
        assert_near(got[n].loss, want.loss, 1e-5);
        int64_t n_class = 0;
        for (int i = 0; i <= TRIT_N_AGREEMENT_EDGE; i++) {
            n_class += got[n].class_n[i];
            assert_int_equal(got[n].class_n[i], want.class_n[i]);
        }
        assert_int_equal(n_class, want.n);
    }
    assert_memory_equal(&got[0], &got[1], sizeof *got);
    free(work);
    assert_true(want.same > 0 && want.same < want.n);
}

static void as_json(void **state) {
    (void)state;
    trit_agreement a = {.n = 4, .same = 3, .kl = 2, .loss = 6};
    a.class_n[0] = 1;
    a.class_n[TRIT_N_AGREEMENT_EDGE] = 3;
    trit_text out = {0};
    trit_agreement_text(&a, &out);
    assert_string_equal(trit_text_get(&out),
                        "\"kl\":0.5,\"same\":0.75,\"flips\":0.25,\"teacher_loss\":1.5,"
                        "\"loss_difference\":{\"edges\":[-4,-2,-1,-0.5,-0.1,-0.01,0.01,0.1,0.5,1,2,"
                        "4],\"share\":[0.25,0,0,0,0,0,0,0,0,0,0,0,0.75]}");
    trit_text_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
