/* trit slurm: a job script, as people would write it by hand, that survives preemption. */
#include "cli/common.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct job {
    const char *run, *time, *partition, *memory, *program; /* NULL: not given */
    int64_t cpus, parallel, restarts;
    int n_config; /* configs come first, then overrides */
    int n_args;
    char **args;
    const char *name; /* of the job */
} job;

/* 'word', whatever is in it. */
static void add_quoted(trit_text *out, const char *word) {
    trit_text_add(out, "'");
    for (const char *c = word; *c; c++) {
        if (*c == '\'') {
            trit_text_add(out, "'\\''");
        } else {
            trit_text_add_bytes(out, c, 1);
        }
    }
    trit_text_add(out, "'");
}

static void add_directives(trit_text *out, const job *j) {
    bool array = j->n_config > 1;
    trit_text_add(out, "#!/bin/bash\n#SBATCH --job-name=%s\n", j->name);
    trit_text_add(out, "#SBATCH --ntasks=1 --cpus-per-task=%lld\n", (long long)j->cpus);
    if (j->time) trit_text_add(out, "#SBATCH --time=%s\n", j->time);
    if (j->partition) trit_text_add(out, "#SBATCH --partition=%s\n", j->partition);
    if (j->memory) trit_text_add(out, "#SBATCH --mem=%s\n", j->memory);
    if (array) {
        trit_text_add(out, "#SBATCH --array=0-%d%%%lld\n", j->n_config - 1, (long long)j->parallel);
    }
    /* Two minutes are enough for a micro-batch and a save; the log goes on where it was. */
    trit_text_add(out,
                  "#SBATCH --requeue --open-mode=append --signal=B:USR1@120\n"
                  "#SBATCH --output=%%x-%s.out\n\n",
                  array ? "%A_%a" : "%j");
}

static void add_command(trit_text *out, const job *j) {
    if (j->n_config > 1) {
        trit_text_add(out, "configs=(\n");
        for (int i = 0; i < j->n_config; i++) {
            trit_text_add(out, "    ");
            add_quoted(out, j->args[i]);
            trit_text_add(out, "\n");
        }
        trit_text_add(out, ")\nconfig=${configs[$SLURM_ARRAY_TASK_ID]}\n");
    } else {
        trit_text_add(out, "config=");
        add_quoted(out, j->args[0]);
        trit_text_add(out, "\n");
    }
    trit_text_add(out, "\n");
    add_quoted(out, j->program);
    trit_text_add(out, " train \"$config\"");
    for (int i = j->n_config; i < j->n_args; i++) {
        trit_text_add(out, " ");
        add_quoted(out, j->args[i]);
    }
    if (j->run) {
        trit_text_add(out, " --run ");
        add_quoted(out, j->run);
        if (j->n_config > 1) trit_text_add(out, "/\"$SLURM_ARRAY_TASK_ID\"");
    }
    trit_text_add(out, " &\n");
}

static void add_script(trit_text *out, const job *j) {
    add_directives(out, j);
    trit_text_add(
        out, "set -u\n"
             "export TRIT_THREADS=${SLURM_CPUS_PER_TASK:-1}\n"
             "# Pinned where these cores are the job's own; else two jobs would share the first.\n"
             "[ \"$(nproc)\" != \"$TRIT_THREADS\" ] || export OMP_PROC_BIND=close "
             "OMP_PLACES=cores\n"
             "export OMP_NUM_THREADS=$TRIT_THREADS OPENBLAS_NUM_THREADS=1\n\n");
    trit_text_add(out, "# Slurm warns the shell; the shell asks the program to save and stop.\n"
                       "asked=0 pid=\n"
                       "ask() { asked=1; [ -z \"$pid\" ] || kill -TERM \"$pid\" 2>/dev/null; }\n"
                       "trap ask USR1 TERM\n\n");
    add_command(out, j);
    trit_text_add(out,
                  "pid=$!\n"
                  "wait \"$pid\"; code=$?\n"
                  "# A signal ends the wait, not the program.\n"
                  "while [ \"$asked\" = 1 ]; do asked=0; wait \"$pid\"; code=$?; done\n\n"
                  "# 75: saved, and the same command continues.\n"
                  "if [ \"$code\" = 75 ]; then\n"
                  "    restarts=${TRIT_RESTARTS:-${SLURM_RESTART_COUNT:-0}}\n"
                  "    if [ \"$restarts\" -ge %lld ]; then\n"
                  "        echo \"not done after $restarts restarts\" >&2\n"
                  "        exit 1\n"
                  "    fi\n",
                  (long long)j->restarts);
    trit_text_add(out, "    id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}"
                       "${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}\n"
                       "    if command -v scontrol >/dev/null && scontrol requeue \"$id\"; then\n"
                       "        sleep 30 # the requeue ends this script\n"
                       "    else\n"
                       "        export TRIT_RESTARTS=$((restarts + 1))\n"
                       "        sbatch ${SLURM_ARRAY_TASK_ID:+--array=$SLURM_ARRAY_TASK_ID} "
                       "\\\n            --dependency=afterany:\"$SLURM_JOB_ID\" \"$0\" && exit 0\n"
                       "    fi\n"
                       "fi\n"
                       "exit \"$code\"\n");
}

/* Words that go into the script as they are. */
static trit_status check_word(const char *option, const char *word, trit_error *e) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:,-";
    if (!word || (*word && !word[strspn(word, allowed)])) return TRIT_OK;
    return TRIT_FAIL(e, E_USAGE,
                     "%s: found \"%s\"; allowed are letters, digits and the signs . _ : , -",
                     option, word);
}

/* A mistake in a config is found here, not in the queue. The first config names the job. */
static trit_status check_configs(job *j, trit_experiment *first, trit_error *e) {
    while (j->n_config < j->n_args && !strchr(j->args[j->n_config], '=')) j->n_config++;
    if (!j->n_config) return trit_cli_experiment(first, j->n_args, j->args, e);
    for (int i = 0; i < j->n_config; i++) {
        trit_experiment x = {0};
        trit_status status = trit_experiment_load(
            &x, j->args[i], (const char *const *)j->args + j->n_config, j->n_args - j->n_config, e);
        if (!i && !status) {
            *first = x;
        } else {
            trit_experiment_close(&x);
        }
        TRIT_TRY(status);
    }
    j->name = first->cfg.name;
    TRIT_TRY(check_word("name", j->name, e));
    TRIT_TRY(check_word("--time", j->time, e));
    TRIT_TRY(check_word("--partition", j->partition, e));
    return check_word("--mem", j->memory, e);
}

static int run_slurm(int argc, char **argv) {
    char program[4096] = "trit";
    job j = {.cpus = 1, .parallel = 4, .restarts = 50, .args = argv, .program = program};
    const trit_option options[] = {{"--run", TRIT_OPT_TEXT, &j.run, 0, 0},
                                   {"--time", TRIT_OPT_TEXT, &j.time, 0, 0},
                                   {"--partition", TRIT_OPT_TEXT, &j.partition, 0, 0},
                                   {"--mem", TRIT_OPT_TEXT, &j.memory, 0, 0},
                                   {"--cpus", TRIT_OPT_INT, &j.cpus, 1, 1024},
                                   {"--parallel", TRIT_OPT_INT, &j.parallel, 1, 1e6},
                                   {"--restarts", TRIT_OPT_INT, &j.restarts, 0, 1e9}};
    trit_error e = {0};
    trit_experiment first = {0};
    trit_text out = {0};
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n > 0) program[n] = '\0';
    trit_status status = trit_options_read(options, 7, argc, argv, &j.n_args, &e);
    if (!status) status = check_configs(&j, &first, &e);
    if (!status) add_script(&out, &j);
    if (!status && out.failed) status = TRIT_FAIL(&e, E_NOMEM, "no memory for the script");
    if (!status) fputs(trit_text_get(&out), stdout);
    trit_text_free(&out);
    trit_experiment_close(&first);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_slurm = {
    "slurm",
    "CONFIG [CONFIG...] [key=value...] [--run DIR] [--time T] [--partition P] [--cpus N] [--mem M]",
    "writes a Slurm job script that continues by itself after preemption and time-outs",
    "  CONFIG           what is trained; several make an array of jobs\n"
    "  key=value        overrides a setting in all of them\n"
    "  --run DIR        run directory; of an array, DIR/0, DIR/1, ... (default runs/NAME)\n"
    "  --time T, --partition P, --mem M   as of sbatch; left out: the cluster's defaults\n"
    "  --cpus N         cores, and threads, of a job (default 1)\n"
    "  --parallel N     how many jobs of an array run at a time (default 4)\n"
    "  --restarts N     gives up after so many (default 50)\n\n"
    "Submit it where the paths are right: trit slurm CONFIG >job.sh && sbatch job.sh\n",
    run_slurm};
