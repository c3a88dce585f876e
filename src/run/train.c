#include "run/train.h"

#include "run/clock.h"
#include "run/distill.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

typedef struct loop {
    trit_run *r;
    trit_store *s;
    const trit_train_options *o;
    trit_train_result *out;
    double begin, train_seconds; /* of this start; evaluation and saving not counted */
    int64_t first_step;
    double shown_at;
    int64_t shown_step;
    double longest_step, longest_eval, longest_save; /* seconds */
    int64_t end;                                     /* step at which this start ends */
    int64_t eval_at;                                 /* step of out->valid; -1: none */
    double recent;                                   /* exponential mean of the loss, for people */
    double recent_weight;
} loop;

static void longest(double *seconds, double began) {
    double took = trit_clock() - began;
    if (took > *seconds) *seconds = took;
}

/* E_STOPPED when what comes next (a step, or an evaluation) and a save might not fit any more into
 * train.max_time. */
static trit_status check_time(const loop *l, double next, trit_error *e) {
    double limit = l->r->exp->cfg.train.max_time;
    double reserve = 2 * next + 3 * l->longest_save;
    if (!limit || l->o->spent + trit_clock() - l->begin + reserve < limit) return TRIT_OK;
    return TRIT_FAIL(e, E_STOPPED, "train.max_time: %g seconds are almost over", limit);
}

static double tokens_of_step(const trit_run *r) {
    const trit_train_cfg *c = &r->exp->cfg.train;
    return (double)(c->batch * c->accumulate * r->train.T);
}

static void report(loop *l, int kind, double loss, double lr) {
    if (!l->o->progress) return;
    int64_t steps = l->end, done = l->r->step - l->first_step;
    double at = trit_clock(), spent = at - l->begin;
    double since = at - l->shown_at;
    trit_progress p = {
        .run = l->r,
        .step = l->r->step,
        .steps = steps,
        .loss = loss,
        .lr = lr,
        .val_loss = l->out->valid.loss,
        .gap_to_source = l->out->valid.gap_to_source,
        .tokens_per_second =
            since > 0 ? (double)(l->r->step - l->shown_step) * tokens_of_step(l->r) / since : 0,
        .seconds_left = done ? spent / (double)done * (double)(steps - l->r->step) : NAN};
    p.kind = kind;
    if (kind == TRIT_PROGRESS_SAVE) p.step = l->s->saved_step;
    l->o->progress(l->o->self, &p);
    if (kind == TRIT_PROGRESS_STEP) {
        l->shown_at = at;
        l->shown_step = l->r->step;
    }
}

/* null for what is not a number, so that every line is JSON. */
static void number(char buf[32], double v) {
    if (isfinite(v)) {
        snprintf(buf, 32, "%.9g", v);
    } else {
        snprintf(buf, 32, "null");
    }
}

/* Statistics of quantizers, once a step; inputs: the evaluation saw activations. */
static trit_status write_stats(loop *l, bool inputs, trit_error *e) {
    if (l->s->stats_step == l->r->step || !trit_run_stats_due(l->r, l->r->step)) return TRIT_OK;
    double began = trit_clock();
    trit_text line = {0};
    trit_run_stats(l->r, inputs, &line);
    trit_status status = trit_store_line(l->s, &line, e);
    l->s->stats_step = l->r->step;
    double spent = trit_clock() - began;
    l->shown_at += spent;
    l->train_seconds -= spent;
    return status;
}

static bool due(int64_t step, int64_t every) {
    return every > 0 && step % every == 0;
}

/* Whether an evaluation at the run's step is one of those that train.eval_every asks for; one more,
 * where run.stop_at ends a start, leaves no trace. */
static bool eval_due(const trit_run *r) {
    const trit_train_cfg *c = &r->exp->cfg.train;
    return r->step == c->steps || due(r->step, c->eval_every);
}

static trit_status write_agreement(loop *l, const trit_agreement *a, trit_error *e) {
    if (!a->n) return TRIT_OK;
    trit_text line = {0};
    trit_text_add(&line, "{\"step\":%" PRId64 ",\"agreement\":{", l->r->step);
    trit_agreement_text(a, &line);
    trit_text_add(&line, "}}");
    return trit_store_line(l->s, &line, e);
}

/* A result that is new belongs into metrics.jsonl and may be the best. */
static trit_status evaluate(loop *l, trit_error *e) {
    double began = trit_clock();
    trit_eval_result *v = &l->out->valid;
    TRIT_TRY(check_time(l, l->longest_eval, e));
    TRIT_TRY(trit_run_eval(l->r, l->r->exp->cfg.train.eval_tokens, l->o->stop, v, e));
    longest(&l->longest_eval, began);
    l->eval_at = l->r->step;
    if (l->s->eval_step != l->r->step && eval_due(l->r)) {
        l->s->eval_step = l->r->step;
        char gap[32];
        number(gap, v->gap_to_source);
        TRIT_TRY(trit_store_metric(l->s, e,
                                   "{\"step\":%" PRId64 ",\"val_loss\":%.9g,"
                                   "\"bits_per_byte\":%.9g,\"gap_to_source\":%s}",
                                   l->r->step, v->loss, v->bits_per_byte, gap));
        TRIT_TRY(write_agreement(l, &v->agreement, e));
        if (v->loss < l->s->best_loss) {
            l->s->best_loss = v->loss;
            l->s->best_step = l->r->step;
        }
        TRIT_TRY(write_stats(l, true, e));
    }
    report(l, TRIT_PROGRESS_EVAL, l->recent / l->recent_weight, 0);
    double spent = trit_clock() - began;
    l->shown_at += spent; /* speed is that of training */
    l->train_seconds -= spent;
    return TRIT_OK;
}

/* What follows from how a save ended. A full disk need not end the run: the checkpoint of before is
 * still there. must: it is the last one of the run. */
static trit_status judge_save(loop *l, const trit_saved *saved, bool must, trit_error *e) {
    const trit_run_cfg *c = &l->r->exp->cfg.run;
    if (!saved->status) {
        l->s->n_failed = 0;
        if (saved->seconds > l->longest_save) l->longest_save = saved->seconds;
        report(l, TRIT_PROGRESS_SAVE, 0, 0);
        return TRIT_OK;
    }
    if (saved->status != TRIT_E_IO || must) {
        if (e && !e->code) *e = saved->why;
        return saved->status;
    }
    if (++l->s->n_failed >= c->max_failed_saves) {
        return TRIT_FAIL(e, E_STATE,
                         "gave up after %d saves that failed one after the other "
                         "(run.max_failed_saves), the last one: %s",
                         l->s->n_failed, saved->why.text);
    }
    trit_log_warn(l->r->log, "%s; training goes on with the checkpoint of step %" PRId64,
                  saved->why.text, l->s->saved_step);
    return TRIT_OK;
}

/* Takes note of a save that has ended in the background. */
static trit_status end_save(loop *l, bool wait, trit_error *e) {
    trit_saved saved;
    return trit_store_end_save(l->s, wait, &saved) ? judge_save(l, &saved, false, e) : TRIT_OK;
}

/* In the background, or, with must, at once. */
static trit_status save(loop *l, bool must, trit_error *e) {
    double began = trit_clock();
    TRIT_TRY(end_save(l, true, e));
    trit_saved saved = {.step = l->r->step};
    if (must) {
        saved.status = trit_store_save(l->s, l->r, &saved.why);
    } else {
        saved.status = trit_store_begin_save(l->s, l->r, &saved.why);
    }
    saved.seconds = trit_clock() - began;
    trit_status status = must || saved.status ? judge_save(l, &saved, must, e) : TRIT_OK;
    double spent = trit_clock() - began;
    l->shown_at += spent;
    l->train_seconds -= spent;
    return status;
}

/* Metrics that cannot be written now stay in memory; a checkpoint is not made without them. */
static void flush(loop *l) {
    trit_error why = {0};
    bool torn = l->s->metrics_torn;
    if (trit_store_flush(l->s, &why) && !torn) {
        trit_log_warn(l->r->log, "%s; tried again later", why.text);
    }
}

/* What controllers added to the loss, by their names; "" for none. */
static const char *penalties_of(const trit_run *r, char buf[512]) {
    const trit_controls *c = &r->quant.controls;
    int n = 0;
    buf[0] = '\0';
    for (int i = 0; i < c->n && n < 450; i++) {
        if (!c->at[i].type->penalty) continue;
        n += snprintf(buf + n, 512 - (size_t)n, "%s\"%s\":%.9g", n ? "," : ",\"penalties\":{",
                      c->at[i].type->name, c->at[i].penalty);
    }
    if (n) snprintf(buf + n, 512 - (size_t)n, "}");
    return buf;
}

static trit_status one_step(loop *l, trit_error *e) {
    trit_step_result step;
    double began = trit_clock();
    TRIT_TRY(end_save(l, false, e));
    TRIT_TRY(check_time(l, l->longest_step, e));
    TRIT_TRY(trit_run_step(l->r, l->o->stop, &step, e));
    longest(&l->longest_step, began);
    l->recent = 0.95 * l->recent + 0.05 * step.loss;
    l->recent_weight = 0.95 * l->recent_weight + 0.05;
    char penalties[512], losses[512];
    TRIT_TRY(trit_store_metric(
        l->s, e, "{\"step\":%" PRId64 ",\"train_loss\":%.9g,\"lr\":%.9g,\"grad_norm\":%.9g%s%s}",
        l->r->step, step.loss, step.lr, step.grad_norm, trit_distill_text(l->r, losses),
        penalties_of(l->r, penalties)));
    if (due(l->r->step, l->r->exp->cfg.run.log_every)) {
        report(l, TRIT_PROGRESS_STEP, l->recent / l->recent_weight, step.lr);
        flush(l);
    }
    return TRIT_OK;
}

/* What is to be done at a step besides the step, as far as it was not done yet: a run that was
 * stopped while it evaluated makes up for it. */
static trit_status keep_up(loop *l, trit_error *e) {
    const trit_config *c = &l->r->exp->cfg;
    int64_t step = l->r->step;
    bool wanted = false;
    if (l->s->eval_step != step && eval_due(l->r)) {
        TRIT_TRY(evaluate(l, e));
        wanted = step == c->train.steps || (c->run.keep_best && l->s->best_step == step);
    }
    TRIT_TRY(write_stats(l, false, e));
    bool last = step == l->end;
    if ((last || due(step, c->run.save_every)) && l->s->saved_step != step) wanted = true;
    return wanted ? save(l, last, e) : TRIT_OK;
}

static trit_status record_bad(loop *l, int64_t step, const char *what, const char *why,
                              trit_error *e) {
    trit_text line = {0};
    trit_text_add(&line,
                  "{\"step\":%" PRId64 ",\"bad_step\":%" PRId64 ",\"on_bad\":\"%s\",\"why\":",
                  l->r->step, step, what);
    trit_json_quote(&line, why);
    trit_text_add(&line, "}");
    return trit_store_line(l->s, &line, e);
}

/* Finds a way on from a step whose numbers went bad, `why`; the error itself where there is none.
 * Whatever is done, that step's data is left out from now on. */
static trit_status recover(loop *l, const trit_error *why, trit_error *e) {
    const trit_train_cfg *c = &l->r->exp->cfg.train;
    trit_guard *g = &l->r->guard;
    int64_t step = l->r->step, n_bad = g->n_bad + 1, next_data = step + g->shift + 1;
    bool skip = c->on_bad == TRIT_ON_BAD_skip_step;
    if (c->on_bad == TRIT_ON_BAD_stop) {
        if (e && !e->code) *e = *why;
        return TRIT_E_NUMERIC;
    }
    if (n_bad > c->max_bad) {
        return TRIT_FAIL(e, E_NUMERIC, "gave up after %" PRId64 " bad steps (train.max_bad): %s",
                         c->max_bad, why->text);
    }
    if (skip) {
        TRIT_TRY_AS(trit_run_check_params(l->r, e), e, "the step cannot be skipped");
    } else {
        TRIT_TRY(end_save(l, true, e));
        TRIT_TRY_AS(trit_store_resume(l->s, l->r, e), e, "rolling back");
    }
    g->n_bad = n_bad;
    g->shift = next_data - l->r->step;
    trit_log_warn(l->r->log, "%s; %s step %" PRId64 " (%" PRId64 " of at most %" PRId64 ")",
                  why->text, skip ? "skipped the data of" : "went back to", l->r->step, n_bad,
                  c->max_bad);
    TRIT_TRY(record_bad(l, step, trit_on_bad_names[c->on_bad], why->text, e));
    if (l->r->step < l->first_step) l->first_step = l->r->step;
    if (l->r->step < l->shown_step) l->shown_step = l->r->step;
    return TRIT_OK;
}

static trit_status run_loop(loop *l, trit_error *e) {
    const trit_train_cfg *c = &l->r->exp->cfg.train;
    /* There must be something to go back to. */
    if (c->on_bad == TRIT_ON_BAD_rollback && l->s->saved_step < 0) {
        TRIT_TRY(save(l, false, e));
        TRIT_TRY(end_save(l, true, e));
    }
    bool behind = l->r->step > 0; /* the checkpoint may have been made before an evaluation */
    while (l->r->step < l->end || behind) {
        trit_error why = {0};
        trit_status status = behind ? TRIT_OK : one_step(l, &why);
        if (!status) status = keep_up(l, &why);
        behind = false;
        if (status == TRIT_E_NUMERIC) {
            TRIT_TRY(recover(l, &why, e));
            behind = c->on_bad == TRIT_ON_BAD_rollback && l->r->step > 0;
        } else if (status) {
            if (e && !e->code) *e = why;
            return status;
        }
    }
    return l->eval_at == l->r->step ? TRIT_OK : evaluate(l, e);
}

trit_status trit_train(trit_run *r, trit_store *s, const trit_train_options *o,
                       trit_train_result *out, trit_error *e) {
    *out = (trit_train_result){.valid = {.loss = NAN, .gap_to_source = NAN}};
    loop l = {.r = r,
              .s = s,
              .o = o,
              .out = out,
              .begin = trit_clock(),
              .eval_at = -1,
              .first_step = r->step,
              .shown_step = r->step};
    const trit_config *c = &r->exp->cfg;
    l.end = c->run.stop_at && c->run.stop_at < c->train.steps ? c->run.stop_at : c->train.steps;
    l.shown_at = l.begin;
    report(&l, TRIT_PROGRESS_START, 0, 0);
    trit_status status = trit_store_reserve(s, r, e);
    if (!status) status = run_loop(&l, e);
    l.train_seconds += trit_clock() - l.begin;
    /* What is being saved is there or not before anything else is decided. The save that follows a
     * stop, or whatever ended the run, says more than one that failed. */
    trit_error ignored = {0};
    end_save(&l, true, &ignored);
    if (status == TRIT_E_STOPPED || status == TRIT_E_NUMERIC) {
        trit_error second = {0};
        if (s->saved_step != r->step && trit_store_save(s, r, &second)) {
            if (status == TRIT_E_STOPPED) {
                status = second.code;
                if (e) *e = second;
            } else {
                trit_error_wrap(e, "%s", second.text);
            }
        }
    }
    out->step = r->step;
    out->train_loss = l.recent_weight > 0 ? l.recent / l.recent_weight : NAN;
    out->tokens_per_second =
        l.train_seconds > 0 ? (double)(r->step - l.first_step) * tokens_of_step(r) / l.train_seconds
                            : 0;
    out->best_step = s->best_step;
    out->best_loss = s->best_loss;
    return status;
}
