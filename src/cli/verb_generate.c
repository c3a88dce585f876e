/* trit generate: lets a trained model write. */
#include "cli/common.h"
#include "data/corpus.h"
#include "run/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    int32_t *token; /* prompt, then what was written; owned */
    int *order;     /* scratch of the sampler; owned */
    double *probs;  /* ditto */
    int64_t n;
} writer;

static trit_status start(writer *w, const trit_run *r, const char *prompt, int64_t n_new,
                         trit_error *e) {
    size_t n = strlen(prompt), vocab = (size_t)r->model.cfg.vocab;
    w->token = malloc((n + 1 + (size_t)n_new) * sizeof *w->token);
    w->order = malloc(vocab * sizeof *w->order);
    w->probs = malloc(vocab * sizeof *w->probs);
    if (!w->token || !w->order || !w->probs) {
        return TRIT_FAIL(e, E_NOMEM, "no memory for %lld tokens", (long long)n_new);
    }
    /* A document begins where another ended. */
    w->token[w->n++] = TRIT_BYTE_EOT;
    for (size_t i = 0; i < n; i++) w->token[w->n++] = (unsigned char)prompt[i];
    return TRIT_OK;
}

static trit_status write_text(trit_run *r, const trit_sampler *s, const char *prompt, int64_t n_new,
                              trit_error *e) {
    writer w = {0};
    trit_status status = start(&w, r, prompt, n_new, e);
    if (!status) fputs(prompt, stdout);
    for (int64_t i = 0; !status && i < n_new && !ferror(stdout); i++) {
        const trit_real *logits;
        status = trit_run_logits(r, w.token, w.n, &logits, e);
        if (status) break;
        /* Tokens beyond the tokenizer's (a padded vocabulary) are never written. */
        int t = trit_sample(s, (uint64_t)i, TRIT_BYTE_VOCAB, logits, w.order, w.probs);
        if (t == TRIT_BYTE_EOT) break;
        w.token[w.n++] = t;
        putchar(t);
        fflush(stdout);
    }
    if (!status) putchar('\n');
    free(w.token);
    free(w.order);
    free(w.probs);
    return status;
}

static int run_generate(int argc, char **argv) {
    const char *prompt = "", *which = "latest", *path = NULL;
    int64_t tokens = 400, top_k = 0, seed = 1;
    double temperature = 0.8, top_p = 1;
    const trit_option options[] = {{"--prompt", TRIT_OPT_TEXT, &prompt, 0, 0},
                                   {"--which", TRIT_OPT_TEXT, &which, 0, 0},
                                   {"--tokens", TRIT_OPT_INT, &tokens, 1, 1e7},
                                   {"--temperature", TRIT_OPT_REAL, &temperature, 0, 100},
                                   {"--top-k", TRIT_OPT_INT, &top_k, 0, 1e7},
                                   {"--top-p", TRIT_OPT_REAL, &top_p, 0, 1},
                                   {"--seed", TRIT_OPT_INT, &seed, 0, 9007199254740991.0}};
    int n;
    trit_error e = {0};
    trit_experiment x = {0};
    trit_run r = {0};
    trit_status status = trit_options_read(options, 7, argc, argv, &n, &e);
    if (!status) status = trit_cli_one(&path, "RUN (a run directory or checkpoint)", n, argv, &e);
    if (!status && strcmp(which, "latest") != 0 && strcmp(which, "best") != 0) {
        status = TRIT_FAIL(&e, E_USAGE, "--which: found \"%s\", allowed are latest, best", which);
    }
    if (!status) {
        status = trit_cli_open_kept(&r, &x, path, which, TRIT_RUN_GENERATE, NULL, NULL, &e);
    }
    if (!status) {
        trit_sampler s = {.temperature = temperature,
                          .top_k = top_k,
                          .top_p = top_p,
                          .rng = {.seed = (uint64_t)seed, .stream = trit_hash32("sample")}};
        status = write_text(&r, &s, prompt, tokens, &e);
    }
    trit_run_close(&r);
    trit_experiment_close(&x);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_generate = {
    "generate", "RUN --prompt S [--tokens N] [--temperature X] [--top-k K] [--top-p P] [--seed S]",
    "lets a trained model write text",
    "  RUN              run directory or checkpoint file\n"
    "  --prompt S       how the text begins (default: a new document)\n"
    "  --tokens N       most tokens to write (default 400); ends earlier at the end of a document\n"
    "  --temperature X  0 = always the most likely token (default 0.8)\n"
    "  --top-k K        only the K most likely tokens; 0 = all (default)\n"
    "  --top-p P        only the most likely tokens that together have probability P (default 1)\n"
    "  --seed S         which text (default 1)\n"
    "  --which W        checkpoint of a run directory: latest (default) or best\n",
    run_generate};
