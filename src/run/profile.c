#include "run/profile.h"

#include "io/json.h"
#include "run/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACED_STEPS = 4, MAX_EVENT = 1 << 18 };

struct trit_profile_event {
    int row, step; /* step of the graph, -1: none */
    float seconds;
    double begin;
};

static const char *const phase_names[TRIT_N_PHASE] = {"between steps", "data", "teacher",
                                                      "gradient norm", "optimizer"};

static void add(trit_profile *p, int row, int step) {
    double at = trit_clock(), spent = at - p->last;
    if (p->n_begun > 1) {
        p->row[row].calls++;
        p->row[row].seconds += spent;
        if (p->n_event < p->max_event) {
            p->event[p->n_event++] = (trit_profile_event){row, step, (float)spent, p->last};
        }
    }
    p->last = at;
}

void trit_profile_phase(trit_profile *p, trit_phase phase) {
    if (!p) return;
    /* What comes before the first step that counts belongs to none. */
    if (phase == TRIT_PHASE_BETWEEN && ++p->n_begun == 2) {
        p->last = p->zero = trit_clock();
        return;
    }
    add(p, (int)phase, -1);
}

/* Evaluation stands between steps as a whole. */
static void ran(void *self, const trit_graph *g, int first, int last) {
    trit_profile *p = self;
    (void)last;
    if (g == &p->run->train.graph && p->row_of[first] >= 0) add(p, p->row_of[first], first);
}

static int row_called(trit_profile *p, const char *name, const char *pass) {
    for (int i = 0; i < p->n_row; i++) {
        if (p->row[i].pass == pass && strcmp(p->row[i].name, name) == 0) return i;
    }
    trit_profile_row *r = &p->row[p->n_row];
    snprintf(r->name, sizeof r->name, "%s", name);
    r->pass = pass;
    return p->n_row++;
}

/* Rows of the steps of a graph: those that go together share the row of the first. */
static void find_rows(trit_profile *p, const trit_graph *g) {
    static const char *const passes[] = {"forward", "backward", "again"};
    for (int i = 0, last; i < g->n_step; i = last + 1) {
        char name[96] = "";
        bool back;
        last = trit_graph_step_last(g, i);
        for (int s = i; s <= last; s++) {
            const trit_node *n = trit_graph_step(g, s, &back);
            size_t at = strlen(name);
            if (n) snprintf(name + at, sizeof name - at, "%s%s", at ? " + " : "", n->op->name);
        }
        p->row_of[i] = -1;
        if (*name) p->row_of[i] = row_called(p, name, passes[back ? 1 : i < g->n_forward ? 0 : 2]);
    }
}

trit_status trit_profile_open(trit_profile *p, trit_run *r, trit_error *e) {
    const trit_graph *g = &r->train.graph;
    *p = (trit_profile){.run = r, .trace = {p, ran}};
    int64_t accumulate = r->exp->cfg.train.accumulate;
    int64_t events = TRACED_STEPS * (accumulate * (g->n_step + 3) + TRIT_N_PHASE);
    p->max_event = events < MAX_EVENT ? (int)events : MAX_EVENT;
    p->row = calloc((size_t)g->n_step + TRIT_N_PHASE, sizeof *p->row);
    p->row_of = calloc((size_t)g->n_step, sizeof *p->row_of);
    p->event = calloc((size_t)p->max_event, sizeof *p->event);
    if (!p->row || !p->row_of || !p->event) {
        trit_profile_close(p);
        return TRIT_FAIL(e, E_NOMEM, "no memory for a profile");
    }
    for (int i = 0; i < TRIT_N_PHASE; i++) row_called(p, phase_names[i], "step");
    find_rows(p, g);
    r->profile = p;
    r->x.trace = &p->trace;
    return TRIT_OK;
}

void trit_profile_close(trit_profile *p) {
    if (p->run) {
        p->run->profile = NULL;
        p->run->x.trace = NULL;
    }
    free(p->row);
    free(p->row_of);
    free(p->event);
    *p = (trit_profile){0};
}

int64_t trit_profile_steps(const trit_profile *p) {
    return p->n_begun > 1 ? p->n_begun - 1 : 0;
}

static int falling(const void *a, const void *b) {
    const trit_profile_row *x = *(const trit_profile_row *const *)a;
    const trit_profile_row *y = *(const trit_profile_row *const *)b;
    if (x->seconds != y->seconds) return x->seconds < y->seconds ? 1 : -1;
    return (x > y) - (x < y);
}

/* Rows that were called, by their time; returns how many. NULL: no memory. */
static const trit_profile_row **sorted(const trit_profile *p, int *n, double *total) {
    const trit_profile_row **list = calloc((size_t)p->n_row + 1, sizeof(trit_profile_row *));
    *n = 0;
    *total = 0;
    for (int i = 0; list && i < p->n_row; i++) {
        if (!p->row[i].calls) continue;
        list[(*n)++] = &p->row[i];
        *total += p->row[i].seconds;
    }
    if (list) qsort(list, (size_t)*n, sizeof *list, falling);
    return list;
}

void trit_profile_table(const trit_profile *p, trit_text *out) {
    int n;
    double total, steps = (double)trit_profile_steps(p);
    const trit_profile_row **list = sorted(p, &n, &total);
    if (!steps || !list) {
        trit_text_add(out, "no step to profile: the first one is left out\n");
    } else {
        trit_text_add(out, "%-44s %-9s %13s %11s %7s\n", "time by kind of op", "pass",
                      "calls a step", "ms a step", "share");
    }
    for (int i = 0; steps && list && i < n; i++) {
        trit_text_add(out, "%-44s %-9s %13.4g %11.3f %6.1f%%\n", list[i]->name, list[i]->pass,
                      (double)list[i]->calls / steps, 1e3 * list[i]->seconds / steps,
                      100 * list[i]->seconds / total);
    }
    if (steps && list) {
        trit_text_add(out, "%-44s %-9s %13s %11.3f   (%.0f steps)\n", "all", "", "",
                      1e3 * total / steps, steps);
    }
    free(list);
}

void trit_profile_json(const trit_profile *p, const char *mode, trit_text *out) {
    int n;
    double total, steps = (double)trit_profile_steps(p);
    const trit_profile_row **list = sorted(p, &n, &total);
    for (int i = 0; steps && list && i < n; i++) {
        trit_text_add(out, "{\"mode\":");
        trit_json_quote(out, mode);
        trit_text_add(out,
                      ",\"op\":\"%s\",\"pass\":\"%s\",\"calls_per_step\":%.4g,"
                      "\"ms_per_step\":%.4f,\"share\":%.4f}\n",
                      list[i]->name, list[i]->pass, (double)list[i]->calls / steps,
                      1e3 * list[i]->seconds / steps, list[i]->seconds / total);
    }
    free(list);
}

void trit_profile_trace(const trit_profile *p, trit_text *out) {
    bool back;
    trit_text_add(out, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
                       "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1,"
                       "\"args\":{\"name\":\"trit\"}}");
    for (int i = 0; i < p->n_event; i++) {
        const trit_profile_event *v = &p->event[i];
        const trit_node *n =
            v->step < 0 ? NULL : trit_graph_step(&p->run->train.graph, v->step, &back);
        trit_text_add(out,
                      ",\n{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":1,"
                      "\"ts\":%.3f,\"dur\":%.3f,\"args\":{\"node\":",
                      p->row[v->row].name, p->row[v->row].pass, 1e6 * (v->begin - p->zero),
                      1e6 * (double)v->seconds);
        trit_json_quote(out, n ? n->name : "");
        trit_text_add(out, "}}");
    }
    trit_text_add(out, "\n]}\n");
}
