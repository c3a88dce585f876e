#include "run/probe_rig.h"

#include "autograd/ops.h"
#include "autograd/runtime.h"

#include <stdlib.h>
#include <string.h>

static const char prefix[] = "probe."; /* of the paths of learnables */
static const char ready[] = "ready";

static trit_status build(trit_probe_rig *r, const trit_spec *sp, trit_quant_kind kind,
                         const trit_tensor *shape, trit_error *e) {
    const int64_t *dim = shape->dim;
    int64_t cols = dim[shape->ndim - 1], rows = trit_tensor_len(shape) / cols;
    TRIT_TRY(trit_params_add(&r->ps, "x", TRIT_ROLE_weight, shape->ndim, dim, &r->x, e));
    TRIT_TRY(trit_quant_init(&r->quant, sp, kind, "probe", rows, cols, &r->ps, e));
    trit_node *x = trit_leaf(&r->graph, r->x);
    r->y = trit_quant_apply(&r->quant, &r->graph, x);
    r->g = trit_input(&r->graph, "g", TRIT_REAL, shape->ndim, dim);
    trit_node *loss = trit_sum(&r->graph, trit_mul(&r->graph, r->y, r->g));
    for (int i = 0; r->y && i < r->graph.n; i++) {
        if (trit_quant_is(r->graph.node[i])) r->q = r->graph.node[i];
    }
    if (r->y) r->y->keep = true;
    if (r->q) {
        r->q->keep = true;
        r->q->want |= TRIT_WANT_CODES;
    }
    /* Scales and levels are read after the step: nothing is reused. */
    return trit_graph_plan(&r->graph, loss, TRIT_PLAN_SEPARATE, e);
}

trit_status trit_probe_rig_open(trit_probe_rig *r, trit_exec *x, const trit_spec *sp,
                                trit_quant_kind kind, const trit_tensor *shape, trit_mode mode,
                                bool check, const trit_real *noise, trit_error *e) {
    *r = (trit_probe_rig){0};
    trit_arena_init(&r->mem, "probe");
    trit_params_init(&r->ps, &r->mem);
    trit_graph_init(&r->graph, mode);
    r->graph.check = check;
    TRIT_TRY(build(r, sp, kind, shape, e));
    r->quant.noise = noise;
    size_t bytes = (r->graph.plan_bytes + TRIT_ALIGN) / TRIT_ALIGN * TRIT_ALIGN;
    r->block = aligned_alloc(TRIT_ALIGN, bytes);
    if (!r->block) return TRIT_FAIL(e, E_NOMEM, "no memory for %zu bytes of the graph", bytes);
    memset(r->block, 0, bytes); /* what a quantizer that is not on leaves unwritten */
    trit_graph_bind(&r->graph, r->block);
    return trit_runtime_scratch(x, r->graph.scratch_bytes, e);
}

void trit_probe_rig_close(trit_probe_rig *r) {
    free(r->block);
    trit_graph_free(&r->graph);
    trit_params_free(&r->ps);
    trit_arena_free(&r->mem);
    *r = (trit_probe_rig){0};
}

trit_param *trit_probe_rig_state(const trit_probe_rig *r, int i, const char **name) {
    for (int k = 0; k < r->ps.n; k++) {
        const char *path = r->ps.at[k]->path;
        if (strncmp(path, prefix, sizeof prefix - 1) != 0) continue;
        *name = path + sizeof prefix - 1;
        if (strcmp(*name, ready) != 0 && i-- == 0) return r->ps.at[k];
    }
    return NULL;
}

void trit_probe_rig_ready(const trit_probe_rig *r) {
    if (r->quant.ready) *trit_param_val(r->quant.ready) = 1;
}

void trit_probe_rig_run(trit_probe_rig *r, trit_exec *x, int64_t step) {
    trit_quant_step(&r->quant, step);
    x->rng.step = (uint32_t)step;
    trit_graph_forward(&r->graph, x);
    if (r->graph.mode == TRIT_TRAIN) trit_graph_backward(&r->graph, x, 1);
}
