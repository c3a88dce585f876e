/* trit sweep: many runs from one file. */
#include "cli/common.h"
#include "cli/sweep_plan.h"
#include "sweep/ledger.h"
#include "sweep/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;

/* A second signal ends the process at once; its ledger stays whole. */
static void on_stop(int signal_number) {
    if (stop_asked) _exit(TRIT_EXIT_STOPPED);
    stop_asked = signal_number;
}

static void print_plan(const trit_sweep *s, const char *dir) {
    for (int i = 0; i < s->n_cell; i++) {
        const trit_sweep_cell *c = &s->cell[i];
        trit_text label = {0};
        trit_sweep_label(s, c->value, false, &label);
        printf("%s  %-8s %s%s\n", c->hash, trit_cell_state_names[trit_ledger_state(dir, c->hash)],
               trit_text_get(&label), c->same_as < 0 ? "" : "  (the same run as one above)");
        trit_text_free(&label);
    }
    printf("%d cells, %d runs, in %s\n", s->n_cell, trit_sweep_count_runs(s), dir);
}

static trit_status execute(const trit_sweep *s, const char *dir, const trit_sweep_options *o,
                           trit_error *e) {
    trit_sweep_outcome out;
    TRIT_TRY(trit_ledger_open(dir, s, e));
    trit_status status = trit_sweep_run(s, dir, o, &out, e);
    if (status && status != TRIT_E_STOPPED) return status;
    printf("%d runs: %d done, %d failed, ", out.n, out.done, out.failed);
    if (out.pruned) printf("%d pruned, ", out.pruned);
    printf("%d not yet; `trit report %s` compares them\n", out.waiting, dir);
    if (status) {
        fprintf(stderr, "stopped; the same command continues\n");
        return status;
    }
    if (!out.failed) return TRIT_OK;
    return TRIT_FAIL(e, E_STATE,
                     "%d runs failed (error.json in %s/cells says why); --retry runs "
                     "them again",
                     out.failed, dir);
}

/* Hands the workers over to Slurm; the script stays in the sweep's directory. */
static trit_status submit(const trit_sweep *s, const char *dir, trit_slurm_job *j, trit_error *e) {
    char path[TRIT_SLURM_PATH + 16];
    trit_text script = {0};
    trit_sweep_fill_job(s, dir, j);
    trit_status status = trit_slurm_script(j, &script, e);
    if (!status) status = trit_ledger_open(dir, s, e);
    snprintf(path, sizeof path, "%s/slurm.sh", dir);
    if (!status) status = trit_file_replace(NULL, path, script.at, script.len, e);
    trit_text_free(&script);
    if (status) return status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("sbatch", "sbatch", path, (char *)NULL);
        _exit(127);
    }
    int how = 0;
    if (pid < 0 || waitpid(pid, &how, 0) != pid || how) {
        bool missing = WIFEXITED(how) && WEXITSTATUS(how) == 127;
        return TRIT_FAIL(e, E_STATE, "sbatch %s: %s; the job script is there to be submitted", path,
                         missing ? "there is no such program here" : "failed");
    }
    printf("%d runs; `trit sweep ... --dry-run` shows how far they are, `trit report %s` compares "
           "them\n",
           j->n_run, dir);
    return TRIT_OK;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    bool dry = false, slurm = false;
    char program[TRIT_SLURM_PATH];
    trit_slurm_job job = {TRIT_SLURM_DEFAULTS, .program = program, .args = argv};
    int64_t jobs = 1;
    const char *dir = NULL, *on_fail = "continue";
    trit_sweep_options o = {
        .stop = &stop_asked, .program = "/proc/self/exe", .log = &trit_stderr_log};
    const trit_option options[] = {
        {"--dry-run", TRIT_OPT_FLAG, &dry, 0, 0},   {"--run", TRIT_OPT_TEXT, &dir, 0, 0},
        {"--jobs", TRIT_OPT_INT, &jobs, 1, 256},    {"--on-fail", TRIT_OPT_TEXT, &on_fail, 0, 0},
        {"--retry", TRIT_OPT_FLAG, &o.retry, 0, 0}, {"--no-wait", TRIT_OPT_FLAG, &o.no_wait, 0, 0},
        {"--slurm", TRIT_OPT_FLAG, &slurm, 0, 0},   TRIT_SLURM_OPTIONS(&job),
    };
    int n;
    char path[TRIT_SLURM_PATH];
    trit_sweep s = {0};
    trit_status status =
        trit_options_read(options, sizeof options / sizeof *options, argc, argv, &n, &e);
    if (!status && dir && !*dir) status = TRIT_FAIL(&e, E_USAGE, "--run: the path is empty");
    o.jobs = (int)jobs;
    o.stop_on_fail = !strcmp(on_fail, "stop");
    if (!status && !o.stop_on_fail && strcmp(on_fail, "continue") != 0) {
        status =
            TRIT_FAIL(&e, E_USAGE, "--on-fail: found \"%s\", expected continue or stop", on_fail);
    }
    trit_cli_catch(SIGINT, on_stop);
    trit_cli_catch(SIGTERM, on_stop);
    if (!status) status = trit_sweep_plan(&s, n, argv, dir, path, &e);
    if (!status && dry) {
        print_plan(&s, path);
    } else if (!status && slurm) {
        job.n_args = n;
        trit_slurm_program(program);
        status = submit(&s, path, &job, &e);
    } else if (!status) {
        status = execute(&s, path, &o, &e);
    }
    trit_sweep_close(&s);
    if (status == TRIT_E_STOPPED) return TRIT_EXIT_STOPPED;
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_sweep = {
    .name = "sweep",
    .usage = "SWEEP [key=values...] [--run DIR] [--jobs N] [--dry-run] ...",
    .doc = "trains every combination of some settings; the same command again continues",
    .help =
        "  SWEEP          a sweep file, or a config that the axes are laid over\n"
        "  key=values     an axis, or a setting of all cells: quant.estimator=ste,ewgs\n"
        "                 seed=range(5)  optim.lr=log(1e-3,1e-2,3)  quant.weights.estimator='*'\n"
        "  --run DIR      the sweep's directory (default runs/NAME-sweep)\n"
        "  --jobs N       runs at a time [1]; the cores are split between them\n"
        "  --dry-run      checks every cell and lists them, and starts nothing\n"
        "  --on-fail X    continue with the other cells, or stop [continue]\n"
        "  --retry        runs cells again that failed\n"
        "  --no-wait      ends while others work on the last cells\n"
        "  --slurm        hands the work to Slurm: an array of workers (DIR/slurm.sh)\n"
        "  --time T, --partition P, --mem M, --cpus N, --parallel N, --restarts N\n"
        "                 of its jobs, as of trit slurm\n\n"
        "Ctrl-C or SIGTERM: all runs save, exit code 75; the same command continues. Several\n"
        "processes with one command share the work. docs/sweeps.md describes the file.\n",
    .run = run};
