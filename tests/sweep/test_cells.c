/* From a sweep file to its cells. */
#include "sweep/sweep.h"

#include "io/file.h"
#include "testing.h"

#include <unistd.h>

static char dir[64];

#define MODEL                                                                             \
    "\"model\": {\"preset\": \"bitnet\", \"layers\": 1, \"width\": 16, \"heads\": 2, "    \
    "\"context\": 16}, \"data\": {\"tales_bytes\": 10000}, \"quant\": \"bitnet-b1.58\", " \
    "\"train\": {\"steps\": 9, \"batch\": 1}, \"optim\": {\"warmup\": 0}"

static void spit(const char *path, const char *text) {
    trit_error e = {0};
    assert_ok(trit_file_replace(NULL, path, text, strlen(text), &e));
}

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/trit-test-XXXXXX");
    if (!mkdtemp(dir) || chdir(dir)) return -1;
    spit("base.json", "{" MODEL "}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char line[96];
    snprintf(line, sizeof line, "cd / && rm -rf '%s'", dir);
    return system(line);
}

/* Opens the sweep of a file's text and words behind it. */
static trit_status open_sweep(trit_sweep *s, const char *text, const char *word,
                              trit_text *problems, trit_error *e) {
    const char *args[] = {text ? "sweep.json" : "base.json", word};
    if (text) spit("sweep.json", text);
    TRIT_TRY(trit_sweep_read(s, word ? 2 : 1, args, e));
    return trit_sweep_expand(s, NULL, problems, e);
}

/* "label|label|..." of all cells. */
static void expect(const char *text, const char *word, const char *cells) {
    trit_error e = {0};
    trit_sweep s;
    trit_text all = {0}, problems = {0};
    assert_ok(open_sweep(&s, text, word, &problems, &e));
    for (int i = 0; i < s.n_cell; i++) {
        if (i) trit_text_add(&all, "|");
        trit_sweep_label(&s, s.cell[i].value, false, &all);
    }
    assert_string_equal(trit_text_get(&all), cells);
    trit_text_free(&all);
    trit_text_free(&problems);
    trit_sweep_close(&s);
}

static void refuse(const char *text, const char *word, const char *part, const char *problem) {
    trit_error e = {0};
    trit_sweep s;
    trit_text problems = {0};
    assert_int_equal(open_sweep(&s, text, word, &problems, &e), TRIT_E_CONFIG);
    assert_error_has(e, part);
    if (!strstr(trit_text_get(&problems), problem)) {
        fail_msg("\"%s\" is not in: %s", problem, trit_text_get(&problems));
    }
    trit_text_free(&problems);
    trit_sweep_close(&s);
}

static void product(void **state) {
    (void)state;
    expect("{\"base\": \"base.json\", \"axes\": {\"quant.estimator\": [\"ste\", \"ewgs\"], "
           "\"optim.lr\": [1e-3, 0.01]}, \"seeds\": 2}",
           NULL,
           "quant.estimator=ste optim.lr=0.001 seed=1|quant.estimator=ste optim.lr=0.001 seed=2|"
           "quant.estimator=ste optim.lr=0.01 seed=1|quant.estimator=ste optim.lr=0.01 seed=2|"
           "quant.estimator=ewgs optim.lr=0.001 seed=1|quant.estimator=ewgs optim.lr=0.001 seed=2|"
           "quant.estimator=ewgs optim.lr=0.01 seed=1|quant.estimator=ewgs optim.lr=0.01 seed=2");
    expect(NULL, "optim.lr=1e-3,2e-3", "optim.lr=0.001|optim.lr=0.002");
    expect(NULL, "seed=range(2)", "seed=0|seed=1");
    expect("{\"base\": {" MODEL "}, \"axes\": {\"optim.lr\": \"log(1e-3, 1e-2, 2)\"}}", NULL,
           "optim.lr=0.001|optim.lr=0.01");
    /* The command line replaces an axis of the file, and may take it away. */
    expect("{\"base\": \"base.json\", \"axes\": {\"optim.lr\": [1e-3, 0.01]}}", "optim.lr=1,2",
           "optim.lr=1|optim.lr=2");
    expect("{\"base\": \"base.json\", \"axes\": {\"optim.lr\": [1e-3, 0.01]}, \"seeds\": 2}",
           "optim.lr=1", "seed=1|seed=2");
}

static void paired(void **state) {
    (void)state;
    expect("{\"base\": \"base.json\", \"paired\": {\"method\": ["
           "{\"label\": \"plain\", \"quant.estimator\": \"ste\"}, "
           "{\"quant.estimator\": \"ewgs\", \"optim.lr\": 0.002}]}}",
           NULL, "method=plain|method=ewgs 0.002");
    refuse("{\"base\": \"base.json\", \"paired\": {\"method\": [{\"optim.lr\": 1}]}, "
           "\"axes\": {\"optim.lr\": [1, 2]}}",
           NULL, "two axes on one key: method and optim.lr both set optim.lr", "");
}

static void rules(void **state) {
    (void)state;
    static const char all[] = "{\"base\": \"base.json\", \"axes\": {\"quant.estimator\": "
                              "[\"ste\", \"ewgs\"], \"optim.lr\": [1e-3, 0.01]}, \"exclude\": %s}";
    char text[600];
    snprintf(text, sizeof text, all, "[{\"quant.estimator\": \"ewgs\", \"optim.lr\": 1e-2}]");
    expect(text, NULL,
           "quant.estimator=ste optim.lr=0.001|quant.estimator=ste optim.lr=0.01|"
           "quant.estimator=ewgs optim.lr=0.001");
    snprintf(text, sizeof text, all, "[{\"quant.estimator\": [\"e*\"]}]");
    expect(text, NULL, "quant.estimator=ste optim.lr=0.001|quant.estimator=ste optim.lr=0.01");
    snprintf(text, sizeof text, all, "[{\"quant.estimator\": \"dsq\"}]");
    refuse(text, NULL, "exclude/0: {\"quant.estimator\":\"dsq\"} matches no cell", "");
    snprintf(text, sizeof text, all, "[{\"quant.estimater\": \"ste\"}]");
    refuse(text, NULL, "did you mean \"quant.estimator\"?", "");
    snprintf(text, sizeof text, all, "[{\"optim.lr\": [0.001, 0.01]}]");
    refuse(text, NULL, "exclude leaves no cell", "");
}

static void random_points_keep_their_seeds(void **state) {
    (void)state;
    static const char text[] =
        "{\"base\": \"base.json\", \"axes\": {\"optim.lr\": \"range(1, 41)\"}, "
        "\"seeds\": 3, \"search\": {\"random\": 5, \"seed\": %d}}";
    char file[300];
    trit_error e = {0};
    trit_sweep s;
    trit_text first = {0}, problems = {0};
    for (int k = 0; k < 2; k++) {
        trit_text all = {0};
        snprintf(file, sizeof file, text, 1 + k);
        assert_ok(open_sweep(&s, file, NULL, &problems, &e));
        assert_int_equal(s.n_cell, 15);
        for (int i = 0; i < 15; i++) {
            assert_int_equal(s.cell[i].value[1], i % 3);
            assert_int_equal(s.cell[i].value[0], s.cell[i - i % 3].value[0]);
            trit_sweep_label(&s, s.cell[i].value, false, &all);
        }
        if (k) assert_string_not_equal(all.at, first.at);
        trit_text_add(&first, "%s", all.at);
        trit_text_free(&all);
        trit_sweep_close(&s);
    }
    trit_text_free(&first);
}

static void patterns_take_what_fits(void **state) {
    (void)state;
    trit_error e = {0};
    trit_sweep s;
    trit_text problems = {0};
    assert_ok(open_sweep(&s, NULL, "quant.weights.grid=*", &problems, &e));
    assert_true(s.n_cell > 3 && s.n_left_out > 0);
    assert_string_equal(s.left_out[0].label, "quant.weights.grid=log");
    trit_sweep_close(&s);
}

static void cells_know_their_config(void **state) {
    (void)state;
    trit_error e = {0};
    trit_sweep s;
    trit_text problems = {0};
    const char *args[] = {"base.json", "quant.weights=ternary,none,ternary-absmean"};
    spit("text.txt", "x");
    assert_ok(trit_sweep_read(&s, 2, args, &e));
    assert_ok(trit_sweep_expand(&s, NULL, &problems, &e));
    assert_int_equal(s.n_cell, 3);
    assert_int_equal(s.cell[0].same_as, -1);
    assert_int_equal(s.cell[2].same_as, 0); /* absmean is what ternary has anyway */
    assert_true(s.cell[0].deploy_bytes > 0);
    assert_true(s.cell[0].deploy_bytes < s.cell[1].deploy_bytes);
    /* The frozen config is the cell: it has its hash, and is complete. */
    trit_experiment x = {0};
    assert_ok(trit_experiment_parse(&x, s.cell[1].config, "cell", &e));
    assert_string_equal(x.hash, s.cell[1].hash);
    assert_string_equal(x.cfg.name, "base none");
    trit_experiment_close(&x);
    trit_sweep_close(&s);
}

static void mistakes(void **state) {
    (void)state;
    refuse(NULL, "quant.estimater=ste,ewgs", "2 values cannot be set",
           "did you mean \"estimator\"?");
    refuse(NULL, "quant.estimator=ste,ewsg", "1 of 2 cells cannot run", "in quant.estimator=ewsg");
    refuse(NULL, "optim.lr=1,1e9,2,1e8", "2 values cannot be set", "value 100000000: ");
    refuse(NULL, "model.heads=2,3,5", "2 of 3 cells cannot run", "in model.heads=5");
    refuse(NULL, "seed=", "no values", "");
    refuse(NULL, "optim.lr=1,1", "two values are called \"1\"", "");
    refuse(NULL, "train.steps=3", "there is no axis", "");
    refuse("{\"base\": \"base.json\", \"axes\": {\"optim.lr\": []}}", NULL,
           "sweep.json: axes/optim.lr: the axis is empty", "");
    refuse("{\"base\": \"base.json\", \"axes\": {\"optim.lr\": 3}}", NULL,
           "axes/optim.lr: found 3, expected a list", "");
    refuse("{\"base\": \"nobase.json\", \"axes\": {\"optim.lr\": [3]}}", NULL, "nobase.json", "");
    refuse("{\"axes\": {\"optim.lr\": [3]}}", NULL, "base is missing", "");
    refuse("{\"base\": \"base.json\", \"axis\": {}}", NULL, "did you mean \"axes\"?", "");
    refuse("{\"base\": \"base.json\", \"seeds\": 0}", NULL, "seeds: found 0", "");
    refuse("{\"base\": \"base.json\", \"seeds\": 2, \"metric\": \"los\"}", NULL,
           "metric: found \"los\"", "");
    refuse("{\"base\": \"base.json\", \"seeds\": 2, \"baseline\": {\"optim.lr\": 1}}", NULL,
           "baseline: unknown word \"optim.lr\"", "");
    refuse("{\"base\": \"base.json\", \"seeds\": 2, \"search\": {\"radnom\": 1}}", NULL,
           "did you mean \"random\"?", "");
    refuse("{\"base\": \"base.json\", \"axes\": {\"train.steps\": \"range(1, 301)\", "
           "\"train.batch\": \"range(1, 301)\"}}",
           NULL, "make 90000 cells", "");
    assert_int_equal(system("mkdir -p run/checkpoints && cp base.json run/config.json"), 0);
    trit_error e = {0};
    trit_sweep s;
    const char *args[] = {"run/config.json", "seed=1,2"};
    assert_int_equal(trit_sweep_read(&s, 2, args, &e), TRIT_E_CONFIG);
    assert_error_has(e, "belongs to a run that exists already");
    trit_sweep_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product),
        cmocka_unit_test(paired),
        cmocka_unit_test(rules),
        cmocka_unit_test(random_points_keep_their_seeds),
        cmocka_unit_test(patterns_take_what_fits),
        cmocka_unit_test(cells_know_their_config),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
