/* Optimizers as arithmetic on blocks; the driver walks parameters, clips, and keeps state. */
#ifndef TRIT_OPTIM_OPTIM_H
#define TRIT_OPTIM_OPTIM_H

#include "autograd/graph.h"
#include "optim/optim_cfg.h"
#include "optim/state.h"

enum { TRIT_MAX_SLOT = 4, TRIT_CLIP_HISTORY = 100 };

/* One update as a type sees it. */
typedef struct trit_optim_call {
    const trit_kernels *k;
    const trit_optim_cfg *cfg;
    int64_t t;            /* 1 for the first update, and the first after a reset */
    int64_t total_steps;  /* of the run */
    trit_real lr, decay;  /* after schedules; decay is 0 for what does not decay */
    trit_real grad_scale; /* multiplies every gradient: clipping */
    double beta1, beta2;  /* of this parameter */
    trit_real c1, c2;     /* 1/(1 - beta^t): correct the bias of averages that began at 0 */
    bool finite;          /* whether all gradients are */
    trit_rng rounding;    /* of state, at random */
} trit_optim_call;

/* A whole tensor as a type sees it. x has one thread: tensors are shared out among them. */
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
    const char *formula;  /* with w weight, g gradient after clipping, t update from 1 */
    const char *pitfall;  /* NULL: none */
    const char *defaults; /* JSON object: values of config keys that are not given; NULL: none */
    int n_slot;
    const char *slot_name[TRIT_MAX_SLOT];
    bool slot_signed[TRIT_MAX_SLOT]; /* whether a state may be negative */
    /* Whether a parameter is this type's; the others are rest's. NULL: all are. */
    bool (*takes)(const trit_param *p);
    const trit_optim_type *rest;
    /* Shape of state k of a parameter; false: it has none. NULL: that of the parameter, for all. */
    bool (*shape)(const trit_optim_cfg *cfg, const trit_tensor *param, int k, trit_tensor *out);
    /* n elements from any run of a parameter, element by element: their state from g, then w; or,
     * with `finish`, g, which becomes the direction, and w is only read. slot[k] is NULL for states
     * that the parameter does not have, or has in a shape of their own. */
    void (*update)(const trit_optim_call *c, int64_t n, trit_real *w, trit_real *g,
                   trit_real *const *slot);
    /* The same where state k is code[k][n] of the 8-bit maps, in blocks with absmax[k] each, and
     * stays so; gives the bits of decoding, update and encoding, sooner. NULL: there is none. */
    void (*update8)(const trit_optim_call *c, int64_t n, int64_t block, trit_real *w,
                    const trit_real *g, trit_real *const *absmax, uint8_t *const *code);
    /* What needs the tensor whole, after update of all its elements; the same bits for any number
     * of threads, and nothing is allocated. grad_scale is 1. NULL: update does it all. */
    void (*finish)(const trit_optim_call *c, trit_optim_whole *t);
    size_t (*scratch)(const trit_tensor *param); /* bytes that finish needs; NULL: none */
};
extern const trit_optim_type *const trit_optim_types[]; /* rows in list order, then NULL */

/* A trained parameter. */
typedef struct trit_optim_item {
    trit_param *param;
    const trit_optim_type *type;
    trit_slot slot[TRIT_MAX_SLOT]; /* [type->n_slot] */
    trit_slot ema;                 /* average of the weights */
    trit_slot norms;               /* [TRIT_CLIP_HISTORY] newest norms of the gradient */
    const char *plain;             /* why its state is not encoded; NULL: it is */
    int64_t chunk; /* elements of encoded state that are decoded at a time; 0: none is */
    int first_span, n_span;
    double lr_scale, decay, beta1, beta2; /* of its groups, or the section's */
    double clip_norm;                     /* of its group; NaN: it belongs to the global norm */
    int clip_group;                       /* which group that is; -1: none */
    bool rounds;                          /* to bf16 */
    double factor;                        /* of its gradient in this step */
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
    char *scratch;   /* for finish: n_scratch parts of scratch_bytes */
    size_t scratch_bytes;
    int n_scratch;
    int64_t total_steps;
} trit_optim;

/* Freezes the parameters that groups freeze; before graphs are traced, so that no gradient is
 * computed for them. E_CONFIG, beginning with the key at fault, for a group that matches nothing.
 */
trit_status trit_optim_freeze(const trit_optim_cfg *cfg, const trit_params *ps, trit_error *e);
/* After all graphs are traced: parameters that no graph uses, frozen ones and buffers get no state.
 * Lengths of cfg are in steps. n_threads: at most so many update whole tensors at a time, each with
 * scratch of its own. Everything lives in ps->mem. */
trit_status trit_optim_init(trit_optim *o, const trit_optim_cfg *cfg, const trit_params *ps,
                            int64_t total_steps, int n_threads, trit_error *e);
/* The trained parameter p; NULL: it is not trained. */
trit_optim_item *trit_optim_find(const trit_optim *o, const trit_param *p);
/* State k of a parameter as checkpoints keep it, its type's first; false: there are no more. */
bool trit_optim_state(const trit_optim_item *it, int k, const trit_slot **out);
/* Learning rate of the update that turns step into step + 1; groups may multiply it. */
double trit_optim_lr(const trit_optim *o, int64_t step);
/* Euclidean norm of all gradients, summed in a fixed order; NaN or infinite when one of them is. */
double trit_optim_grad_norm(const trit_optim *o, const trit_exec *x);
/* One update of every parameter; norm is trit_optim_grad_norm's, of these gradients. They hold
 * anything then. */
void trit_optim_update(const trit_optim *o, const trit_exec *x, int64_t step, double norm);
/* Exchanges weights and their averages; nothing without averages. */
void trit_optim_swap(const trit_optim *o, const trit_exec *x);
/* Averages begin again with the weights as they are; nothing without averages. */
void trit_optim_average_anew(const trit_optim *o);
/* Bytes that the state of a parameter, and of all, takes. */
int64_t trit_optim_item_bytes(const trit_optim_item *it);
int64_t trit_optim_state_bytes(const trit_optim *o);

/* ---- parts of the driver (clip.c, group.c, coded.c) ---- */

/* Why the state of a parameter is not encoded; NULL: it is. */
const char *trit_optim_why_plain(const trit_optim_cfg *c, const trit_param *p);
/* An update of n elements from begin on, whose state is encoded: decode, update, encode. */
void trit_optim_update_coded(const trit_optim_item *it, const trit_optim_call *c, int64_t begin,
                             int64_t n);

/* Sets item.factor, from norm and the sums of squares that trit_optim_grad_norm left. */
void trit_optim_clip(const trit_optim *o, int64_t step, double norm);
/* What groups and the section say about a parameter. */
void trit_optim_group_apply(const trit_optim_cfg *cfg, trit_optim_item *it);

/* ---- what types use ---- */

/* Sum of squares of a[len of t] on all threads, in a fixed order. */
double trit_optim_sum_sq(const trit_optim_whole *t, const trit_real *a);
/* w -= decay*w + k*u: a factor 1 - decay would be rounded the same way in every step. */
void trit_optim_apply(const trit_optim_whole *t, trit_real decay, trit_real k, const trit_real *u);

#endif
