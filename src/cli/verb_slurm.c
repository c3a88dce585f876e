/* trit slurm: a job script of one config, several, or a sweep. */
#include "cli/common.h"
#include "cli/slurm_script.h"
#include "cli/sweep_plan.h"

#include <stdio.h>
#include <string.h>

/* A mistake in a config is found here, not in the queue. The first config names the job. */
static trit_status check_configs(trit_slurm_job *j, char name[TRIT_SLURM_PATH], trit_error *e) {
    while (j->n_config < j->n_args && !strchr(j->args[j->n_config], '=')) j->n_config++;
    j->n_run = j->n_config;
    for (int i = 0; i < j->n_config || !j->n_config; i++) {
        trit_experiment x = {0};
        trit_status status =
            j->n_config
                ? trit_experiment_load(&x, j->args[i], (const char *const *)j->args + j->n_config,
                                       j->n_args - j->n_config, e)
                : trit_cli_experiment(&x, j->n_args, j->args, e);
        if (!i && !status) snprintf(name, TRIT_SLURM_PATH, "%s", x.cfg.name);
        trit_experiment_close(&x);
        TRIT_TRY(status);
    }
    j->name = name;
    return TRIT_OK;
}

/* Whether the arguments are those of a sweep: its file, or a config with axes of several values. */
static bool is_sweep(const trit_slurm_job *j) {
    trit_sweep s = {0};
    cJSON *file = NULL;
    bool is = j->n_args && !trit_json_load(&file, j->args[0], NULL) && trit_json_get(file, "base");
    cJSON_Delete(file);
    if (!trit_sweep_read(&s, j->n_args, (const char *const *)j->args, NULL)) {
        for (int i = 0; i < s.n_axis; i++) is = is || s.axis[i].n > 1;
    }
    trit_sweep_close(&s);
    return is;
}

static int run_slurm(int argc, char **argv) {
    char program[TRIT_SLURM_PATH], name[TRIT_SLURM_PATH];
    trit_slurm_job j = {TRIT_SLURM_DEFAULTS, .args = argv, .program = program};
    const trit_option options[] = {{"--run", TRIT_OPT_TEXT, &j.run, 0, 0}, TRIT_SLURM_OPTIONS(&j)};
    trit_error e = {0};
    trit_text out = {0};
    trit_sweep s = {0};
    trit_slurm_program(program);
    trit_status status =
        trit_options_read(options, sizeof options / sizeof *options, argc, argv, &j.n_args, &e);
    if (!status && is_sweep(&j)) {
        status = trit_sweep_plan(&s, j.n_args, argv, j.run, name, &e);
        if (!status) trit_sweep_fill_job(&s, name, &j);
    } else if (!status) {
        status = check_configs(&j, name, &e);
    }
    if (!status) status = trit_slurm_script(&j, &out, &e);
    if (!status) fputs(trit_text_get(&out), stdout);
    trit_text_free(&out);
    trit_sweep_close(&s);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_slurm = {
    "slurm",
    "CONFIG [CONFIG...] | SWEEP [key=value...] [--run DIR] [--time T] [--partition P] [--cpus N] "
    "[--mem M]",
    "writes a Slurm job script that continues by itself after preemption and time-outs",
    "  CONFIG           what is trained; several make an array of jobs\n"
    "  SWEEP            as of trit sweep: an array of workers that share its directory\n"
    "  key=value        overrides a setting in all of them\n"
    "  --run DIR        run directory; of an array, DIR/0, DIR/1, ... (default runs/NAME)\n"
    "  --time T, --partition P, --mem M   as of sbatch; left out: the cluster's defaults\n"
    "  --cpus N         cores, and threads, of a job (default 1)\n"
    "  --parallel N     how many jobs of an array run at a time (default 4)\n"
    "  --restarts N     gives up after so many (default 50)\n\n"
    "Submit it where the paths are right: trit slurm CONFIG >job.sh && sbatch job.sh\n",
    run_slurm};
