/* trit explain: what would be trained, and what it takes, without training. */
#include "cli/common.h"
#include "run/branches.h"
#include "run/deploy.h"
#include "run/distill.h"
#include "run/store.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct totals {
    int64_t params, quantized; /* elements */
} totals;

/* A quantizer as it is on rows of n_cols: blocks of a rotation are no larger than fits them. */
static char *spec_on_rows(const trit_spec *sp, int64_t n_cols, char buf[96]) {
    trit_spec on_rows = *sp;
    on_rows.block = trit_spec_block(sp, n_cols);
    return trit_spec_text(&on_rows, buf);
}

static void print_weight(totals *t, const char *path, const trit_param *w, const trit_quant *wq,
                         const trit_quant *aq, bool shared) {
    char shape[96], weights[96], inputs[96];
    int64_t rows = w->val.dim[0], cols = w->val.dim[1];
    trit_spec off = trit_spec_off();
    double bits = trit_deploy_weight_bits(wq, rows, cols);
    printf("  %-22s %-14s %10" PRId64 "  %5.2f  %-36s %s%s\n", path,
           trit_tensor_shape_text(&w->val, shape), rows * cols, bits / (double)(rows * cols),
           spec_on_rows(&wq->spec, cols, weights),
           spec_on_rows(aq ? &aq->spec : &off, cols, inputs), shared ? "  (tied to embed)" : "");
    if (shared) return;
    if (wq->spec.on) t->quantized += rows * cols;
}

static void print_layers(const trit_run *r) {
    const trit_transformer *m = &r->model;
    totals t = {.params = trit_params_count(&r->ps)};
    printf("layers\n  %-22s %-14s %10s  %5s  %-36s %s\n", "path", "shape", "parameters", "bits",
           "weights", "inputs");
    print_weight(&t, "embed", m->embed, &m->embed_quant, NULL, false);
    int64_t listed = trit_tensor_len(&m->embed->val);
    int64_t adapters = 0, branches = 0; /* merged at deployment; gone before */
    for (int i = 0; i < m->n_linear; i++) {
        const trit_linear_layer *l = m->linear[i];
        bool shared = l->w == m->embed;
        print_weight(&t, l->path, l->w, &l->wq, &l->aq, shared);
        if (!shared) listed += l->n_in * l->n_out;
        if (l->lora_a) {
            adapters += trit_tensor_len(&l->lora_a->val) + trit_tensor_len(&l->lora_b->val);
        }
    }
    for (int i = 0; i < m->n_linear; i++) {
        const trit_branch *b = &m->linear[i]->branch;
        if (b->l) branches += trit_tensor_len(&b->l->val) + trit_tensor_len(&b->r->val);
    }
    t.params -= adapters + branches;
    double deployed = trit_deploy_bits(r);
    char a[32], b[32], c[32];
    printf("  other (norms, biases, positions, steps): %" PRId64 " parameters\n",
           t.params - listed);
    if (adapters) {
        printf("  adapters: %" PRId64 " parameters, merged at deployment; frozen: %" PRId64 "\n",
               adapters, trit_params_count_frozen(&r->ps));
    }
    if (branches) {
        printf("  branches: %" PRId64 " parameters, gone at step %" PRId64 "\n", branches,
               trit_branches_end(r));
    }
    printf("total %s parameters, %.1f %% quantized, %.2f bits per parameter, %sB deployed (fp32: "
           "%sB)\n",
           trit_text_si(a, (double)t.params), 100.0 * (double)t.quantized / (double)t.params,
           deployed / (double)t.params, trit_text_si(b, deployed / 8),
           trit_text_si(c, 4.0 * (double)t.params));
}

static void print_plan(const char *what, const trit_run_graph *g) {
    char a[32], b[32], c[32];
    const trit_graph *p = &g->graph;
    printf("  %-10s batch %" PRId64 " x %" PRId64 " tokens, %d nodes: planned %sB, unplanned %sB "
           "(%.0f %%), lower bound %sB\n",
           what, g->B, g->T, p->n, trit_text_si(a, (double)p->plan_bytes),
           trit_text_si(b, (double)p->naive_bytes),
           100 * (double)p->plan_bytes / (double)p->naive_bytes,
           trit_text_si(c, (double)p->bound_bytes));
}

/* What "compute" comes to on this CPU. */
static void print_products(const trit_run *r) {
    const trit_graph *g = &r->train.graph;
    int n = 0, n_code = 0;
    for (int i = 0; i < g->n; i++) {
        bool of_codes;
        n += trit_linear_is(g->node[i], &of_codes);
        n_code += of_codes;
    }
    const trit_compute_cfg *c = &r->exp->cfg.compute;
    printf("  of %d layers (with the head) %d multiply int8 codes", n, n_code);
    if (n_code) printf(", backward %s", g->fp32_backward ? "fp32" : "bf16");
    if (r->x.lowp.fast) {
        printf("; attention %s, head %s\n", trit_precision_names[c->attention],
               trit_precision_names[c->head]);
    } else {
        printf("; all in fp32, as this CPU lacks AVX-512 VNNI or BF16\n");
    }
}

static void print_machine(const trit_run *r) {
    const char *names[4];
    int n = trit_cpu_isas(names);
    char list[64], flops[32];
    printf("machine\n  element-wise kernels %s (this CPU has %s), %d threads\n", r->x.k.isa,
           trit_text_join(list, sizeof list, names, n), r->x.n_threads);
    const trit_blas *b = &r->x.blas;
    n = trit_blas_names(names);
    printf("  matrix products %s%s%s", b->name, *b->asked_by ? ", asked for by " : "", b->asked_by);
    if (*b->core) printf(", kernel %s (chosen by %s)", b->core, b->chosen_by);
    printf("; this build has %s\n", trit_text_join(list, sizeof list, names, n));
    print_products(r);
    printf("  %sFLOP for each training token\n",
           trit_text_si(flops, trit_transformer_flops(&r->model, r->train.T)));
}

/* Who teaches, and what the file of one that does not live lacks. */
static void print_teacher(const trit_run *r) {
    const trit_distill *d = r->distill;
    char a[32];
    if (!d || !*d->hash) return;
    const trit_distill_cfg *c = &r->exp->cfg.distill;
    printf("teacher\n");
    if (d->taught) {
        int64_t n = trit_params_count(&d->run.ps);
        printf("  %s, %s further parameters\n", c->teacher, trit_text_si(a, (double)n));
        return;
    }
    const trit_teacher_cache *f = &d->cache;
    int64_t all = trit_teacher_cache_windows(r), there = f->made_up ? 0 : f->n_sample;
    int64_t n_valid = f->made_up ? trit_teacher_cache_valid_windows(r) : f->n_valid;
    double bytes = (double)(all + n_valid) * (double)trit_teacher_cache_record(f->T, f->k);
    printf("  file %s: %" PRId64 " of %" PRId64 " tokens kept, %sB for %" PRId64
           " windows of training and %" PRId64 " of validation\n",
           c->cache, f->k, r->model.cfg.vocab, trit_text_si(a, bytes), all, n_valid);
    if (there < all) {
        printf("  it holds %" PRId64 " of training; `trit teacher-cache RUN CONFIG --top-k %" PRId64
               " -o %s` writes what is missing\n",
               there, f->k, c->cache);
    }
}

static void print_all(const trit_run *r, size_t stage_bytes) {
    const trit_config *c = &r->exp->cfg;
    char a[32], b[32];
    printf("%s (config %s)\n", c->name, r->exp->hash);
    printf("data\n  %s training tokens, %s validation tokens, vocabulary %d\n",
           trit_text_si(a, (double)trit_data_train_tokens(r->data)),
           trit_text_si(b, (double)trit_data_valid_tokens(r->data)), trit_data_vocab(r->data));
    double seen = (double)(c->train.steps * c->train.batch * c->train.accumulate * r->train.T);
    printf("  %s tokens will be seen: %.2f passes\n", trit_text_si(a, seen),
           seen / (double)trit_data_train_tokens(r->data));
    print_layers(r);
    char start[TRIT_QAT_TEXT_BYTES];
    if (*trit_qat_text(&r->qat, c->train.steps, start)) printf("schedule\n  %s\n", start);
    print_teacher(r);
    printf("memory\n");
    print_plan("training", &r->train);
    print_plan("evaluation", &r->eval);
    double held = (double)trit_params_count(&r->ps),
           frozen = (double)trit_params_count_frozen(&r->ps);
    printf("  parameters and gradients %sB\n", trit_text_si(a, 8 * held - 4 * frozen));
    printf("  planned peak %sB, with the scratch of %d threads (recompute: %s)\n",
           trit_text_si(a, (double)trit_run_planned_bytes(r)), r->x.n_threads,
           trit_recompute_names[c->train.recompute]);
    trit_cli_print_state(stdout, &r->opt, true);
    printf("  saving: %sB for the copy that checkpoints are written from\n",
           trit_text_si(a, (double)stage_bytes));
    print_machine(r);
}

static int run_explain(int argc, char **argv) {
    int n;
    trit_error e = {0};
    trit_experiment x = {0};
    trit_run r = {0};
    trit_status status = trit_options_read(NULL, 0, argc, argv, &n, &e);
    if (!status) status = trit_cli_experiment(&x, n, argv, &e);
    if (!status) status = trit_cli_open(&r, &x, TRIT_RUN_TRAIN | TRIT_RUN_EVAL | TRIT_RUN_PLAN, &e);
    size_t stage_bytes = 0;
    if (!status) status = trit_store_stage_bytes(&r, &stage_bytes, &e);
    if (!status) print_all(&r, stage_bytes);
    trit_run_close(&r);
    trit_experiment_close(&x);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_explain = {
    "explain", "CONFIG [key=value...]",
    "shows layers, quantizers, memory and kernels of a config, without training", "", run_explain};
