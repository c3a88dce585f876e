/* trit eval: validation loss of a trained run. */
#include "cli/common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void use_data(void *self, trit_config *c) {
    const char *const *path = self;
    if (!*path) return;
    c->data.source = c->data.valid = (trit_texts){.n = 1, .at = path};
    c->train.eval_tokens = 0;
}

static void print_result(const trit_run *r, const trit_eval_result *v, bool json) {
    if (json) {
        trit_text line = {0};
        trit_cli_json_number(&line, "step", (double)r->step);
        trit_cli_json_number(&line, "tokens", (double)v->n_tokens);
        trit_cli_json_number(&line, "val_loss", v->loss);
        trit_cli_json_number(&line, "perplexity", exp(v->loss));
        trit_cli_json_number(&line, "bits_per_byte", v->bits_per_byte);
        trit_cli_json_number(&line, "gap_to_source", v->gap_to_source);
        trit_cli_json_print(&line);
        return;
    }
    printf(
        "step %lld: loss %.4f nats per token over %lld tokens, perplexity %.3f, %.4f bits per byte",
        (long long)r->step, v->loss, (long long)v->n_tokens, exp(v->loss), v->bits_per_byte);
    if (!isnan(v->gap_to_source)) printf(", gap_to_source %.4f", v->gap_to_source);
    printf("\n");
}

static int run_eval(int argc, char **argv) {
    const char *data = NULL, *which = "latest", *path = NULL;
    int64_t tokens = -1;
    bool json = false;
    const trit_option options[] = {{"--data", TRIT_OPT_TEXT, &data, 0, 0},
                                   {"--which", TRIT_OPT_TEXT, &which, 0, 0},
                                   {"--tokens", TRIT_OPT_INT, &tokens, 0, 1e15},
                                   {"--json", TRIT_OPT_FLAG, &json, 0, 0}};
    int n;
    trit_error e = {0};
    trit_experiment x = {0};
    trit_run r = {0};
    trit_eval_result v;
    trit_status status = trit_options_read(options, 4, argc, argv, &n, &e);
    if (!status) status = trit_cli_one(&path, "RUN (a run directory or checkpoint)", n, argv, &e);
    if (!status && strcmp(which, "latest") != 0 && strcmp(which, "best") != 0) {
        status = TRIT_FAIL(&e, E_USAGE, "--which: found \"%s\", allowed are latest, best", which);
    }
    if (!status) {
        status = trit_cli_open_kept(&r, &x, path, which, TRIT_RUN_EVAL, use_data, &data, &e);
    }
    if (!status) {
        if (tokens < 0) tokens = x.cfg.train.eval_tokens;
        status = trit_run_eval(&r, tokens, NULL, &v, &e);
    }
    if (!status) print_result(&r, &v, json);
    trit_run_close(&r);
    trit_experiment_close(&x);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_eval = {
    "eval", "RUN [--data PATH] [--which latest|best] [--tokens N] [--json]",
    "computes the validation loss of a run",
    "  RUN            run directory or checkpoint file\n"
    "  --data PATH    text file or folder to use, all of it (default: the run's validation text)\n"
    "  --which W      checkpoint of a run directory: latest (default) or best\n"
    "  --tokens N     only the first N tokens; 0 = all (default train.eval_tokens)\n"
    "  --json         one JSON object on stdout\n",
    run_eval};
