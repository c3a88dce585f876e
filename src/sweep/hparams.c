#include "sweep/hparams.h"

#include "io/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

bool trit_sweep_has_events(const trit_sweep *s) {
    return cJSON_IsTrue(trit_json_get(trit_json_get(s->resolved, "run"), "tensorboard"));
}

trit_status trit_sweep_hparams(const trit_sweep *s, const trit_sweep_cell *c, const char *run_dir,
                               trit_session how, trit_error *e) {
    trit_tfevents_setting setting[TRIT_SWEEP_MAX_AXIS];
    char path[4096];
    double wall = (double)time(NULL);
    trit_text out = {0}, group = {0};
    int n = 0;
    for (int a = 0; a < s->n_axis - 1; a++) { /* the last one is the seed */
        const char *label = s->axis[a].at[c->value[a]].label;
        char *end;
        double number = strtod(label, &end);
        trit_text_add(&group, "%s%s=%s", a ? " " : "", s->axis[a].name, label);
        setting[n++] = (trit_tfevents_setting){s->axis[a].name, *end ? label : NULL, number};
    }
    trit_tfevents_version(&out, wall);
    trit_tfevents_session(&out, wall, group.len ? trit_text_get(&group) : s->name, setting, n);
    if (how != TRIT_SESSION_RUNNING) trit_tfevents_session_end(&out, wall, how);
    snprintf(path, sizeof path, "%s/tensorboard", run_dir);
    trit_status status = out.failed || group.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for events")
                                                    : trit_file_make_dir(NULL, path, e);
    /* One file, replaced: its name sorts before those that the run writes. */
    snprintf(path, sizeof path, "%s/tensorboard/events.out.tfevents.0.sweep", run_dir);
    if (!status) status = trit_file_replace(NULL, path, out.at, out.len, e);
    trit_text_free(&out);
    trit_text_free(&group);
    return status;
}
