#include "layers/transformer.h"

#include "autograd/ops.h"
#include "autograd/runtime.h"
#include "io/settings.h"
#include "testing.h"

enum { B = 2, T = 16, VOCAB = 257 };

typedef struct fixture {
    trit_arena mem;
    trit_params ps;
    trit_transformer m;
    trit_exec x;
    trit_graph g;
    trit_transformer_io io;
    void *block;
} fixture;

/* Quantizes the layer whose path is *self, or all that are quantized by default when NULL. */
static void choose(void *self, const char *path, bool default_on, trit_quant_choice *out) {
    trit_error e = {0};
    *out = (trit_quant_choice){.weights = trit_spec_off()};
    if (self ? strcmp(self, path) != 0 : !default_on) return;
    assert_ok(trit_spec_parse(&out->weights, TRIT_QUANT_WEIGHT, "ternary-absmean", &e));
    assert_ok(trit_spec_parse(&out->activations, TRIT_QUANT_ACTIVATION, "int8-token", &e));
}

static void choose_none(void *self, const char *path, bool default_on, trit_quant_choice *out) {
    (void)self;
    (void)path;
    (void)default_on;
    *out = (trit_quant_choice){.weights = trit_spec_off()};
}

static trit_model_cfg preset(const char *name, const char *more) {
    trit_error e = {0};
    trit_arena mem;
    trit_model_cfg cfg;
    cJSON *root = NULL, *over = NULL;
    trit_arena_init(&mem, "test");
    for (int i = 0; trit_model_preset_names[i]; i++) {
        const char *text = trit_model_preset_json(i);
        if (strcmp(trit_model_preset_names[i], name) != 0) continue;
        assert_ok(trit_json_parse(&root, text, strlen(text), name, &e));
    }
    assert_non_null(root);
    assert_ok(trit_json_parse(&over, more, strlen(more), "more", &e));
    assert_ok(trit_json_merge(&root, over, &e));
    assert_ok(trit_settings_read(&trit_model_schema, root, NULL, "", &mem, &cfg, &e));
    cJSON_Delete(root);
    cJSON_Delete(over);
    trit_arena_free(&mem); /* the section has no strings */
    cfg.vocab = VOCAB;
    cfg.context = T;
    return cfg;
}

static void open_fixture(fixture *f, const trit_model_cfg *cfg, trit_quant_chooser chooser,
                         void *self, uint64_t seed) {
    trit_error e = {0};
    *f = (fixture){0};
    trit_arena_init(&f->mem, "test");
    trit_params_init(&f->ps, &f->mem);
    assert_ok(trit_runtime_open(&f->x, &(trit_runtime_options){.n_threads = 1}, &e));
    assert_ok(trit_transformer_init(&f->m, cfg, chooser, self, seed, &f->ps, &e));
}

/* Traces for evaluation with loss; logits stay readable. */
static void build(fixture *f) {
    trit_error e = {0};
    trit_graph_init(&f->g, TRIT_EVAL);
    f->io = trit_transformer_build(&f->m, &f->g, B, T, true, 0);
    assert_non_null(f->io.logits);
    f->io.logits->keep = true;
    assert_ok(trit_graph_plan(&f->g, f->io.loss, TRIT_PLAN_REUSE, &e));
    assert_ok(trit_runtime_scratch(&f->x, f->g.scratch_bytes, &e));
    f->block = aligned_alloc(64, f->g.plan_bytes + 64);
    assert_non_null(f->block);
    trit_graph_bind(&f->g, f->block);
    int32_t *x = f->io.tokens->val.data, *y = f->io.labels->val.data;
    for (int i = 0; i < B * T; i++) {
        x[i] = (i * 37 + 3) % VOCAB;
        y[i] = (i * 101 + 1) % VOCAB;
    }
    trit_transformer_step(&f->m, 0);
    trit_graph_forward(&f->g, &f->x);
}

static void close_fixture(fixture *f) {
    trit_graph_free(&f->g);
    free(f->block);
    trit_params_free(&f->ps);
    trit_runtime_close(&f->x);
    trit_arena_free(&f->mem);
}

static const char small[] = "{\"layers\":2,\"width\":32,\"heads\":4}";

/* An untrained model knows nothing: every token has probability 1/V. */
static void initial_loss(void **state) {
    (void)state;
    for (int i = 0; trit_model_preset_names[i]; i++) {
        for (int quantized = 0; quantized < 2; quantized++) {
            trit_model_cfg cfg = preset(trit_model_preset_names[i], small);
            fixture f;
            open_fixture(&f, &cfg, quantized ? choose : choose_none, NULL, 1);
            build(&f);
            assert_near(*trit_val(f.io.loss) / (float)log(VOCAB), 1, 0.02);
            close_fixture(&f);
        }
    }
}

/* Parameters by hand: V = 257, C = 32, T = 16, 2 layers. */
static void parameter_counts(void **state) {
    (void)state;
    static const struct {
        const char *preset, *more;
        int64_t n;
    } cases[] = {
        /* embedding, position; attention, biases; ffn, biases; norms */
        {"gpt2", small,
         257 * 32 + 16 * 32 + 2 * (4 * 32 * 32 + 4 * 32 + 8 * 32 * 32 + 5 * 32 + 4 * 32) + 2 * 32},
        /* embedding, head; attention; three matrices of width 96; norms */
        {"llama", small, 2 * 257 * 32 + 2 * (4 * 32 * 32 + 3 * 32 * 96 + 2 * 32) + 32},
        /* embedding; the same with norms before o and down */
        {"bitnet", small, 257 * 32 + 2 * (4 * 32 * 32 + 3 * 32 * 96 + 3 * 32 + 96) + 32},
        /* half the keys and values; norms of heads of 8 */
        {"llama", "{\"layers\":2,\"width\":32,\"heads\":4,\"kv_heads\":2,\"qk_norm\":true}",
         2 * 257 * 32 + 2 * (3 * 32 * 32 + 3 * 32 * 96 + 2 * 32 + 2 * 8) + 32},
        /* shift, slope and out of 128 channels; two slopes */
        {"none", "{\"layers\":2,\"width\":32,\"heads\":4,\"ffn\":\"rprelu\"}",
         2 * 257 * 32 + 2 * (4 * 32 * 32 + 8 * 32 * 32 + 3 * 128 + 2 * 32) + 32},
        {"none", "{\"layers\":2,\"width\":32,\"heads\":4,\"ffn\":\"maxout\"}",
         2 * 257 * 32 + 2 * (4 * 32 * 32 + 8 * 32 * 32 + 2 * 128 + 2 * 32) + 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_model_cfg cfg = preset(cases[i].preset, cases[i].more);
        fixture f;
        open_fixture(&f, &cfg, choose_none, NULL, 1);
        assert_int_equal(trit_params_count(&f.ps), cases[i].n);
        close_fixture(&f);
    }
}

static void parameter_paths(void **state) {
    (void)state;
    static const struct {
        const char *path;
        trit_role role;
    } expected[] = {
        {"embed.weight", TRIT_ROLE_embedding},
        {"blocks.0.attn.norm.weight", TRIT_ROLE_norm},
        {"blocks.1.attn.q.weight", TRIT_ROLE_weight},
        {"blocks.1.attn.k.weight", TRIT_ROLE_weight},
        {"blocks.1.attn.v.weight", TRIT_ROLE_weight},
        {"blocks.1.attn.o.weight", TRIT_ROLE_weight},
        {"blocks.1.attn.sub_norm.weight", TRIT_ROLE_norm},
        {"blocks.1.ffn.gate.weight", TRIT_ROLE_weight},
        {"blocks.1.ffn.up.weight", TRIT_ROLE_weight},
        {"blocks.1.ffn.sub_norm.weight", TRIT_ROLE_norm},
        {"blocks.1.ffn.down.weight", TRIT_ROLE_weight},
        {"final_norm.weight", TRIT_ROLE_norm},
    };
    trit_model_cfg cfg = preset("bitnet", small);
    fixture f;
    open_fixture(&f, &cfg, choose, NULL, 1);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const trit_param *p = trit_params_find(&f.ps, expected[i].path);
        if (!p) fail_msg("no parameter %s", expected[i].path);
        assert_int_equal(p->role, expected[i].role);
    }
    assert_null(trit_params_find(&f.ps, "head.weight")); /* tied */
    assert_ptr_equal(f.m.head.w, f.m.embed);
    assert_int_equal(f.m.n_linear, 15);
    close_fixture(&f);
}

static const trit_real *weight(const fixture *f, const char *path) {
    return trit_param_val(trit_params_find(&f->ps, path));
}

/* Neither other parameters nor their order matter: a deeper model begins with the same blocks. */
static void initial_weights_depend_on_path_and_seed(void **state) {
    (void)state;
    trit_model_cfg cfg = preset("llama", "{\"layers\":2,\"width\":32,\"heads\":4,\"init\":"
                                         "\"normal\"}");
    trit_model_cfg deep = cfg;
    deep.layers = 3;
    deep.sub_norm = true;
    fixture a, b, c;
    open_fixture(&a, &cfg, choose_none, NULL, 1);
    open_fixture(&b, &deep, choose, NULL, 1);
    open_fixture(&c, &cfg, choose_none, NULL, 2);
    static const char *const paths[] = {"embed.weight", "blocks.1.attn.o.weight",
                                        "blocks.0.ffn.up.weight", "head.weight"};
    for (int i = 0; i < 4; i++) {
        assert_memory_equal(weight(&a, paths[i]), weight(&b, paths[i]), 32 * sizeof(trit_real));
        assert_memory_not_equal(weight(&a, paths[i]), weight(&c, paths[i]), 32 * sizeof(trit_real));
    }
    assert_memory_not_equal(weight(&a, paths[1]), weight(&a, "blocks.0.attn.o.weight"),
                            32 * sizeof(trit_real));
    close_fixture(&a);
    close_fixture(&b);
    close_fixture(&c);
}

/* What the function is before training: PReLU with a slope of 1/4. */
static void learned_activations(void **state) {
    (void)state;
    static const struct {
        const char *ffn, *path;
        double first;
    } cases[] = {{"rprelu", "blocks.1.ffn.act.shift", 0},
                 {"rprelu", "blocks.1.ffn.act.slope", 0.25},
                 {"rprelu", "blocks.1.ffn.act.out", 0},
                 {"maxout", "blocks.1.ffn.act.pos", 1},
                 {"maxout", "blocks.1.ffn.act.neg", 0.25}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char more[96];
        snprintf(more, sizeof more,
                 "{\"layers\":2,\"width\":32,\"heads\":4,\"ffn_width\":48,\"ffn\":\"%s\"}",
                 cases[i].ffn);
        trit_model_cfg cfg = preset("none", more);
        fixture f;
        open_fixture(&f, &cfg, choose_none, NULL, 1);
        const trit_param *p = trit_params_find(&f.ps, cases[i].path);
        assert_non_null(p);
        assert_int_equal(trit_tensor_len(&p->val), 48);
        assert_true((double)trit_param_val(p)[47] == cases[i].first);
        assert_true(p->role == TRIT_ROLE_bias || p->role == TRIT_ROLE_norm); /* do not decay */
        close_fixture(&f);
    }
}

static double deviation(const fixture *f, const char *path) {
    const trit_param *p = trit_params_find(&f->ps, path);
    int64_t n = trit_tensor_len(&p->val);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += pow((double)trit_param_val(p)[i], 2);
    return sqrt(sum / (double)n);
}

static void initial_sizes(void **state) {
    (void)state;
    trit_model_cfg cfg = preset("llama", "{\"layers\":2,\"width\":64,\"heads\":4}");
    fixture f;
    open_fixture(&f, &cfg, choose_none, NULL, 1);
    assert_near(deviation(&f, "blocks.1.ffn.up.weight") / 0.02, 1, 0.03);
    assert_near(deviation(&f, "blocks.1.ffn.down.weight") / (0.02 / 2), 1, 0.03);
    assert_near(deviation(&f, "blocks.0.attn.o.weight") / (0.02 / 2), 1, 0.03);
    assert_near(deviation(&f, "head.weight") / 0.02, 1, 0.03);
    close_fixture(&f);
    cfg.init = TRIT_INIT_xavier;
    open_fixture(&f, &cfg, choose_none, NULL, 1);
    assert_near(deviation(&f, "blocks.0.attn.o.weight") / sqrt(2.0 / 128), 1, 0.03);
    close_fixture(&f);
}

/* Later tokens change nothing before them; the token itself does. */
static void logits_are_causal(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        trit_model_cfg cfg = preset(trit_model_preset_names[i % 4], small);
        if (i == 4) cfg.attention = TRIT_ATTENTION_binary;
        fixture f;
        open_fixture(&f, &cfg, choose, NULL, 1);
        build(&f);
        enum { AT = 9, N = B * T * VOCAB };
        trit_real *before = malloc(N * sizeof *before);
        const trit_real *after = trit_val(f.io.logits);
        memcpy(before, after, N * sizeof *before);
        int32_t *x = f.io.tokens->val.data;
        for (int t = AT; t < T; t++) x[t] = (x[t] + 11) % VOCAB;
        trit_graph_forward(&f.g, &f.x);
        assert_memory_equal(before, after, AT * VOCAB * sizeof *before);
        assert_memory_not_equal(before + AT * VOCAB, after + AT * VOCAB, VOCAB * sizeof *before);
        /* The other window of the batch is another text. */
        assert_memory_equal(before + T * VOCAB, after + T * VOCAB, T * VOCAB * sizeof *before);
        free(before);
        close_fixture(&f);
    }
}

/* Order of tokens matters: without positions a bag of words would do. */
static void positions_matter(void **state) {
    (void)state;
    for (int learned = 0; learned < 2; learned++) {
        trit_model_cfg cfg = preset("none", "{\"layers\":1,\"width\":32,\"heads\":2,\"init\":"
                                            "\"normal\",\"init_std\":0.2}");
        cfg.positions = learned ? TRIT_POSITION_learned : TRIT_POSITION_rope;
        fixture f;
        open_fixture(&f, &cfg, choose_none, NULL, 1);
        build(&f);
        double before = (double)trit_val(f.io.logits)[5 * VOCAB];
        int32_t *x = f.io.tokens->val.data, kept = x[1];
        x[1] = x[3];
        x[3] = kept;
        trit_graph_forward(&f.g, &f.x);
        assert_true(fabs((double)trit_val(f.io.logits)[5 * VOCAB] - before) > 1e-4);
        close_fixture(&f);
    }
}

/* Embedding and head stay full precision unless somebody asks. */
static void what_is_quantized(void **state) {
    (void)state;
    for (int tied = 0; tied < 2; tied++) {
        trit_model_cfg cfg = preset("llama", small);
        cfg.tied = tied;
        fixture f;
        open_fixture(&f, &cfg, choose, NULL, 1);
        assert_false(f.m.embed_quant.spec.on || f.m.head.wq.spec.on || f.m.head.aq.spec.on);
        for (int i = 0; i + 1 < f.m.n_linear; i++) {
            assert_true(f.m.linear[i]->wq.spec.on && f.m.linear[i]->aq.spec.on);
        }
        close_fixture(&f);
        static char *const asked[] = {"embed", "head", "blocks.1.ffn.up"};
        double loss[3];
        for (int k = 0; k < 3; k++) {
            open_fixture(&f, &cfg, choose, asked[k], 1);
            assert_int_equal(f.m.embed_quant.spec.on, k == 0);
            assert_int_equal(f.m.head.wq.spec.on, k == 1);
            assert_int_equal(f.m.head.aq.spec.on, k == 1);
            assert_int_equal(f.m.block[1].up.wq.spec.on, k == 2);
            assert_false(f.m.block[0].up.wq.spec.on);
            build(&f);
            int n = 0;
            for (int i = 0; i < f.g.n; i++) n += trit_quant_is(f.g.node[i]);
            assert_int_equal(n, k == 0 ? 1 : 2); /* a table has no input to quantize */
            loss[k] = (double)*trit_val(f.io.loss);
            close_fixture(&f);
        }
        assert_true(loss[0] != loss[1] && loss[1] != loss[2]);
    }
}

/* a is uniform to 1/sqrt(n_in), b zero, so that the first forward is that of the frozen weights,
 * which are the ones drawn without adapters. */
static void choose_adapters(void *self, const char *path, bool default_on, trit_quant_choice *out) {
    choose(self, path, default_on, out);
    out->lora = (trit_lora_cfg){.rank = 4, .alpha = 8};
}

static void adapters(void **state) {
    (void)state;
    trit_model_cfg cfg = preset("llama", "{\"layers\":1,\"width\":64,\"heads\":4}");
    fixture plain, f;
    open_fixture(&plain, &cfg, choose, NULL, 1);
    open_fixture(&f, &cfg, choose_adapters, NULL, 1);
    build(&plain);
    build(&f);
    assert_true(*trit_val(f.io.loss) == *trit_val(plain.io.loss));
    assert_null(trit_params_find(&f.ps, "head.lora_a"));
    assert_false(trit_params_find(&f.ps, "embed.weight")->frozen);
    const trit_param *a = trit_params_find(&f.ps, "blocks.0.ffn.down.lora_a");
    int64_t n = trit_tensor_len(&a->val), n_in = 192; /* 8/3 of 64, in multiples of 32 */
    assert_int_equal(n, 4 * n_in);
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs((double)trit_param_val(a)[i]));
    assert_true(most <= 1 / sqrt((double)n_in) && most > 0.98 / sqrt((double)n_in));
    assert_near(deviation(&f, a->path), sqrt(1.0 / 3 / (double)n_in), 0.003);
    assert_true(deviation(&f, "blocks.0.ffn.down.lora_b") == 0);
    close_fixture(&plain);
    close_fixture(&f);
}

static void flops(void **state) {
    (void)state;
    trit_model_cfg cfg = preset("llama", small);
    fixture f;
    open_fixture(&f, &cfg, choose_none, NULL, 1);
    double products = 2 * (4 * 32 * 32 + 3 * 32 * 96) + 32 * 257;
    assert_near(trit_transformer_flops(&f.m, T), 6 * products + 12 * 2 * 32 * T, 1e-12);
    close_fixture(&f);
}

/* The table has Xavier's bounds; behind its norm, its size makes no difference. */
static void stable_embedding(void **state) {
    (void)state;
    trit_model_cfg cfg =
        preset("llama", "{\"layers\":1,\"width\":64,\"heads\":4,\"norm_eps\":1e-12,"
                        "\"stable_embedding\":true}");
    cfg.vocab = 1000;
    const double bound = 0.0750939261;
    float logit[2][8];
    for (int big = 0; big < 2; big++) {
        fixture f;
        open_fixture(&f, &cfg, choose_none, NULL, 1);
        assert_int_equal(trit_params_find(&f.ps, "embed.norm.bias")->role, TRIT_ROLE_norm);
        trit_param *p = trit_params_find(&f.ps, "embed.weight");
        double most = 0;
        for (int64_t i = 0; i < trit_tensor_len(&p->val); i++) {
            most = fmax(most, fabs((double)trit_param_val(p)[i]));
            if (big) trit_param_val(p)[i] *= 8;
        }
        assert_true(most < bound + 1e-8 && most > 0.999 * bound);
        build(&f);
        for (int i = 0; i < 8; i++) logit[big][i] = trit_val(f.io.logits)[i];
        close_fixture(&f);
    }
    for (int i = 0; i < 8; i++) assert_near(logit[1][i], logit[0][i], 1e-5);
    cfg.stable_embedding = false;
    fixture f;
    open_fixture(&f, &cfg, choose_none, NULL, 1);
    assert_null(trit_params_find(&f.ps, "embed.norm.weight"));
    close_fixture(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_loss),
        cmocka_unit_test(parameter_counts),
        cmocka_unit_test(parameter_paths),
        cmocka_unit_test(initial_weights_depend_on_path_and_seed),
        cmocka_unit_test(learned_activations),
        cmocka_unit_test(initial_sizes),
        cmocka_unit_test(logits_are_causal),
        cmocka_unit_test(positions_matter),
        cmocka_unit_test(what_is_quantized),
        cmocka_unit_test(adapters),
        cmocka_unit_test(flops),
        cmocka_unit_test(stable_embedding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
