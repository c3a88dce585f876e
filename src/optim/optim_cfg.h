/* The config section "optim": its keys, the schedules, and groups of parameters. */
#ifndef TRIT_OPTIM_OPTIM_CFG_H
#define TRIT_OPTIM_OPTIM_CFG_H

#include "autograd/param.h"
#include "base/schema.h"
#include "optim/state.h"

/* Learning rates over time: name, config word, values of keys that are not given, doc. See lr.h. */
#define TRIT_LR_LIST(X)                                                                    \
    X(constant, "constant", "{}", "lr after warm-up")                                      \
    X(linear, "linear", "{}", "a straight line from lr to min_lr at the end")              \
    X(cosine, "cosine", "{}", "half a cosine from lr to min_lr at the end")                \
    X(inverse_sqrt, "inverse-sqrt", "{}",                                                  \
      "lr * sqrt(warmup / step), not below min_lr; without warm-up lr / sqrt(t)")          \
    X(wsd, "wsd", "{}",                                                                    \
      "warm-up, stable, decay: lr, and to min_lr in the last `cooldown` steps, by "        \
      "`cooldown_shape`")                                                                  \
    X(bitnet, "bitnet", "{\"warmup_zero\": true, \"decay_until\": 0.5}",                   \
      "BitNet b1.58: straight lines to min_lr, from lr and, after half of training, from " \
      "stage2_lr; weight decay ends with the first")                                       \
    X(trilm, "trilm", "{\"warmup_zero\": true, \"decay_until\": 0.66666666666666663}",     \
      "TriLM: as bitnet, but weight decay ends after two thirds of training")
typedef enum {
#define X(name, word, defaults, doc) TRIT_LR_##name,
    TRIT_LR_LIST(X)
#undef X
        TRIT_N_LR
} trit_lr_schedule;
extern const char *const trit_lr_schedule_names[TRIT_N_LR + 1]; /* NULL-terminated, as below */
extern const char *const trit_lr_schedule_docs[TRIT_N_LR + 1];
const char *trit_lr_schedule_defaults(int schedule);

extern const char *const trit_optim_names[]; /* in list order */
/* JSON object with the values of config keys that are not given, where they are not the schema's.
 */
const char *trit_optim_defaults(int kind);

extern const char *const trit_lr_unit_names[]; /* steps, tokens */
typedef enum { TRIT_LR_steps, TRIT_LR_tokens } trit_lr_unit;
extern const char *const trit_cooldown_names[]; /* linear, cosine, 1-sqrt, exp */
typedef enum {
    TRIT_COOLDOWN_linear,
    TRIT_COOLDOWN_cosine,
    TRIT_COOLDOWN_sqrt,
    TRIT_COOLDOWN_exp
} trit_cooldown;
extern const char *const trit_at_quant_names[]; /* none, fused, restart */
typedef enum { TRIT_AT_QUANT_none, TRIT_AT_QUANT_fused, TRIT_AT_QUANT_restart } trit_at_quant;
extern const char *const trit_decay_mode_names[]; /* decoupled, coupled, last */
typedef enum { TRIT_DECAY_decoupled, TRIT_DECAY_coupled, TRIT_DECAY_last } trit_decay_mode;
extern const char *const trit_muon_scale_names[]; /* rms, fan, none */
typedef enum { TRIT_MUON_rms, TRIT_MUON_fan, TRIT_MUON_none } trit_muon_scale;
extern const char *const trit_weights_names[]; /* fp32, bf16 */
typedef enum { TRIT_WEIGHTS_fp32, TRIT_WEIGHTS_bf16 } trit_weights;

#define TRIT_OPTIM_FIELDS(F)                                                                      \
    F(NAME, kind, "\"adamw\"", 0, 0, trit_optim_names, "",                                        \
      "optimizer; it may bring other defaults for the keys of this section")                      \
    F(REAL, lr, "1e-3", 0, 100, NULL, "", "peak learning rate")                                   \
    F(REAL, min_lr, "0", 0, 100, NULL, "", "learning rate at the end of the schedule")            \
    F(NAME, schedule, "\"cosine\"", 0, 0, trit_lr_schedule_names, "",                             \
      "shape between warm-up and the end of training")                                            \
    F(INT, warmup, "0", 0, 1e15, NULL, "", "linear rise to the peak, in `unit`")                  \
    F(NAME, unit, "\"steps\"", 0, 0, trit_lr_unit_names, "",                                      \
      "of warmup, cooldown and slow_warmup; tokens are rounded up to whole steps")                \
    F(BOOL, warmup_zero, "false", 0, 0, NULL, "",                                                 \
      "warm-up is step/warmup of the peak, 0 in the first update; else (step+1)/(warmup+1)")      \
    F(INT, cooldown, "0", 0, 1e15, NULL, "",                                                      \
      "wsd: the fall at the end, in `unit`; 0 = a tenth of training")                             \
    F(NAME, cooldown_shape, "\"linear\"", 0, 0, trit_cooldown_names, "",                          \
      "wsd: of the fall; exp is geometric and wants min_lr above 0")                              \
    F(REAL, stage2_lr, "0", 0, 100, NULL, "",                                                     \
      "bitnet, trilm: peak of the second stage; 0 = two thirds of lr")                            \
    F(REAL, stage2_at, "0.5", 0, 1, NULL, "",                                                     \
      "bitnet, trilm: share of training before the second stage")                                 \
    F(NAME, at_quant, "\"none\"", 0, 0, trit_at_quant_names, "",                                  \
      "what the schedule makes of the step where weights begin to be quantized (quant.start): "   \
      "fused: its second part begins there (wsd: the fall; bitnet, trilm: the second stage, and " \
      "decay ends); restart: it runs twice, over the steps before and those after")               \
    F(BOOL, reset_at_quant, "false", 0, 0, NULL, "",                                              \
      "moments are forgotten where weights begin to be quantized")                                \
    F(REAL, beta1, "0.9", 0, 0.999999, NULL, "",                                                  \
      "decay of the first moment; lion: weight of the memory in the direction")                   \
    F(REAL, beta2, "0.95", 0, 0.999999, NULL, "",                                                 \
      "decay of the second moment; lion: decay of the memory")                                    \
    F(REAL, beta3, "0.9999", 0, 0.9999999, NULL, "", "ademamix: decay of the slow moment")        \
    F(REAL, alpha, "5", 0, 1000, NULL, "", "ademamix: weight of the slow moment")                 \
    F(INT, slow_warmup, "0", 0, 1e15, NULL, "",                                                   \
      "ademamix: rise of alpha and beta3 to their values, in `unit`; 0 = all of training")        \
    F(REAL, eps, "1e-8", 0, 1, NULL, "",                                                          \
      "added to the root of the second moment; adafactor: to the square of the gradient")         \
    F(REAL, momentum, "0.9", 0, 0.999999, NULL, "", "sgd, rmsprop, muon: momentum")               \
    F(BOOL, nesterov, "false", 0, 0, NULL, "", "sgd, muon: the gradient is looked at once more")  \
    F(REAL, adam_lr, "0", 0, 100, NULL, "",                                                       \
      "muon: peak learning rate of what it leaves to adamw; 0 = lr")                              \
    F(NAME, muon_scale, "\"rms\"", 0, 0, trit_muon_scale_names, "",                               \
      "muon: the orthogonal matrix is multiplied by rms: 0.2*sqrt(max(rows, columns)), the "      \
      "size of AdamW's steps; fan: sqrt(max(1, rows/columns)); none: 1")                          \
    F(INT, ns_steps, "5", 1, 20, NULL, "", "muon: Newton-Schulz iterations")                      \
    F(REAL, decay_power, "0.8", 0.01, 10, NULL, "",                                               \
      "adafactor: decay of the second moment is 1 - t^-decay_power")                              \
    F(REAL, update_clip, "1", 1e-6, 1e6, NULL, "",                                                \
      "adafactor: largest root mean square of a tensor's update")                                 \
    F(BOOL, scale_lr, "false", 0, 0, NULL, "",                                                    \
      "adafactor: the learning rate is multiplied by the weights' root mean square, at least "    \
      "1e-3")                                                                                     \
    F(REAL, weight_decay, "0.1", 0, 10, NULL, "",                                                 \
      "of weights, output head and embeddings; times the learning rate unless coupled")           \
    F(NAME, decay_mode, "\"decoupled\"", 0, 0, trit_decay_mode_names, "",                         \
      "decoupled: w loses its share before the update; last: after it; coupled: weight_decay*w "  \
      "is added to the gradient after clipping (L2, as in PyTorch's SGD and Adam)")               \
    F(REAL, decay_until, "0", 0, 1, NULL, "",                                                     \
      "share of training after which nothing decays; 0 = to the end")                             \
    F(REAL, clip_norm, "1", 0, 1e9, NULL, "", "global gradient norm limit; 0 = off")              \
    F(REAL, clip_value, "0", 0, 1e9, NULL, "",                                                    \
      "limit of each element of the gradient, after other clipping; 0 = off")                     \
    F(INT, clip_percentile, "0", 0, 99, NULL, "",                                                 \
      "limit of each tensor's gradient norm, before other clipping: this percentile of its "      \
      "newest 100; 0 = off")                                                                      \
    F(REAL, ema, "0", 0, 0.9999999, NULL, "",                                                     \
      "evaluation uses averages of the weights with this decay (less in the first steps); 0 = "   \
      "off")                                                                                      \
    F(NAME, weights, "\"fp32\"", 0, 0, trit_weights_names, "",                                    \
      "bf16: weights, output head and embeddings are rounded to bf16 after each update, up or "   \
      "down at random with the right mean (memory stays that of fp32)")                           \
    F(NAME, state, "\"fp32\"", 0, 0, trit_state_names, "",                                        \
      "how the state of weight matrices is stored; that of norms, biases and quantizers is fp32") \
    F(INT, block, "0", 0, 4096, NULL, "",                                                         \
      "elements of state that share a largest magnitude, a power of two from 64 on; 0 = 256 in "  \
      "8 bits, 128 in 4")                                                                         \
    F(BOOL, stochastic, "false", 0, 0, NULL, "",                                                  \
      "encoded state is rounded up or down at random, right in the mean, not to the nearest")     \
    F(BOOL, state_embeddings, "false", 0, 0, NULL, "", "encode the state of embeddings too")      \
    F(INT, state_min, "4096", 1, 1e12, NULL, "", "tensors with fewer elements keep state in fp32")

/* Exceptions for some parameters; a group says something about those that it matches. Of several
 * groups that say something about a key, the last one counts. */
typedef struct trit_optim_group {
    const char *match; /* glob over parameter paths; "*" when only a role is given */
    int role;          /* 0: any; else a trit_role + 1 */
    /* NaN: says nothing. lr is a multiplier; clip_norm limits the joint norm of what the group
     * matches, which then does not count for the global one. */
    double lr, weight_decay, beta1, beta2, clip_norm;
    bool freeze, has_freeze;
} trit_optim_group;
extern const char *const trit_group_role_names[]; /* any, then trit_role_names */

typedef struct trit_optim_cfg {
    TRIT_OPTIM_FIELDS(TRIT_MEMBER)
    int n_group;
    const trit_optim_group *group; /* [n_group], config's arena */
    int64_t quant_at; /* set by the run: first step with quantized weights; 0: none, or the first */
} trit_optim_cfg;

/* Rules across keys, as trit_schema.check. */
trit_status trit_optim_cfg_check(const void *section, trit_error *e);
/* Lengths in steps, whatever the unit was. */
void trit_optim_cfg_in_steps(trit_optim_cfg *c, int64_t tokens_per_step);

#endif
