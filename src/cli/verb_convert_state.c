/* trit convert-state: a run goes on with its optimizer's state in another encoding. */
#include "cli/common.h"
#include "run/convert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static trit_status read_state(const char *word, int *out, trit_error *e) {
    int n = 0;
    for (; trit_state_names[n]; n++) {
        if (word && strcmp(word, trit_state_names[n]) == 0) {
            *out = n;
            return TRIT_OK;
        }
    }
    char list[128];
    trit_text_join(list, sizeof list, trit_state_names, n);
    if (!word) return TRIT_FAIL(e, E_USAGE, "--state is missing; allowed are %s", list);
    const char *near = trit_text_nearest(word, trit_state_names, n);
    return TRIT_FAIL(e, E_USAGE, "--state: found \"%s\", allowed are %s%s%s%s", word, list,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static int run_convert(int argc, char **argv) {
    const char *word = NULL, *dir = NULL;
    const trit_option options[] = {{"--state", TRIT_OPT_TEXT, &word, 0, 0}};
    int n, to = 0;
    trit_error e = {0};
    trit_runtime_options o = {0};
    trit_convert_result r;
    trit_status status = trit_options_read(options, 1, argc, argv, &n, &e);
    if (!status) status = trit_cli_one(&dir, "run directory", n, argv, &e);
    if (!status) status = read_state(word, &to, &e);
    if (!status) status = trit_runtime_options_env(&o, &e);
    if (!status) status = trit_convert_state(dir, to, &o, &trit_stderr_log, &r, &e);
    if (status) return trit_report(&e);
    char before[32], now[32];
    printf("%s: optimizer state of step %" PRId64 " from %s to %s, %sB to %sB\n", dir, r.step,
           trit_state_names[r.from], trit_state_names[r.to],
           trit_text_si(before, (double)r.bytes_before), trit_text_si(now, (double)r.bytes_now));
    return TRIT_EXIT_OK;
}

const trit_verb trit_verb_convert_state = {
    "convert-state", "RUN --state fp32|bf16|8bit|4bit",
    "stores the optimizer's state of a run in another encoding, to go on with it",
    "  RUN            run directory, as made by trit train\n"
    "  --state WORD   the encoding; the config must then say optim.state=WORD\n\n"
    "The newest checkpoint is written again, then config.json; both are replaced whole.\n",
    run_convert};
