/* Losses that a student is trained by: rows. One file loss_<name>.c and one row in loss_list.h
 * each.
 *
 * Letters: z_s, z_t logits of student and teacher [V]; T temperature; q = softmax(z_s/T) and p =
 * softmax(z_t/T), those of student and teacher. What a row says of one token is averaged over the
 * tokens whose label is not TRIT_IGNORE (0 where there are none), and never over the vocabulary. */
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
} trit_loss;
extern const trit_loss *const trit_losses[]; /* NULL-terminated, and their names */
extern const char *const trit_loss_names[];
/* Index of the knob of that name, -1: none. */
int trit_loss_knob(const trit_loss *l, const char *name);

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
