/* Optimizers as arithmetic on blocks; the driver walks parameters and clips. */
#ifndef TRIT_OPTIM_OPTIM_H
#define TRIT_OPTIM_OPTIM_H

#include "autograd/graph.h"
#include "base/schema.h"

extern const char *const trit_optim_names[];       /* adamw, sgd */
extern const char *const trit_lr_schedule_names[]; /* constant, linear, cosine */
typedef enum { TRIT_LR_constant, TRIT_LR_linear, TRIT_LR_cosine } trit_lr_schedule;

#define TRIT_OPTIM_FIELDS(F)                                                              \
    F(NAME, kind, "\"adamw\"", 0, 0, trit_optim_names, "", "optimizer")                   \
    F(REAL, lr, "1e-3", 0, 100, NULL, "", "peak learning rate")                           \
    F(REAL, min_lr, "0", 0, 100, NULL, "", "learning rate at the end of the schedule")    \
    F(NAME, schedule, "\"cosine\"", 0, 0, trit_lr_schedule_names, "",                     \
      "shape between warm-up and the end of training")                                    \
    F(INT, warmup, "0", 0, 1000000000, NULL, "steps", "linear rise to the peak")          \
    F(REAL, beta1, "0.9", 0, 0.999999, NULL, "", "adamw: decay of the first moment")      \
    F(REAL, beta2, "0.95", 0, 0.999999, NULL, "", "adamw: decay of the second moment")    \
    F(REAL, eps, "1e-8", 0, 1, NULL, "", "adamw: added to the root of the second moment") \
    F(REAL, momentum, "0.9", 0, 0.999999, NULL, "", "sgd: momentum")                      \
    F(REAL, weight_decay, "0.1", 0, 10, NULL, "",                                         \
      "decoupled decay of weights and embeddings, times the learning rate")               \
    F(REAL, clip_norm, "1", 0, 1e9, NULL, "", "global gradient norm limit; 0 = off")

typedef struct trit_optim_cfg {
    TRIT_OPTIM_FIELDS(TRIT_MEMBER)
} trit_optim_cfg;
extern const trit_schema trit_optim_schema;

enum { TRIT_MAX_SLOT = 4 };

/* One update as a type sees it. */
typedef struct trit_optim_call {
    const trit_kernels *k;
    const trit_optim_cfg *cfg;
    int64_t t;            /* 1 for the first update */
    trit_real lr, decay;  /* after schedule; decay is 0 for roles that do not decay */
    trit_real grad_scale; /* multiplies every gradient: clipping */
} trit_optim_call;

/* An optimizer: one file and one row in optim_list.h. */
typedef struct trit_optim_type {
    const char *name, *doc, *cite;
    int n_slot; /* state arrays of the parameter's size */
    const char *slot_name[TRIT_MAX_SLOT];
    /* Updates n elements of w from g and its state, element by element. */
    void (*update)(const trit_optim_call *c, int64_t n, trit_real *w, const trit_real *g,
                   trit_real *const *slot);
} trit_optim_type;
extern const trit_optim_type *const trit_optim_types[]; /* rows in list order, then NULL */

/* A run of elements of one parameter: the unit of work and of partial sums. */
typedef struct trit_optim_span {
    int param;
    int64_t begin, n;
} trit_optim_span;

typedef struct trit_optim {
    const trit_optim_type *type;
    trit_optim_cfg cfg;
    const trit_params *ps;             /* borrowed */
    trit_real *(*slot)[TRIT_MAX_SLOT]; /* [ps->n]; NULL for parameters that are not trained */
    trit_optim_span *span;             /* [n_span] */
    int n_span;
    double *partial; /* [n_span] */
    int64_t total_steps;
} trit_optim;

/* After all graphs are traced: parameters that no graph uses, frozen ones and buffers get no state.
 * Everything lives in ps->mem. */
trit_status trit_optim_init(trit_optim *o, const trit_optim_cfg *cfg, const trit_params *ps,
                            int64_t total_steps, trit_error *e);
/* Learning rate of the update that turns step into step + 1: (step+1)/(warmup+1) of the peak during
 * warm-up, then the schedule down to min_lr at total_steps. */
double trit_optim_lr(const trit_optim *o, int64_t step);
/* Euclidean norm of all gradients, summed in a fixed order; NaN or infinite when one of them is. */
double trit_optim_grad_norm(const trit_optim *o, const trit_exec *x);
/* One update of every parameter; norm is trit_optim_grad_norm's. */
void trit_optim_update(const trit_optim *o, const trit_exec *x, int64_t step, double norm);
/* Bytes of optimizer state. */
int64_t trit_optim_state_bytes(const trit_optim *o);

#endif
