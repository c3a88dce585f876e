/* An experiment from a JSON text, opened in a directory of its own. */
#ifndef TRIT_TESTS_RUN_FIXTURE_H
#define TRIT_TESTS_RUN_FIXTURE_H

#include "run/run.h"
#include "testing.h"

#include <unistd.h>

typedef struct fixture {
    trit_experiment exp;
    trit_run r;
} fixture;

static char fixture_dir[64];

/* Group setup and teardown: an empty current directory with a text to train on. */
static inline int enter_dir(void **state) {
    (void)state;
    snprintf(fixture_dir, sizeof fixture_dir, "/tmp/trit-test-XXXXXX");
    if (!mkdtemp(fixture_dir) || chdir(fixture_dir)) return -1;
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 400; i++) fprintf(f, "%d times %d is %d.\n", i, i % 7, i * (i % 7));
    return f && !fclose(f) ? 0 : -1;
}

static inline int leave_dir(void **state) {
    (void)state;
    char line[128];
    snprintf(line, sizeof line, "cd / && rm -rf '%s'", fixture_dir);
    return system(line);
}

#define TINY_MODEL                                                               \
    "\"data\": {\"source\": \"text.txt\"}, \"model\": {\"preset\": \"bitnet\", " \
    "\"layers\": 1, \"width\": 32, \"heads\": 2, \"context\": 16}"

static inline void open_text(fixture *f, const char *text, int n_threads, unsigned what) {
    trit_error e = {0};
    *f = (fixture){0};
    assert_ok(trit_experiment_parse(&f->exp, text, "test.json", &e));
    assert_ok(trit_run_open(&f->r, &f->exp, what, &(trit_runtime_options){.n_threads = n_threads},
                            NULL, &e));
}

/* train: members of the section train; more: further sections, each after a comma. */
static inline void open_run(fixture *f, const char *train, const char *more, int n_threads,
                            unsigned what) {
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "{" TINY_MODEL ", \"train\": {\"steps\": 60, \"eval_every\": 20%s%s}%s}",
                     *train ? ", " : "", train, more);
    assert_true(n > 0 && (size_t)n < sizeof text);
    open_text(f, text, n_threads, what);
}

static inline void close_run(fixture *f) {
    trit_run_close(&f->r);
    trit_experiment_close(&f->exp);
}

/* Parameters and all state are the same, bit for bit. */
static inline bool same_state(const trit_run *a, const trit_run *b) {
    for (int p = 0; p < a->ps.n; p++) {
        const trit_tensor *x = &a->ps.at[p]->val, *y = &b->ps.at[p]->val;
        size_t n_bytes = trit_tensor_bytes(x);
        if (memcmp(x->data, y->data, n_bytes) != 0) return false;
    }
    for (int i = 0; i < a->opt.n_item; i++) {
        const trit_optim_item *x = &a->opt.item[i], *y = &b->opt.item[i];
        const trit_slot *s, *t;
        for (int k = 0; trit_optim_state(x, k, &s) && trit_optim_state(y, k, &t); k++) {
            if (!s->val.data) continue;
            if (memcmp(s->val.data, t->val.data, trit_tensor_bytes(&s->val)) != 0) return false;
            const trit_tensor *m = &s->absmax;
            if (!m->data) continue;
            if (memcmp(m->data, t->absmax.data, trit_tensor_bytes(m)) != 0) return false;
        }
    }
    for (int i = 0; i < a->quant.states.n; i++) {
        const trit_tensor *x = &a->quant.states.at[i].val, *y = &b->quant.states.at[i].val;
        if (memcmp(x->data, y->data, trit_tensor_bytes(x)) != 0) return false;
    }
    return a->step == b->step;
}

#endif
