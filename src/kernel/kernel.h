/* Arithmetic on plain arrays, chosen once by CPU features. Knows no tensors and no graphs.
 *
 * Element-wise kernels are written once, in span.inc, and compiled for every instruction set. They
 * contain no fused multiply-add and sum in a fixed number of lanes, so that every instruction set
 * gives the same bits; tests compare them bit for bit.
 *
 * Arrays do not overlap unless a comment allows it. n may be 0 and need not be a multiple of
 * anything; pointers need only the alignment of their type. `acc`: add to the result instead of
 * overwriting it (an overwritten result is never read, it may hold anything). */
#ifndef TRIT_KERNEL_KERNEL_H
#define TRIT_KERNEL_KERNEL_H

#include "base/real.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Activation functions; each has a forward and a derivative kernel.
 *   relu  max(x,0)            relu2 max(x,0)^2         silu x*sigmoid(x)
 *   gelu  0.5x(1+erf(x/sqrt 2))     gelu_tanh 0.5x(1+tanh(sqrt(2/pi)(x+0.044715x^3))) */
#define TRIT_ACT_LIST(X) \
    X(relu)              \
    X(relu2)             \
    X(silu)              \
    X(gelu)              \
    X(gelu_tanh)
typedef enum {
#define X(name) TRIT_ACT_##name,
    TRIT_ACT_LIST(X)
#undef X
        TRIT_N_ACT
} trit_act;
extern const char *const trit_act_names[TRIT_N_ACT + 1]; /* NULL-terminated */

/* One row a kernel: name, return type, arguments. What each does stands in span.inc. */
#define TRIT_KERNEL_LIST(X)                                                                        \
    /* y = a + b; y may be a or b */                                                               \
    X(add, void, (int64_t n, const trit_real *a, const trit_real *b, trit_real *y))                \
    /* y = k*x or y += k*x; without acc y may be x */                                              \
    X(scale, void, (int64_t n, trit_real k, const trit_real *x, trit_real *y, bool acc))           \
    /* y = a*b or y += a*b; without acc y may be a or b */                                         \
    X(mul, void, (int64_t n, const trit_real *a, const trit_real *b, trit_real *y, bool acc))      \
    /* y += k*a*b */                                                                               \
    X(mul_add, void,                                                                               \
      (int64_t n, trit_real k, const trit_real *a, const trit_real *b, trit_real *y))              \
    /* sums in double, in 8 lanes */                                                               \
    X(sum, double, (int64_t n, const trit_real *x))                                                \
    X(sum_abs, double, (int64_t n, const trit_real *x))                                            \
    X(sum_sq, double, (int64_t n, const trit_real *x))                                             \
    X(dot, double, (int64_t n, const trit_real *a, const trit_real *b))                            \
    /* max |x|, 0 for n = 0; NaN when any x is NaN */                                              \
    X(abs_max, trit_real, (int64_t n, const trit_real *x))                                         \
    X(all_finite, bool, (int64_t n, const trit_real *x))                                           \
    /* y = act(x); y may be x */                                                                   \
    X(act, void, (trit_act f, int64_t n, const trit_real *x, trit_real *y))                        \
    /* gx = g*act'(x); gx may be g */                                                              \
    X(act_back, void,                                                                              \
      (trit_act f, int64_t n, const trit_real *x, const trit_real *g, trit_real *gx, bool acc))    \
    /* y = act(a)*b; y may be a or b */                                                            \
    X(gate, void, (trit_act f, int64_t n, const trit_real *a, const trit_real *b, trit_real *y))   \
    /* ga = g*b*act'(a), gb = g*act(a); ga or gb may be NULL; without acc ga may be a and gb may   \
     * be g; ga may be gb */                                                                       \
    X(gate_back, void,                                                                             \
      (trit_act f, int64_t n, const trit_real *a, const trit_real *b, const trit_real *g,          \
       trit_real *ga, bool acc_a, trit_real *gb, bool acc_b))                                      \
    /* one row: y = x*rstd*w with rstd = 1/sqrt(mean(x^2)+eps), returned; w NULL = ones; y may be  \
     * x */                                                                                        \
    X(rms_norm, trit_real,                                                                         \
      (int64_t n, trit_real eps, const trit_real *x, const trit_real *w, trit_real *y))            \
    /* one row of its gradient to x; gx may be g */                                                \
    X(rms_norm_back, void,                                                                         \
      (int64_t n, trit_real rstd, const trit_real *x, const trit_real *w, const trit_real *g,      \
       trit_real *gx, bool acc))                                                                   \
    /* one row: y = (x-mean)*rstd*w + b; stat[0] = mean, stat[1] = rstd; w, b NULL = ones, zeros;  \
     * y may be x */                                                                               \
    X(layer_norm, void,                                                                            \
      (int64_t n, trit_real eps, const trit_real *x, const trit_real *w, const trit_real *b,       \
       trit_real *y, trit_real stat[2]))                                                           \
    X(layer_norm_back, void,                                                                       \
      (int64_t n, const trit_real stat[2], const trit_real *x, const trit_real *w,                 \
       const trit_real *g, trit_real *gx, bool acc))                                               \
    /* gw[i] += g[i]*(x[i]-mean)*rstd; mean = 0 for RMSNorm */                                     \
    X(norm_weight_back, void,                                                                      \
      (int64_t n, trit_real mean, trit_real rstd, const trit_real *x, const trit_real *g,          \
       trit_real *gw))                                                                             \
    /* one row: x = exp(k*x - max(k*x)) in place; *sum = sum of x after, returns max(k*x) */       \
    X(exp_row, trit_real, (int64_t n, trit_real k, trit_real * x, trit_real * sum))                \
    /* y = exp(k*x - shift); y may be x */                                                         \
    X(exp_shift, void,                                                                             \
      (int64_t n, trit_real k, trit_real shift, const trit_real *x, trit_real *y))                 \
    /* log(sum(exp(x))) without overflow; x unchanged */                                           \
    X(log_sum_exp, trit_real, (int64_t n, const trit_real *x))                                     \
    /* one row of a rotation: pairs (x[i], x[i+n/2]), i < n/2, by angles (cos[i], sin[i]);         \
     * sign = +1 forward, -1 its transpose; y may be x */                                          \
    X(rotate_half, void,                                                                           \
      (int64_t n, const trit_real *cos_, const trit_real *sin_, trit_real sign,                    \
       const trit_real *x, trit_real *y, bool acc))                                                \
    /* y = H x in each run of `block` elements, a power of two that divides n: the Walsh-Hadamard  \
     * matrix in natural order over sqrt(block), its own inverse; y may be x */                    \
    X(hadamard, void, (int64_t n, int64_t block, const trit_real *x, trit_real *y))                \
    /* softmax gradient: gx = p*(g - d)*k in place of g */                                         \
    X(softmax_back, void, (int64_t n, trit_real k, trit_real d, const trit_real *p, trit_real *g)) \
    /* u = clip(rint(x/s + z), lo, hi); y = s*(u - z), codes = u as int8; y or codes may be NULL   \
     */                                                                                            \
    X(fake_quant, void,                                                                            \
      (int64_t n, trit_real s, trit_real z, trit_real lo, trit_real hi, const trit_real *x,        \
       trit_real *y, int8_t *codes))                                                               \
    /* AdamW on one block (Loshchilov & Hutter 2019): m = b1*m+(1-b1)*g, v = b2*v+(1-b2)*g^2,      \
     * w -= lr*decay*w, w -= lr*(m*c1)/(sqrt(v*c2)+eps); g is scaled by k first (clipping);        \
     * c1 = 1/(1-b1^t), c2 = 1/(1-b2^t) */                                                         \
    X(adamw, void,                                                                                 \
      (int64_t n, const trit_adam_args *a, trit_real *w, const trit_real *g, trit_real *m,         \
       trit_real *v))                                                                              \
    /* x = value(code)*a, and the codes of the values nearest to x/a, for the 8-bit maps of        \
     * optim/state_map.h; a: largest magnitude of x; 0 gives the codes of 0. In the signed map     \
     * what is below 0 never gets the code of 0 */                                                 \
    X(dyn8_decode, void, (int64_t n, bool sign, trit_real a, const uint8_t *code, trit_real *x))   \
    X(dyn8_encode, void, (int64_t n, bool sign, trit_real a, const trit_real *x, uint8_t *code))   \
    /* adamw with moments in such codes, in blocks with am and av each, which become the largest   \
     * magnitudes; the bits of dyn8_decode, adamw, abs_max, dyn8_encode */                         \
    X(adamw8, void,                                                                                \
      (int64_t n, int64_t block, const trit_adam_args *a, trit_real *w, const trit_real *g,        \
       trit_real *am, uint8_t *m_code, trit_real *av, uint8_t *v_code))                            \
    /* codes of the 4-bit maps: two codes a byte, the first in the high half; a tie goes up */     \
    X(dyn4_decode, void, (int64_t n, bool sign, trit_real a, const uint8_t *code, trit_real *x))   \
    X(dyn4_encode, void, (int64_t n, bool sign, trit_real a, const trit_real *x, uint8_t *code))   \
    X(bf16_decode, void, (int64_t n, const uint16_t *code, trit_real *x))                          \
    X(bf16_encode, void, (int64_t n, const trit_real *x, uint16_t *code))

enum { TRIT_STATE_MAX_BLOCK = 4096 }; /* elements of a block with one largest magnitude */

typedef struct trit_adam_args {
    trit_real lr, beta1, beta2, eps, decay, c1, c2, k;
    trit_real a1, a2; /* 1 - beta, which 1 minus a rounded beta is not */
} trit_adam_args;

typedef struct trit_kernels {
#define X(name, ret, args) ret(*name) args;
    TRIT_KERNEL_LIST(X)
#undef X
    const char *isa; /* "base", "avx2", "avx512", "avx512vbmi" */
} trit_kernels;

/* Fill every slot. Present on every machine; calling one that the CPU lacks is a crash. */
void trit_kernels_base(trit_kernels *k);
void trit_kernels_avx2(trit_kernels *k);
void trit_kernels_avx512(trit_kernels *k);
void trit_kernels_avx512vbmi(trit_kernels *k);

/* Names of the instruction sets this CPU and operating system allow, lowest first; returns how many
 * (at least 1: "base"). */
int trit_cpu_isas(const char *names[4]);
/* The best kernels this CPU allows, at most `cap` ("base", "avx2", "avx512", "avx512vbmi"; NULL or
 * "" = no cap). E_CONFIG for an unknown cap. */
trit_status trit_kernels_pick(trit_kernels *k, const char *cap, trit_error *e);

#endif
