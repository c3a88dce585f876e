/* A whole experiment as one JSON file: sections declared by the modules that read them. */
#ifndef TRIT_RUN_CONFIG_H
#define TRIT_RUN_CONFIG_H

#include "data/data.h"
#include "io/distill_settings.h"
#include "io/optim_settings.h"
#include "io/quant_settings.h"
#include "io/settings.h"
#include "layers/transformer.h"
#include "optim/lr.h"

/* What is done about a step whose numbers went bad. */
extern const char *const trit_on_bad_names[];
typedef enum { TRIT_ON_BAD_stop, TRIT_ON_BAD_skip_step, TRIT_ON_BAD_rollback } trit_on_bad;

#define TRIT_TRAIN_FIELDS(F)                                                                      \
    F(INT, steps, "1000", 1, 1e12, NULL, "steps", "optimizer steps")                              \
    F(INT, batch, "16", 1, 1e6, NULL, "windows", "windows of a micro-batch")                      \
    F(INT, accumulate, "1", 1, 1e6, NULL, "", "micro-batches whose gradients make one step")      \
    F(INT, seed, "1", 0, 9007199254740991.0, NULL, "", "initial weights, data order, dropout")    \
    F(INT, eval_every, "250", 0, 1e12, NULL, "steps",                                             \
      "how often the validation loss is computed; always at the end; 0 = only then")              \
    F(INT, eval_tokens, "65536", 0, 1e15, NULL, "tokens",                                         \
      "validation text used, from its start; 0 = all of it")                                      \
    F(REAL, label_smoothing, "0", 0, 0.99, NULL, "", "of the training loss")                      \
    F(NAME, recompute, "\"none\"", 0, 0, trit_recompute_names, "",                                \
      "what backward computes again instead of keeping it: saves memory, costs time, changes no " \
      "number: none, attention or block")                                                         \
    F(NAME, on_bad, "\"stop\"", 0, 0, trit_on_bad_names, "",                                      \
      "when a loss or gradient is not finite, or a spike: stop; skip-step leaves its data out; "  \
      "rollback goes back to the newest checkpoint and on with other data")                       \
    F(REAL, spike, "0", 0, 1e6, NULL, "standard deviations",                                      \
      "a loss this far above those of the last hundred steps or so counts as bad; 0 = none")      \
    F(INT, max_bad, "10", 1, 1e9, NULL, "steps", "bad steps in all before the run gives up")      \
    F(REAL, max_time, "0", 0, 1e9, NULL, "seconds",                                               \
      "saves and stops in time before a start of the run has taken this long; 0 = no limit")

/* Products of quantized layers: on their codes, or in single precision as all others. */
extern const char *const trit_compute_names[];
typedef enum { TRIT_COMPUTE_fp32, TRIT_COMPUTE_int8 } trit_compute;
/* Products of real numbers: their operands may be rounded, their sums are in single precision. */
extern const char *const trit_precision_names[];
typedef enum { TRIT_PRECISION_fp32, TRIT_PRECISION_bf16 } trit_precision;

/* bf16 and int8 need a CPU with AVX-512 VNNI and BF16; elsewhere they are fp32. What only quantized
 * layers and teachers do is fast by default: codes are exact, and backward and a teacher in bf16
 * reach the loss of fp32 (experiments/speed, experiments/distillation). What a model in full
 * precision does too is not rounded unless asked for. */
#define TRIT_COMPUTE_FIELDS(F)                                                                    \
    F(NAME, linear, "\"int8\"", 0, 0, trit_compute_names, "",                                     \
      "products of layers whose weights and inputs are both quantized to at most 8 bits: int8 "   \
      "on the codes (with AVX-512 VNNI and BF16; else fp32), or fp32")                            \
    F(NAME, backward, "\"bf16\"", 0, 0, trit_precision_names, "",                                 \
      "backward of layers whose forward runs on codes: bf16 products of the codes, or fp32 "      \
      "products of the numbers they stand for")                                                   \
    F(NAME, attention, "\"fp32\"", 0, 0, trit_precision_names, "",                                \
      "products of attention in training, without dropout on it: fp32 or bf16 (likewise)")        \
    F(NAME, head, "\"fp32\"", 0, 0, trit_precision_names, "",                                     \
      "products of the output layer in training: fp32 or bf16 (likewise)")                        \
    F(NAME, teacher, "\"bf16\"", 0, 0, trit_precision_names, "",                                  \
      "products of a live teacher in training: bf16 (likewise) or fp32; agreement in evaluation " \
      "is with the teacher in fp32")

/* What the first step begins with. */
#define TRIT_INIT_FIELDS(F)                                                                   \
    F(STR, from, "\"\"", 0, 0, NULL, "",                                                      \
      "run (its newest checkpoint) or checkpoint whose weights are copied by path; norms, "   \
      "adapters and learned numbers of quantizers may be new, whatever else does not fit is " \
      "refused with a list; \"\" = weights are drawn from train.seed")                        \
    F(STR, hash, "\"\"", 0, 0, NULL, "",                                                      \
      "of the source's file, as the log and metrics.jsonl of a run that began with it say; "  \
      "another one is refused; \"\" = any")                                                   \
    F(BOOL, partial, "false", 0, 0, NULL, "", "what does not fit is left out, with a list")   \
    F(INT, calibrate, "8", 1, 1e6, NULL, "batches",                                           \
      "of training over which the first values of new learned steps and ranges are averaged")

extern const char *const trit_stop_signal_names[];
typedef enum {
    TRIT_STOP_SIGNAL_USR1,
    TRIT_STOP_SIGNAL_USR2,
    TRIT_STOP_SIGNAL_none
} trit_stop_signal;

/* Nothing in here changes a number of the run. */
#define TRIT_RUN_FIELDS(F)                                                                   \
    F(INT, threads, "0", 0, 1024, NULL, "", "0 = all cores; results do not depend on it")    \
    F(INT, save_every, "500", 0, 1e12, NULL, "steps",                                        \
      "how often a checkpoint is written; always at the end; 0 = only then")                 \
    F(INT, keep_last, "2", 2, 1e6, NULL, "", "newest checkpoints kept")                      \
    F(INT, keep_every, "0", 0, 1e12, NULL, "steps",                                          \
      "checkpoints at its multiples are kept for ever; 0 = none")                            \
    F(BOOL, keep_best, "true", 0, 0, NULL, "",                                               \
      "save and keep the checkpoint with the lowest validation loss")                        \
    F(INT, stop_at, "0", 0, 1e12, NULL, "steps",                                             \
      "ends the run at this step, to be continued; schedules are those of train.steps; 0 = " \
      "none")                                                                                \
    F(INT, max_failed_saves, "3", 1, 1e6, NULL, "",                                          \
      "saves that fail one after the other before the run stops")                            \
    F(NAME, stop_signal, "\"USR1\"", 0, 0, trit_stop_signal_names, "",                       \
      "saves and stops the run, as SIGTERM and SIGINT do")                                   \
    F(INT, stats_every, "0", 0, 1e12, NULL, "steps",                                         \
      "how often statistics of quantizers are written; at each evaluation; 0 = only then")   \
    F(INT, log_every, "10", 1, 1e9, NULL, "steps", "how often progress is shown")            \
    F(BOOL, plot, "true", 0, 0, NULL, "", "draw plots/loss.png at the end")                  \
    F(BOOL, tensorboard, "false", 0, 0, NULL, "", "write event files into tensorboard/")

typedef struct trit_train_cfg {
    TRIT_TRAIN_FIELDS(TRIT_MEMBER)
} trit_train_cfg;
typedef struct trit_compute_cfg {
    TRIT_COMPUTE_FIELDS(TRIT_MEMBER)
} trit_compute_cfg;
typedef struct trit_init_cfg {
    TRIT_INIT_FIELDS(TRIT_MEMBER)
} trit_init_cfg;
typedef struct trit_run_cfg {
    TRIT_RUN_FIELDS(TRIT_MEMBER)
} trit_run_cfg;

typedef struct trit_config {
    const char *name;
    trit_data_cfg data;
    trit_model_cfg model;
    trit_init_cfg init;
    trit_quant_cfg quant;
    trit_optim_cfg optim;
    trit_distill_cfg distill;
    trit_train_cfg train;
    trit_compute_cfg compute;
    trit_run_cfg run;
} trit_config;
extern const trit_schema trit_config_schema;
/* Adds to the JSON Schema of a config what its rows do not say: the string that may stand for the
 * section compute. False: no memory. */
bool trit_config_schema_complete(cJSON *document);

/* A config with where it came from. Zero-initialise. */
typedef struct trit_experiment {
    trit_config cfg;
    cJSON *resolved;      /* every key; owned */
    char hash[17];        /* of the resolved config without name, train.max_time and section run */
    const char *file;     /* for messages */
    const char *base_dir; /* the file's folder: data paths are also sought there */
    trit_arena mem;       /* holds the strings */
} trit_experiment;

/* Reads a config file, puts "a.b=c" overrides over it, expands presets and named methods, fills in
 * defaults and checks everything. Close with trit_experiment_close, also after an error. */
trit_status trit_experiment_load(trit_experiment *x, const char *path, const char *const *overrides,
                                 int n_overrides, trit_error *e);
/* The same from a JSON text, e.g. one kept in a checkpoint. */
trit_status trit_experiment_parse(trit_experiment *x, const char *text, const char *name,
                                  trit_error *e);
/* The same from a tree, which is left as it is, with overrides over it. file: for messages, and for
 * the folder that paths are relative to. */
trit_status trit_experiment_from(trit_experiment *x, const cJSON *root, const char *file,
                                 const char *const *overrides, int n_overrides, trit_error *e);
void trit_experiment_close(trit_experiment *x);
/* What differs between two resolved configs, keys aside that change no number of a run: readable
 * lines, *n how many. */
trit_status trit_config_diff(const cJSON *a, const cJSON *b, trit_text *out, int *n, trit_error *e);
/* What differs between the config that a run keeps (as a JSON text; keys that it lacks have their
 * defaults) and x, so that x is another run: readable lines, *n how many. Another train.steps makes
 * none where no step depends on it. E_CONFIG when the text is no config. */
trit_status trit_experiment_diff(const trit_experiment *x, const char *kept, const char *name,
                                 trit_text *out, int *n, trit_error *e);

#endif
