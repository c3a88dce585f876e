#include "rig.h"

/* A group that says nothing yet. */
static trit_optim_group group_of(const char *match, int role) {
    return (trit_optim_group){match, role, NAN, NAN, NAN, NAN, NAN, false, false};
}

typedef struct model {
    trit_arena mem;
    trit_params ps;
    trit_exec x;
    trit_graph g;
    trit_optim o;
    trit_param *w, *head, *embed, *norm, *bias;
} model;

static trit_param *add(model *m, const char *path, trit_role role) {
    trit_error e = {0};
    trit_param *p;
    assert_ok(trit_params_add(&m->ps, path, role, 1, (int64_t[]){3}, &p, &e));
    return p;
}

static trit_status open_model(model *m, const trit_optim_cfg *cfg, trit_error *e) {
    *m = (model){0};
    trit_arena_init(&m->mem, "test");
    trit_params_init(&m->ps, &m->mem);
    m->w = add(m, "blocks.0.attn.q.weight", TRIT_ROLE_weight);
    m->head = add(m, "head.weight", TRIT_ROLE_head);
    m->embed = add(m, "embed.weight", TRIT_ROLE_embedding);
    m->norm = add(m, "blocks.0.attn.norm.weight", TRIT_ROLE_norm);
    m->bias = add(m, "blocks.0.attn.q.bias", TRIT_ROLE_bias);
    add(m, "blocks.0.state", TRIT_ROLE_buffer);
    TRIT_TRY(trit_optim_freeze(cfg, &m->ps, e));
    trit_graph_init(&m->g, TRIT_TRAIN);
    for (int i = 0; i < m->ps.n; i++) trit_leaf(&m->g, m->ps.at[i]);
    return trit_optim_init(&m->o, cfg, &m->ps, 10, 1, e);
}

static void close_model(model *m) {
    trit_graph_free(&m->g);
    trit_params_free(&m->ps);
    trit_arena_free(&m->mem);
}

static const trit_optim_item *item(const model *m, const trit_param *p) {
    return trit_optim_find(&m->o, p);
}

static void what_decays(void **state) {
    (void)state;
    trit_error e = {0};
    model m;
    const trit_optim_cfg cfg = {.lr = 1, .weight_decay = .1};
    assert_ok(open_model(&m, &cfg, &e));
    assert_true(item(&m, m.w)->decay == .1 && item(&m, m.head)->decay == .1);
    assert_true(item(&m, m.embed)->decay == .1);
    assert_true(item(&m, m.norm)->decay == 0 && item(&m, m.bias)->decay == 0);
    close_model(&m);
}

/* Each key comes from the last group that says something about it. */
static void the_last_word(void **state) {
    (void)state;
    trit_optim_group group[] = {group_of("blocks.*", 0), group_of("*", TRIT_ROLE_norm + 1),
                                group_of("*.q.*", TRIT_ROLE_bias + 1)};
    group[0].lr = .5;
    group[0].weight_decay = .2;
    group[0].beta1 = .1;
    group[1].lr = 3;
    group[1].beta2 = .7;
    group[2].clip_norm = 1;
    const trit_optim_cfg cfg = {
        .lr = 1, .weight_decay = .1, .beta1 = .9, .beta2 = .95, .n_group = 3, .group = group};
    trit_error e = {0};
    model m;
    assert_ok(open_model(&m, &cfg, &e));
    const trit_optim_item *w = item(&m, m.w), *norm = item(&m, m.norm), *bias = item(&m, m.bias);
    assert_true(w->lr_scale == .5 && w->decay == .2 && w->beta1 == .1 && w->beta2 == .95);
    assert_true(norm->lr_scale == 3 && norm->decay == .2 && norm->beta1 == .1 && norm->beta2 == .7);
    assert_true(bias->lr_scale == .5 && bias->clip_group == 2);
    assert_int_equal(w->clip_group, -1);
    assert_true(item(&m, m.head)->lr_scale == 1 && item(&m, m.head)->decay == .1);
    close_model(&m);
}

static void freezing(void **state) {
    (void)state;
    trit_optim_group group[] = {group_of("blocks.*", 0), group_of("*", TRIT_ROLE_norm + 1)};
    group[0].freeze = group[0].has_freeze = group[1].has_freeze = true;
    const trit_optim_cfg cfg = {.lr = 1, .n_group = 2, .group = group};
    trit_error e = {0};
    model m;
    assert_ok(open_model(&m, &cfg, &e));
    assert_true(m.w->frozen && m.bias->frozen);
    assert_null(item(&m, m.w));
    assert_false(m.norm->frozen);
    assert_non_null(item(&m, m.norm));
    assert_false(m.w->used); /* no gradient is computed */
    close_model(&m);
}

static void nothing_matches(void **state) {
    (void)state;
    static const struct {
        const char *match;
        int role;
        const char *says[2];
    } cases[] = {
        {"heat.weight",
         0,
         {"groups/0/match: \"heat.weight\" matches no parameter", "did you mean \"head.weight\"?"}},
        {"head.*", TRIT_ROLE_norm + 1, {"\"head.*\" matches no parameter of role norm", ""}},
        {"*", TRIT_ROLE_step_size + 1, {"groups/0/role: \"step_size\" matches no parameter", ""}},
        {"blocks.0.state", 0, {"matches no parameter", ""}}, /* a buffer */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const trit_optim_group group = group_of(cases[i].match, cases[i].role);
        const trit_optim_cfg cfg = {.lr = 1, .n_group = 1, .group = &group};
        trit_error e = {0};
        model m;
        assert_int_equal(open_model(&m, &cfg, &e), TRIT_E_CONFIG);
        for (int k = 0; k < 2; k++) assert_error_has(e, cases[i].says[k]);
        close_model(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_decays),
        cmocka_unit_test(the_last_word),
        cmocka_unit_test(freezing),
        cmocka_unit_test(nothing_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
