/* Parameters by path and role: what is trained, saved and exported. */
#ifndef TRIT_AUTOGRAD_PARAM_H
#define TRIT_AUTOGRAD_PARAM_H

#include "base/arena.h"
#include "base/tensor.h"

/* What a parameter is for; optimizer groups and weight decay select by it. `head` is the matrix of
 * the output layer, unless it is the embedding. A buffer is state that
 * no gradient moves (running statistics, "initialised" flags); it is saved with the rest. */
#define TRIT_ROLE_LIST(X) \
    X(weight)             \
    X(head)               \
    X(embedding)          \
    X(bias)               \
    X(norm)               \
    X(step_size)          \
    X(quantizer)          \
    X(buffer)
typedef enum {
#define X(name) TRIT_ROLE_##name,
    TRIT_ROLE_LIST(X)
#undef X
        TRIT_N_ROLE
} trit_role;
extern const char *const trit_role_names[TRIT_N_ROLE + 1]; /* NULL-terminated */

typedef struct trit_param {
    const char *path; /* "blocks.2.ffn.up.weight": also its name in the checkpoint; run arena */
    trit_role role;
    trit_tensor val;  /* master copy; run arena */
    trit_tensor grad; /* sum over micro-batches, same shape; data NULL for buffers */
    bool frozen;      /* no gradient is computed and nothing is updated; grad.data may be NULL */
    bool used;        /* a graph has taken it as a leaf; unused ones keep a zero gradient */
    bool aside;       /* serves training, and is no part of the model; set after it was added */
} trit_param;

/* All parameters of a model in creation order, which is also the order of saving and updating. */
typedef struct trit_params {
    trit_param **at; /* owned list; the parameters live in mem, so pointers stay valid */
    int n, cap;
    trit_arena *mem; /* borrowed run arena */
    bool frozen;     /* all that is added from here on is; set after init */
} trit_params;

void trit_params_init(trit_params *ps, trit_arena *mem);
/* Frees the list only; the parameters go with their arena. */
void trit_params_free(trit_params *ps);
/* New zeroed parameter with gradient (buffers have none). E_CONFIG when the path exists. */
trit_status trit_params_add(trit_params *ps, const char *path, trit_role role, int ndim,
                            const int64_t *dim, trit_param **out, trit_error *e);
/* The same for one that stays as it is first filled: it has no gradient, and no optimizer state. */
trit_status trit_params_add_frozen(trit_params *ps, const char *path, trit_role role, int ndim,
                                   const int64_t *dim, trit_param **out, trit_error *e);
/* NULL when there is none. */
trit_param *trit_params_find(const trit_params *ps, const char *path);
/* Elements of all parameters that are not buffers. */
int64_t trit_params_count(const trit_params *ps);
/* Of these, elements of frozen parameters. */
int64_t trit_params_count_frozen(const trit_params *ps);

static inline trit_real *trit_param_val(const trit_param *p) {
    return p->val.data;
}
static inline trit_real *trit_param_grad(const trit_param *p) {
    return p->grad.data;
}

#endif
