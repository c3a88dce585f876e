#include "cli/common.h"

#include "run/store.h"
#include "run/tune.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

trit_status trit_cli_experiment(trit_experiment *x, int n, char **args, trit_error *e) {
    if (n < 1)
        return TRIT_FAIL(e, E_USAGE,
                         "a CONFIG is missing (a JSON file, e.g. configs/quickstart.json)");
    if (strchr(args[0], '=') && !strchr(args[0], '/')) {
        return TRIT_FAIL(e, E_USAGE,
                         "the first argument is the CONFIG file, then key=value; found \"%s\"",
                         args[0]);
    }
    for (int i = 1; i < n; i++) {
        if (!strchr(args[i], '=')) {
            return TRIT_FAIL(e, E_USAGE,
                             "found \"%s\" behind the CONFIG, expected key=value, as in "
                             "train.steps=500",
                             args[i]);
        }
    }
    return trit_experiment_load(x, args[0], (const char *const *)args + 1, n - 1, e);
}

trit_status trit_cli_open(trit_run *r, const trit_experiment *x, unsigned what, trit_error *e) {
    trit_runtime_options o = {0};
    char tuned[32];
    TRIT_TRY(trit_runtime_options_env(&o, e));
    trit_tune_apply(&o, tuned);
    return trit_run_open(r, x, what, &o, &trit_stderr_log, e);
}

trit_status trit_cli_one(const char **out, const char *what, int n, char **args, trit_error *e) {
    if (n != 1) {
        return TRIT_FAIL(e, E_USAGE, "expected one %s, found %d arguments", what, n);
    }
    *out = args[0];
    return TRIT_OK;
}

trit_status trit_cli_open_kept(trit_run *r, trit_experiment *x, const char *path, const char *which,
                               unsigned what, void (*change)(void *self, trit_config *c),
                               void *self, trit_error *e) {
    char checkpoint[4096];
    TRIT_TRY(trit_store_find(path, which, checkpoint, sizeof checkpoint, e));
    TRIT_TRY(trit_store_load_config(checkpoint, x, e));
    if (change) change(self, &x->cfg);
    TRIT_TRY(trit_cli_open(r, x, what, e));
    return trit_store_load_weights(checkpoint, r, e);
}

typedef struct state_sum {
    int64_t n_tensor, n, bytes;
} state_sum;

static void add_state(state_sum *s, const trit_optim_item *it) {
    s->n_tensor++;
    s->n += trit_tensor_len(&it->param->val);
    s->bytes += trit_optim_item_bytes(it);
}

static void print_state_line(FILE *to, const char *what, const state_sum *s) {
    char n[32], bytes[32];
    if (!s->n_tensor) return;
    fprintf(to, "  %-28s %4lld tensors %12s elements %9sB  %.4g bytes each\n", what,
            (long long)s->n_tensor, trit_text_si(n, (double)s->n),
            trit_text_si(bytes, (double)s->bytes), (double)s->bytes / (double)s->n);
}

void trit_cli_print_state(FILE *to, const trit_optim *o, bool each) {
    char bytes[32], what[64];
    const char *name = trit_state_names[o->cfg.state];
    state_sum coded = {0};
    fprintf(to, "optimizer state: %s, %s, %sB\n", o->type->name, name,
            trit_text_si(bytes, (double)trit_optim_state_bytes(o)));
    if (!trit_state_types[o->cfg.state]->decode) return; /* one encoding has no parts */
    for (int i = 0; i < o->n_item; i++) {
        if (!o->item[i].plain) add_state(&coded, &o->item[i]);
    }
    print_state_line(to, name, &coded);
    for (int i = 0; i < o->n_item; i++) {
        const char *why = o->item[i].plain;
        bool first = why;
        for (int k = 0; first && k < i; k++) {
            first = !o->item[k].plain || strcmp(o->item[k].plain, why) != 0;
        }
        if (!first) continue;
        state_sum plain = {0};
        for (int k = i; k < o->n_item; k++) {
            const char *other = o->item[k].plain;
            if (other && strcmp(other, why) == 0) add_state(&plain, &o->item[k]);
        }
        snprintf(what, sizeof what, "fp32: %s", why);
        print_state_line(to, what, &plain);
    }
    for (int i = 0; each && i < o->n_item; i++) {
        const trit_optim_item *it = &o->item[i];
        char shape[96];
        fprintf(to, "    %-32s %-14s %10lld B  %s%s\n", it->param->path,
                trit_tensor_shape_text(&it->param->val, shape),
                (long long)trit_optim_item_bytes(it), it->plain ? "fp32: " : name,
                it->plain ? it->plain : "");
    }
}

void trit_cli_json_number(trit_text *out, const char *key, double value) {
    trit_text_add(out, "%s\"%s\":", out->len ? "," : "{", key);
    trit_json_number(out, value);
}

void trit_cli_json_print(trit_text *line) {
    printf("%s}\n", trit_text_get(line));
    trit_text_free(line);
}

void trit_cli_catch(int number, void (*handler)(int)) {
    struct sigaction a = {.sa_handler = handler};
    sigemptyset(&a.sa_mask);
    sigaction(number, &a, NULL);
}

int64_t trit_cli_peak_rss(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (int64_t)u.ru_maxrss * 1024;
}
