/* The quantizers of a run in training: their controllers, and statistics for metrics.jsonl. */
#ifndef TRIT_RUN_QUANTIZERS_H
#define TRIT_RUN_QUANTIZERS_H

#include "base/text.h"
#include "io/quant_settings.h"
#include "layers/transformer.h"
#include "quant/controls.h"
#include "quant/stats.h"

/* What is known of one between two samples. */
typedef struct trit_quant_record {
    int8_t *prev, *mark;    /* of weights, see trit_stats_compare */
    trit_real *cosine;      /* scalar, of weights, see trit_stats_cosine; NaN: not known */
    trit_quant_stats input; /* of activations, at the newest evaluation */
    bool has_input;
} trit_quant_record;

typedef struct trit_quantizers {
    trit_quant_view *view;     /* [n] those that are configured, in the model's order; run arena */
    trit_quant_record *record; /* [n] */
    int n;
    trit_controls controls;
    trit_states states; /* everything of it that a checkpoint must hold */
    trit_stats_work *work;
    trit_real *scratch; /* reals of the largest weight */
} trit_quantizers;

/* After the training graph is traced. E_CONFIG as trit_controls_init. Everything lives in mem but
 * graphs: close with trit_quantizers_free, also after an error. */
trit_status trit_quantizers_init(trit_quantizers *q, trit_transformer *m, const trit_quant_cfg *cfg,
                                 trit_arena *mem, trit_error *e);
void trit_quantizers_free(trit_quantizers *q);
/* Bytes of a block that all views share, and of scratch per thread. */
size_t trit_quantizers_block(const trit_quantizers *q, size_t *scratch_bytes);
void trit_quantizers_bind(trit_quantizers *q, void *block);

/* Watches (trit_watch) with self a trit_quantizers: of the backward of a training step, for
 * gradients of weights; of a forward in evaluation, for activations. */
void trit_quantizers_watch_backward(void *self, const trit_exec *x, const trit_node *n);
void trit_quantizers_watch_forward(void *self, const trit_exec *x, const trit_node *n);
/* Looks at every weight now and writes a line of metrics.jsonl without its newline:
 * {"step":n,"quantizers":{PATH:{...}}}. inputs: with activations, as the newest evaluation saw
 * them. Schedules must have been evaluated for `step`. Adds nothing while no quantizer is on. */
void trit_quantizers_sample(trit_quantizers *q, const trit_exec *x, int64_t step, bool inputs,
                            trit_text *line);

#endif
