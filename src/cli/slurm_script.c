#include "cli/slurm_script.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static bool is_array(const trit_slurm_job *j) {
    return j->n_config != 1;
}

static void add_directives(trit_text *out, const trit_slurm_job *j) {
    bool array = is_array(j);
    trit_text_add(out, "#!/bin/bash\n#SBATCH --job-name=%s\n", j->name);
    trit_text_add(out, "#SBATCH --ntasks=1 --cpus-per-task=%lld\n", (long long)j->cpus);
    if (j->time) trit_text_add(out, "#SBATCH --time=%s\n", j->time);
    if (j->partition) trit_text_add(out, "#SBATCH --partition=%s\n", j->partition);
    if (j->memory) trit_text_add(out, "#SBATCH --mem=%s\n", j->memory);
    if (array) {
        /* Workers of a sweep take cells until none is left: more than run at a time are no use. */
        int64_t n = !j->n_config && j->n_run > j->parallel ? j->parallel : j->n_run;
        trit_text_add(out, "#SBATCH --array=0-%lld%%%lld\n", (long long)n - 1,
                      (long long)j->parallel);
    }
    /* Two minutes are enough for a micro-batch and a save; the log goes on where it was. */
    trit_text_add(out,
                  "#SBATCH --requeue --open-mode=append --signal=B:USR1@120\n"
                  "#SBATCH --output=%%x-%s.out\n\n",
                  array ? "%A_%a" : "%j");
}

static void add_words(trit_text *out, char *const *word, int n) {
    for (int i = 0; i < n; i++) {
        trit_text_add(out, " ");
        add_quoted(out, word[i]);
    }
}

static void add_training(trit_text *out, const trit_slurm_job *j) {
    if (is_array(j)) {
        trit_text_add(out, "configs=(\n");
        for (int i = 0; i < j->n_config; i++) {
            trit_text_add(out, "    ");
            add_quoted(out, j->args[i]);
            trit_text_add(out, "\n");
        }
        trit_text_add(out, ")\nconfig=${configs[$SLURM_ARRAY_TASK_ID]}\n\n");
    } else {
        trit_text_add(out, "config=");
        add_quoted(out, j->args[0]);
        trit_text_add(out, "\n\n");
    }
    add_quoted(out, j->program);
    trit_text_add(out, " train \"$config\"");
    add_words(out, j->args + j->n_config, j->n_args - j->n_config);
    if (j->run) {
        trit_text_add(out, " --run ");
        add_quoted(out, j->run);
        if (is_array(j)) trit_text_add(out, "/\"$SLURM_ARRAY_TASK_ID\"");
    }
    trit_text_add(out, " &\n");
}

/* Every task is a worker on the one directory; cells that others have claimed are theirs. */
static void add_sweep(trit_text *out, const trit_slurm_job *j) {
    add_quoted(out, j->program);
    trit_text_add(out, " sweep");
    add_words(out, j->args, j->n_args);
    trit_text_add(out, " --no-wait --run ");
    add_quoted(out, j->run);
    trit_text_add(out, " &\n");
}

static void add_script(trit_text *out, const trit_slurm_job *j) {
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
    if (j->n_config) {
        add_training(out, j);
    } else {
        add_sweep(out, j);
    }
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

trit_status trit_slurm_script(const trit_slurm_job *j, trit_text *out, trit_error *e) {
    TRIT_TRY(check_word("name", j->name, e));
    TRIT_TRY(check_word("--time", j->time, e));
    TRIT_TRY(check_word("--partition", j->partition, e));
    TRIT_TRY(check_word("--mem", j->memory, e));
    add_script(out, j);
    return out->failed ? TRIT_FAIL(e, E_NOMEM, "no memory for the script") : TRIT_OK;
}

void trit_slurm_program(char program[TRIT_SLURM_PATH]) {
    ssize_t n = readlink("/proc/self/exe", program, TRIT_SLURM_PATH - 1);
    snprintf(program + (n > 0 ? n : 0), (size_t)(TRIT_SLURM_PATH - (n > 0 ? n : 0)), "%s",
             n > 0 ? "" : "trit");
}
