/* A sweep made by hand, whose tables are known. */
#include "sweep/report.h"

#include "io/file.h"
#include "testing.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static void spit(const char *path, const char *text) {
    trit_error e = {0};
    assert_ok(trit_file_replace(NULL, path, text, strlen(text), &e));
}

/* Two methods on two widths with three seeds; NAN: not done, INFINITY: failed. The second one is
 * better by 0.1 to 0.6, each time by something else. */
static const double losses[2][2][3] = {{{2.0, 2.1, 2.3}, {3.0, 3.5, (double)NAN}},
                                       {{1.9, 1.9, 2.0}, {2.6, 3.0, (double)INFINITY}}};

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/trit-test-XXXXXX");
    if (!mkdtemp(dir) || chdir(dir) || mkdir("s", 0777) || mkdir("s/cells", 0777)) return -1;
    trit_text t = {0};
    trit_text_add(&t,
                  "{\"version\": 1, \"name\": \"by hand\", \"metric\": \"val_loss\", \"axes\": ["
                  "{\"name\": \"method\", \"baseline\": \"old\", \"values\": ["
                  "{\"label\": \"old\", \"set\": [\"a=1\"]}, "
                  "{\"label\": \"new, <b>|\", \"set\": [\"a=2\", \"b=3\"]}]},"
                  "{\"name\": \"width\", \"baseline\": \"8\", \"values\": ["
                  "{\"label\": \"8\", \"set\": []}, {\"label\": \"16\", \"set\": []}]},"
                  "{\"name\": \"seed\", \"baseline\": \"1\", \"values\": ["
                  "{\"label\": \"1\", \"set\": []}, {\"label\": \"2\", \"set\": []}, "
                  "{\"label\": \"3\", \"set\": []}]}], \"left_out\": [], \"cells\": [");
    for (int i = 0; i < 12; i++) {
        char path[100], text[300];
        double loss = losses[i / 6][i / 3 % 2][i % 3];
        trit_text_add(&t,
                      "%s{\"hash\": \"cell%02d\", \"values\": [%d, %d, %d], \"deploy_bytes\": %d}",
                      i ? "," : "", i, i / 6, i / 3 % 2, i % 3, i / 3 % 2 ? 2000 : 1000);
        snprintf(path, sizeof path, "s/cells/cell%02d", i);
        if (mkdir(path, 0777)) return -1;
        if (isnan(loss)) continue;
        if (isinf(loss)) {
            snprintf(path, sizeof path, "s/cells/cell%02d/error.json", i);
            spit(
                path,
                "{\"exit_code\": 76, \"error\": \"step 3: loss nan: a value that is not finite\"}");
            continue;
        }
        snprintf(path, sizeof path, "s/cells/cell%02d/result.json", i);
        snprintf(text, sizeof text,
                 "{\"step\":20,\"val_loss\":%g,\"best_val_loss\":%g,\"bits_per_byte\":%g,"
                 "\"gap_to_source\":null,\"tokens_per_second\":%d,\"peak_rss_bytes\":5000}",
                 loss, loss - 0.01, 2 * loss, 100 + i);
        spit(path, text);
        snprintf(path, sizeof path, "s/cells/cell%02d/run", i);
        if (mkdir(path, 0777)) return -1;
        snprintf(path, sizeof path, "s/cells/cell%02d/run/metrics.jsonl", i);
        snprintf(text, sizeof text,
                 "{\"step\":1,\"train_loss\":9}\n{\"step\":10,\"val_loss\":%g}\n"
                 "{\"step\":20,\"val_loss\":%g}\n",
                 10 - loss, loss);
        spit(path, text);
    }
    trit_text_add(&t, "]}");
    spit("s/sweep.json", t.at);
    trit_text_free(&t);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char line[96];
    snprintf(line, sizeof line, "cd / && rm -rf '%s'", dir);
    return system(line);
}

static trit_results results;
static trit_analysis analysis;

static int open_results(void **state) {
    (void)state;
    trit_error e = {0};
    if (!trit_results_read(&results, "s", true, &e) && !trit_analyse(&results, &analysis, &e)) {
        return 0;
    }
    print_error("%s\n", e.text);
    return -1;
}

static int close_results(void **state) {
    (void)state;
    trit_analysis_free(&analysis);
    trit_results_close(&results);
    return 0;
}

static void counts_and_means(void **state) {
    (void)state;
    assert_int_equal(analysis.cells.done, 10);
    assert_int_equal(analysis.cells.failed, 1);
    assert_int_equal(analysis.cells.diverged, 1);
    assert_int_equal(analysis.cells.open, 1);
    assert_int_equal(analysis.n, 4); /* seeds are not compared */
    const trit_comparison *old = &analysis.at[0], *new = &analysis.at[1];
    assert_int_equal(old->verdict, TRIT_VERDICT_BASELINE);
    assert_near(old->mean, (2.0 + 2.1 + 2.3 + 3.0 + 3.5) / 5, 1e-12);
    assert_int_equal(new->cells.done, 5);
    assert_int_equal(new->cells.failed, 1);
    assert_int_equal(new->cells.diverged, 1);
    assert_near(new->deploy_bytes, (3 * 1000 + 2 * 2000) / 5.0, 1e-12);
    assert_near(new->tokens_per_second, 100 + (6 + 7 + 8 + 9 + 10) / 5.0, 1e-12);
}

static void pairs(void **state) {
    (void)state;
    const trit_comparison *new = &analysis.at[1];
    assert_int_equal(new->n_pair, 5);
    assert_near(new->diff, -(0.1 + 0.2 + 0.3 + 0.4 + 0.5) / 5, 1e-12);
    assert_near(new->p_wilcoxon, 2.0 / 32, 1e-12);
    assert_near(new->p_sign, 2.0 / 32, 1e-12);
    assert_true(new->lo < new->diff &&new->diff < new->hi &&new->hi < 0);
    /* All five agree, and still that can be chance. */
    assert_int_equal(new->verdict, TRIT_VERDICT_FEW);
    const trit_comparison *wide = &analysis.at[3];
    assert_int_equal(wide->n_pair, 4);
    assert_near(wide->diff, (1.0 + 1.4 + 0.7 + 1.1) / 4, 1e-12);
}

static void points_budgets_and_heat(void **state) {
    (void)state;
    assert_int_equal(analysis.n_point, 4);
    assert_int_equal(analysis.n_ranked, 4);
    assert_int_equal(analysis.rank[0], 2);
    assert_int_equal(analysis.rank[3], 1);
    assert_near(analysis.point[2].mean, 5.8 / 3, 1e-12);
    /* Half way what is best at the end was worst. */
    assert_int_equal(analysis.n_budget, 2);
    assert_near(analysis.budget[0].steps, 10, 0);
    assert_int_equal(analysis.budget[0].best, 1);
    assert_int_equal(analysis.budget[1].best, 2);
    assert_int_equal(analysis.budget[1].second, 0);
    assert_near(analysis.budget[1].second_loss, 6.4 / 3, 1e-9);
    assert_int_equal(analysis.n_heat, 1);
    assert_near(analysis.heat[0].mean[3], 2.8, 1e-12);
    assert_near(analysis.heat[0].lo, 5.8 / 3, 1e-12);
}

static void tables(void **state) {
    (void)state;
    trit_text t = {0};
    trit_report_words(&results, &analysis, &t);
    assert_non_null(
        strstr(t.at, "method, val_loss against old: too few pairs to tell: new, <b>|."));
    assert_non_null(strstr(t.at, "Lowest mean val_loss: method=new, <b>| width=8, 1.9333 over 3"));
    assert_non_null(strstr(t.at, "Of 12 cells 10 are done, 1 failed (1 since"));
    trit_text_free(&t);
    trit_report_markdown(&results, &analysis, &t);
    assert_non_null(strstr(t.at, "| new, <b>\\| | 5 | 2.2800 | "));
    assert_non_null(strstr(t.at, "| old | 2.1333 | 3.2500 |"));
    assert_non_null(strstr(t.at, "a value that is not finite |"));
    trit_text_free(&t);
    trit_report_csv_cells(&results, &t);
    assert_non_null(strstr(t.at, "cell06,\"new, <b>|\",8,1,done,20,1.9,1.89,3.8,,1000,\n"));
    assert_non_null(strstr(t.at, "cell05,old,16,3,waiting,,,,,,2000,\n"));
    trit_text_free(&t);
    trit_report_csv_comparisons(&results, &analysis, &t);
    assert_non_null(strstr(t.at, "method,old,5,0,0,2.5"));
    assert_null(strstr(t.at, "5000")); /* costs stand elsewhere */
    trit_text_free(&t);
    trit_report_json(&results, &analysis, &t);
    trit_error e = {0};
    cJSON *v = NULL;
    assert_ok(trit_json_parse(&v, t.at, t.len, "report", &e));
    const cJSON *cell = cJSON_GetArrayItem(trit_json_get(v, "cells"), 6);
    assert_string_equal(trit_json_get(trit_json_get(cell, "values"), "method")->valuestring,
                        "new, <b>|");
    assert_int_equal(cJSON_GetArraySize(trit_json_get(v, "comparisons")), 4);
    cJSON_Delete(v);
    trit_text_free(&t);
}

static int count_of(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)); text++) n++;
    return n;
}

static void page(void **state) {
    (void)state;
    trit_text t = {0};
    trit_report_html(&results, &analysis, "../", &t);
    assert_false(t.failed);
    assert_null(strstr(t.at, "<b>"));
    assert_non_null(strstr(t.at, "new, &lt;b&gt;|"));
    assert_int_equal(count_of(t.at, "<tr"), count_of(t.at, "</tr>"));
    assert_int_equal(count_of(t.at, "<td"), count_of(t.at, "</td>"));
    assert_int_equal(count_of(t.at, "<table"), count_of(t.at, "</table>"));
    assert_non_null(strstr(t.at, "href=\"../cells/cell06/\""));
    /* Nothing is fetched: the only addresses name what SVG is. */
    assert_int_equal(count_of(t.at, "://"), count_of(t.at, "://www.w3.org/"));
    assert_int_equal(count_of(t.at, "<svg"), 5);
    assert_null(strstr(t.at, "url(#clip"));
    trit_text_free(&t);
}

static void folder(void **state) {
    (void)state;
    static const char *const files[] = {"report.md",  "report.html",       "report.json",
                                        "cells.csv",  "comparisons.csv",   "costs.csv",
                                        "method.png", "method-curves.png", "pareto.png"};
    trit_error e = {0};
    assert_ok(trit_report_write(&results, &analysis, "out", "../", &e));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[100];
        struct stat st;
        snprintf(path, sizeof path, "out/%s", files[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_size > 50);
    }
}

static void damaged_directories(void **state) {
    (void)state;
    trit_error e = {0};
    trit_results r;
    assert_int_equal(trit_results_read(&r, "nowhere", true, &e), TRIT_E_CONFIG);
    assert_error_has(e, "holds no sweep.json");
    trit_results_close(&r);
    assert_int_equal(mkdir("bad", 0777), 0);
    static const char *const texts[] = {
        "{}", "{\"name\": \"x\", \"metric\": \"val_loss\", \"axes\": [], \"cells\": []}",
        "{\"name\": \"x\", \"metric\": \"val_loss\", \"axes\": [{\"name\": \"seed\", \"baseline\": "
        "\"1\", \"values\": [{\"label\": \"1\"}]}], \"cells\": [{\"hash\": \"a\", \"values\": "
        "[1]}]}"};
    for (int i = 0; i < 3; i++) {
        memset(&e, 0, sizeof e);
        spit("bad/sweep.json", texts[i]);
        assert_int_equal(trit_results_read(&r, "bad", true, &e), TRIT_E_FORMAT);
        trit_results_close(&r);
    }
    int metric;
    memset(&e, 0, sizeof e);
    assert_int_equal(trit_results_metric("vla_loss", &metric, &e), TRIT_E_CONFIG);
    assert_error_has(e, "did you mean \"val_loss\"?");
}

int main(void) {
#define WITH_RESULTS(f) cmocka_unit_test_setup_teardown(f, open_results, close_results)
    const struct CMUnitTest tests[] = {
        WITH_RESULTS(counts_and_means),
        WITH_RESULTS(pairs),
        WITH_RESULTS(points_budgets_and_heat),
        WITH_RESULTS(tables),
        WITH_RESULTS(page),
        WITH_RESULTS(folder),
        cmocka_unit_test(damaged_directories),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
