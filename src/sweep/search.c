#include "sweep/search.h"

#include "sweep/halving.h"
#include "sweep/values.h"

#include <inttypes.h>
#include <math.h>

static trit_status whole(const cJSON *v, const char *key, int64_t lo, int64_t *out, trit_error *e) {
    char found[80];
    if (!v) return TRIT_OK;
    if (!cJSON_IsNumber(v) || v->valuedouble < (double)lo || v->valuedouble > 1e9 ||
        v->valuedouble != floor(v->valuedouble)) {
        return TRIT_FAIL(e, E_CONFIG, "%s: found %s, expected a whole number in %" PRId64 "..1e9",
                         key, trit_json_describe(found, v), lo);
    }
    *out = (int64_t)v->valuedouble;
    return TRIT_OK;
}

/* Without a list the rungs are the last two that halving has: of 3, a ninth and a third. */
static trit_status read_rungs(trit_sweep_search *s, const cJSON *v, trit_error *e) {
    char found[80];
    if (!v) {
        s->n_rung = 2;
        s->rung[0] = 1.0 / (double)(s->halving * s->halving);
        s->rung[1] = 1.0 / (double)s->halving;
        return TRIT_OK;
    }
    if (!s->halving) return TRIT_FAIL(e, E_CONFIG, "rungs belong to halving, which is missing");
    if (!cJSON_IsArray(v) || !v->child || cJSON_GetArraySize(v) > TRIT_SWEEP_MAX_RUNG) {
        return TRIT_FAIL(e, E_CONFIG, "rungs: found %s, expected a list of 1..%d parts of a run",
                         trit_json_describe(found, v), TRIT_SWEEP_MAX_RUNG);
    }
    for (const cJSON *one = v->child; one; one = one->next) {
        double before = s->n_rung ? s->rung[s->n_rung - 1] : 0;
        if (!cJSON_IsNumber(one) || !(one->valuedouble > before && one->valuedouble < 1)) {
            return TRIT_FAIL(e, E_CONFIG,
                             "rungs/%d: found %s, expected a part of train.steps between %g and 1",
                             s->n_rung, trit_json_describe(found, one), before);
        }
        s->rung[s->n_rung++] = one->valuedouble;
    }
    return TRIT_OK;
}

trit_status trit_sweep_search_read(trit_sweep_search *s, const cJSON *v, trit_error *e) {
    static const char *const keys[] = {"random", "seed", "halving", "rungs", "budget"};
    const cJSON *budget = trit_json_get(v, "budget"), *rungs = trit_json_get(v, "rungs");
    char found[80];
    *s = (trit_sweep_search){.seed = 1};
    if (!v) return TRIT_OK;
    TRIT_TRY(trit_sweep_expect_object(v, e));
    TRIT_TRY(trit_sweep_check_keys(v, keys, 5, e));
    TRIT_TRY(whole(trit_json_get(v, "random"), "random", 1, &s->n_random, e));
    TRIT_TRY(whole(trit_json_get(v, "seed"), "seed", 1, &s->seed, e));
    TRIT_TRY(whole(trit_json_get(v, "halving"), "halving", 2, &s->halving, e));
    if (s->halving || rungs) TRIT_TRY(read_rungs(s, rungs, e));
    if (budget && (!cJSON_IsNumber(budget) || !(budget->valuedouble > 0))) {
        return TRIT_FAIL(e, E_CONFIG, "budget: found %s, expected a number of whole trainings",
                         trit_json_describe(found, budget));
    }
    s->budget = budget ? budget->valuedouble : 0;
    if (s->budget > 0 && s->n_random) {
        return TRIT_FAIL(e, E_CONFIG,
                         "random and budget both say how many points are drawn; give one of them");
    }
    if (s->n_random || s->halving || s->budget > 0) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "found nothing to do, expected random, budget or halving");
}

/* What n points cost, in trainings of full length for each seed. */
static double cost_of(const trit_sweep_search *s, int64_t n) {
    double cost = 0, before = 0;
    for (int k = 0; k < s->n_rung; k++) {
        cost += (double)n * (s->rung[k] - before);
        before = s->rung[k];
        n = trit_halving_keep(n, s->halving);
    }
    return cost + (double)n * (1 - before);
}

trit_status trit_sweep_search_count(const trit_sweep_search *s, int64_t n_point, int n_seed,
                                    int64_t *out, trit_error *e) {
    *out = s->n_random && s->n_random < n_point ? s->n_random : n_point;
    if (!(s->budget > 0)) return TRIT_OK;
    while (*out && cost_of(s, *out) * n_seed > s->budget * (1 + 1e-12)) --*out;
    if (*out) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG,
                     "search: budget: found %g trainings, expected at least %g, what one point "
                     "with its seeds costs",
                     s->budget, cost_of(s, 1) * n_seed);
}

trit_status trit_sweep_search_steps(const trit_sweep_search *s, const trit_train_cfg *c,
                                    int64_t step[TRIT_SWEEP_MAX_RUNG], trit_error *e) {
    for (int k = 0; k < s->n_rung; k++) {
        int64_t every = c->eval_every, before = k ? step[k - 1] : 0;
        double wanted = s->rung[k] * (double)c->steps;
        step[k] = every ? (int64_t)ceil(wanted / (double)every) * every : c->steps;
        if (step[k] > before && step[k] < c->steps) continue;
        return TRIT_FAIL(e, E_CONFIG,
                         "search: rung %g of %" PRId64 " steps has no evaluation of its own "
                         "(train.eval_every is %" PRId64 "); evaluate more often, or give other "
                         "rungs",
                         s->rung[k], c->steps, every);
    }
    return TRIT_OK;
}
