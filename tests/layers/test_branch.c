#include "layers/branch.h"

#include "testing.h"

/* The phases of QVGen: 32, 16, 8, 4, 2, 1 components, and none. */
static void known_answers(void **state) {
    (void)state;
    static const trit_branch_cfg c = {.rank = 32, .phase = 200};
    static const int64_t ranks[] = {32, 16, 8, 4, 2, 1, 0};
    static const double at[][2] = {{0, 1}, {50, .8535534}, {100, .5}, {150, .1464466}};
    trit_real share[32];
    assert_int_equal(trit_branch_steps(&c), 6 * 200);
    assert_int_equal(trit_branch_shares(&c, -1, share), 0);
    for (int p = 0; p < 7; p++) {
        for (int i = 0; i < 4; i++) {
            int64_t n = trit_branch_shares(&c, p * 200 + (int64_t)at[i][0], share);
            assert_int_equal(n, ranks[p]);
            for (int64_t j = 0; j < n; j++) assert_near(share[j], j < n / 2 ? 1 : at[i][1], 1e-6);
        }
        /* Right before the next phase hardly anything of the half that goes is left. */
        int64_t n = trit_branch_shares(&c, p * 200 + 199, share);
        if (n) assert_true(share[n - 1] < 1e-4);
    }
}

/* Halves are rounded down, and each phase begins with what the one before kept whole. */
static void any_rank(void **state) {
    (void)state;
    for (int64_t rank = 0; rank < 40; rank++) {
        trit_branch_cfg c = {.rank = rank, .phase = 3};
        trit_real share[40];
        int64_t end = trit_branch_steps(&c);
        assert_int_equal(trit_branch_shares(&c, end, share), 0);
        if (rank) assert_true(trit_branch_shares(&c, end - 1, share) == 1);
        for (int64_t t = 3; t <= end; t += 3) {
            int64_t before = trit_branch_shares(&c, t - 1, share), n = 0;
            while (n < before && share[n] == 1) n++;
            assert_int_equal(trit_branch_shares(&c, t, NULL), n);
        }
    }
}

static void more_than_there_are(void **state) {
    (void)state;
    trit_error e = {0};
    trit_arena mem;
    trit_params ps;
    trit_branch b;
    trit_arena_init(&mem, "test");
    trit_params_init(&ps, &mem);
    trit_branch_cfg c = {.rank = 5, .phase = 3};
    assert_int_equal(trit_branch_init(&b, &c, "up", 4, 9, &ps, &e), TRIT_E_CONFIG);
    assert_error_has(e, "up: branch.rank 5, but a weight [4,9] has 4 components");
    c.rank = 4;
    assert_ok(trit_branch_init(&b, &c, "up", 4, 9, &ps, &e));
    assert_int_equal(ps.n, 2);
    trit_branch_step(&b, 0);
    assert_int_equal(b.of.n, 4);
    trit_params_free(&ps);
    trit_arena_free(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers), cmocka_unit_test(any_rank),
                                       cmocka_unit_test(more_than_there_are)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
