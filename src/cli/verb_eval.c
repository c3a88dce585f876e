/* trit eval: validation loss of a trained run. */
#include "cli/common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct changes {
    const char *data, *teacher;
} changes;

static void change(void *self, trit_config *c) {
    const changes *to = self;
    if (to->teacher) c->distill = (trit_distill_cfg){.teacher = to->teacher, .cache = ""};
    if (!to->data) return;
    c->data.source = c->data.valid = (trit_texts){.n = 1, .at = &to->data};
    c->train.eval_tokens = 0;
}

static void print_agreement(const trit_agreement *a) {
    if (!a->n) return;
    double n = (double)a->n;
    printf("teacher: loss %.4f; KL %.5f nats per token, same likeliest token at %.2f %%\n",
           a->loss / n, a->kl / n, 100 * (double)a->same / n);
    printf("loss less the teacher's, share of tokens:");
    for (int i = 0; i <= TRIT_N_AGREEMENT_EDGE; i++) {
        double share = 100 * (double)a->class_n[i] / n;
        if (i == 0) printf(" below %g", trit_agreement_edges[0]);
        if (i > 0) printf(", from %g", trit_agreement_edges[i - 1]);
        printf(" %.2f %%", share);
    }
    printf("\n");
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
        if (v->agreement.n) {
            trit_text_add(&line, ",\"agreement\":{");
            trit_agreement_text(&v->agreement, &line);
            trit_text_add(&line, "}");
        }
        trit_cli_json_print(&line);
        return;
    }
    printf(
        "step %lld: loss %.4f nats per token over %lld tokens, perplexity %.3f, %.4f bits per byte",
        (long long)r->step, v->loss, (long long)v->n_tokens, exp(v->loss), v->bits_per_byte);
    if (!isnan(v->gap_to_source)) printf(", gap_to_source %.4f", v->gap_to_source);
    printf("\n");
    print_agreement(&v->agreement);
}

static int run_eval(int argc, char **argv) {
    changes to = {0};
    const char *which = "latest", *path = NULL;
    int64_t tokens = -1;
    bool json = false;
    const trit_option options[] = {{"--data", TRIT_OPT_TEXT, &to.data, 0, 0},
                                   {"--teacher", TRIT_OPT_TEXT, &to.teacher, 0, 0},
                                   {"--which", TRIT_OPT_TEXT, &which, 0, 0},
                                   {"--tokens", TRIT_OPT_INT, &tokens, 0, 1e15},
                                   {"--json", TRIT_OPT_FLAG, &json, 0, 0}};
    int n;
    trit_error e = {0};
    trit_experiment x = {0};
    trit_run r = {0};
    trit_eval_result v;
    trit_status status = trit_options_read(options, 5, argc, argv, &n, &e);
    if (!status) status = trit_cli_one(&path, "RUN (a run directory or checkpoint)", n, argv, &e);
    if (!status && strcmp(which, "latest") != 0 && strcmp(which, "best") != 0) {
        status = TRIT_FAIL(&e, E_USAGE, "--which: found \"%s\", allowed are latest, best", which);
    }
    if (!status) {
        unsigned what = TRIT_RUN_EVAL | (to.teacher ? TRIT_RUN_TAUGHT : 0);
        status = trit_cli_open_kept(&r, &x, path, which, what, change, &to, &e);
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
    "eval", "RUN [--data PATH] [--which latest|best] [--tokens N] [--teacher RUN] [--json]",
    "computes the validation loss of a run",
    "  RUN            run directory or checkpoint file\n"
    "  --data PATH    text file or folder to use, all of it (default: the run's validation text)\n"
    "  --which W      checkpoint of a run directory: latest (default) or best\n"
    "  --tokens N     only the first N tokens; 0 = all (default train.eval_tokens)\n"
    "  --teacher RUN  another run or checkpoint: how far both agree, token by token\n"
    "  --json         one JSON object on stdout\n",
    run_eval};
