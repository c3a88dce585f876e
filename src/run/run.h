/* One run: parameters, graphs, optimizer and data of an experiment, at a position (step). */
#ifndef TRIT_RUN_RUN_H
#define TRIT_RUN_RUN_H

#include "autograd/runtime.h"
#include "base/log.h"
#include "io/file.h"
#include "optim/optim.h"
#include "run/agreement.h"
#include "run/config.h"
#include "run/qat.h"
#include "run/quantizers.h"

#include <signal.h>

/* What a run is opened for: the graphs that are traced. BENCH is TRAIN without data; with it, CODES
 * are the quantizers of a run in training. TEACHER: frozen weights alone. TAUGHT: with the teacher
 * of the config, as for TRAIN and BENCH, so that evaluation tells agreement with it. PLAN: TRAIN is
 * not going to be, so a teacher's cache need not be there yet. */
enum {
    TRIT_RUN_TRAIN = 1,
    TRIT_RUN_EVAL = 2,
    TRIT_RUN_GENERATE = 4,
    TRIT_RUN_BENCH = 8,
    TRIT_RUN_CODES = 16,
    TRIT_RUN_TEACHER = 32,
    TRIT_RUN_TAUGHT = 64,
    TRIT_RUN_PLAN = 128
};

typedef struct trit_run_graph {
    trit_graph graph;
    trit_transformer_io io;
    int64_t B, T;
} trit_run_graph;

/* How the run went so far, as far as its next steps depend on it; kept in checkpoints. */
typedef struct trit_guard {
    double mean, variance; /* of the loss, over about the last hundred steps */
    int64_t n_loss;        /* losses that went into them */
    int64_t n_bad;         /* steps whose numbers went bad, and that were skipped or rolled back */
    int64_t shift;         /* steps whose data was left out: the data position is step + shift */
} trit_guard;

typedef struct trit_profile trit_profile; /* profile.h */
typedef struct trit_distill trit_distill; /* distill.h */

typedef struct trit_run {
    const trit_experiment *exp; /* borrowed */
    const trit_log *log;        /* borrowed, may be NULL */
    trit_arena mem;             /* parameters, optimizer state */
    trit_params ps;
    trit_transformer model;
    trit_run_graph train, eval, generate; /* zeroed unless opened */
    void *plan;                           /* owned; shared by the graphs */
    size_t plan_bytes;
    trit_exec x;
    trit_optim opt;
    trit_quantizers quant; /* in training; else empty */
    trit_distill *distill; /* run arena; NULL without a teacher and losses */
    trit_data *data;       /* owned; NULL when opened for generation only */
    trit_qat qat;          /* where quantization begins */
    int64_t step;          /* optimizer steps done */
    char init_hash[33];    /* of what init.from named when the run began; "" for none */
    trit_guard guard;
    trit_real *buffers;    /* values of all buffers before the step, run arena; in training */
    trit_profile *profile; /* told of each step; borrowed, NULL unless one is open */
    void *branch_work;     /* run arena; NULL unless branches are trained */
    int *rule_hits;        /* [n_rule], run arena: layers that each quantization rule matched */
} trit_run;

/* Builds everything, at step 0 with initial weights. Shows nothing and touches no run directory.
 * options: threads and kernels, as from trit_runtime_options_env; config's run.threads wins if set.
 * Close with trit_run_close, also after an error. */
trit_status trit_run_open(trit_run *r, const trit_experiment *exp, unsigned what,
                          const trit_runtime_options *options, const trit_log *log, trit_error *e);
void trit_run_close(trit_run *r);
/* Traces m for r's batches, B windows, into g, and plans it; to be bound to r->plan, which is made
 * after all graphs are traced. A graph in training has r's losses. bf16: all
 * products without codes round their operands, where the CPU is quick at that. */
trit_status trit_run_trace(trit_run *r, trit_transformer *m, trit_run_graph *g, trit_mode mode,
                           int64_t B, bool with_loss, bool bf16, trit_error *e);
/* Bytes that training is planned to hold: values and gradients, scratch of all threads, parameters
 * with their gradients, the optimizer's state. Libraries and the data are not counted. */
size_t trit_run_planned_bytes(const trit_run *r);

typedef struct trit_step_result {
    double loss;      /* mean over the step's tokens, nats */
    double grad_norm; /* before clipping */
    double lr;
} trit_step_result; /* penalties: trit_control.penalty of run.quant.controls */

/* One optimizer step. stop: polled between micro-batches; when it becomes non-zero the step is
 * abandoned with E_STOPPED. E_NUMERIC when loss or gradient is not finite (the message names the
 * first bad tensor), or the loss is a spike (train.spike). After either everything is as before
 * the step. Allocates nothing. */
trit_status trit_run_step(trit_run *r, const volatile sig_atomic_t *stop, trit_step_result *out,
                          trit_error *e);

/* First values for the learned numbers of quantizers that are on and have none yet: each is the
 * mean of those that the first n_batches batches of training give. paths: of these quantizers, a
 * line each. Nothing else changes. E_NUMERIC when one is not finite. */
trit_status trit_run_calibrate(trit_run *r, int64_t n_batches, trit_text *paths, trit_error *e);

/* E_NUMERIC, naming the first parameter that holds a value which is not finite. */
trit_status trit_run_check_params(const trit_run *r, trit_error *e);

typedef struct trit_eval_result {
    int64_t n_tokens;
    double loss;              /* nats per token */
    double bits_per_byte;     /* over the bytes of text */
    double source_loss;       /* nats per token of the source itself; NaN where unknown */
    double gap_to_source;     /* loss - source_loss; NaN where unknown */
    trit_agreement agreement; /* with the teacher; n = 0 without one */
} trit_eval_result;

/* Whether statistics of quantizers belong to a step: where there is an evaluation, and every
 * run.stats_every steps. */
bool trit_run_stats_due(const trit_run *r, int64_t step);
/* Their line for metrics.jsonl (trit_quantizers_sample) at the run's step. inputs: of the
 * evaluation that just was. */
void trit_run_stats(trit_run *r, bool inputs, trit_text *line);

/* Validation loss, of the averages of the weights where there are some (optim.ema), over the first
 * max_tokens of the validation stream (0 = all). stop as above; E_NUMERIC when the loss is not
 * finite. */
trit_status trit_run_eval(trit_run *r, int64_t max_tokens, const volatile sig_atomic_t *stop,
                          trit_eval_result *out, trit_error *e);

/* Forward of the first batch of the validation stream, with the weights as they are, every node
 * shown to watch as it is computed (trit_graph_forward_watched). */
void trit_run_watch(trit_run *r, trit_watch watch, void *self);

/* Prediction: tokens[n] (the last `context` of them are used) -> *logits of the next one, [vocab],
 * valid until the next call. E_NUMERIC when one of them is not finite. */
trit_status trit_run_logits(trit_run *r, const int32_t *tokens, int64_t n, const trit_real **logits,
                            trit_error *e);

#endif
