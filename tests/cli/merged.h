/* The program as a reader of both its streams sees it. */
#ifndef TRIT_TESTS_CLI_MERGED_H
#define TRIT_TESTS_CLI_MERGED_H

#include "io/json.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static char out[1 << 16]; /* of the newest run: stdout and stderr */

/* `trit VERB ARGS`, by the shell; returns the exit code. */
static inline int merged_run(const char *verb, const char *args) {
    char line[2048];
    assert_true(snprintf(line, sizeof line, "exec 2>&1; '%s' %s %s", TRIT_CLI, verb, args) <
                (int)sizeof line);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    out[fread(out, 1, sizeof out - 1, f)] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* What it printed, which is JSON; to be freed with cJSON_Delete. */
static inline cJSON *merged_json(const char *verb, const char *args) {
    trit_error e = {0};
    cJSON *v = NULL;
    if (merged_run(verb, args) != 0) print_error("%s", out);
    assert_ok(trit_json_parse(&v, out, strlen(out), "out", &e));
    return v;
}

#endif
