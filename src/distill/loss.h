/* Losses that a student is trained by: rows. One file loss_<name>.c and one row in loss_list.h
 * each.
 *
 * Letters: z_s, z_t logits of student and teacher [V]; T temperature; q = softmax(z_s/T) and p =
 * softmax(z_t/T), those of student and teacher. What a row says of one token is averaged over the
 * tokens whose label is not TRIT_IGNORE (0 where there are none), and never over the vocabulary.
 * Rows with `inside` are about what lies between: see inside.h. */
#ifndef TRIT_DISTILL_LOSS_H
#define TRIT_DISTILL_LOSS_H

#include "kernel/kernel.h"
#include "quant/spec.h"

#include <math.h>

/* One token, as a row of logits sees it. Where the teacher is known by its likeliest tokens only,
 * a class is one of these, and the last class is all others together; else each token is one. */
typedef struct trit_loss_token {
    const trit_kernels *k;
    const trit_real *knob; /* after schedules */
    /* [n] classes: probabilities and their logarithms. -infinity is a class that is not there. */
    int64_t n;
    const trit_real *p, *log_p, *q, *log_q;
    /* [n_vocab] logits; z_t is NULL without a teacher, and where it is not known whole */
    int64_t n_vocab;
    const trit_real *z_s, *z_t;
    int32_t label;
    /* For rows with `top`: the likeliest classes, as many as knob "k" says, in rising order. */
    const int32_t *top;
    int64_t n_top;
    trit_real *work; /* [2 * n_vocab] */
    trit_real scale; /* of the gradient, for `direct` rows */
} trit_loss_token;

/* Which layers are compared: the last ones; each of the student, with the teacher's at the same
 * share of the depth. */
extern const char *const trit_layer_rules[]; /* NULL-terminated */
typedef enum { TRIT_LAYERS_last, TRIT_LAYERS_uniform } trit_layer_rule;
/* What a row says of a loss that looks inside of the models; inside.h has the rest. */
typedef struct trit_inside_pair trit_inside_pair;
typedef struct trit_loss_inside {
    unsigned taps;          /* what is compared, bits 1 << trit_tap */
    trit_layer_rule layers; /* where the config does not say */
    bool projects;          /* widths may differ, with a learned projection of the student's */
    bool basis;             /* needs principal directions of the teacher's hidden states */
    bool heads;             /* has the knob "heads", which splits what is compared */
    bool maps;              /* of softmax attention with equally many heads */
    const char *fixed;      /* a knob that holds still; NULL: none */
    /* The loss of a pair, a scalar. */
    struct trit_node *(*pair)(struct trit_graph *g, const trit_inside_pair *p);
    /* The loss from the mean over the pairs; NULL: that is it. */
    struct trit_node *(*finish)(struct trit_graph *g, struct trit_node *mean);
} trit_loss_inside;
typedef enum { TRIT_TOP_NONE, TRIT_TOP_TEACHER, TRIT_TOP_STUDENT } trit_loss_top;

typedef struct trit_loss {
    const char *name, *doc, *cite, *formula, *pitfall; /* as the rows of quant/spec.h */
    const trit_knob *knob; /* "temperature" comes first, where there is one; "k" second */
    bool teacher;          /* needs one */
    trit_loss_top top;     /* whose likeliest tokens it is about */
    /* May be given classes of several tokens. What is put together is not told apart, so the loss
     * is a lower bound then. */
    bool coarse;
    /* The loss of a token. Where g is not NULL the gradient is added to g [n], which is zero: by
     * log q, as if these were free numbers. The factors of a temperature are the caller's. */
    double (*token)(const trit_loss_token *c, trit_real *g);
    /* g, [n_vocab] and holding anything, gets scale times the gradient by z_s instead. */
    bool direct;
    const trit_loss_inside *inside; /* NULL for a loss of logits; else there is no `token` */
} trit_loss;
extern const trit_loss *const trit_losses[]; /* NULL-terminated, and their names */
extern const char *const trit_loss_names[];
/* Index of the knob of that name, -1: none. */
int trit_loss_knob(const trit_loss *l, const char *name);

/* A loss in use. */
typedef struct trit_loss_use {
    const trit_loss *row;
    /* As schedules say for this step; one of weight 0 is not computed. */
    double weight;
    trit_real knob[TRIT_MAX_KNOB];
    double value; /* of the newest forward, before the weight; NaN when it was not computed */
} trit_loss_use;

#define TRIT_KNOB_TEMPERATURE                                               \
    {                                                                       \
        "temperature", 1, 0.05, 100,                                        \
            "T, of both softmaxes; the loss is multiplied by T^2, so that " \
            "its gradient keeps its size"                                   \
    }

/* p * (log_p - log_q); a class that one of both lacks adds nothing. */
static inline double trit_loss_term(trit_real p, trit_real log_p, trit_real log_q) {
    return p > 0 && isfinite(log_q) ? (double)p * ((double)log_p - (double)log_q) : 0;
}
/* sum p ln(p/q), and the gradient by log q times `weight`, added to g. */
double trit_loss_forward_kl(const trit_loss_token *c, trit_real weight, trit_real *g);
/* sum q ln(q/p), likewise. */
double trit_loss_reverse_kl(const trit_loss_token *c, trit_real weight, trit_real *g);
/* -sum target ln q, likewise. */
double trit_loss_cross(const trit_loss_token *c, const trit_real *target, trit_real weight,
                       trit_real *g);
/* Forward or reverse KL of both renormalised over c->top, and its gradient by z_s/T in g [n_vocab].
 */
double trit_loss_on_top(const trit_loss_token *c, bool reverse, trit_real *g);
/* -sum p ln p of a distribution [n]. */
double trit_loss_entropy(int64_t n, const trit_real *p, const trit_real *log_p);

/* Indices of the k largest of x[n] in rising order into out[k]; the lower one first of equals.
 * k <= n. */
void trit_top_k(int64_t n, const trit_real *x, int64_t k, int32_t *out);

#endif
