/* Runs a case of run/probe that is written as JSON. */
#ifndef TRIT_TESTS_PROBE_BENCH_H
#define TRIT_TESTS_PROBE_BENCH_H

#include "autograd/runtime.h"
#include "run/probe.h"
#include "testing.h"

static trit_exec exec;

static inline int open_exec(void **state) {
    (void)state;
    trit_error e = {0};
    assert_ok(trit_runtime_open(&exec, &(trit_runtime_options){.n_threads = 1}, &e));
    return 0;
}

static inline int close_exec(void **state) {
    (void)state;
    trit_runtime_close(&exec);
    return 0;
}

static inline trit_status probe_try(trit_probe *p, const char *text, trit_error *e) {
    cJSON *v = NULL;
    *e = (trit_error){0};
    if (trit_json_parse(&v, text, strlen(text), "case", e)) fail_msg("%s", e->text);
    trit_status status = trit_probe_run(p, &exec, v, NULL, "", e);
    cJSON_Delete(v);
    return status;
}

static inline trit_probe probe(const char *text) {
    trit_error e;
    trit_probe p;
    if (probe_try(&p, text, &e)) fail_msg("%s: %s", text, e.text);
    return p;
}

#endif
