/* What metrics.jsonl says, as event files for TensorBoard, in tensorboard/ of the run directory.
 * Each start of a run begins a file, and says in it at which step it goes on. */
#ifndef TRIT_RUN_TENSORBOARD_H
#define TRIT_RUN_TENSORBOARD_H

#include "base/text.h"
#include "io/tfevents.h"

/* Zero-initialise; free path. */
typedef struct trit_tensorboard {
    char *path; /* owned; NULL before the first line */
} trit_tensorboard;

/* Adds lines (whole ones, as in metrics.jsonl) to the run's newest file, which is made when there
 * is none. step: the first one that is new; what earlier files say of it and later ones no longer
 * holds. */
trit_status trit_tensorboard_add(trit_tensorboard *t, const char *run_dir, int64_t step,
                                 const char *lines, trit_error *e);
/* Adds the PNG file `path` under a tag. Nothing where this start has added no lines: an earlier one
 * has added the picture. */
trit_status trit_tensorboard_image(trit_tensorboard *t, int64_t step, const char *tag,
                                   const char *path, trit_error *e);
/* Writes what a run is set to, and how it is, into a file of its own beside its events: the newest
 * replaces what was there. */
trit_status trit_tensorboard_session(const char *run_dir, const char *group,
                                     const trit_tfevents_setting *setting, int n, trit_session how,
                                     trit_error *e);
void trit_tensorboard_free(trit_tensorboard *t);

#endif
