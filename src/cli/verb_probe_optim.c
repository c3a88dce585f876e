/* trit probe-optim: one optimizer on given numbers. */
#include "autograd/runtime.h"
#include "cli/cli.h"
#include "run/probe_optim.h"

#include <stdio.h>
#include <string.h>

/* JSON on the command line, or in a file for "@FILE"; a bare word where words are allowed. */
static trit_status read_json(cJSON **out, const char *name, const char *text, bool word,
                             trit_error *e) {
    if (!text) {
        return TRIT_FAIL(e, E_USAGE, "%s is missing: numbers in JSON, as '[0.3, -1]'", name);
    }
    if (*text == '@') return trit_json_load_data(out, text + 1, e);
    if (!word || *text == '{') return trit_json_parse(out, text, strlen(text), name, e);
    *out = cJSON_CreateString(text);
    return *out ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "no memory for the numbers");
}

static trit_status read_role(const char *text, int *role, trit_error *e) {
    int n = 0;
    while (trit_role_names[n]) n++;
    for (int i = 0; i < n - 1; i++) { /* the last one, buffer, is not trained */
        if (strcmp(text, trit_role_names[i]) != 0) continue;
        *role = i;
        return TRIT_OK;
    }
    char hint[TRIT_TEXT_HINT_BYTES];
    return TRIT_FAIL(e, E_USAGE, "--role: unknown role \"%s\"%s", text,
                     trit_text_hint(hint, text, trit_role_names, n - 1));
}

static trit_status probe(trit_optim_probe *q, cJSON *in[3], trit_error *e) {
    /* Few numbers: more threads would only wait for each other. */
    trit_runtime_options o = {.n_threads = 1};
    trit_exec x = {0};
    trit_text out = {0};
    q->spec = in[0];
    q->w = in[1];
    q->g = in[2];
    trit_status status = trit_runtime_options_env(&o, e);
    if (!status) status = trit_runtime_open(&x, &o, e);
    if (!status) status = trit_optim_probe_run(q, &x, &out, e);
    if (!status) fputs(trit_text_get(&out), stdout);
    trit_text_free(&out);
    trit_runtime_close(&x);
    return status;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    trit_optim_probe q = {.steps = 0};
    const char *w = NULL, *g = NULL, *role = "weight";
    const trit_option options[] = {
        {"--w", TRIT_OPT_TEXT, &w, 0, 0},
        {"--g", TRIT_OPT_TEXT, &g, 0, 0},
        {"--steps", TRIT_OPT_INT, &q.steps, 1, 1e6},
        {"--role", TRIT_OPT_TEXT, &role, 0, 0},
        {"--json", TRIT_OPT_FLAG, &q.json, 0, 0},
        {"--last", TRIT_OPT_FLAG, &q.last, 0, 0},
    };
    int n;
    cJSON *in[3] = {0};
    trit_status status =
        trit_options_read(options, sizeof options / sizeof *options, argc, argv, &n, &e);
    if (!status && n != 1) {
        status =
            TRIT_FAIL(&e, E_USAGE, "expected one SPEC, found %d (as adamw, or a JSON object)", n);
    }
    if (!status) status = read_role(role, &q.role, &e);
    if (!status) status = read_json(&in[0], "SPEC", argv[0], true, &e);
    if (!status) status = read_json(&in[1], "--w", w, false, &e);
    if (!status) status = read_json(&in[2], "--g", g, false, &e);
    if (!status) status = probe(&q, in, &e);
    for (int i = 0; i < 3; i++) cJSON_Delete(in[i]);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_probe_optim = {
    .name = "probe-optim",
    .usage = "SPEC --w JSON --g JSON [--steps N] [--role ROLE] [--json] [--last]",
    .doc = "runs one optimizer on given numbers",
    .help =
        "  SPEC           an optimizer (adamw), a JSON object of the section optim, or @FILE; "
        "what\n"
        "                 it leaves out is as in a config, but the learning rate is constant and\n"
        "                 nothing is clipped\n"
        "  --w JSON       the parameter: a list of numbers, or of rows\n"
        "  --g JSON       its gradient: like w or one number, the same in each step; or a list of\n"
        "                 such, one a step\n"
        "  --steps N      optimizer steps, the length of training [as many as gradients]\n"
        "  --role ROLE    what the parameter is for: weight, head, embedding, norm, ... [weight]\n"
        "  --json         {optimizer, steps: [{step, lr, w, state: {NAME: {value}}}]}, after each\n"
        "                 update; encoded state also has codes and absmax\n"
        "  --last         only the last step\n"
        "JSON may also stand in a file: --w @FILE\n",
    .run = run,
};
