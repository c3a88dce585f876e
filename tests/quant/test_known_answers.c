/* Every answer of tests/quant/known_answers.json and random_answers.json, run as `trit probe` runs
 * it. known_answers holds the answers of the methods reference. random_answers were computed in
 * double by a second implementation, which was written from the published formulas and codes
 * without a look at this one and takes its gradients by automatic differentiation: matrices with
 * an outlier and exact zeros, learnables at first values and away from them. Elements within a
 * rounding of a tie make two right answers: their cases were left out.
 *
 * A file is a list of cases of run/probe.h, each with
 *   method     section of the methods reference: "A5"
 *   case       what is special about it
 *   row        "axis:name", or a list of them: rows that it needs. Where one is not in the registry
 *              yet, the case is counted as waiting and not run
 *   expect     y, gx, codes, scale, zero and learnables {name: {value, grad, grad_scaled}}, as far
 *              as they are known; null: not tested (a tie)
 *   tolerance  absolute below 1, else relative; default 1e-5
 * The files may be given to `trit probe --cases` as they are. */
#include "quant/methods.h"
#include "run/probe_bench.h"

static int n_wrong, n_waiting;

static bool in_names(const char *const *names, const char *name) {
    for (; *names; names++) {
        if (strcmp(*names, name) == 0) return true;
    }
    return false;
}

/* An axis that is not known here has no rows yet. */
static bool row_exists(const char *row) {
    const char *name = strchr(row, ':');
    assert_non_null(name);
    size_t n = (size_t)(name++ - row);
    static const struct {
        const char *axis;
        const char *const *names;
    } axes[] = {{"grid", trit_grid_names},
                {"scale", trit_scale_names},
                {"estimator", trit_estimator_names},
                {"transform", trit_transform_names},
                {"form", trit_form_names}};
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) {
        if (strlen(axes[i].axis) == n && strncmp(row, axes[i].axis, n) == 0) {
            return in_names(axes[i].names, name);
        }
    }
    for (const trit_method_file *m = trit_method_files; m->name; m++) {
        if (strncmp(row, "method", n) == 0 && strcmp(m->name, name) == 0) return true;
    }
    return false;
}

static const char *missing_row(const cJSON *row) {
    if (cJSON_IsString(row)) return row_exists(row->valuestring) ? NULL : row->valuestring;
    assert_true(cJSON_IsArray(row) && row->child);
    for (const cJSON *m = row->child; m; m = m->next) {
        if (!row_exists(m->valuestring)) return m->valuestring;
    }
    return NULL;
}

typedef struct check {
    const cJSON *in; /* the case */
    char what[64];   /* which of its numbers */
    double tolerance;
    int wrong;
} check;

static void report(check *c, const char *text) {
    if (!c->wrong++) {
        print_error("%s, %s:\n", trit_json_get(c->in, "method")->valuestring,
                    trit_json_get(c->in, "case")->valuestring);
    }
    print_error("  %s: %s\n", c->what, text);
}

/* Numbers of a list in a list in a list, in their order, against found[n]. */
static void compare(check *c, const cJSON *want, const double *found, int64_t n, int64_t *at) {
    char text[160];
    if (cJSON_IsArray(want)) {
        for (const cJSON *m = want->child; m; m = m->next) compare(c, m, found, n, at);
        return;
    }
    int64_t i = (*at)++;
    if (cJSON_IsNull(want) || i >= n) return;
    double w = want->valuedouble, size = fabs(w) > 1 ? fabs(w) : 1;
    if (fabs(found[i] - w) <= c->tolerance * size) return;
    snprintf(text, sizeof text, "element %lld is %.9g, expected %.9g", (long long)i, found[i], w);
    report(c, text);
}

static void compare_all(check *c, const cJSON *want, const char *what, const double *found,
                        int64_t n) {
    int64_t at = 0;
    if (!want) return;
    snprintf(c->what, sizeof c->what, "%s", what);
    if (!found) {
        report(c, "there is none");
        return;
    }
    compare(c, want, found, n, &at);
    if (at != n) report(c, "another number of elements than expected");
}

static void compare_learnables(check *c, const cJSON *want, const trit_probe *p) {
    for (const cJSON *m = want ? want->child : NULL; m; m = m->next) {
        const trit_probe_learn *l = NULL;
        for (int i = 0; i < p->n_learn; i++) {
            if (strcmp(p->learn[i].name, m->string) == 0) l = &p->learn[i];
        }
        static const char *const keys[] = {"value", "grad", "grad_scaled"};
        const double *const found[] = {l ? l->value : NULL, l ? l->grad : NULL,
                                       l ? l->grad_scaled : NULL};
        for (int k = 0; k < 3; k++) {
            char what[64];
            snprintf(what, sizeof what, "%.12s of %.40s", keys[k], m->string);
            compare_all(c, trit_json_get(m, keys[k]), what, found[k], l ? l->n : 0);
        }
    }
}

/* Keys that would otherwise be skipped in silence. */
static void check_expect(check *c, const cJSON *expect) {
    static const char *const keys[] = {"y", "gx", "codes", "scale", "zero", "learnables", NULL};
    snprintf(c->what, sizeof c->what, "expect");
    if (!cJSON_IsObject(expect) || !expect->child) report(c, "nothing");
    for (const cJSON *m = expect ? expect->child : NULL; m; m = m->next) {
        if (!in_names(keys, m->string)) report(c, m->string);
    }
}

static void run_case(const cJSON *in, int i) {
    char pointer[32];
    trit_error e = {0};
    trit_probe p;
    check c = {.in = in, .tolerance = 1e-5};
    const cJSON *expect = trit_json_get(in, "expect"), *t = trit_json_get(in, "tolerance");
    if (t) c.tolerance = t->valuedouble;
    check_expect(&c, expect);
    const char *missing = missing_row(trit_json_get(in, "row"));
    if (missing) {
        print_message("waiting for %s: %s, %s\n", missing, trit_json_get(in, "method")->valuestring,
                      trit_json_get(in, "case")->valuestring);
        n_waiting++;
        n_wrong += c.wrong > 0;
        return;
    }
    snprintf(pointer, sizeof pointer, "/%d", i);
    if (trit_probe_run(&p, &exec, in, "known_answers.json", pointer, &e)) {
        snprintf(c.what, sizeof c.what, "error");
        report(&c, e.text);
    } else {
        compare_all(&c, trit_json_get(expect, "y"), "y", p.y, p.n);
        compare_all(&c, trit_json_get(expect, "gx"), "gx", p.gx, p.n);
        compare_all(&c, trit_json_get(expect, "codes"), "codes", p.code, p.n);
        compare_all(&c, trit_json_get(expect, "scale"), "scale", p.scale, p.n_group);
        compare_all(&c, trit_json_get(expect, "zero"), "zero", p.zero, p.n_group);
        compare_learnables(&c, trit_json_get(expect, "learnables"), &p);
    }
    trit_probe_free(&p);
    n_wrong += c.wrong > 0;
}

static void run_file(const char *path, int least) {
    trit_error e = {0};
    cJSON *list = NULL;
    n_wrong = n_waiting = 0;
    assert_ok(trit_json_load(&list, path, &e));
    assert_true(cJSON_IsArray(list));
    int i = 0;
    for (const cJSON *in = list->child; in; in = in->next) run_case(in, i++);
    print_message("%d cases: %d right, %d wrong, %d waiting for their rows\n", i,
                  i - n_wrong - n_waiting, n_wrong, n_waiting);
    cJSON_Delete(list);
    assert_true(i >= least);
    assert_int_equal(n_wrong, 0);
}

static void known_answers(void **state) {
    (void)state;
    run_file(TRIT_SOURCE_DIR "/tests/quant/known_answers.json", 100);
}

static void random_answers(void **state) {
    (void)state;
    run_file(TRIT_SOURCE_DIR "/tests/quant/random_answers.json", 200);
}

/* The comparison itself can fail. */
static void mistakes_show(void **state) {
    (void)state;
    static const char *const wrong[] = {"{\"y\": [2, 2.01]}",
                                        "{\"y\": [2]}",
                                        "{\"y\": [2, 2, 2]}",
                                        "{\"codes\": [1, 0]}",
                                        "{\"scale\": [2, 2]}",
                                        "{\"gx\": [1, 0]}",
                                        "{\"learnables\": {\"step\": {\"value\": 1}}}",
                                        "{\"why\": 1}",
                                        "{}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[512];
        trit_error e = {0};
        cJSON *in = NULL;
        snprintf(text, sizeof text,
                 "{\"method\": \"test\", \"case\": \"mistake, expected to be reported\", \"row\": "
                 "\"grid:int\", \"spec\": \"int2\", \"x\": [1.5, 2], \"expect\": %s}",
                 wrong[i]);
        assert_ok(trit_json_parse(&in, text, strlen(text), "case", &e));
        n_wrong = 0;
        run_case(in, 0);
        cJSON_Delete(in);
        assert_int_equal(n_wrong, 1);
    }
    assert_true(row_exists("method:bwn") && row_exists("form:twn"));
    assert_false(row_exists("method:bwm") || row_exists("form:axis") || row_exists("twist:int"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers),
                                       cmocka_unit_test(random_answers),
                                       cmocka_unit_test(mistakes_show)};
    return cmocka_run_group_tests(tests, open_exec, close_exec);
}
