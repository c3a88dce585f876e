/* trit methods: the rows of every axis of a quantizer, and the named methods made of them. */
#include "cli/cli.h"
#include "io/quant_settings.h"
#include "quant/form.h"
#include "quant/methods.h"

#include <stdio.h>
#include <string.h>

typedef struct row {
    const char *axis, *name, *doc, *cite; /* cite: NULL for none */
    const trit_knob *knob;
    const char *json;    /* text of a method, else NULL */
    const char *example; /* config line with %s for the name */
} row;

enum { MAX_ROW = 256 };
typedef struct rows {
    row at[MAX_ROW];
    int n;
    cJSON *method[MAX_ROW]; /* trees that own the docs of methods */
    int n_method;
} rows;

static void add(rows *r, row one) {
    TRIT_ASSERT(r->n < MAX_ROW);
    r->at[r->n++] = one;
}

static const char *granularity_example(int i) {
    switch ((trit_granularity)i) {
    case TRIT_GRANULARITY_token:
        return "\"quant\": {\"activations\": \"int8-%s\"}";
    case TRIT_GRANULARITY_group:
        return "\"quant\": {\"weights\": \"int4-%s64\"}";
    default:
        return "\"quant\": {\"weights\": \"int8-%s\"}";
    }
}

/* What a method is stands in its comment. */
static trit_status add_methods(rows *r, trit_error *e) {
    for (const trit_method_file *m = trit_method_files; m->name; m++) {
        cJSON **v = &r->method[r->n_method];
        TRIT_TRY(trit_json_parse(v, m->json, strlen(m->json), m->name, e));
        r->n_method++;
        const cJSON *comment = trit_json_get(*v, "comment");
        add(r, (row){"method", m->name, cJSON_IsString(comment) ? comment->valuestring : "", NULL,
                     NULL, m->json, "\"quant\": \"%s\""});
    }
    return TRIT_OK;
}

static trit_status list_rows(rows *r, trit_error *e) {
    for (int i = 0; trit_grids[i]; i++) {
        const trit_grid *g = trit_grids[i];
        add(r, (row){"grid", g->name, g->doc, g->cite, g->knob, NULL,
                     "\"quant\": {\"weights\": \"%s\"}"});
    }
    for (int i = 0; trit_scales[i]; i++) {
        const trit_scale_rule *s = trit_scales[i];
        add(r, (row){"scale", s->name, s->doc, s->cite, s->knob, NULL,
                     "\"quant\": {\"weights\": \"int8-%s\"}"});
    }
    for (int i = 0; i < TRIT_N_GRANULARITY; i++) {
        add(r, (row){"granularity", trit_granularity_names[i], trit_granularity_docs[i], NULL, NULL,
                     NULL, granularity_example(i)});
    }
    for (int i = 0; trit_estimators[i]; i++) {
        const trit_estimator *t = trit_estimators[i];
        add(r, (row){"estimator", t->name, t->doc, t->cite, t->knob, NULL,
                     "\"quant\": {\"weights\": \"int8\", \"estimator\": \"%s\"}"});
    }
    for (int i = 1; trit_forms[i]; i++) {
        const trit_form *f = trit_forms[i];
        const char *example = f->weights ? "\"quant\": {\"weights\": \"%s\"}"
                                         : "\"quant\": {\"activations\": \"%s\"}";
        add(r, (row){"form", f->name, f->doc, f->cite, f->knob, NULL, example});
    }
    return add_methods(r, e);
}

static void free_rows(rows *r) {
    for (int i = 0; i < r->n_method; i++) cJSON_Delete(r->method[i]);
}

/* ---- output -------------------------------------------------------------------------------- */

static void print_table(const rows *r) {
    const char *axis = "";
    for (int i = 0; i < r->n; i++) {
        const row *one = &r->at[i];
        bool new_axis = strcmp(axis, one->axis) != 0;
        if (new_axis) printf("%s%s\n", i ? "\n" : "", one->axis);
        printf("  %-22s %s\n", one->name, one->doc);
        axis = one->axis;
    }
    printf("\n`trit methods NAME` explains one.\n");
}

static void print_example(const row *one) {
    const char *gap = strstr(one->example, "%s");
    printf("example: %.*s%s%s\n", (int)(gap - one->example), one->example, one->name, gap + 2);
}

static void print_row(const row *one) {
    printf("%s %s\n  %s\n", one->axis, one->name, one->doc);
    if (one->cite) printf("  source: %s\n", one->cite);
    for (const trit_knob *k = one->knob; k && k->name; k++) {
        printf("  knob %s = %g, from %g to %g: %s\n", k->name, k->dflt, k->lo, k->hi, k->doc);
    }
    print_example(one);
    if (one->json) printf("\n%s", one->json);
}

static void add_text(trit_text *t, const char *key, const char *text) {
    trit_text_add(t, "\"%s\":", key);
    trit_json_quote(t, text ? text : "");
    trit_text_add(t, ",");
}

static void add_json(trit_text *t, const row *one) {
    trit_text_add(t, "{");
    add_text(t, "axis", one->axis);
    add_text(t, "name", one->name);
    add_text(t, "doc", one->doc);
    add_text(t, "cite", one->cite);
    trit_text_add(t, "\"knobs\":[");
    for (const trit_knob *k = one->knob; k && k->name; k++) {
        trit_text_add(t, "%s{", k == one->knob ? "" : ",");
        add_text(t, "name", k->name);
        const char *const keys[] = {"default", "lo", "hi"};
        const double values[] = {k->dflt, k->lo, k->hi};
        for (int i = 0; i < 3; i++) {
            trit_text_add(t, "\"%s\":", keys[i]);
            trit_json_number(t, values[i]);
            trit_text_add(t, ",");
        }
        trit_text_add(t, "\"doc\":");
        trit_json_quote(t, k->doc);
        trit_text_add(t, "}");
    }
    trit_text_add(t, "]}");
}

/* The rows whose name is `name`, or all for NULL. */
static trit_status print_json(const rows *r, const char *name, trit_error *e) {
    trit_text t = {0};
    int n = 0;
    trit_text_add(&t, "[");
    for (int i = 0; i < r->n; i++) {
        if (name && strcmp(name, r->at[i].name) != 0) continue;
        trit_text_add(&t, n++ ? ",\n " : "");
        add_json(&t, &r->at[i]);
    }
    trit_text_add(&t, "]\n");
    trit_status status = t.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for the list") : TRIT_OK;
    if (!status) fputs(trit_text_get(&t), stdout);
    trit_text_free(&t);
    return status;
}

static trit_status unknown_name(const rows *r, const char *name, trit_error *e) {
    const char *words[MAX_ROW];
    for (int i = 0; i < r->n; i++) words[i] = r->at[i].name;
    const char *near = trit_text_nearest(name, words, r->n);
    if (near) {
        return TRIT_FAIL(e, E_USAGE, "no row or method is called \"%s\"; did you mean \"%s\"?",
                         name, near);
    }
    return TRIT_FAIL(e, E_USAGE, "no row or method is called \"%s\"; `trit methods` lists all",
                     name);
}

static trit_status show(const rows *r, const char *name, bool json, trit_error *e) {
    int n = 0;
    for (int i = 0; name && i < r->n; i++) {
        if (strcmp(name, r->at[i].name) != 0) continue;
        if (!json) {
            if (n) printf("\n");
            print_row(&r->at[i]);
        }
        n++;
    }
    if (name && !n) return unknown_name(r, name, e);
    if (json) return print_json(r, name, e);
    if (!name) print_table(r);
    return TRIT_OK;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    bool json = false;
    const trit_option options[] = {{"--json", TRIT_OPT_FLAG, &json, 0, 0}};
    int n;
    if (trit_options_read(options, 1, argc, argv, &n, &e)) return trit_report(&e);
    if (n > 1) {
        TRIT_FAIL(&e, E_USAGE, "expected one NAME, found %d", n);
        return trit_report(&e);
    }
    rows r = {.n = 0};
    trit_status status = list_rows(&r, &e);
    if (!status) status = show(&r, n ? argv[0] : NULL, json, &e);
    free_rows(&r);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_methods = {
    .name = "methods",
    .usage = "[NAME] [--json]",
    .doc = "lists grids, scale rules, granularities, estimators and named methods",
    .help = "  NAME     explains one: source, knobs with their ranges, an example\n"
            "  --json   a list of {axis, name, doc, cite, knobs}",
    .run = run,
};
