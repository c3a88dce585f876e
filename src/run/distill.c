#include "run/distill.h"

#include "run/profile.h"
#include "run/store.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* Micro-batches of which a share is measured. */
enum { N_MEASURE = 8 };

static const trit_distill_cfg *cfg_of(const trit_run *r) {
    return &r->exp->cfg.distill;
}

/* "FILE: /distill/teacher: PATH: ..." */
static trit_status unfit(const trit_run *r, trit_error *e, const char *what, long long found,
                         long long needed) {
    return trit_settings_fail(e, r->exp->file, "/distill/teacher",
                              "%s: its %s %lld, but the student's is %lld", cfg_of(r)->teacher,
                              what, found, needed);
}

static trit_status check_teacher(const trit_run *r, const trit_distill *d, trit_error *e) {
    const trit_model_cfg *s = &r->model.cfg, *t = &d->run.model.cfg;
    int mine = r->exp->cfg.data.tokenizer, its = d->exp.cfg.data.tokenizer;
    if (mine != its) {
        return trit_settings_fail(
            e, r->exp->file, "/distill/teacher", "%s: its tokenizer is %s, but the student's is %s",
            cfg_of(r)->teacher, trit_tokenizer_names[its], trit_tokenizer_names[mine]);
    }
    if (t->vocab != s->vocab) return unfit(r, e, "model.vocab is", t->vocab, s->vocab);
    if (t->context < s->context) return unfit(r, e, "model.context is", t->context, s->context);
    return TRIT_OK;
}

static void hash_weights(const trit_params *ps, char hex[17]) {
    uint64_t h = 0;
    for (int i = 0; i < ps->n; i++) {
        const trit_param *p = ps->at[i];
        h = XXH3_64bits_withSeed(p->path, strlen(p->path), h);
        h = XXH3_64bits_withSeed(p->val.data, trit_tensor_bytes(&p->val), h);
    }
    snprintf(hex, 17, "%016" PRIx64, h);
}

static trit_status open_teacher(trit_run *r, const trit_runtime_options *options, trit_error *e) {
    trit_distill *d = r->distill;
    char path[4096];
    TRIT_TRY(trit_store_find(cfg_of(r)->teacher, "best", path, sizeof path, e));
    TRIT_TRY(trit_store_load_config(path, &d->exp, e));
    TRIT_TRY(trit_run_open(&d->run, &d->exp, TRIT_RUN_TEACHER, options, r->log, e));
    TRIT_TRY(check_teacher(r, d, e));
    TRIT_TRY(trit_store_load_weights(path, &d->run, e));
    hash_weights(&d->run.ps, d->hash);
    return TRIT_OK;
}

static trit_status open_losses(trit_run *r, trit_error *e) {
    trit_distill *d = r->distill;
    const trit_loss_list *list = &cfg_of(r)->losses;
    d->n_use = list->n;
    d->use = trit_arena_get(&r->mem, (size_t)list->n * sizeof *d->use, e);
    d->mean = trit_arena_get(&r->mem, (size_t)list->n * sizeof *d->mean, e);
    if (!d->use || !d->mean) return TRIT_E_NOMEM;
    for (int i = 0; i < list->n; i++) d->use[i].row = trit_losses[list->at[i].loss];
    trit_distill_begin(r);
    return TRIT_OK;
}

static trit_status find_cache(trit_run *r, unsigned what, trit_error *e) {
    trit_distill *d = r->distill;
    const char *path = cfg_of(r)->cache;
    bool plan = what & TRIT_RUN_PLAN;
    if (!r->data || (plan && access(path, F_OK))) {
        return trit_teacher_cache_make_up(&d->cache, r, path, e);
    }
    TRIT_TRY(trit_teacher_cache_open(&d->cache, r, path, e));
    return plan ? TRIT_OK : trit_teacher_cache_check(&d->cache, r, e);
}

/* A temperature changes the probability of tokens that the cache does not know. */
static trit_status open_cache(trit_run *r, unsigned what, trit_error *e) {
    trit_distill *d = r->distill;
    const trit_distill_cfg *c = cfg_of(r);
    TRIT_TRY_AS(find_cache(r, what, e), e, "/distill/cache");
    snprintf(d->hash, sizeof d->hash, "%s", d->cache.hash);
    d->work = trit_arena_get(&r->mem, trit_agreement_work(d->cache.T), e);
    if (!d->work) return TRIT_E_NOMEM;
    for (int i = 0; i < d->n_use && d->cache.k < r->model.cfg.vocab; i++) {
        const trit_loss *row = d->use[i].row;
        const trit_schedule *t = &c->losses.at[i].knob[0];
        bool tempered = row->teacher && trit_loss_knob(row, "temperature") == 0;
        if (!row->teacher || (row->coarse && t->from == 1 && t->to == 1)) continue;
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/distill/losses/%d", i);
        return trit_settings_fail(e, r->exp->file, pointer,
                                  "the cache keeps %lld of %lld tokens; %s%s needs all of them",
                                  (long long)d->cache.k, (long long)r->model.cfg.vocab, row->name,
                                  tempered && row->coarse ? " at a temperature" : "");
    }
    return TRIT_OK;
}

trit_status trit_distill_open(trit_run *r, unsigned what, const trit_runtime_options *options,
                              trit_error *e) {
    const trit_distill_cfg *c = cfg_of(r);
    if (!*c->teacher && !*c->cache && !c->losses.n) return TRIT_OK;
    r->distill = trit_arena_get(&r->mem, sizeof *r->distill, e);
    if (!r->distill) return TRIT_E_NOMEM;
    trit_distill *d = r->distill;
    d->beta = 0.5;
    d->trains = (what & TRIT_RUN_TRAIN) && !(what & TRIT_RUN_PLAN);
    TRIT_TRY(open_losses(r, e));
    if (!*c->teacher) {
        TRIT_TRY(trit_distill_inside_open(r, NULL, e));
        return *c->cache ? open_cache(r, what, e) : TRIT_OK;
    }
    d->taught = true;
    d->averaged = strcmp(c->teacher, TRIT_TEACHER_EMA) == 0;
    bool self = d->averaged || strcmp(c->teacher, TRIT_TEACHER_SELF) == 0;
    d->model = self ? &d->own : &d->run.model;
    if (self) {
        TRIT_TRY(trit_transformer_without_quant(&d->own, &r->model, &r->mem, e));
        snprintf(d->hash, sizeof d->hash, "%s", c->teacher);
    } else {
        TRIT_TRY_AS(open_teacher(r, options, e), e, "the teacher");
    }
    const trit_model_cfg *m = &r->model.cfg;
    int64_t B = r->exp->cfg.train.batch;
    d->logits = trit_arena_get(&r->mem, (size_t)(B * m->context * m->vocab) * sizeof *d->logits, e);
    d->work = trit_arena_get(&r->mem, trit_agreement_work(B * m->context), e);
    if (!d->logits || !d->work) return TRIT_E_NOMEM;
    TRIT_TRY(trit_distill_inside_open(r, d->model, e));
    bool quick = r->exp->cfg.compute.teacher == TRIT_PRECISION_bf16 && r->x.lowp.fast &&
                 (what & (TRIT_RUN_TRAIN | TRIT_RUN_BENCH));
    if (quick) TRIT_TRY(trit_run_trace(r, d->model, &d->quick, TRIT_EVAL, B, false, true, e));
    TRIT_TRY(trit_run_trace(r, d->model, &d->graph, TRIT_EVAL, B, false, false, e));
    trit_distill_inside_find(&d->inside, quick ? &d->quick.io : &d->graph.io);
    return TRIT_OK;
}

void trit_distill_close(trit_distill *d) {
    if (!d) return;
    trit_graph_free(&d->graph.graph);
    trit_graph_free(&d->quick.graph);
    trit_teacher_cache_close(&d->cache);
    trit_run_close(&d->run);
    trit_experiment_close(&d->exp);
}

void trit_distill_build(trit_run *r, trit_graph *g, trit_transformer_io *io) {
    trit_distill *d = r->distill;
    if (!io->tokens || !io->logits) return;
    io->labels = trit_input(g, "labels", TRIT_I32, 2, io->tokens->val.dim);
    trit_teacher_logits t = {0};
    const trit_tensor *shape = &io->logits->val;
    if (d->taught) {
        t.logits = trit_input_at(g, "teacher", TRIT_REAL, shape->ndim, shape->dim, d->logits);
    }
    if (d->cache.at) {
        int64_t dim[3] = {shape->dim[0], shape->dim[1], d->cache.k};
        t.logits = trit_input(g, "teacher", TRIT_REAL, 3, dim);
        t.ids = trit_input(g, "teacher_ids", TRIT_I32, 3, dim);
        dim[2] = 2;
        t.mass = trit_input(g, "teacher_mass", TRIT_REAL, 3, dim);
        d->cached = t;
    }
    io->loss = trit_logit_losses(g, io->logits, io->labels, &t, d->use, d->n_use);
    trit_distill_inside_build(r, g, io);
}

/* ---- a step -------------------------------------------------------------------------------- */

void trit_distill_begin(const trit_run *r) {
    trit_distill *d = r->distill;
    for (int i = 0; d && i < d->n_use; i++) {
        const trit_loss_cfg *c = &cfg_of(r)->losses.at[i];
        trit_loss_use *u = &d->use[i];
        const trit_knob *k = u->row->knob;
        u->weight = trit_schedule_at(&c->weight, r->step);
        for (int j = 0; k && k[j].name; j++) {
            double v = trit_schedule_at(&c->knob[j], r->step);
            /* A share below 0 is one to be measured. */
            u->knob[j] = TRIT_R(strcmp(k[j].name, "beta") == 0 && v < 0 ? d->beta : v);
        }
        d->mean[i] = 0;
    }
}

static void copy_out(void *self, const trit_exec *x, const trit_node *n) {
    const trit_distill *d = self;
    (void)x;
    trit_distill_inside_copy(&d->inside, n);
    if (n == d->runs->io.logits) memcpy(d->logits, n->val.data, trit_tensor_bytes(&n->val));
}

/* averaged: the student's weights are their averages now. */
static trit_status teach(trit_run *r, trit_run_graph *g, const int32_t *tokens, bool averaged,
                         trit_error *e) {
    trit_distill *d = r->distill;
    bool swap = d->averaged && !averaged;
    d->runs = g;
    trit_exec x = r->x; /* of its own random numbers, should it draw some */
    x.rng = (trit_rng){.seed = x.rng.seed, .stream = trit_hash32("teacher")};
    memcpy(g->io.tokens->val.data, tokens, trit_tensor_bytes(&g->io.tokens->val));
    if (swap) trit_optim_swap(&r->opt, &r->x);
    trit_graph_forward_watched(&g->graph, &x, copy_out, d);
    if (swap) trit_optim_swap(&r->opt, &r->x);
    if (x.k.all_finite(trit_len(g->io.logits), d->logits)) return TRIT_OK;
    return TRIT_FAIL(e, E_NUMERIC, "step %lld: a logit of the teacher %s is not finite",
                     (long long)r->step, cfg_of(r)->teacher);
}

trit_status trit_distill_teach(trit_run *r, const int32_t *tokens, bool averaged, trit_error *e) {
    trit_distill *d = r->distill;
    return d && d->taught ? teach(r, &d->graph, tokens, averaged, e) : TRIT_OK;
}

trit_status trit_distill_ask(trit_run *r, const int32_t *tokens, int64_t first, trit_error *e) {
    trit_distill *d = r->distill;
    if (!d || (!d->taught && !d->cache.at)) return TRIT_OK;
    if (d->taught) {
        TRIT_TRY(teach(r, d->quick.graph.node ? &d->quick : &d->graph, tokens, false, e));
    } else {
        TRIT_TRY(trit_teacher_cache_read(&d->cache, first, r->train.B, &d->cached, e));
    }
    trit_profile_phase(r->profile, TRIT_PHASE_TEACHER);
    return TRIT_OK;
}

void trit_distill_count(const trit_run *r) {
    trit_distill *d = r->distill;
    double share = 1 / (double)r->exp->cfg.train.accumulate;
    for (int i = 0; d && i < d->n_use; i++) d->mean[i] += share * d->use[i].value;
}

trit_status trit_distill_compare(const trit_run *r, const trit_run_graph *g, int64_t first,
                                 trit_agreement *a, trit_error *e) {
    const trit_distill *d = r->distill;
    if (!d) return TRIT_OK;
    const trit_node *mine = g->io.logits;
    const int32_t *label = g->io.labels->val.data;
    int64_t V = trit_cols(mine);
    if (d->taught) {
        trit_agreement_add(a, &r->x, trit_rows(mine), V, trit_val(mine), d->logits, label, d->work);
    }
    for (int64_t i = 0; i < g->B && first + i < d->cache.n_valid; i++) {
        trit_known_logits known;
        TRIT_TRY(trit_teacher_cache_valid(&d->cache, first + i, &known, e));
        trit_agreement_add_known(a, &r->x, g->T, V, trit_val(mine) + i * g->T * V, &known,
                                 label + i * g->T, d->work);
    }
    return TRIT_OK;
}

const char *trit_distill_text(const trit_run *r, char buf[512]) {
    const trit_distill *d = r->distill;
    int n = 0;
    buf[0] = '\0';
    for (int i = 0; d && i < d->n_use && n < 440; i++) {
        int same = 1;
        char suffix[16] = "", value[32] = "null";
        for (int j = 0; j < i; j++) same += d->use[j].row == d->use[i].row;
        if (same > 1) snprintf(suffix, sizeof suffix, ".%d", same);
        if (isfinite(d->mean[i])) snprintf(value, sizeof value, "%.9g", d->mean[i]);
        n += snprintf(buf + n, 512 - (size_t)n, "%s\"%s%s\":%s", n ? "," : ",\"losses\":{",
                      d->use[i].row->name, suffix, value);
    }
    if (n) snprintf(buf + n, 512 - (size_t)n, "}");
    return buf;
}

/* ---- what losses need to know -------------------------------------------------------------- */

/* Mean of the largest probability of the teacher, over the newest micro-batch. */
static double mean_confidence(const trit_run *r) {
    const trit_distill *d = r->distill;
    bool cached = d->cache.at != NULL;
    int64_t cols = cached ? d->cache.k : r->model.cfg.vocab, rows = r->train.B * r->train.T;
    const trit_real *z = cached ? trit_val(d->cached.logits) : d->logits;
    double sum = 0;
    for (int64_t i = 0; i < rows; i++, z += cols) {
        trit_real most = z[0];
        for (int64_t j = 1; j < cols; j++) most = z[j] > most ? z[j] : most;
        trit_real lse = cached ? trit_val(d->cached.mass)[2 * i] : r->x.k.log_sum_exp(cols, z);
        sum += exp((double)most - (double)lse);
    }
    return sum / (double)rows;
}

/* Whether a loss of the run asks for a share to be measured; its place, else -1. */
static int asks(const trit_run *r) {
    const trit_distill *d = r->distill;
    for (int i = 0; i < d->n_use; i++) {
        int k = trit_loss_knob(d->use[i].row, "beta");
        if (k >= 0 && cfg_of(r)->losses.at[i].knob[k].from < 0) return i;
    }
    return -1;
}

trit_status trit_distill_bind(trit_run *r, trit_error *e) {
    trit_distill *d = r->distill;
    if (!d || (!d->taught && !d->cache.at)) return TRIT_OK;
    if (d->taught) {
        trit_graph_bind(&d->graph.graph, r->plan);
        if (d->quick.graph.node) trit_graph_bind(&d->quick.graph, r->plan);
        trit_transformer_step(d->model, d->run.step);
    }
    TRIT_TRY(trit_distill_inside_bind(r, e));
    int at = asks(r);
    if (at < 0 || !d->trains) return TRIT_OK;
    if (d->model == &d->own) {
        char pointer[64];
        snprintf(pointer, sizeof pointer, "/distill/losses/%d/beta", at);
        return trit_settings_fail(e, r->exp->file, pointer,
                                  "give a share: that of a student's own weights changes");
    }
    const trit_run_graph *g = &r->train;
    const trit_train_cfg *c = &r->exp->cfg.train;
    int64_t most = c->steps * c->accumulate, n = most < N_MEASURE ? most : N_MEASURE;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        trit_data_train(r->data, (uint64_t)r->exp->cfg.train.seed, i * g->B, g->B, g->T,
                        g->io.tokens->val.data, g->io.labels->val.data);
        TRIT_TRY(trit_distill_ask(r, g->io.tokens->val.data, i * g->B, e));
        sum += mean_confidence(r);
    }
    d->beta = sum / (double)n;
    return TRIT_OK;
}
