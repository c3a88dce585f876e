#include "sweep/hparams.h"

#include <stdlib.h>

bool trit_sweep_has_events(const trit_sweep *s) {
    return cJSON_IsTrue(trit_json_get(trit_json_get(s->resolved, "run"), "tensorboard"));
}

trit_status trit_sweep_hparams(const trit_sweep *s, const trit_sweep_cell *c, const char *run_dir,
                               trit_session how, trit_error *e) {
    trit_tfevents_setting setting[TRIT_SWEEP_MAX_AXIS];
    trit_text group = {0};
    int n = 0;
    for (int a = 0; a < s->n_axis - 1; a++) { /* the last one is the seed */
        const char *label = s->axis[a].at[c->value[a]].label;
        char *end;
        double number = strtod(label, &end);
        trit_text_add(&group, "%s%s=%s", a ? " " : "", s->axis[a].name, label);
        setting[n++] = (trit_tfevents_setting){s->axis[a].name, *end ? label : NULL, number};
    }
    trit_status status =
        group.failed
            ? TRIT_FAIL(e, E_NOMEM, "no memory for events")
            : trit_tensorboard_session(run_dir, group.len ? group.at : s->name, setting, n, how, e);
    trit_text_free(&group);
    return status;
}
