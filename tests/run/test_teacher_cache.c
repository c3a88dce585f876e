#include "run/teacher_cache.h"

#include "run/distill.h"
#include "run/train.h"
#include "run_fixture.h"

#define STUDENT ", \"quant\": \"bitnet-b1.58\", \"distill\": "

static int setup(void **state) {
    int rc = enter_dir(state);
    if (rc) return rc;
    fixture f;
    trit_error e = {0};
    trit_store s = {0};
    trit_train_result out;
    open_run(&f, "\"batch\": 8", "", 1, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
    assert_ok(trit_store_open(&s, "teacher", NULL, &f.exp, &e));
    assert_ok(trit_train(&f.r, &s, &(trit_train_options){0}, &out, &e));
    trit_store_close(&s);
    close_run(&f);
    return 0;
}

/* Windows of validation that the newest cache was to hold. */
static int64_t n_valid;

static trit_status write_cache(const char *train, const char *path, int64_t k, trit_error *e) {
    fixture f;
    char text[512];
    *e = (trit_error){0};
    snprintf(text, sizeof text,
             "{" TINY_MODEL ", \"train\": {%s}" STUDENT "{\"teacher\": \"teacher\"}}", train);
    open_text(&f, text, 2, TRIT_RUN_EVAL | TRIT_RUN_TAUGHT);
    n_valid = trit_teacher_cache_valid_windows(&f.r);
    trit_status status = trit_teacher_cache_write(&f.r, path, k, NULL, NULL, e);
    close_run(&f);
    return status;
}

#define SHORT "\"batch\": 3, \"accumulate\": 2, \"steps\": 5"

/* Six micro-batches or more, with a live teacher and with its cache; the largest difference of a
 * step's loss, and whether both runs ended with the same bits. */
static double compare(const char *cache, const char *losses, bool *same) {
    fixture f[2];
    trit_error e = {0};
    double most = 0;
    for (int i = 0; i < 2; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{" TINY_MODEL ", \"train\": {" SHORT "}" STUDENT
                 "{\"%s\": \"%s\", \"losses\": %s}, \"compute\": {\"teacher\": \"fp32\"}}",
                 i ? "cache" : "teacher", i ? cache : "teacher", losses);
        open_text(&f[i], text, 1 + i, TRIT_RUN_TRAIN);
    }
    for (int s = 0; s < 5; s++) {
        trit_step_result a, b;
        assert_ok(trit_run_step(&f[0].r, NULL, &a, &e));
        assert_ok(trit_run_step(&f[1].r, NULL, &b, &e));
        most = fmax(most, fabs(a.loss - b.loss));
        /* What is put together is not told apart. */
        assert_true(b.loss <= a.loss + 1e-6);
    }
    *same = same_state(&f[0].r, &f[1].r);
    close_run(&f[0]);
    close_run(&f[1]);
    return most;
}

/* All tokens kept: the same bits as with the teacher itself. Of 20 tokens the loss is a little
 * smaller, of few a good deal. */
static void equals_the_teacher(void **state) {
    (void)state;
    trit_error e;
    bool same;
    static const char all[] =
        "[\"ce\", {\"loss\": \"kl\", \"temperature\": 2}, \"cakld\", \"dad\", \"logits-mse\"]";
    assert_ok(write_cache(SHORT, "all", 100000, &e));
    assert_true(compare("all", all, &same) == 0);
    assert_true(same);
    static const char some[] = "[\"ce\", \"kl\"]";
    double error[2];
    static const int64_t k[2] = {40, 2};
    for (int i = 0; i < 2; i++) {
        const char *path = i ? "few" : "many";
        assert_ok(write_cache(SHORT, path, k[i], &e));
        error[i] = compare(path, some, &same);
        assert_true(!same);
    }
    assert_true(error[0] < 0.05 && error[0] < 0.5 * error[1]);
    /* Among the tokens that are kept nothing is lost. */
    assert_true(compare("many", "[{\"loss\": \"kl-top\", \"k\": 30}]", &same) < 1e-6);
}

static trit_text content(const char *path) {
    trit_error e = {0};
    trit_text t = {0};
    assert_ok(trit_file_read(path, (size_t)1 << 26, &t, &e));
    return t;
}

static void patch(const char *path, long at) {
    FILE *f = fopen(path, "r+b");
    fseek(f, at, SEEK_SET);
    int byte = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(byte ^ 1, f);
    fclose(f);
}

/* A writer that was killed anywhere leaves a file that the next one makes whole; so does damage. */
static void writing_goes_on(void **state) {
    (void)state;
    trit_error e;
    assert_ok(write_cache(SHORT, "whole", 4, &e));
    trit_text want = content("whole");
    int64_t record = trit_teacher_cache_record(16, 4);
    assert_true(n_valid > 3);
    assert_int_equal(want.len, 4096 + (n_valid + 30) * record);
    for (int i = 0; i < 4; i++) {
        const int64_t at[] = {4096, 4096 + 2 * record + 5, 4096 + (n_valid + 12) * record,
                              4096 + (n_valid + 30) * record};
        assert_ok(trit_file_truncate(NULL, "whole", at[i], &e));
        if (i == 3) patch("whole", (long)(4096 + (n_valid + 20) * record + 9));
        assert_ok(write_cache(SHORT, "whole", 4, &e));
        trit_text got = content("whole");
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.at, want.at, want.len);
        trit_text_free(&got);
    }
    trit_text_free(&want);
    assert_int_equal(write_cache(SHORT, "whole", 5, &e), TRIT_E_CONFIG);
    assert_error_has(e, "whole: is another file, or a cache of another teacher");
    assert_int_equal(write_cache(SHORT ", \"seed\": 2", "whole", 4, &e), TRIT_E_CONFIG);
}

static void refused(const char *train, const char *losses, trit_status code, const char *part) {
    char text[1024];
    trit_error e = {0};
    fixture f = {0};
    snprintf(text, sizeof text,
             "{" TINY_MODEL ", \"train\": {%s}" STUDENT "{\"cache\": \"c\", \"losses\": [%s]}}",
             train, losses);
    assert_ok(trit_experiment_parse(&f.exp, text, "test.json", &e));
    assert_int_equal(trit_run_open(&f.r, &f.exp, TRIT_RUN_TRAIN,
                                   &(trit_runtime_options){.n_threads = 1}, NULL, &e),
                     code);
    assert_error_has(e, part);
    close_run(&f);
}

static void mistakes(void **state) {
    (void)state;
    trit_error e;
    refused(SHORT, "\"kl\"", TRIT_E_IO, "/distill/cache: c: ");
    assert_ok(write_cache(SHORT, "c", 6, &e));
    refused("\"batch\": 3, \"steps\": 11", "\"kl\"", TRIT_E_CONFIG,
            "c: holds 30 of the 33 windows that are trained on");
    refused(SHORT ", \"seed\": 2", "\"kl\"", TRIT_E_CONFIG, "c: is of other data, or another seed");
    refused(SHORT, "\"ce\", \"dad\"", TRIT_E_CONFIG,
            "/distill/losses/1: the cache keeps 6 of 257 tokens; dad needs all of them");
    refused(SHORT, "{\"loss\": \"kl\", \"temperature\": 2}", TRIT_E_CONFIG,
            "kl at a temperature needs all of them");
    patch("c", 4096 + (long)(n_valid * trit_teacher_cache_record(16, 6)) + 3);
    refused(SHORT, "\"kl\"", TRIT_E_FORMAT, "c: window 0 of training is damaged");
    assert_int_equal(rename("c", "d"), 0);
    FILE *f = fopen("c", "w");
    fputs("no cache", f);
    fclose(f);
    refused(SHORT, "\"kl\"", TRIT_E_FORMAT, "c: not a teacher cache");
}

/* Damage behind what was looked at when the run began is found by the step that comes to it. */
static void damage_is_found_in_time(void **state) {
    (void)state;
    trit_error e;
    fixture f;
    trit_step_result step;
    trit_status status = TRIT_OK;
    static const char train[] = "\"batch\": 16, \"steps\": 6";
    assert_ok(write_cache(train, "late", 3, &e));
    patch("late", (long)(4096 + (n_valid + 70) * trit_teacher_cache_record(16, 3) + 1));
    char text[512];
    snprintf(text, sizeof text,
             "{" TINY_MODEL ", \"train\": {%s}" STUDENT
             "{\"cache\": \"late\", \"losses\": [\"kl\"]}}",
             train);
    open_text(&f, text, 1, TRIT_RUN_TRAIN);
    while (!status && f.r.step < 6) status = trit_run_step(&f.r, NULL, &step, &e);
    assert_int_equal(status, TRIT_E_FORMAT);
    assert_int_equal(f.r.step, 4);
    assert_error_has(e, "late: window 70 of training is damaged");
    close_run(&f);
}

static void open_student(fixture *f, const char *train, const char *teacher) {
    char text[512];
    snprintf(text, sizeof text,
             "{" TINY_MODEL ", \"train\": {%s}" STUDENT "{%s, \"losses\": [\"kl\"]}}", train,
             teacher);
    open_text(f, text, 2, TRIT_RUN_TRAIN | TRIT_RUN_EVAL);
}

/* An evaluation tells the same of a teacher from its cache as from itself, but for a divergence
 * that is no larger: equal where all tokens are kept. */
static void agreement_is_that_with_the_teacher(void **state) {
    (void)state;
    trit_error e;
    fixture live, cached;
    trit_eval_result want, got;
    double kl[3];
    static const int64_t k[3] = {2, 30, 257};
    open_student(&live, SHORT, "\"teacher\": \"teacher\"");
    assert_ok(trit_run_eval(&live.r, 0, NULL, &want, &e));
    for (int i = 0; i < 3; i++) {
        char path[32], named[64];
        snprintf(path, sizeof path, "agree%d", i);
        snprintf(named, sizeof named, "\"cache\": \"%s\"", path);
        assert_ok(write_cache(SHORT, path, k[i], &e));
        open_student(&cached, SHORT, named);
        assert_ok(trit_run_eval(&cached.r, 0, NULL, &got, &e));
        const trit_agreement *a = &got.agreement, *b = &want.agreement;
        assert_true(a->n == want.n_tokens && a->n == b->n);
        assert_int_equal(a->same, b->same);
        assert_near(a->loss, b->loss, 1e-6 * b->loss);
        assert_memory_equal(a->class_n, b->class_n, sizeof a->class_n);
        kl[i] = a->kl;
        close_run(&cached);
    }
    assert_true(kl[2] == want.agreement.kl);
    assert_true(kl[0] < kl[1] && kl[1] < kl[2] && kl[1] > 0.9 * kl[2]);
    close_run(&live);
}

/* Windows that the cache lacks are not counted; what is damaged is an error. */
static void agreement_over_what_is_there(void **state) {
    (void)state;
    trit_error e;
    fixture f;
    trit_eval_result v;
    assert_ok(write_cache(SHORT ", \"eval_tokens\": 80", "part", 4, &e));
    assert_int_equal(n_valid, 5);
    assert_ok(write_cache(SHORT, "part", 4, &e)); /* stays as it was begun */
    open_student(&f, SHORT, "\"cache\": \"part\"");
    assert_ok(trit_run_eval(&f.r, 0, NULL, &v, &e));
    assert_int_equal(v.agreement.n, 80);
    assert_true(v.n_tokens > 80);
    close_run(&f);
    patch("part", (long)(4096 + 3 * trit_teacher_cache_record(16, 4) + 1));
    open_student(&f, SHORT, "\"cache\": \"part\"");
    assert_int_equal(trit_run_eval(&f.r, 0, NULL, &v, &e), TRIT_E_FORMAT);
    assert_error_has(e, "part: window 3 of validation is damaged");
    close_run(&f);
}

/* What is made up for a measurement is a distribution: of as many tokens as the cache there keeps,
 * all of them once, or of 64. */
static void made_up_ones_are_possible(void **state) {
    (void)state;
    trit_error e;
    static const struct {
        const char *path;
        int64_t k;
    } cases[] = {{"nowhere", 64}, {"five", 5}, {"every", 257}};
    assert_ok(write_cache(SHORT, "five", 5, &e));
    assert_ok(write_cache(SHORT, "every", 257, &e));
    for (int i = 0; i < 3; i++) {
        char text[512];
        fixture f;
        snprintf(text, sizeof text,
                 "{" TINY_MODEL ", \"train\": {" SHORT "}" STUDENT
                 "{\"cache\": \"%s\", \"losses\": [\"cakld\"]}}",
                 cases[i].path);
        open_text(&f, text, 1, TRIT_RUN_BENCH);
        const trit_distill *d = f.r.distill;
        assert_true(d->cache.made_up);
        assert_int_equal(d->cache.k, cases[i].k);
        int32_t tokens[3 * 16] = {0};
        assert_ok(trit_distill_ask(&f.r, tokens, 0, &e));
        const int32_t *id = d->cached.ids->val.data;
        const trit_real *z = trit_val(d->cached.logits), *mass = trit_val(d->cached.mass);
        for (int64_t t = 0; t < 3 * 16; t++, id += d->cache.k, z += d->cache.k, mass += 2) {
            double sum = exp((double)mass[1]);
            for (int64_t j = 0; j < d->cache.k; j++) {
                assert_true(id[j] < 257 && id[j] > (j ? id[j - 1] : -1));
                sum += exp((double)z[j] - (double)mass[0]);
            }
            assert_near(sum, 1, 1e-5);
        }
        close_run(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_teacher),
        cmocka_unit_test(writing_goes_on),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(damage_is_found_in_time),
        cmocka_unit_test(agreement_is_that_with_the_teacher),
        cmocka_unit_test(agreement_over_what_is_there),
        cmocka_unit_test(made_up_ones_are_possible),
    };
    return cmocka_run_group_tests(tests, setup, leave_dir);
}
