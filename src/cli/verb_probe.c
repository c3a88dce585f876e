/* trit probe: one quantizer, forward and backward, on given numbers. */
#include "autograd/runtime.h"
#include "cli/cli.h"
#include "run/probe.h"

#include <stdio.h>
#include <string.h>

typedef struct request {
    const char *x, *g, *state, *noise, *kind, *cases, *plot;
    int64_t steps;
    bool eval, json;
} request;

static trit_status no_memory(trit_error *e) {
    return TRIT_FAIL(e, E_NOMEM, "no memory for the numbers");
}

/* in[key] = v, which is taken over; NULL is no memory. */
static trit_status put(cJSON *in, const char *key, cJSON *v, trit_error *e) {
    if (v && cJSON_AddItemToObject(in, key, v)) return TRIT_OK;
    cJSON_Delete(v);
    return no_memory(e);
}

/* JSON on the command line, or in a file for "@FILE". */
static trit_status put_json(cJSON *in, const char *key, const char *text, trit_error *e) {
    if (!text) return TRIT_OK;
    cJSON *v = NULL;
    if (*text == '@') {
        TRIT_TRY(trit_json_load_data(&v, text + 1, e));
    } else {
        char name[16];
        snprintf(name, sizeof name, "--%s", key);
        TRIT_TRY(trit_json_parse(&v, text, strlen(text), name, e));
    }
    return put(in, key, v, e);
}

static trit_status make_case(cJSON *in, const request *q, const char *spec, trit_error *e) {
    if (!in) return no_memory(e);
    TRIT_TRY(put(in, "spec", cJSON_CreateString(spec), e));
    if (!q->x && !q->plot) {
        return TRIT_FAIL(e, E_USAGE, "--x is missing: the numbers to quantize, as '[0.3, -1]'");
    }
    if (q->x) {
        TRIT_TRY(put_json(in, "x", q->x, e));
    } else {
        TRIT_TRY(put(in, "x", trit_probe_sample(), e));
    }
    TRIT_TRY(put_json(in, "g", q->g, e));
    TRIT_TRY(put_json(in, "state", q->state, e));
    TRIT_TRY(put_json(in, "noise", q->noise, e));
    if (q->kind) TRIT_TRY(put(in, "kind", cJSON_CreateString(q->kind), e));
    if (q->eval) TRIT_TRY(put(in, "eval", cJSON_CreateBool(true), e));
    return put(in, "steps", cJSON_CreateNumber((double)q->steps), e);
}

static trit_status print(trit_text *out, trit_error *e) {
    trit_status status = out->failed ? no_memory(e) : TRIT_OK;
    if (!status) fputs(trit_text_get(out), stdout);
    trit_text_free(out);
    return status;
}

static trit_status show(const trit_probe *p, trit_exec *x, const request *q, const char *spec,
                        trit_error *e) {
    trit_text out = {0};
    char name[96], title[160];
    bool is_name = *spec != '{' && *spec != '@';
    snprintf(title, sizeof title, "%s%s%s", is_name ? spec : trit_spec_text(&p->spec, name),
             q->kind ? ", " : "", q->kind ? q->kind : "");
    if (q->plot) TRIT_TRY(trit_probe_plot(p, x, title, q->plot, e));
    if (!q->x) return TRIT_OK; /* a plot of the sample; nobody asked for its numbers */
    if (q->json) {
        trit_probe_json(p, &out);
        trit_text_add(&out, "\n");
    } else {
        trit_probe_table(p, &out);
    }
    return print(&out, e);
}

static trit_status probe_one(const request *q, trit_exec *x, const char *spec, trit_error *e) {
    cJSON *in = cJSON_CreateObject();
    trit_probe p = {.step = 0};
    trit_status status = make_case(in, q, spec, e);
    if (!status) status = trit_probe_run(&p, x, in, NULL, "", e);
    if (!status) status = show(&p, x, q, spec, e);
    trit_probe_free(&p);
    cJSON_Delete(in);
    return status;
}

/* A mistake in one case must not hide the results of the others. */
static void add_case(trit_text *out, trit_exec *x, const cJSON *in, const char *file, int i,
                     bool *failed) {
    char pointer[32];
    trit_error e = {0};
    trit_probe p;
    snprintf(pointer, sizeof pointer, "/%d", i);
    trit_text_add(out, i ? ",\n " : "[");
    if (!trit_probe_run(&p, x, in, file, pointer, &e)) {
        trit_probe_json(&p, out);
    } else {
        trit_text_add(out, "{\"error\": ");
        trit_json_quote(out, e.text);
        trit_text_add(out, "}");
        *failed = true;
    }
    trit_probe_free(&p);
}

static trit_status probe_cases(const char *file, trit_exec *x, bool *failed, trit_error *e) {
    cJSON *list = NULL;
    TRIT_TRY(trit_json_load_data(&list, file, e));
    trit_status status = TRIT_OK;
    trit_text out = {0};
    char found[80];
    int i = 0;
    if (!cJSON_IsArray(list)) {
        status = TRIT_FAIL(e, E_CONFIG, "%s: found %s, expected a list of cases", file,
                           trit_json_describe(found, list));
    } else {
        for (const cJSON *in = list->child; in; in = in->next) {
            add_case(&out, x, in, file, i++, failed);
        }
        trit_text_add(&out, i ? "]\n" : "[]\n");
        status = print(&out, e);
    }
    cJSON_Delete(list);
    return status;
}

static trit_status check_usage(const request *q, int n, char **argv, trit_error *e) {
    if (!q->cases) {
        if (n == 1) return TRIT_OK;
        return TRIT_FAIL(e, E_USAGE,
                         "expected one SPEC, found %d (as int4-absmax-row, or a method "
                         "of `trit methods`)",
                         n);
    }
    if (n)
        return TRIT_FAIL(e, E_USAGE, "--cases FILE: the cases name their specs; found \"%s\"",
                         argv[0]);
    if (q->x || q->g || q->state || q->noise || q->kind || q->plot || q->eval || q->steps) {
        return TRIT_FAIL(e, E_USAGE, "--cases FILE stands alone: each case says its own");
    }
    return TRIT_OK;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    request q = {0};
    const trit_option options[] = {
        {"--x", TRIT_OPT_TEXT, &q.x, 0, 0},           {"--g", TRIT_OPT_TEXT, &q.g, 0, 0},
        {"--state", TRIT_OPT_TEXT, &q.state, 0, 0},   {"--noise", TRIT_OPT_TEXT, &q.noise, 0, 0},
        {"--steps", TRIT_OPT_INT, &q.steps, 0, 1e12}, {"--kind", TRIT_OPT_TEXT, &q.kind, 0, 0},
        {"--eval", TRIT_OPT_FLAG, &q.eval, 0, 0},     {"--json", TRIT_OPT_FLAG, &q.json, 0, 0},
        {"--plot", TRIT_OPT_TEXT, &q.plot, 0, 0},     {"--cases", TRIT_OPT_TEXT, &q.cases, 0, 0},
    };
    int n;
    if (trit_options_read(options, sizeof options / sizeof *options, argc, argv, &n, &e) ||
        check_usage(&q, n, argv, &e)) {
        return trit_report(&e);
    }
    /* Few numbers: more threads would only wait for each other. */
    trit_runtime_options o = {.n_threads = 1};
    trit_exec x = {0};
    bool failed = false;
    trit_status status = trit_runtime_options_env(&o, &e);
    if (!status) status = trit_runtime_open(&x, &o, &e);
    if (!status) {
        status = q.cases ? probe_cases(q.cases, &x, &failed, &e) : probe_one(&q, &x, argv[0], &e);
    }
    trit_runtime_close(&x);
    if (status) return trit_report(&e);
    return failed ? TRIT_EXIT_FAILED : TRIT_EXIT_OK;
}

const trit_verb trit_verb_probe = {
    .name = "probe",
    .usage = "SPEC --x JSON [--g JSON] [--state JSON] [--noise JSON] [--steps N] [--json] ... | "
             "--cases FILE",
    .doc = "runs one quantizer forward and backward on given numbers",
    .help =
        "  SPEC           a short form (int4-absmax-row), a named method, a JSON object or @FILE\n"
        "  --x JSON       the tensor: a list of numbers (one row), or of rows, up to 4 deep\n"
        "  --g JSON       gradient of the loss by the output, like x or one number [1]\n"
        "  --state JSON   learnables and buffers by name, as '{\"step\": 0.5}'; the others get\n"
        "                 their first values from x\n"
        "  --noise JSON   in place of random numbers, like x or one number\n"
        "  --steps N      optimizer steps before this one: for schedules [0]\n"
        "  --kind KIND    weights or activations; by default what SPEC has and may be\n"
        "  --eval         evaluation: the true grid, no gradients\n"
        "  --json         {y, codes, scale, zero, gx, learnables: {NAME: {value, grad,\n"
        "                 grad_scaled}}}; grad is the bare derivative, grad_scaled what the\n"
        "                 optimizer sees\n"
        "  --plot FILE    draws output and slope of one element, as .png or .svg; needs no --x\n"
        "  --cases FILE   a JSON list of {spec, kind, x, g, state, noise, steps, eval}; prints\n"
        "                 the list of results, {\"error\"} for those that failed (exit code 1)\n"
        "JSON may also stand in a file: --x @FILE\n",
    .run = run,
};
