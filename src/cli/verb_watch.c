/* trit watch: how far a sweep is. */
#include "cli/common.h"
#include "run/clock.h"
#include "sweep/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* What is known of a run from its last lines. */
typedef struct position {
    double step, steps, loss;
} position;

/* Number behind the last "key": in text; NaN when there is none. */
static double last_number(const char *text, const char *key) {
    char quoted[64];
    double v = (double)NAN;
    int n = snprintf(quoted, sizeof quoted, "\"%s\":", key);
    for (const char *at = text; (at = strstr(at, quoted)); at += n) {
        double found;
        if (sscanf(at + n, "%lf", &found) == 1) v = found;
    }
    return v;
}

static position position_of(const char *dir, const char *hash) {
    char path[TRIT_LEDGER_PATH_BYTES], tail[4096];
    trit_text config = {0};
    position p = {(double)NAN, (double)NAN, (double)NAN};
    if (!trit_ledger_path(path, dir, hash, "config.json", NULL) &&
        !trit_file_read(path, TRIT_JSON_MAX_BYTES, &config, NULL)) {
        const char *train = strstr(config.at, "\"train\": {");
        const char *steps = train ? strstr(train, "\"steps\": ") : NULL;
        if (steps) sscanf(steps, "\"steps\": %lf", &p.steps);
    }
    trit_text_free(&config);
    if (trit_ledger_path(path, dir, hash, "run/metrics.jsonl", NULL)) return p;
    FILE *f = fopen(path, "rb");
    if (!f) return p;
    /* Lines with statistics may be long: the newest step stands in front of the last of them. */
    if (fseek(f, -(long)sizeof tail + 1, SEEK_END)) rewind(f);
    size_t n = fread(tail, 1, sizeof tail - 1, f);
    fclose(f);
    tail[n] = '\0';
    p.step = last_number(tail, "step");
    p.loss = last_number(tail, "train_loss");
    return p;
}

typedef struct watcher {
    const char *dir;
    bool terminal;
    double begin;      /* seconds */
    double done_first; /* steps that were done when watching began; NaN before */
    int n_shown;       /* lines on the screen */
    trit_text last;    /* what a log was told */
} watcher;

static void add_cell(const trit_results *r, const trit_result_cell *c, const position *p,
                     trit_text *out) {
    trit_text label = {0};
    trit_results_label(r, c, r->axis[r->n_axis - 1].n > 1, &label);
    trit_text_add(out, "%-8s", trit_cell_state_names[c->state]);
    if (c->state == TRIT_CELL_DONE) {
        trit_text_add(out, " %s %.4f", trit_sweep_metrics[r->metric], c->metric[r->metric]);
    } else if (c->error) {
        trit_text_add(out, " %.60s", c->error);
    } else if (!isnan(p->step)) {
        trit_text_add(out, " step %.0f/%.0f loss %.4f", p->step, p->steps, p->loss);
    }
    trit_text_add(out, "  %s\n", trit_text_get(&label));
    trit_text_free(&label);
}

/* The table: cells at work first, then those that failed, as far as there is room. */
static void add_table(watcher *w, const trit_results *r, int rows, trit_text *out) {
    static const trit_cell_state order[] = {TRIT_CELL_RUNNING, TRIT_CELL_STOPPED, TRIT_CELL_FAILED,
                                            TRIT_CELL_WAITING, TRIT_CELL_PRUNED,  TRIT_CELL_DONE};
    enum { N_STATE = sizeof order / sizeof *order };
    int count[N_STATE] = {0}, shown = 0;
    double done = 0, all = 0;
    char left[32];
    trit_text cells = {0};
    for (size_t k = 0; k < N_STATE; k++) {
        for (int i = 0; i < r->n_cell; i++) {
            const trit_result_cell *c = &r->cell[i];
            if (c->state != order[k]) continue;
            count[c->state]++;
            position p = position_of(w->dir, c->hash);
            if (c->state == TRIT_CELL_FAILED) continue;
            if (c->state == TRIT_CELL_PRUNED) p.steps = isnan(p.step) ? 0 : p.step;
            if (!isnan(p.steps)) all += p.steps;
            done += c->state == TRIT_CELL_DONE ? c->steps : isnan(p.step) ? 0 : p.step;
            if (shown >= rows) continue;
            add_cell(r, c, &p, &cells);
            shown++;
        }
    }
    if (isnan(w->done_first)) w->done_first = done;
    double since = done - w->done_first, spent = trit_clock() - w->begin;
    trit_text_add(out, "%s: %d done, %d running, %d waiting, %d stopped, %d failed", r->name,
                  count[TRIT_CELL_DONE], count[TRIT_CELL_RUNNING], count[TRIT_CELL_WAITING],
                  count[TRIT_CELL_STOPPED], count[TRIT_CELL_FAILED]);
    if (count[TRIT_CELL_PRUNED]) trit_text_add(out, ", %d pruned", count[TRIT_CELL_PRUNED]);
    if (since > 0 && all > done) {
        trit_text_add(out, ", ETA %s", trit_text_duration(left, spent / since * (all - done)));
    }
    trit_text_add(out, "\n%s", trit_text_get(&cells));
    trit_text_free(&cells);
}

static int terminal_rows(void) {
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_row < 8) return 20;
    return size.ws_row - 3;
}

/* In place on a terminal; a log gets each new state of things once. */
static void show(watcher *w, trit_text *table) {
    if (w->terminal) {
        if (w->n_shown) printf("\033[%dA\033[J", w->n_shown);
        w->n_shown = 0;
        for (const char *at = trit_text_get(table); *at; at++) w->n_shown += *at == '\n';
        fputs(trit_text_get(table), stdout);
    } else {
        table->at[strcspn(table->at, "\n") + 1] = '\0';
        if (strcmp(trit_text_get(&w->last), table->at) != 0) fputs(table->at, stdout);
        trit_text_free(&w->last);
        trit_text_add(&w->last, "%s", table->at);
    }
    fflush(stdout);
}

/* Whether anything is left that may still end. */
static bool is_open(const trit_results *r) {
    for (int i = 0; i < r->n_cell; i++) {
        trit_cell_state s = r->cell[i].state;
        if (s != TRIT_CELL_DONE && s != TRIT_CELL_FAILED && s != TRIT_CELL_PRUNED) return true;
    }
    return false;
}

static trit_status look(watcher *w, bool *open, trit_error *e) {
    trit_results r = {0};
    trit_text table = {0};
    trit_status status = trit_results_read(&r, w->dir, false, e);
    if (!status) {
        add_table(w, &r, w->terminal ? terminal_rows() : 0, &table);
        *open = is_open(&r);
        if (table.failed) status = TRIT_FAIL(e, E_NOMEM, "no memory for the table");
    }
    if (!status) show(w, &table);
    trit_text_free(&table);
    trit_results_close(&r);
    return status;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    bool once = false, open = true;
    double every = 2;
    watcher w = {
        .terminal = isatty(STDOUT_FILENO), .begin = trit_clock(), .done_first = (double)NAN};
    const trit_option options[] = {{"--once", TRIT_OPT_FLAG, &once, 0, 0},
                                   {"--every", TRIT_OPT_REAL, &every, 0.1, 3600}};
    int n;
    trit_status status = trit_options_read(options, 2, argc, argv, &n, &e);
    if (!status) status = trit_cli_one(&w.dir, "sweep directory", n, argv, &e);
    while (!status && open) {
        status = look(&w, &open, &e);
        if (status || once || !open) break;
        struct timespec t = {.tv_sec = (time_t)every,
                             .tv_nsec = (long)(1e9 * (every - floor(every)))};
        nanosleep(&t, NULL);
    }
    trit_text_free(&w.last);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_watch = {
    .name = "watch",
    .usage = "DIR [--every SECONDS] [--once]",
    .doc = "shows how far a sweep is, until it ends",
    .help =
        "  DIR            a sweep's directory\n"
        "  --every S      how often to look [2]\n"
        "  --once         looks once\n\n"
        "On a terminal a table that updates in place; else a line whenever something changed.\n",
    .run = run};
