/* Controllers on quantizers of given weights, without a model. */
#ifndef TRIT_TESTS_CONTROL_BENCH_H
#define TRIT_TESTS_CONTROL_BENCH_H

#include "autograd/runtime.h"
#include "quant/controls.h"
#include "testing.h"

enum { BENCH_QUANTS = 2 };

typedef struct control_bench {
    trit_arena mem;
    trit_params ps;
    trit_exec exec;
    trit_spec spec[BENCH_QUANTS];
    trit_quant quant[BENCH_QUANTS];
    trit_quant_view view[BENCH_QUANTS];
    trit_param *w[BENCH_QUANTS];
    trit_control_cfg cfg;
    trit_controls controls;
    trit_states states;
    void *block;
    int n;
} control_bench;

static inline int bench_controller(const char *name) {
    for (int i = 0; trit_controllers[i]; i++) {
        if (strcmp(trit_controller_names[i], name) == 0) return i;
    }
    fail_msg("no controller %s", name);
    return -1;
}

/* n quantizers "layer0.weight_quant" ... of spec `text` on weights of rows x cols; as many
 * activations where text begins with '+'. */
static inline void bench_quantizers(control_bench *b, const char *text, int n, int64_t rows,
                                    int64_t cols, int n_threads) {
    trit_error e = {0};
    *b = (control_bench){.n = n};
    bool inputs = *text == '+';
    trit_quant_kind kind = inputs ? TRIT_QUANT_ACTIVATION : TRIT_QUANT_WEIGHT;
    size_t bytes = 64, scratch = 64;
    trit_arena_init(&b->mem, "test");
    trit_params_init(&b->ps, &b->mem);
    assert_ok(trit_runtime_open(&b->exec, &(trit_runtime_options){.n_threads = n_threads}, &e));
    for (int i = 0; i < n; i++) {
        char path[64];
        assert_ok(trit_spec_parse(&b->spec[i], kind, text + inputs, &e));
        snprintf(path, sizeof path, "layer%d.weight", i);
        assert_ok(trit_params_add(&b->ps, path, TRIT_ROLE_weight, 2, (int64_t[]){rows, cols},
                                  &b->w[i], &e));
        snprintf(path, sizeof path, "layer%d.weight_quant", i);
        assert_ok(trit_quant_init(&b->quant[i], &b->spec[i], kind, path, rows, cols, &b->ps, &e));
        for (int k = 0; k < TRIT_MAX_LEARN; k++) {
            if (b->quant[i].learn[k]) b->quant[i].learn[k]->used = true;
        }
        assert_ok(trit_quant_view_init(&b->view[i], &b->quant[i], inputs ? NULL : b->w[i], &e));
        if (b->view[i].graph.plan_bytes > bytes) bytes = b->view[i].graph.plan_bytes;
        if (b->view[i].graph.scratch_bytes > scratch) scratch = b->view[i].graph.scratch_bytes;
    }
    b->block = aligned_alloc(64, (bytes + 63) / 64 * 64);
    for (int i = 0; i < n && !inputs; i++) trit_graph_bind(&b->view[i].graph, b->block);
    assert_ok(trit_runtime_scratch(&b->exec, scratch, &e));
}

static inline trit_status bench_try(control_bench *b, const char *name, const char *layers,
                                    trit_error *e) {
    b->cfg = (trit_control_cfg){.type = bench_controller(name), .layers = layers};
    const trit_knob *k = trit_controllers[b->cfg.type]->knob;
    for (int i = 0; k[i].name; i++) b->cfg.knob[i].from = k[i].dflt;
    return trit_controls_init(&b->controls, &b->cfg, 1, b->view, b->n, &b->states, &b->mem, e);
}

static inline void bench_control(control_bench *b, const char *name) {
    trit_error e = {0};
    assert_ok(bench_try(b, name, "*", &e));
}

static inline void bench_knob(control_bench *b, const char *name, double value) {
    const trit_knob *k = trit_controllers[b->cfg.type]->knob;
    for (int i = 0; k[i].name; i++) {
        if (strcmp(k[i].name, name) == 0) b->cfg.knob[i].from = value;
    }
}

static inline void bench_free(control_bench *b) {
    for (int i = 0; i < b->n; i++) trit_quant_view_free(&b->view[i]);
    free(b->block);
    trit_runtime_close(&b->exec);
    trit_params_free(&b->ps);
    trit_arena_free(&b->mem);
}

/* One gradient hook on cleared gradients; returns the penalty. */
static inline double bench_gradient(control_bench *b) {
    for (int i = 0; i < b->ps.n; i++) {
        const trit_param *p = b->ps.at[i];
        if (p->grad.data) memset(p->grad.data, 0, trit_tensor_bytes(&p->grad));
    }
    trit_controls_gradient(&b->controls, &b->exec, 0);
    return b->controls.at[0].penalty;
}

#endif
