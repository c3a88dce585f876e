/* Gradients of whole transformers, on the planned graph, against differences. */
#include "layers/transformer.h"

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "autograd/runtime.h"
#include "io/settings.h"
#include "testing.h"

enum { B = 2, T = 4, VOCAB = 11 };

typedef struct variant {
    const char *model; /* overrides of the smallest model, as JSON */
    const char *weights, *inputs;
    double smoothing;
    bool all;     /* embedding and head are quantized too */
    int64_t rank; /* of adapters */
} variant;

static void choose(void *self, const char *path, bool default_on, trit_quant_choice *out) {
    const variant *v = self;
    trit_error e = {0};
    (void)path;
    *out = (trit_quant_choice){.weights = trit_spec_off(), .lora = {v->rank, 3}};
    if (!default_on && !v->all) return;
    assert_ok(trit_spec_parse(&out->weights, TRIT_QUANT_WEIGHT, v->weights, &e));
    assert_ok(trit_spec_parse(&out->activations, TRIT_QUANT_ACTIVATION, v->inputs, &e));
}

typedef struct fixture {
    trit_arena mem;
    trit_params ps;
    trit_transformer m;
    trit_exec x;
    trit_graph g;
    trit_transformer_io io;
    void *block;
} fixture;

/* How a graph is laid out and run, of which no result may depend. */
typedef struct way {
    trit_plan_mode mode;
    int n_threads;
    trit_recompute recompute;
} way;

static trit_model_cfg read_model(const char *text, trit_arena *mem) {
    trit_error e = {0};
    trit_model_cfg cfg;
    cJSON *base = NULL, *over = NULL;
    static const char least[] =
        "{\"layers\":2,\"width\":8,\"heads\":2,\"ffn_width\":12,\"context\":4,\"vocab\":11,"
        "\"init\":\"normal\",\"init_std\":0.4}";
    assert_ok(trit_json_parse(&base, least, strlen(least), "least", &e));
    assert_ok(trit_json_parse(&over, text, strlen(text), "variant", &e));
    const cJSON *preset = trit_json_get(over, "preset");
    for (int i = 0; preset && trit_model_preset_names[i]; i++) {
        if (strcmp(preset->valuestring, trit_model_preset_names[i]) != 0) continue;
        cJSON *p = NULL;
        const char *values = trit_model_preset_json(i);
        assert_ok(trit_json_parse(&p, values, strlen(values), "preset", &e));
        assert_ok(trit_json_merge(&base, p, &e));
        cJSON_Delete(p);
    }
    assert_ok(trit_json_merge(&base, over, &e));
    assert_ok(trit_settings_read(&trit_model_schema, base, NULL, "", mem, &cfg, &e));
    cJSON_Delete(base);
    cJSON_Delete(over);
    return cfg;
}

/* check: for the gradient check. */
static void open_fixture(fixture *f, const variant *v, way how, bool check) {
    trit_error e = {0};
    *f = (fixture){0};
    trit_arena_init(&f->mem, "test");
    trit_params_init(&f->ps, &f->mem);
    trit_model_cfg cfg = read_model(v->model, &f->mem);
    assert_ok(trit_runtime_open(&f->x, &(trit_runtime_options){.n_threads = how.n_threads}, &e));
    f->x.rng = (trit_rng){.seed = 5, .step = 3};
    variant copy = *v;
    assert_ok(trit_transformer_init(&f->m, &cfg, choose, &copy, 1, &f->ps, &e));
    /* Norm weights of one and biases of zero would hide mistakes. */
    for (int i = 0; i < f->ps.n; i++) {
        const trit_param *p = f->ps.at[i];
        bool zero = strstr(p->path, "lora_b") != NULL;
        if (p->role != TRIT_ROLE_norm && p->role != TRIT_ROLE_bias && !zero) continue;
        trit_rng r = {.seed = 2, .stream = trit_hash32(p->path)};
        for (int64_t k = 0; k < trit_tensor_len(&p->val); k++) {
            trit_param_val(p)[k] += 0.3 * trit_rng_normal(&r, (uint64_t)k);
        }
    }
    trit_graph_init(&f->g, TRIT_TRAIN);
    f->g.check = check;
    f->m.recompute = how.recompute;
    f->io = trit_transformer_build(&f->m, &f->g, B, T, true, v->smoothing);
    assert_ok(trit_graph_plan(&f->g, f->io.loss, how.mode, &e));
    assert_ok(trit_runtime_scratch(&f->x, f->g.scratch_bytes, &e));
    f->block = aligned_alloc(64, f->g.plan_bytes + 64);
    assert_non_null(f->block);
    memset(f->block, 0xff, f->g.plan_bytes + 64);
    trit_graph_bind(&f->g, f->block);
    int32_t *x = f->io.tokens->val.data, *y = f->io.labels->val.data;
    for (int i = 0; i < B * T; i++) {
        x[i] = (i * 7 + 3) % VOCAB;
        y[i] = i == 5 ? TRIT_IGNORE : (i * 5 + 1) % VOCAB;
    }
    trit_transformer_step(&f->m, 0);
}

static void close_fixture(fixture *f) {
    trit_graph_free(&f->g);
    free(f->block);
    trit_params_free(&f->ps);
    trit_runtime_close(&f->x);
    trit_arena_free(&f->mem);
}

static void assert_gradients(const variant *v) {
    fixture f;
    open_fixture(&f, v, (way){TRIT_PLAN_REUSE, 1, TRIT_RECOMPUTE_none}, true);
    for (int i = 0; i < f.ps.n; i++) {
        const trit_param *p = f.ps.at[i];
        assert_true(p->used != (p->frozen || p->role == TRIT_ROLE_buffer));
    }
    trit_gradcheck r;
    /* A derivative, or the second one (relu2), jumps: the step must be small there. */
    bool jumps = f.m.cfg.ffn != TRIT_FFN_gelu && f.m.cfg.ffn != TRIT_FFN_swiglu;
    trit_gradcheck_run(&f.g, &f.x, &f.ps, jumps ? 1e-5 : 1e-4, 6, &r);
    assert_true(r.n_checked > 50);
    if (!(r.error <= 1e-7)) {
        fail_msg("%s %s %s: %s[%d]: analytic %.12g, numeric %.12g, error %.3g", v->model,
                 v->weights, v->inputs, r.path, (int)r.element, r.analytic, r.numeric, r.error);
    }
    close_fixture(&f);
}

/* The same bits wherever buffers lie, on any number of threads, and when values are computed again
 * instead of kept. */
static void assert_plans_agree(const variant *v) {
    static const way ways[] = {{TRIT_PLAN_REUSE, 1, TRIT_RECOMPUTE_none},
                               {TRIT_PLAN_SEPARATE, 1, TRIT_RECOMPUTE_none},
                               {TRIT_PLAN_POISON, 1, TRIT_RECOMPUTE_none},
                               {TRIT_PLAN_REUSE, 3, TRIT_RECOMPUTE_none},
                               {TRIT_PLAN_SEPARATE, 1, TRIT_RECOMPUTE_attention},
                               {TRIT_PLAN_POISON, 1, TRIT_RECOMPUTE_attention},
                               {TRIT_PLAN_SEPARATE, 1, TRIT_RECOMPUTE_block},
                               {TRIT_PLAN_POISON, 1, TRIT_RECOMPUTE_block}};
    enum { N = sizeof ways / sizeof *ways };
    fixture f[N];
    for (int i = 0; i < N; i++) {
        open_fixture(&f[i], v, ways[i], false);
        trit_graph_forward(&f[i].g, &f[i].x);
        trit_graph_backward(&f[i].g, &f[i].x, 1);
        assert_true(isfinite(*trit_val(f[i].io.loss)));
        for (int p = 0; p < f[0].ps.n; p++) {
            const trit_tensor *a = &f[0].ps.at[p]->grad, *b = &f[i].ps.at[p]->grad;
            if (!a->data) continue;
            if (memcmp(a->data, b->data, trit_tensor_bytes(a)) != 0) {
                fail_msg("%s %s: gradients of %s differ, way %d", v->model, v->weights,
                         f[0].ps.at[p]->path, i);
            }
        }
    }
    for (int i = 0; i < N; i++) close_fixture(&f[i]);
}

static const char one_kv_head[] =
    "{\"preset\":\"gpt2\",\"kv_heads\":1,\"sub_norm\":true,\"tied\":false,"
    "\"ffn\":\"relu2\",\"positions\":\"rope\",\"dropout\":0.3}";
static const char gelu_learned[] =
    "{\"preset\":\"bitnet\",\"positions\":\"learned\",\"biases\":true,\"dropout\":0.2,"
    "\"gelu\":\"erf\",\"ffn\":\"gelu\"}";
static const char *const models[] = {
    "{}",
    "{\"preset\":\"gpt2\"}",
    "{\"preset\":\"llama\"}",
    "{\"preset\":\"bitnet\"}",
    "{\"preset\":\"llama\",\"heads\":4,\"kv_heads\":2,\"qk_norm\":true,\"tied\":true}",
    one_kv_head,
    gelu_learned,
    "{\"norm\":\"layer\",\"qk_norm\":true,\"sub_norm\":true,\"ffn\":\"swiglu\"}",
    "{\"ffn\":\"rprelu\"}",
    "{\"ffn\":\"maxout\",\"sub_norm\":true,\"biases\":true}",
};
enum { N_MODEL = sizeof models / sizeof *models };

static void full_precision(void **state) {
    (void)state;
    for (int i = 0; i < N_MODEL; i++) {
        const variant v = {models[i], "none", "none", i % 2 ? 0.1 : 0, false, 0};
        assert_gradients(&v);
        assert_plans_agree(&v);
    }
}

/* A threshold is not differentiable, but its estimator is what is checked: `freeze` holds the
 * rounding. Ternary and 8-bit inputs as BitNet b1.58, and learned steps. */
static void quantized(void **state) {
    (void)state;
    for (int i = 0; i < N_MODEL; i++) {
        const variant ternary = {models[i], "ternary-absmean", "none", 0, i % 2 == 1, 0};
        assert_gradients(&ternary);
        const variant lsq = {models[i], "int4-learned", "none", 0, i % 2 == 0, 0};
        assert_gradients(&lsq);
        const variant bitnet = {models[i], "ternary-absmean", "int8-token", 0, i % 2 == 0, 0};
        assert_plans_agree(&bitnet);
        const variant both = {models[i], "int4-learned", "int8-learned", 0.1, false, 0};
        assert_plans_agree(&both);
    }
}

/* Adapters under learned steps, with and without a head and biases of their own. */
static void adapters(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        const variant v = {models[i], "int4-learned", "none", 0, i == 0, 2};
        assert_gradients(&v);
        const variant t = {models[i], "ternary-absmean", "int8-token", 0, i == 0, 3};
        assert_plans_agree(&t);
    }
}

/* Signs have no derivative that differences could see; the op's own test checks its estimator. */
static void binary_attention(void **state) {
    (void)state;
    static const char *const text[] = {
        "{\"attention\":\"binary\",\"sub_norm\":true}",
        "{\"attention\":\"binary\",\"kv_heads\":1,\"preset\":\"gpt2\",\"dropout\":0.2}"};
    for (int i = 0; i < 2; i++) {
        const variant v = {text[i], i ? "none" : "ternary-absmean", "none", 0, false, 0};
        assert_plans_agree(&v);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_attention),
        cmocka_unit_test(adapters),
        cmocka_unit_test(full_precision),
        cmocka_unit_test(quantized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
