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
/* Bytes that a copy of the tensors t[n] takes, each of them aligned. */
size_t trit_store_room(const trit_ckpt_tensor *t, int n);

/* Whose last bits the numbers of a run have. */
typedef struct trit_computed_by {
    char gemm[80];    /* back end of matrix products and its kernel family */
    char kernels[40]; /* our own: their instruction set, and whether it has products of codes */
} trit_computed_by;

trit_computed_by trit_store_computed_by(const trit_exec *x);

/* One checkpoint that is to be written: all that the writing needs, so that it may be done on
 * another thread. */
typedef struct trit_store_job {
    trit_store view; /* the store as it was; what it points to is borrowed */
    const trit_run_cfg *keep;
    int64_t step;
    char path[TRIT_STORE_PATH];
    trit_arena mem; /* of the list of tensors */
    trit_ckpt_tensor *tensor;
    int n_tensor, n_attr;
    trit_ckpt_attr attr[24];
    trit_text config;
    char data_hash[17];
    trit_computed_by by;
} trit_store_job;

/* Writes metrics that wait, and takes what a checkpoint of r holds: a copy in stage
 * (trit_store_room), or r's own memory when that is NULL. E_NUMERIC where a parameter or the
 * optimizer's state is not finite. To be closed also after an error. */
trit_status trit_store_job_open(trit_store_job *j, trit_store *s, trit_run *r, char *stage,
                                trit_error *e);
/* The checkpoint, its pointers, then what is not kept any more; changes j->view only. */
trit_status trit_store_job_write(trit_store_job *j, trit_error *e);
/* Lets the store know what the writing did. */
void trit_store_job_merge(const trit_store_job *j, trit_store *s);
void trit_store_job_close(trit_store_job *j);

/* E_CONFIG with the difference where the config `kept` (a JSON text, found in path) makes another
 * run than exp. */
trit_status trit_store_same_config(const char *path, const char *kept, const trit_experiment *exp,
                                   trit_error *e);
/* Pointers (`latest`, `best`) follow the newest checkpoint. A process that dies between writing a
 * checkpoint and its pointers leaves them behind, so resuming comes here too. */
trit_status trit_store_point(const trit_store *s, trit_error *e);

#endif
