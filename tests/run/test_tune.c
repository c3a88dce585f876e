#include "run/tune.h"

#include "run/store.h"
#include "run_fixture.h"

static char path[4096];

static void spit_cache(const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static const char *applied(void) {
    static char name[32];
    trit_runtime_options o = {0};
    trit_tune_apply(&o, name);
    return o.gemm;
}

static void kept_for_this_machine(void **state) {
    (void)state;
    trit_error e = {0};
    trit_text text = {0};
    char name[32];
    assert_int_equal(setenv("XDG_CACHE_HOME", fixture_dir, 1), 0);
    assert_null(applied());
    assert_ok(trit_tune_write("reference", path, sizeof path, &e));
    assert_non_null(strstr(path, "/trit/gemm.json"));
    assert_string_equal(applied(), "reference");
    /* What the user asks for wins. */
    trit_runtime_options o = {.gemm = "openblas"};
    trit_tune_apply(&o, name);
    assert_string_equal(o.gemm, "openblas");
    /* Another choice takes its place, those of other machines stay. */
    assert_ok(trit_file_read(path, 10000, &text, &e));
    text.at[strrchr(text.at, '}') - text.at] = '\0';
    trit_text more = {0};
    trit_text_add(&more, "%s, \"Another CPU, base\": \"onednn\"}", text.at);
    spit_cache(more.at);
    assert_ok(trit_tune_write("openblas", path, sizeof path, &e));
    assert_string_equal(applied(), "openblas");
    trit_text_free(&text);
    assert_ok(trit_file_read(path, 10000, &text, &e));
    assert_non_null(strstr(text.at, "\"Another CPU, base\": \"onednn\""));
    assert_null(strstr(text.at, "reference"));
    trit_text_free(&text);
    trit_text_free(&more);
}

/* A cache is no more than a hint: what cannot be used is as if it were not there. */
static void useless_cache(void **state) {
    (void)state;
    trit_error e = {0};
    spit_cache("{\"Another CPU, base\": \"openblas\"}");
    assert_null(applied());
    spit_cache("[1, 2");
    assert_null(applied());
    assert_ok(trit_tune_write("cublas", path, sizeof path, &e)); /* of a later build */
    assert_null(applied());
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    assert_int_equal(setenv("HOME", "", 1), 0);
    assert_null(applied());
    assert_int_equal(trit_tune_write("openblas", path, sizeof path, &e), TRIT_E_IO);
    assert_error_has(e, "XDG_CACHE_HOME");
}

static void measures(void **state) {
    (void)state;
    trit_error e = {0};
    trit_exec x;
    trit_tuning t[4];
    int n, best;
    assert_ok(trit_runtime_open(&x, &(trit_runtime_options){.n_threads = 2}, &e));
    assert_ok(trit_tune_measure(&x, t, &n, &best, &e));
    assert_true(n >= 2 && best < n);
    for (int i = 0; i < n; i++) assert_true(t[i].gflops > 0 && t[i].gflops <= t[best].gflops);
    assert_string_not_equal(t[best].name, "reference");
    assert_string_equal(x.blas.name, "openblas");
    trit_runtime_close(&x);
}

/* ---- a run keeps its back end ---- */

static int n_warning, n_other;

static void count(void *self, trit_log_level level, const char *text) {
    (void)self;
    n_warning += level == TRIT_LOG_WARN && strstr(text, "matrix products were computed by") != NULL;
    n_other += level == TRIT_LOG_WARN && strstr(text, "all other numbers were computed by") != NULL;
}

static const char *cpu; /* what kernels are held to; NULL: all that it has */

/* Trains to `step` in dir with the back end that was asked for; returns the one that it was. */
static const char *go(const char *dir, const char *gemm, const char *by, int64_t step, fixture *f) {
    static const trit_log log = {count, NULL};
    static char name[32];
    trit_error e = {0};
    trit_store s = {0};
    trit_step_result out;
    *f = (fixture){0};
    assert_ok(trit_experiment_parse(&f->exp, "{" TINY_MODEL "}", "test.json", &e));
    trit_runtime_options o = {.n_threads = 1, .gemm = gemm, .gemm_by = by, .cpu = cpu};
    assert_ok(trit_run_open(&f->r, &f->exp, TRIT_RUN_TRAIN, &o, &log, &e));
    assert_ok(trit_store_open(&s, dir, NULL, &f->exp, &e));
    assert_ok(trit_store_resume(&s, &f->r, &e));
    while (f->r.step < step) assert_ok(trit_run_step(&f->r, NULL, &out, &e));
    assert_ok(trit_store_save(&s, &f->r, &e));
    trit_store_close(&s);
    snprintf(name, sizeof name, "%s", f->r.x.blas.name);
    return name;
}

static void runs_keep_theirs(void **state) {
    (void)state;
    fixture a, b;
    n_warning = 0;
    assert_string_equal(go("whole", "reference", NULL, 6, &a), "reference");
    assert_string_equal(go("parts", "reference", NULL, 3, &b), "reference");
    close_run(&b);
    /* Neither the default nor another tuning changes it. */
    assert_string_equal(go("parts", NULL, NULL, 5, &b), "reference");
    assert_string_equal(b.r.x.blas.asked_by, "the run");
    close_run(&b);
    assert_string_equal(go("parts", "openblas", "trit bench gemm --tune", 6, &b), "reference");
    assert_true(same_state(&a.r, &b.r));
    close_run(&b);
    assert_int_equal(n_warning, 0);
    /* The user may, and is told. */
    assert_string_equal(go("parts", "openblas", "TRIT_GEMM", 7, &b), "openblas");
    assert_int_equal(n_warning, 1);
    assert_int_equal(n_other, 0);
    /* Other kernels of our own are said as well. */
    bool others = strcmp(b.r.x.k.isa, "base") != 0;
    close_run(&b);
    cpu = "base";
    go("parts", NULL, NULL, 8, &b);
    assert_int_equal(n_other, others);
    close_run(&b);
    go("parts", NULL, NULL, 9, &b);
    assert_int_equal(n_other, others);
    cpu = NULL;
    close_run(&b);
    close_run(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept_for_this_machine),
                                       cmocka_unit_test(useless_cache), cmocka_unit_test(measures),
                                       cmocka_unit_test(runs_keep_theirs)};
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
