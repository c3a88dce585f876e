/* The k-th allocation fails, once or for ever, in opening, resuming, training and saving. The
 * linker sends allocations of the library and of cJSON here (see CMakeLists.txt); those inside of
 * libhdf5 and the C library are not reached. */
#include "faults/faults.h"

#include <cJSON.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    bool on, forever;
    atomic_llong n;     /* in the loop and in the thread that saves */
    int64_t at, n_open; /* n_open: in opening and resuming, nearly all */
} failing;

static bool refuse(void) {
    if (!failing.on) return false;
    long long n = ++failing.n;
    return failing.at && (n == failing.at || (failing.forever && n > failing.at));
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t n) {
    return refuse() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size) {
    return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n) {
    return refuse() ? NULL : __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t align, size_t n) {
    return refuse() ? NULL : __real_aligned_alloc(align, n);
}

char *__wrap_strdup(const char *text) {
    return refuse() ? NULL : __real_strdup(text);
}

static void count_none(rig *g, const trit_progress *p) {
    if (p->step >= *(const int64_t *)g->self) g->stop = 1;
}

/* A few steps of a run that continues, under failing allocations. */
static trit_status run_failing(int64_t at, bool forever, int64_t *committed, int64_t *n,
                               trit_error *e) {
    int64_t until = 7;
    rig g = {.hook = count_none, .self = &until};
    failing.at = at;
    failing.forever = forever;
    failing.n = 0;
    failing.on = true;
    trit_status status = rig_open(&g, "memory", NULL, e);
    failing.n_open = failing.n;
    if (!status) status = rig_train(&g, e);
    failing.on = false;
    *n = failing.n;
    *committed = g.committed;
    rig_close(&g);
    return status;
}

/* Stops at step 4, so that there is something to load. */
static void prepare(void) {
    int64_t until = 4;
    rig g = {.hook = count_none, .self = &until};
    trit_error e = {0};
    remove_tree("memory-begun");
    trit_status status = rig_open(&g, "memory-begun", NULL, &e);
    if (!status) rig_train(&g, &e);
    rig_close(&g);
}

void scenario_memory(suite *u) {
    cJSON_Hooks hooks = {__wrap_malloc, free};
    cJSON_InitHooks(&hooks);
    prepare();
    int64_t n = 0, committed = -1;
    trit_error e = {0};
    copy_tree("memory-begun", "memory");
    if (run_failing(0, false, &committed, &n, &e) != TRIT_E_STOPPED || n < 10) {
        judged(u, false, "the run without failures");
    }
    int64_t n_open = failing.n_open, stride[2] = {1, 1}; /* in opening, behind it */
    if (u->smoke) {
        stride[0] = n_open / 6 + 1;
        stride[1] = (n - n_open) / 40 + 1;
    }
    for (int64_t at = 1; at <= n; at += stride[at > n_open]) {
        for (int forever = 0; forever < 2; forever++) {
            int64_t seen;
            char what[96];
            e = (trit_error){0};
            committed = -1;
            copy_tree("memory-begun", "memory");
            trit_status status = run_failing(at, forever, &committed, &seen, &e);
            snprintf(what, sizeof what, "allocation %d of %d fails%s: %s", (int)at, (int)n,
                     forever ? " for ever" : "", trit_status_text(status));
            judge(u, "memory", committed > 4 ? committed : 4, what);
        }
    }
    cJSON_InitHooks(NULL);
    remove_tree("memory");
    remove_tree("memory-begun");
}
