/* Names and contents of the files of a run directory: inside of run/store. */
#ifndef TRIT_RUN_STORE_FILES_H
#define TRIT_RUN_STORE_FILES_H

#include "io/checkpoint.h"
#include "run/store.h"

enum { TRIT_STORE_PATH = 4096, TRIT_STORE_NAME = 64 };

/* "DIR/NAME"; E_USAGE when it is too long. */
trit_status trit_store_join(char path[TRIT_STORE_PATH], const char *dir, const char *name,
                            trit_error *e);
bool trit_store_exists(const char *path);
/* "step-00000120.h5" -> 120; -1 for other names. */
int64_t trit_store_step_of(const char *name);
/* 120 -> "checkpoints/step-00000120.h5" */
void trit_store_name(char name[TRIT_STORE_NAME], int64_t step);
/* Steps of the checkpoints in dir, newest first; *out is owned by the caller. */
trit_status trit_store_steps(const char *dir, int64_t **out, int *n_out, trit_error *e);
/* Parameters, then optimizer state, then that of controllers and statistics, as a checkpoint lists
 * them; parameters alone without with_optim. *out is in mem. */
trit_status trit_store_tensors(trit_run *r, trit_arena *mem, bool with_optim,
                               trit_ckpt_tensor **out, int *n_out, trit_error *e);
/* E_CONFIG with the difference where the config `kept` (a JSON text, found in path) makes another
 * run than exp. */
trit_status trit_store_same_config(const char *path, const char *kept, const trit_experiment *exp,
                                   trit_error *e);
/* Pointers (`latest`, `best`) follow the newest checkpoint. A process that dies between writing a
 * checkpoint and its pointers leaves them behind, so resuming comes here too. */
trit_status trit_store_point(const trit_store *s, trit_error *e);

#endif
