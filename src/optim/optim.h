/* Optimizers as arithmetic on blocks; the driver walks parameters, clips, and keeps state. */
#ifndef TRIT_OPTIM_OPTIM_H
#define TRIT_OPTIM_OPTIM_H

#include "autograd/graph.h"
#include "base/schema.h"
#include "optim/state.h"

extern const char *const trit_optim_names[]; /* in list order */
/* JSON object with the values of config keys that are not given, where they are not the schema's.
 */
const char *trit_optim_defaults(int kind);
extern const char *const trit_muon_scale_names[]; /* rms, fan, none */
typedef enum { TRIT_MUON_rms, TRIT_MUON_fan, TRIT_MUON_none } trit_muon_scale;
extern const char *const trit_lr_schedule_names[]; /* constant, linear, cosine */
typedef enum { TRIT_LR_constant, TRIT_LR_linear, TRIT_LR_cosine } trit_lr_schedule;

#define TRIT_OPTIM_FIELDS(F)                                                                      \
    F(NAME, kind, "\"adamw\"", 0, 0, trit_optim_names, "", "optimizer")                           \
    F(REAL, lr, "1e-3", 0, 100, NULL, "", "peak learning rate")                                   \
    F(REAL, min_lr, "0", 0, 100, NULL, "", "learning rate at the end of the schedule")            \
    F(NAME, schedule, "\"cosine\"", 0, 0, trit_lr_schedule_names, "",                             \
      "shape between warm-up and the end of training")                                            \
    F(INT, warmup, "0", 0, 1000000000, NULL, "steps", "linear rise to the peak")                  \
    F(REAL, beta1, "0.9", 0, 0.999999, NULL, "", "adamw: decay of the first moment")              \
    F(REAL, beta2, "0.95", 0, 0.999999, NULL, "", "adamw: decay of the second moment")            \
    F(REAL, eps, "1e-8", 0, 1, NULL, "", "adamw: added to the root of the second moment")         \
    F(REAL, momentum, "0.9", 0, 0.999999, NULL, "", "sgd, muon: momentum")                        \
    F(BOOL, nesterov, "false", 0, 0, NULL, "",                                                    \
      "sgd, muon: step along the gradient after the momentum")                                    \
    F(REAL, adam_lr, "0", 0, 100, NULL, "",                                                       \
      "muon: peak learning rate of what it leaves to adamw; 0 = lr")                              \
    F(NAME, muon_scale, "\"rms\"", 0, 0, trit_muon_scale_names, "",                               \
      "muon: the orthogonal matrix is multiplied by rms: 0.2*sqrt(max(rows, columns)), the size " \
      "of AdamW's steps; "                                                                        \
      "fan: sqrt(max(1, rows/columns)); none: 1")                                                 \
    F(INT, ns_steps, "5", 1, 20, NULL, "", "muon: Newton-Schulz iterations")                      \
    F(REAL, weight_decay, "0.1", 0, 10, NULL, "",                                                 \
      "decoupled decay of weights and embeddings, times the learning rate")                       \
    F(REAL, clip_norm, "1", 0, 1e9, NULL, "", "global gradient norm limit; 0 = off")              \
    F(NAME, state, "\"fp32\"", 0, 0, trit_state_names, "",                                        \
      "how the state of weight matrices is stored; that of norms, biases and quantizers is fp32") \
    F(INT, block, "0", 0, 4096, NULL, "",                                                         \
      "elements of state that share a largest magnitude, a power of two from 64 on; 0 = 256 in "  \
      "8 bits, 128 in 4")                                                                         \
    F(BOOL, stochastic, "false", 0, 0, NULL, "",                                                  \
      "encoded state is rounded up or down at random, right in the mean, not to the nearest")     \
    F(BOOL, state_embeddings, "false", 0, 0, NULL, "", "encode the state of embeddings too")      \
    F(INT, state_min, "4096", 1, 1e12, NULL, "", "tensors with fewer elements keep state in fp32")

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
    int64_t total_steps;  /* of the run */
    trit_real lr, decay;  /* after schedule; decay is 0 for what does not decay */
    trit_real grad_scale; /* multiplies every gradient: clipping */
    double beta1, beta2;  /* of this parameter */
    bool finite;          /* whether all gradients are */
    trit_rng rounding;    /* of state, at random */
} trit_optim_call;

/* A whole tensor as a type sees it, on all threads. */
typedef struct trit_optim_whole {
    const trit_exec *x;
    const trit_tensor *shape;       /* of the parameter */
    trit_real *w;                   /* [len] */
    trit_real *u;                   /* [len] what update left there; the gradient's memory */
    trit_real *slot[TRIT_MAX_SLOT]; /* those with a shape of their own; others NULL */
    void *scratch;                  /* type->scratch(shape) bytes, 64-byte aligned */
    double *partial;                /* [spans of len], see trit_optim_sum_sq */
} trit_optim_whole;

/* An optimizer: one file and one row in optim_list.h. State arrays have the parameter's shape
 * unless `shape` says otherwise; how they are stored is none of a type's business. */
typedef struct trit_optim_type trit_optim_type;
struct trit_optim_type {
    const char *name, *doc, *cite;
    const char *defaults; /* JSON object: values of config keys that are not given; NULL: none */
    int n_slot;
    const char *slot_name[TRIT_MAX_SLOT];
    bool slot_signed[TRIT_MAX_SLOT]; /* whether a state may be negative */
    /* Whether a parameter is this type's; the others are rest's. NULL: all are. */
    bool (*takes)(const trit_param *p);
    const trit_optim_type *rest;
    /* Shape of state k of a parameter; false: it has none. Such states are read and written by
     * `finish` alone, unless the shape is the parameter's. NULL: that of the parameter, for all. */
    bool (*shape)(const trit_tensor *param, int k, trit_tensor *out);
    /* n elements from any run of a parameter, element by element: their state from g, then w; or,
     * with `finish`, g, which becomes the direction, and w is only read. NULL: all in `finish`. */
    void (*update)(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot);
    /* What needs the tensor whole, after update of all its elements; the same bits for any number
     * of threads, and nothing is allocated. */
    void (*finish)(const trit_optim_call *c, trit_optim_whole *t);
    size_t (*scratch)(const trit_tensor *param); /* bytes that finish needs; NULL: none */
};
extern const trit_optim_type *const trit_optim_types[]; /* rows in list order, then NULL */

/* A trained parameter. */
typedef struct trit_optim_item {
    trit_param *param;
    const trit_optim_type *type;
    trit_slot slot[TRIT_MAX_SLOT]; /* [type->n_slot] */
    const char *plain;             /* why its state is not encoded; NULL: it is */
    int64_t chunk; /* elements of encoded state that are decoded at a time; 0: none is */
    int first_span, n_span;
    double lr_scale, decay, beta1, beta2;
} trit_optim_item;

/* A run of elements of one parameter: the unit of work and of partial sums. */
typedef struct trit_optim_span {
    int item;
    int64_t begin, n;
} trit_optim_span;

typedef struct trit_optim {
    const trit_optim_type *type;
    trit_optim_cfg cfg;
    trit_optim_item *item; /* [n_item] in the order of the parameters */
    int n_item;
    trit_optim_span *span; /* [n_span] */
    int n_span;
    double *partial; /* [n_span] */
    void *scratch;   /* for finish */
    int64_t total_steps;
} trit_optim;

/* After all graphs are traced: parameters that no graph uses, frozen ones and buffers get no state.
 * Everything lives in ps->mem. */
trit_status trit_optim_init(trit_optim *o, const trit_optim_cfg *cfg, const trit_params *ps,
                            int64_t total_steps, trit_error *e);
/* The trained parameter p; NULL: it is not trained. */
const trit_optim_item *trit_optim_find(const trit_optim *o, const trit_param *p);
/* Learning rate of the update that turns step into step + 1: (step+1)/(warmup+1) of the peak during
 * warm-up, then the schedule down to min_lr at total_steps. */
double trit_optim_lr(const trit_optim *o, int64_t step);
/* Euclidean norm of all gradients, summed in a fixed order; NaN or infinite when one of them is. */
double trit_optim_grad_norm(const trit_optim *o, const trit_exec *x);
/* One update of every parameter; norm is trit_optim_grad_norm's. Gradients hold anything then. */
void trit_optim_update(const trit_optim *o, const trit_exec *x, int64_t step, double norm);
/* Bytes that the state of a parameter, and of all, takes. */
int64_t trit_optim_item_bytes(const trit_optim_item *it);
int64_t trit_optim_state_bytes(const trit_optim *o);

/* Sum of squares of a[len of t] on all threads, in a fixed order. For `finish`. */
double trit_optim_sum_sq(const trit_optim_whole *t, const trit_real *a);
/* w = keep*w - k*u. */
void trit_optim_apply(const trit_optim_whole *t, trit_real keep, trit_real k, const trit_real *u);

#endif
