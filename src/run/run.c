#include "run/run.h"

#include "autograd/ops.h"
#include "data/corpus.h"
#include "optim/lr.h"
#include "run/branches.h"
#include "run/distill.h"
#include "run/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool apply_rule(const trit_quant_rule *rule, const char *path, trit_quant_choice *out) {
    if (!trit_text_match(rule->match, path)) return false;
    if (rule->has_weights) out->weights = rule->weights;
    if (rule->has_activations) out->activations = rule->activations;
    return true;
}

/* Rules of the method and of the config, last match wins; without one, the section's quantizers for
 * ordinary layers. */
static void choose_quant(void *self, const char *path, bool default_on, trit_quant_choice *out) {
    trit_run *r = self;
    const trit_quant_cfg *q = &r->exp->cfg.quant;
    *out = (trit_quant_choice){trit_spec_off(), trit_spec_off(), q->lora, q->branch};
    if (default_on) *out = (trit_quant_choice){q->weights, q->activations, q->lora, q->branch};
    for (int i = 0; i < q->n_method_rule; i++) apply_rule(&q->method_rule[i], path, out);
    for (int i = 0; i < q->n_rule; i++) r->rule_hits[i] += apply_rule(&q->rule[i], path, out);
}

static trit_status check_rules(const trit_run *r, trit_error *e) {
    const trit_quant_cfg *q = &r->exp->cfg.quant;
    const trit_transformer *m = &r->model;
    for (int i = 0; i < q->n_rule; i++) {
        if (r->rule_hits[i]) continue;
        enum { MOST = 1024 };
        const char *paths[MOST] = {"embed"};
        int n = 1;
        for (int k = 0; k < m->n_linear && n < MOST; k++) paths[n++] = m->linear[k]->path;
        char pointer[64], hint[TRIT_TEXT_HINT_BYTES];
        snprintf(pointer, sizeof pointer, "/quant/rules/%d/match", i);
        return trit_settings_fail(e, r->exp->file, pointer, "\"%s\" matches no layer%s",
                                  q->rule[i].match,
                                  trit_text_hint(hint, q->rule[i].match, paths, n));
    }
    return TRIT_OK;
}

trit_status trit_run_trace(trit_run *r, trit_transformer *m, trit_run_graph *g, trit_mode mode,
                           int64_t B, bool with_loss, bool bf16, trit_error *e) {
    const trit_config *c = &r->exp->cfg;
    g->B = B;
    g->T = c->model.context;
    trit_graph_init(&g->graph, mode);
    bool fast = r->x.lowp.fast, train = mode == TRIT_TRAIN;
    bool distilled = train && r->distill && r->distill->n_use;
    g->graph.integer = c->compute.linear == TRIT_COMPUTE_int8 && fast;
    g->graph.fp32_backward = c->compute.backward == TRIT_PRECISION_fp32;
    /* A model is judged in full precision, whatever it was trained with. */
    bf16 = bf16 && fast;
    g->graph.bf16_linear = bf16;
    g->graph.bf16_attention =
        bf16 || (c->compute.attention == TRIT_PRECISION_bf16 && fast && train);
    m->recompute = (trit_recompute)c->train.recompute;
    m->bf16_head = bf16 || (c->compute.head == TRIT_PRECISION_bf16 && fast && train);
    double smoothing = train ? c->train.label_smoothing : 0;
    g->io = trit_transformer_build(m, &g->graph, B, g->T, with_loss && !distilled, smoothing);
    if (distilled) trit_distill_build(r, &g->graph, &g->io);
    if (!train && with_loss && g->io.logits && r->distill) g->io.logits->keep = true;
    TRIT_TRY(trit_graph_plan(&g->graph, with_loss ? g->io.loss : g->io.logits, TRIT_PLAN_REUSE, e));
    if (g->graph.plan_bytes > r->plan_bytes) r->plan_bytes = g->graph.plan_bytes;
    TRIT_TRY(trit_runtime_scratch(&r->x, g->graph.scratch_bytes, e));
    return trit_runtime_work(&r->x, g->graph.work_bytes, e);
}

/* The training graph, and the optimizer of what it trains. */
static trit_status open_training(trit_run *r, trit_error *e) {
    const trit_config *c = &r->exp->cfg;
    trit_optim_cfg optim = c->optim;
    trit_error why = {0};
    trit_optim_cfg_in_steps(&optim, c->train.batch * c->train.accumulate * c->model.context);
    if (trit_optim_freeze(&optim, &r->ps, &why)) {
        return TRIT_FAIL(e, E_CONFIG, "%s: /optim/%s", r->exp->file, why.text);
    }
    optim.quant_at = r->qat.weights;
    if (trit_lr_check(&optim, c->train.steps, &why)) {
        return TRIT_FAIL(e, E_CONFIG, "%s: /optim/%s", r->exp->file, why.text);
    }
    TRIT_TRY(trit_run_trace(r, &r->model, &r->train, TRIT_TRAIN, c->train.batch, true, false, e));
    return trit_optim_init(&r->opt, &optim, &r->ps, c->train.steps, r->x.n_threads, e);
}

/* Controllers and statistics of a run in training. */
static trit_status open_quantizers(trit_run *r, trit_error *e) {
    const trit_quant_cfg *cfg = &r->exp->cfg.quant;
    trit_status status = trit_quantizers_init(&r->quant, &r->model, cfg, &r->mem, e);
    if (status == TRIT_E_CONFIG) trit_error_wrap(e, "%s: /quant", r->exp->file);
    if (status) return status;
    size_t scratch, bytes = trit_quantizers_block(&r->quant, &scratch);
    if (bytes > r->plan_bytes) r->plan_bytes = bytes;
    return trit_runtime_scratch(&r->x, scratch, e);
}

/* The graphs never run at the same time, so one block serves all. */
static trit_status bind_graphs(trit_run *r, trit_error *e) {
    r->plan = aligned_alloc(TRIT_ALIGN, r->plan_bytes + TRIT_ALIGN);
    if (!r->plan) {
        return TRIT_FAIL(e, E_NOMEM,
                         "no memory for the %zu bytes of values and gradients that this "
                         "model and batch need",
                         r->plan_bytes);
    }
    trit_quantizers_bind(&r->quant, r->plan);
    trit_run_graph *all[] = {&r->train, &r->eval, &r->generate};
    for (int i = 0; i < 3; i++) {
        if (all[i]->graph.node) trit_graph_bind(&all[i]->graph, r->plan);
    }
    return TRIT_OK;
}

static trit_status keep_buffers(trit_run *r, trit_error *e) {
    size_t n_bytes = 0;
    for (int i = 0; i < r->ps.n; i++) {
        const trit_param *p = r->ps.at[i];
        if (p->role == TRIT_ROLE_buffer) n_bytes += trit_tensor_bytes(&p->val);
    }
    r->buffers = trit_arena_get(&r->mem, n_bytes, e);
    return r->buffers ? TRIT_OK : TRIT_E_NOMEM;
}

trit_status trit_run_open(trit_run *r, const trit_experiment *exp, unsigned what,
                          const trit_runtime_options *options, const trit_log *log, trit_error *e) {
    *r = (trit_run){.exp = exp, .log = log};
    trit_arena_init(&r->mem, "run");
    trit_params_init(&r->ps, &r->mem);
    const trit_config *c = &exp->cfg;
    r->ps.frozen = what == TRIT_RUN_TEACHER;
    trit_runtime_options o = *options;
    if (c->run.threads) o.n_threads = (int)c->run.threads;
    if (what != TRIT_RUN_TEACHER) TRIT_TRY(trit_runtime_open(&r->x, &o, e));
    r->x.rng.seed = (uint64_t)c->train.seed;
    trit_model_cfg model = c->model;
    if (what & (TRIT_RUN_TRAIN | TRIT_RUN_EVAL)) {
        TRIT_TRY_AS(trit_data_open(&r->data, &c->data, exp->base_dir, model.context, e), e, "%s",
                    exp->file);
    }
    int vocab = r->data ? trit_data_vocab(r->data) : TRIT_BYTE_VOCAB;
    if (!model.vocab) model.vocab = vocab;
    if (model.vocab < vocab && !(what & TRIT_RUN_BENCH)) {
        return trit_settings_fail(e, exp->file, "/model/vocab",
                                  "found %lld, but the tokenizer has %d "
                                  "tokens",
                                  (long long)model.vocab, vocab);
    }
    r->rule_hits = trit_arena_get(&r->mem, sizeof(int) * (size_t)(c->quant.n_rule + 1), e);
    if (!r->rule_hits) return TRIT_E_NOMEM;
    trit_status status = trit_transformer_init(&r->model, &model, choose_quant, r,
                                               (uint64_t)c->train.seed, &r->ps, e);
    if (status == TRIT_E_CONFIG) trit_error_wrap(e, "%s: /quant", exp->file);
    if (status) return status;
    TRIT_TRY(check_rules(r, e));
    trit_qat_apply(&r->qat, c, &r->model, &r->ps);
    if (what == TRIT_RUN_TEACHER) return TRIT_OK;
    if (what & (TRIT_RUN_TRAIN | TRIT_RUN_BENCH | TRIT_RUN_TAUGHT)) {
        TRIT_TRY(trit_distill_open(r, what, options, e));
    }
    if (what & (TRIT_RUN_TRAIN | TRIT_RUN_BENCH)) TRIT_TRY(open_training(r, e));
    if (what & (TRIT_RUN_TRAIN | TRIT_RUN_CODES)) TRIT_TRY(open_quantizers(r, e));
    if (what & TRIT_RUN_TRAIN) TRIT_TRY(keep_buffers(r, e));
    if (what & TRIT_RUN_TRAIN) TRIT_TRY(trit_branches_open(r, e));
    if (what & TRIT_RUN_EVAL) {
        TRIT_TRY(trit_run_trace(r, &r->model, &r->eval, TRIT_EVAL, c->train.batch, true, false, e));
    }
    if (what & TRIT_RUN_GENERATE) {
        TRIT_TRY(trit_run_trace(r, &r->model, &r->generate, TRIT_EVAL, 1, false, false, e));
    }
    TRIT_TRY(bind_graphs(r, e));
    return trit_distill_bind(r, e);
}

size_t trit_run_planned_bytes(const trit_run *r) {
    int64_t held = trit_params_count(&r->ps), frozen = trit_params_count_frozen(&r->ps);
    int64_t taught = r->distill ? trit_params_count(&r->distill->run.ps) : 0;
    return r->plan_bytes + (size_t)r->x.n_threads * r->x.scratch_bytes + r->x.work_bytes +
           (size_t)(2 * held - frozen + taught) * sizeof(trit_real) +
           (size_t)trit_optim_state_bytes(&r->opt);
}

void trit_run_close(trit_run *r) {
    trit_quantizers_free(&r->quant);
    trit_distill_close(r->distill);
    trit_graph_free(&r->train.graph);
    trit_graph_free(&r->eval.graph);
    trit_graph_free(&r->generate.graph);
    trit_data_close(r->data);
    trit_params_free(&r->ps);
    trit_runtime_close(&r->x);
    trit_arena_free(&r->mem);
    free(r->plan);
    *r = (trit_run){0};
}

/* The first parameter that holds a NaN or infinity; NULL: none. */
static const char *bad_param(const trit_run *r) {
    for (int i = 0; i < r->ps.n; i++) {
        const trit_param *p = r->ps.at[i];
        if (!r->x.k.all_finite(trit_tensor_len(&p->val), p->val.data)) return p->path;
    }
    return NULL;
}

trit_status trit_run_check_params(const trit_run *r, trit_error *e) {
    const char *path = bad_param(r);
    if (!path) return TRIT_OK;
    return TRIT_FAIL(e, E_NUMERIC, "step %lld: parameter %s holds a value that is not finite",
                     (long long)r->step, path);
}

/* A number that is not finite is never quantized in silence: clipping would turn an infinity into
 * the outermost level. Names the first quantizer of the forward that just ran on g. */
static trit_status check_quantizers(const trit_run *r, const trit_run_graph *g, trit_error *e) {
    for (int i = 0; i < g->graph.n; i++) {
        const trit_node *n = g->graph.node[i];
        if (!trit_quant_is(n) || !trit_quant_of(n)->bad) continue;
        const char *param = bad_param(r);
        return TRIT_FAIL(e, E_NUMERIC,
                         "step %lld: quantizer %s was given a value that is not finite%s%s%s "
                         "(a lower optim.lr or optim.clip_norm may help)",
                         (long long)r->step, trit_quant_of(n)->path, param ? "; parameter " : "",
                         param ? param : "", param ? " holds one" : "");
    }
    return TRIT_OK;
}

/* Names what went wrong first, by replaying the micro-batch that is in the inputs. */
static trit_status not_finite(trit_run *r, const trit_step_result *out, trit_error *e) {
    bool in_grad;
    TRIT_TRY(trit_run_check_params(r, e));
    r->x.accumulate = false;
    const trit_node *n = trit_graph_find_nonfinite(&r->train.graph, &r->x, 1, &in_grad);
    return TRIT_FAIL(
        e, E_NUMERIC,
        "step %lld: loss %g, gradient norm %g: the first value that is not finite is %s %s; "
        "weights are as before this step (a lower optim.lr or optim.clip_norm may help)",
        (long long)r->step, out->loss, out->grad_norm,
        in_grad ? "the gradient behind" : "the output of", n ? n->name : "a sum of gradients");
}

/* Forward passes of a step that is abandoned must not leave their statistics behind. */
static void copy_buffers(trit_run *r, bool back) {
    trit_real *kept = r->buffers;
    for (int i = 0; i < r->ps.n; i++) {
        const trit_param *p = r->ps.at[i];
        if (p->role != TRIT_ROLE_buffer) continue;
        size_t n_bytes = trit_tensor_bytes(&p->val);
        memcpy(back ? p->val.data : kept, back ? kept : p->val.data, n_bytes);
        kept += trit_tensor_len(&p->val);
    }
}

/* ---- calibration ---- */

/* Quantizers without first values, and a sum of these for each of their numbers. */
typedef struct fresh_numbers {
    trit_quant **quant; /* [n] */
    int n;
    double *sum;
} fresh_numbers;

static trit_status find_fresh(trit_run *r, fresh_numbers *f, trit_arena *mem, trit_error *e) {
    int most = trit_transformer_n_quant(&r->model);
    size_t n_number = 0;
    f->quant = trit_arena_get(mem, (size_t)most * sizeof *f->quant, e);
    if (!f->quant) return TRIT_E_NOMEM;
    for (int i = 0; i < most; i++) {
        trit_quant *q = trit_transformer_quant(&r->model, i);
        trit_param *p[TRIT_QUANT_MAX_PARAM];
        int n = trit_quant_params(q, p);
        if (!n || !q->on || *trit_param_val(q->ready) != 0) continue;
        f->quant[f->n++] = q;
        for (int k = 0; k < n; k++) n_number += (size_t)trit_tensor_len(&p[k]->val);
    }
    f->sum = trit_arena_get(mem, n_number * sizeof *f->sum, e);
    return f->sum ? TRIT_OK : TRIT_E_NOMEM;
}

/* Adds the numbers of a forward and makes them unknown again; or, with n_batches, sets the means.
 */
static void collect(const fresh_numbers *f, int64_t n_batches) {
    double *sum = f->sum;
    for (int i = 0; i < f->n; i++) {
        trit_param *p[TRIT_QUANT_MAX_PARAM];
        int n = trit_quant_params(f->quant[i], p);
        for (int k = 0; k < n; k++) {
            trit_real *v = trit_param_val(p[k]);
            for (int64_t j = 0; j < trit_tensor_len(&p[k]->val); j++, sum++) {
                if (n_batches) {
                    v[j] = TRIT_R(*sum / (double)n_batches);
                } else {
                    *sum += (double)v[j];
                }
            }
        }
        if (!n_batches) *trit_param_val(f->quant[i]->ready) = 0;
    }
}

static trit_status calibrate(trit_run *r, const fresh_numbers *f, int64_t n_batches,
                             trit_error *e) {
    trit_run_graph *g = &r->train;
    copy_buffers(r, false);
    trit_status status = TRIT_OK;
    for (int64_t i = 0; !status && i < n_batches; i++) {
        r->x.rng.step = (uint32_t)r->step;
        r->x.rng.sub = (uint32_t)i;
        trit_data_train(r->data, (uint64_t)r->exp->cfg.train.seed, i * g->B, g->B, g->T,
                        g->io.tokens->val.data, g->io.labels->val.data);
        trit_graph_forward(&g->graph, &r->x);
        status = check_quantizers(r, g, e);
        collect(f, 0);
    }
    copy_buffers(r, true);
    if (status) return status;
    collect(f, n_batches);
    return trit_run_check_params(r, e);
}

trit_status trit_run_calibrate(trit_run *r, int64_t n_batches, trit_text *paths, trit_error *e) {
    fresh_numbers f = {0};
    trit_arena mem;
    trit_arena_init(&mem, "calibration");
    trit_transformer_step(&r->model, r->step);
    trit_status status = find_fresh(r, &f, &mem, e);
    if (!status && f.n) status = calibrate(r, &f, n_batches, e);
    for (int i = 0; !status && i < f.n; i++) trit_text_add(paths, "%s\n", f.quant[i]->path);
    trit_arena_free(&mem);
    return status;
}

/* A mean over few losses says nothing; one over many is slow to see that training got better. */
enum { SPIKE_FROM = 32, SPIKE_MEMORY = 100 };

static trit_status check_spike(const trit_run *r, double loss, trit_error *e) {
    double spike = r->exp->cfg.train.spike;
    const trit_guard *g = &r->guard;
    if (!spike || g->n_loss < SPIKE_FROM) return TRIT_OK;
    double limit = g->mean + spike * sqrt(g->variance);
    if (loss <= limit) return TRIT_OK;
    return TRIT_FAIL(e, E_NUMERIC,
                     "step %lld: loss %g is a spike: recent ones are %g +- %g (train.spike %g)",
                     (long long)r->step, loss, g->mean, sqrt(g->variance), spike);
}

static void remember(trit_guard *g, double loss) {
    g->n_loss++;
    double share = 1.0 / (double)(g->n_loss < SPIKE_MEMORY ? g->n_loss : SPIKE_MEMORY);
    double off = loss - g->mean;
    g->mean += share * off;
    g->variance = (1 - share) * (g->variance + share * off * off);
}

/* Gradients of all micro-batches, and the mean loss. */
static trit_status run_batches(trit_run *r, const volatile sig_atomic_t *stop,
                               trit_step_result *out, trit_error *e) {
    const trit_train_cfg *c = &r->exp->cfg.train;
    trit_run_graph *g = &r->train;
    for (int64_t micro = 0; micro < c->accumulate; micro++) {
        if (stop && *stop) return TRIT_FAIL(e, E_STOPPED, "stopped on request");
        r->x.rng.step = (uint32_t)r->step;
        r->x.rng.sub = (uint32_t)micro;
        r->x.accumulate = micro > 0;
        int64_t first = ((r->step + r->guard.shift) * c->accumulate + micro) * g->B;
        trit_data_train(r->data, (uint64_t)c->seed, first, g->B, g->T, g->io.tokens->val.data,
                        g->io.labels->val.data);
        trit_profile_phase(r->profile, TRIT_PHASE_DATA);
        TRIT_TRY(trit_distill_ask(r, g->io.tokens->val.data, first, e));
        trit_graph_forward(&g->graph, &r->x);
        TRIT_TRY(check_quantizers(r, g, e));
        trit_distill_count(r);
        out->loss += (double)*trit_val(g->io.loss) / (double)c->accumulate;
        if (!isfinite(out->loss)) return not_finite(r, out, e);
        bool watched = micro == c->accumulate - 1 && trit_run_stats_due(r, r->step + 1);
        trit_graph_backward_watched(&g->graph, &r->x, TRIT_R(1.0 / (double)c->accumulate),
                                    watched ? trit_quantizers_watch_backward : NULL, &r->quant);
    }
    TRIT_TRY(check_spike(r, out->loss, e));
    trit_controls_gradient(&r->quant.controls, &r->x, r->step);
    out->grad_norm = trit_optim_grad_norm(&r->opt, &r->x);
    return isfinite(out->grad_norm) ? TRIT_OK : not_finite(r, out, e);
}

trit_status trit_run_step(trit_run *r, const volatile sig_atomic_t *stop, trit_step_result *out,
                          trit_error *e) {
    *out = (trit_step_result){.lr = trit_optim_lr(&r->opt, r->step)};
    trit_profile_phase(r->profile, TRIT_PHASE_BETWEEN);
    trit_transformer_step(&r->model, r->step);
    trit_distill_begin(r);
    trit_branches_begin(r);
    copy_buffers(r, false);
    trit_status status = run_batches(r, stop, out, e);
    if (status) {
        copy_buffers(r, true);
        return status;
    }
    trit_profile_phase(r->profile, TRIT_PHASE_NORM);
    trit_controls_before(&r->quant.controls, &r->x);
    trit_optim_update(&r->opt, &r->x, r->step, out->grad_norm);
    trit_controls_after(&r->quant.controls, &r->x);
    trit_branches_end_step(r);
    trit_profile_phase(r->profile, TRIT_PHASE_UPDATE);
    remember(&r->guard, out->loss);
    r->step++;
    return TRIT_OK;
}

bool trit_run_stats_due(const trit_run *r, int64_t step) {
    const trit_config *c = &r->exp->cfg;
    int64_t eval = c->train.eval_every, own = c->run.stats_every;
    if (!r->quant.n) return false;
    return step == c->train.steps || (eval && step % eval == 0) || (own && step % own == 0);
}

void trit_run_stats(trit_run *r, bool inputs, trit_text *line) {
    trit_transformer_step(&r->model, r->step);
    trit_quantizers_sample(&r->quant, &r->x, r->step, inputs, line);
}

/* Fills the evaluation graph with windows first.. ; returns how many tokens they predict. */
static int64_t load_windows(trit_run *r, int64_t first, int64_t n_windows) {
    trit_run_graph *g = &r->eval;
    int32_t *x = g->io.tokens->val.data, *y = g->io.labels->val.data;
    int64_t n = 0;
    for (int64_t i = 0; i < g->B; i++, x += g->T, y += g->T) {
        if (first + i < n_windows) {
            n += trit_data_valid(r->data, first + i, g->T, x, y);
            continue;
        }
        for (int64_t t = 0; t < g->T; t++) {
            x[t] = 0;
            y[t] = TRIT_IGNORE;
        }
    }
    return n;
}

static trit_status evaluate(trit_run *r, int64_t max_tokens, const volatile sig_atomic_t *stop,
                            trit_eval_result *out, trit_error *e) {
    trit_run_graph *g = &r->eval;
    int64_t n_windows = trit_data_valid_windows(r->data, g->T, max_tokens);
    trit_transformer_step(&r->model, r->step);
    double nats = 0;
    int64_t n_seen = 0;
    trit_agreement agreement = {0};
    for (int64_t w = 0; w < n_windows; w += g->B) {
        if (stop && *stop) return TRIT_FAIL(e, E_STOPPED, "stopped on request");
        int64_t n = load_windows(r, w, n_windows);
        TRIT_TRY(trit_distill_teach(r, g->io.tokens->val.data, true, e));
        bool watched = w == 0 && r->quant.n;
        trit_graph_forward_watched(&g->graph, &r->x, watched ? trit_quantizers_watch_forward : NULL,
                                   &r->quant);
        TRIT_TRY(check_quantizers(r, g, e));
        TRIT_TRY(trit_distill_compare(r, g, w, &agreement, e));
        nats += (double)*trit_val(g->io.loss) * (double)n;
        n_seen += n;
    }
    int64_t n_tokens, n_bytes;
    double source;
    trit_data_valid_span(r->data, g->T, n_windows, &n_tokens, &n_bytes, &source);
    TRIT_ASSERT(n_tokens == n_seen);
    if (!isfinite(nats)) {
        TRIT_TRY(trit_run_check_params(r, e));
        return TRIT_FAIL(e, E_NUMERIC, "step %lld: the validation loss is %g", (long long)r->step,
                         nats / (double)n_tokens);
    }
    *out = (trit_eval_result){.n_tokens = n_tokens,
                              .loss = nats / (double)n_tokens,
                              .bits_per_byte = nats / log(2) / (double)n_bytes,
                              .source_loss = source / (double)n_tokens,
                              .agreement = agreement};
    out->gap_to_source = out->loss - out->source_loss;
    return TRIT_OK;
}

void trit_run_watch(trit_run *r, trit_watch watch, void *self) {
    trit_transformer_step(&r->model, r->step);
    load_windows(r, 0, trit_data_valid_windows(r->data, r->eval.T, 0));
    trit_graph_forward_watched(&r->eval.graph, &r->x, watch, self);
}

trit_status trit_run_eval(trit_run *r, int64_t max_tokens, const volatile sig_atomic_t *stop,
                          trit_eval_result *out, trit_error *e) {
    trit_optim_swap(&r->opt, &r->x);
    trit_status status = evaluate(r, max_tokens, stop, out, e);
    trit_optim_swap(&r->opt, &r->x);
    return status;
}

trit_status trit_run_logits(trit_run *r, const int32_t *tokens, int64_t n, const trit_real **logits,
                            trit_error *e) {
    trit_run_graph *g = &r->generate;
    if (n > g->T) {
        tokens += n - g->T;
        n = g->T;
    }
    /* Attention is causal: what stands behind the last token makes no difference to it. */
    int32_t *x = g->io.tokens->val.data;
    memset(x, 0, (size_t)g->T * sizeof *x);
    memcpy(x, tokens, (size_t)n * sizeof *x);
    trit_transformer_step(&r->model, r->step);
    trit_graph_forward(&g->graph, &r->x);
    TRIT_TRY(check_quantizers(r, g, e));
    int64_t n_vocab = trit_cols(g->io.logits);
    *logits = trit_val(g->io.logits) + (n - 1) * n_vocab;
    if (r->x.k.all_finite(n_vocab, *logits)) return TRIT_OK;
    TRIT_TRY(trit_run_check_params(r, e));
    return TRIT_FAIL(e, E_NUMERIC, "step %lld: a logit is not finite", (long long)r->step);
}
