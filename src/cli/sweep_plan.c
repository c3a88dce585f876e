#include "cli/sweep_plan.h"

#include "sweep/ledger.h"

#include <stdio.h>

int trit_sweep_count_runs(const trit_sweep *s) {
    int n = 0;
    for (int i = 0; i < s->n_cell; i++) n += s->cell[i].same_as < 0;
    return n;
}

void trit_sweep_fill_job(const trit_sweep *s, const char *dir, trit_slurm_job *j) {
    j->name = s->name;
    j->run = dir;
    j->n_config = 0;
    j->n_run = trit_sweep_count_runs(s);
}

trit_status trit_sweep_plan(trit_sweep *s, int n, char **argv, const char *dir,
                            char path[TRIT_SLURM_PATH], trit_error *e) {
    cJSON *known = NULL;
    trit_text problems = {0};
    TRIT_TRY(trit_sweep_read(s, n, (const char *const *)argv, e));
    snprintf(path, TRIT_SLURM_PATH, "%s%s%s", dir ? "" : "runs/", dir ? dir : s->name,
             dir ? "" : "-sweep");
    TRIT_TRY(trit_ledger_known(path, s, &known, e));
    trit_status status = trit_sweep_expand(s, known, &problems, e);
    fputs(trit_text_get(&problems), stderr);
    for (int i = 0; i < s->n_left_out; i++) {
        fprintf(stderr, "left out: %s: %s\n", s->left_out[i].label, s->left_out[i].why);
    }
    cJSON_Delete(known);
    trit_text_free(&problems);
    return status;
}
