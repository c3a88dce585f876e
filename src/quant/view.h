/* A quantizer of a model, outside of the model's graphs: what controllers act on and statistics
 * look at. A weight can be quantized here at any moment, as evaluation would. */
#ifndef TRIT_QUANT_VIEW_H
#define TRIT_QUANT_VIEW_H

#include "quant/quant.h"

typedef struct trit_quant_view {
    trit_quant *quant; /* borrowed */
    trit_param *w;     /* what it quantizes; NULL for activations, which have no view */
    int64_t n_group, group_len;
    trit_graph graph;
    trit_node *y; /* Q(w), of the newest run of any view in the same block */
    /* What quantizes: levels, codes and scales. y, or what a transform makes y of. */
    trit_node *q;
} trit_quant_view;

/* Plans the view. q and w must outlive it. Bind v->graph to a block of v->graph.plan_bytes, which
 * graphs and views may share that do not run at the same time, and give the runtime
 * v->graph.scratch_bytes. w NULL: only notes q. */
trit_status trit_quant_view_init(trit_quant_view *v, trit_quant *q, trit_param *w, trit_error *e);
void trit_quant_view_free(trit_quant_view *v);
/* Quantizes the weight as it is now. The quantizer must be on (trit_quant.on). */
void trit_quant_view_run(trit_quant_view *v, const trit_exec *x);

/* Whether q, of a weight of the same shape and not yet used, could take over the integers of a view
 * that has just run: its form does so, bits suffice, groups and transform are the same. It then
 * quantizes to the same numbers, and is ready. */
bool trit_quant_take(const trit_quant *q, const trit_quant_view *from);

/* Whether `pattern` (trit_text_match) is one of the layer that q belongs to: "blocks.0.attn.q" for
 * "blocks.0.attn.q.weight_quant". */
bool trit_quant_in_layer(const trit_quant *q, const char *pattern);

#endif
