#include "run/begin.h"

#include "run/store_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct source {
    char path[TRIT_STORE_PATH]; /* of the checkpoint */
    char hash[TRIT_CKPT_HASH_BYTES];
    trit_experiment exp;
    trit_run run; /* parameters and layers, no graphs */
} source;

/* Lines about parameters, by what becomes of them. */
typedef struct fitting {
    trit_text missing, extra, shape; /* reasons to refuse */
    trit_text fresh, dropped, taken, calibrated;
    int n_copied;
} fitting;

/* ---- the source ---- */

/* As data paths: from here, else from the config's folder. */
static trit_status locate(source *s, const trit_experiment *exp, trit_error *e) {
    const char *from = exp->cfg.init.from;
    char beside[TRIT_STORE_PATH];
    if (*from != '/' && access(from, F_OK)) {
        TRIT_TRY(trit_store_join(beside, exp->base_dir, from, e));
        if (!access(beside, F_OK)) from = beside;
    }
    return trit_store_find(from, "latest", s->path, sizeof s->path, e);
}

static trit_status check_hash(source *s, const trit_init_cfg *c, trit_error *e) {
    trit_checkpoint *file = NULL;
    TRIT_TRY(trit_checkpoint_open(&file, s->path, e));
    trit_checkpoint_hash(file, s->hash);
    trit_checkpoint_close(file);
    if (!*c->hash || strcmp(c->hash, s->hash) == 0) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "%s has the hash %s, but init.hash wants %s", s->path, s->hash,
                     c->hash);
}

static trit_status open_source(source *s, const trit_run *r, trit_error *e) {
    const trit_config *mine = &r->exp->cfg, *its = &s->exp.cfg;
    TRIT_TRY(locate(s, r->exp, e));
    TRIT_TRY(check_hash(s, &mine->init, e));
    TRIT_TRY(trit_store_load_config(s->path, &s->exp, e));
    if (its->data.tokenizer != mine->data.tokenizer) {
        return TRIT_FAIL(e, E_CONFIG,
                         "%s: its tokens are those of tokenizer \"%s\", but data.tokenizer is "
                         "\"%s\"; the same numbers would mean another text",
                         s->path, trit_tokenizer_names[its->data.tokenizer],
                         trit_tokenizer_names[mine->data.tokenizer]);
    }
    const trit_runtime_options o = {.n_threads = r->x.n_threads};
    TRIT_TRY(trit_run_open(&s->run, &s->exp, 0, &o, NULL, e));
    return trit_store_load_weights(s->path, &s->run, e);
}

static void close_source(source *s) {
    trit_run_close(&s->run);
    trit_experiment_close(&s->exp);
}

/* ---- what fits ---- */

static bool of_quantizer(const trit_param *p) {
    return p->role == TRIT_ROLE_step_size || p->role == TRIT_ROLE_quantizer ||
           p->role == TRIT_ROLE_buffer;
}

static bool is_adapter(const trit_transformer *m, const trit_param *p) {
    for (int i = 0; i < m->n_linear; i++) {
        if (p == m->linear[i]->lora_a || p == m->linear[i]->lora_b) return true;
    }
    return false;
}

static void add_param(trit_text *list, const trit_param *p) {
    char shape[96];
    trit_text_add(list, "%s %s\n", p->path, trit_tensor_shape_text(&p->val, shape));
}

/* Whether the source's parameter goes into p; a list gets a line otherwise. */
static bool fits(fitting *f, trit_run *r, const trit_param *p, const trit_param *there) {
    if (there && trit_tensor_same_shape(&p->val, &there->val)) return true;
    char a[96], b[96];
    if (there) {
        trit_text_add(&f->shape, "%s %s, in the source %s\n", p->path,
                      trit_tensor_shape_text(&p->val, a), trit_tensor_shape_text(&there->val, b));
    } else if (p->role == TRIT_ROLE_norm || p->aside || is_adapter(&r->model, p)) {
        trit_text_add(&f->fresh, "%s\n", p->path);
    } else {
        add_param(&f->missing, p);
    }
    return false;
}

static void copy(fitting *f, const trit_param *to, const trit_param *from) {
    memcpy(to->val.data, from->val.data, trit_tensor_bytes(&to->val));
    f->n_copied++;
}

/* A branch that still counts is a part of the source's model. */
static void add_branches(fitting *f, trit_run *from) {
    trit_transformer_step(&from->model, from->step);
    for (int i = 0; i < from->model.n_linear; i++) {
        const trit_branch *b = &from->model.linear[i]->branch;
        if (!b->l || !b->of.n) continue;
        add_param(&f->extra, b->l);
        add_param(&f->extra, b->r);
    }
}

static void copy_weights(fitting *f, trit_run *r, trit_run *from) {
    add_branches(f, from);
    for (int i = 0; i < r->ps.n; i++) {
        const trit_param *p = r->ps.at[i];
        if (of_quantizer(p)) continue;
        const trit_param *there = trit_params_find(&from->ps, p->path);
        if (fits(f, r, p, there)) copy(f, p, there);
    }
    for (int i = 0; i < from->ps.n; i++) {
        const trit_param *p = from->ps.at[i];
        if (!of_quantizer(p) && !trit_params_find(&r->ps, p->path)) add_param(&f->extra, p);
    }
}

/* ---- numbers of quantizers ---- */

static trit_quant *quant_at(trit_run *r, const char *path) {
    for (int i = 0; i < trit_transformer_n_quant(&r->model); i++) {
        trit_quant *q = trit_transformer_quant(&r->model, i);
        if (q->spec.on && strcmp(q->path, path) == 0) return q;
    }
    return NULL;
}

/* Whether learned numbers of one have the same meaning in the other: when it quantizes, how
 * strongly and by which estimator makes no difference. */
static bool same_numbers(const trit_quant *a, const trit_quant *b) {
    trit_spec x = a->spec;
    x.start = b->spec.start;
    x.lambda = b->spec.lambda;
    x.estimator = b->spec.estimator;
    memcpy(x.knob[TRIT_KNOB_ESTIMATOR], b->spec.knob[TRIT_KNOB_ESTIMATOR],
           sizeof x.knob[TRIT_KNOB_ESTIMATOR]);
    return trit_spec_equal(&x, &b->spec);
}

static void copy_numbers(fitting *f, const trit_quant *to, const trit_quant *from) {
    trit_param *p[TRIT_QUANT_MAX_PARAM], *there[TRIT_QUANT_MAX_PARAM];
    int n = trit_quant_params(to, p);
    if (!from || !same_numbers(to, from) || n != trit_quant_params(from, there)) return;
    for (int k = 0; k < n; k++) {
        if (!trit_tensor_same_shape(&p[k]->val, &there[k]->val)) return;
    }
    for (int k = 0; k < n; k++) copy(f, p[k], there[k]);
}

/* Integers of a weight that the source had quantized, for a quantizer that wants such. */
static trit_status take_integers(fitting *f, trit_run *r, const trit_quant *q, trit_quant *there,
                                 trit_param *w, trit_error *e) {
    if (!there || !there->on || *trit_param_val(q->ready) != 0) return TRIT_OK;
    trit_quant_view v;
    trit_status status = trit_quant_view_init(&v, there, w, e);
    size_t scratch = v.graph.scratch_bytes, n_bytes = v.graph.plan_bytes + TRIT_ALIGN;
    if (!status) status = trit_runtime_scratch(&r->x, scratch, e);
    void *block = status ? NULL : aligned_alloc(TRIT_ALIGN, n_bytes);
    if (block) {
        trit_graph_bind(&v.graph, block);
        trit_quant_view_run(&v, &r->x);
        if (trit_quant_take(q, &v)) trit_text_add(&f->taken, "%s\n", q->path);
    } else if (!status) {
        status = TRIT_FAIL(e, E_NOMEM, "no memory to quantize a weight of the source");
    }
    free(block);
    trit_quant_view_free(&v);
    return status;
}

static trit_status copy_quantizers(fitting *f, trit_run *r, trit_run *from, trit_error *e) {
    trit_transformer_step(&from->model, from->step);
    for (int i = 0; i < trit_transformer_n_quant(&r->model); i++) {
        trit_quant *q = trit_transformer_quant(&r->model, i);
        if (q->ready) copy_numbers(f, q, quant_at(from, q->path));
    }
    for (int i = 0; i < r->model.n_linear; i++) {
        const trit_quant *q = &r->model.linear[i]->wq;
        trit_param *w = trit_params_find(&from->ps, r->model.linear[i]->w->path);
        if (!q->ready || !w || !trit_tensor_same_shape(&w->val, &r->model.linear[i]->w->val)) {
            continue;
        }
        TRIT_TRY(take_integers(f, r, q, quant_at(from, q->path), w, e));
    }
    for (int i = 0; i < trit_transformer_n_quant(&from->model); i++) {
        trit_quant *q = trit_transformer_quant(&from->model, i);
        if (!q->ready) continue;
        const trit_quant *mine = quant_at(r, q->path);
        if (!mine || !mine->ready || !same_numbers(mine, q)) {
            trit_text_add(&f->dropped, "%s\n", q->path);
        }
    }
    return TRIT_OK;
}

/* ---- what is said of it ---- */

static int n_lines(const trit_text *t) {
    int n = 0;
    for (size_t i = 0; i < t->len; i++) n += t->at[i] == '\n';
    return n;
}

/* The first lines of a list under a title, for a message. */
static void add_list(trit_text *out, const char *title, const trit_text *list, int most) {
    int n = n_lines(list);
    if (!n) return;
    trit_text_add(out, "\n%s:", title);
    const char *at = list->at;
    for (int i = 0; i < n && i < most; i++) {
        size_t len = strcspn(at, "\n");
        trit_text_add(out, "\n  %.*s", (int)len, at);
        at += len + 1;
    }
    if (n > most) trit_text_add(out, "\n  and %d more", n - most);
}

/* A log takes single lines. */
static void log_lines(const trit_log *log, trit_log_level level, const char *text) {
    while (*text) {
        int len = (int)strcspn(text, "\n");
        if (level == TRIT_LOG_WARN) {
            trit_log_warn(log, "%.*s", len, text);
        } else {
            trit_log_info(log, "%.*s", len, text);
        }
        text += len + (text[len] == '\n');
    }
}

static trit_status judge(const trit_run *r, const source *s, const fitting *f, trit_error *e) {
    trit_text list = {0};
    int n = n_lines(&f->missing) + n_lines(&f->extra) + n_lines(&f->shape);
    if (!n) return TRIT_OK;
    add_list(&list, "not in the source", &f->missing, 4);
    add_list(&list, "only in the source", &f->extra, 4);
    add_list(&list, "of another shape", &f->shape, 4);
    trit_status status = TRIT_OK;
    if (r->exp->cfg.init.partial) {
        trit_log_warn(r->log, "left out, as init.partial allows:");
        log_lines(r->log, TRIT_LOG_WARN, list.at + 1);
    } else {
        status = TRIT_FAIL(e, E_CONFIG,
                           "the weights of %s do not fit; make the section model like the "
                           "source's, or take what fits with init.partial=true%s",
                           s->path, trit_text_get(&list));
    }
    trit_text_free(&list);
    return status;
}

static void add_paths(trit_text *line, const char *key, const trit_text *list) {
    trit_text_add(line, ",\"%s\":[", key);
    const char *at = trit_text_get(list);
    for (int i = 0, n = n_lines(list); i < n; i++) {
        size_t len = strcspn(at, "\n");
        trit_text_add(line, "%s\"%.*s\"", i ? "," : "", (int)len, at);
        at += len + 1;
    }
    trit_text_add(line, "]");
}

/* A line of metrics.jsonl, and one of the log. */
static trit_status record(const trit_run *r, trit_store *st, const source *s, const fitting *f,
                          trit_error *e) {
    int64_t n_batches = r->exp->cfg.init.calibrate;
    trit_text line = {0};
    trit_text_add(&line, "{\"step\":0,\"init\":{\"from\":");
    trit_json_quote(&line, s->path);
    trit_text_add(&line, ",\"hash\":\"%s\",\"source_step\":%" PRId64 ",\"copied\":%d", s->hash,
                  s->run.step, f->n_copied);
    add_paths(&line, "new", &f->fresh);
    add_paths(&line, "dropped", &f->dropped);
    add_paths(&line, "taken", &f->taken);
    add_paths(&line, "calibrated", &f->calibrated);
    if (f->calibrated.len) trit_text_add(&line, ",\"batches\":%" PRId64, n_batches);
    add_paths(&line, "missing", &f->missing);
    add_paths(&line, "extra", &f->extra);
    add_paths(&line, "shape", &f->shape);
    trit_text_add(&line, "}}");
    trit_status status = trit_store_line(st, &line, e);
    trit_log_info(r->log, "weights of %s, step %" PRId64 " (hash %s): %d tensors copied, %d new",
                  s->path, s->run.step, s->hash, f->n_copied, n_lines(&f->fresh));
    if (f->dropped.len) {
        trit_log_info(r->log, "left behind: the learned numbers of %d of its quantizers",
                      n_lines(&f->dropped));
    }
    if (f->taken.len) {
        trit_log_info(r->log, "integers of %d weights taken over", n_lines(&f->taken));
    }
    if (f->calibrated.len) {
        trit_log_info(r->log, "first values for %d quantizers from %" PRId64 " batches",
                      n_lines(&f->calibrated), n_batches);
    }
    return status;
}

/* What the same weights compute is another thing with another number of heads, and the like. */
static void compare_models(const trit_run *r, const source *s) {
    trit_text diff = {0};
    int n = trit_settings_diff(trit_json_get(s->exp.resolved, "model"),
                               trit_json_get(r->exp->resolved, "model"), &diff, 20);
    if (n) trit_log_info(r->log, "section model, source -> this run:");
    log_lines(r->log, TRIT_LOG_INFO, trit_text_get(&diff));
    trit_text_free(&diff);
}

static void free_lists(fitting *f) {
    trit_text *const all[] = {&f->missing, &f->extra, &f->shape,     &f->fresh,
                              &f->dropped, &f->taken, &f->calibrated};
    for (int i = 0; i < 7; i++) trit_text_free(all[i]);
}

static trit_status take(trit_run *r, trit_store *st, source *s, fitting *f, trit_error *e) {
    copy_weights(f, r, &s->run);
    TRIT_TRY(copy_quantizers(f, r, &s->run, e));
    TRIT_TRY(judge(r, s, f, e));
    trit_optim_average_anew(&r->opt);
    TRIT_TRY(trit_run_calibrate(r, r->exp->cfg.init.calibrate, &f->calibrated, e));
    memcpy(r->init_hash, s->hash, sizeof r->init_hash);
    compare_models(r, s);
    TRIT_TRY(record(r, st, s, f, e));
    return trit_store_save(st, r, e);
}

trit_status trit_begin(trit_run *r, trit_store *s, trit_error *e) {
    if (!*r->exp->cfg.init.from || s->saved_step >= 0) return TRIT_OK;
    source from = {0};
    fitting f = {0};
    trit_status status = open_source(&from, r, e);
    if (!status) status = take(r, s, &from, &f, e);
    if (status && status != TRIT_E_IO) {
        trit_error_wrap(e, "%s: /init/from", r->exp->file);
    }
    free_lists(&f);
    close_source(&from);
    return status;
}
