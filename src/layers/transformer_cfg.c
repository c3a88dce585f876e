/* The config section "model": words, presets, rules across keys. */
#include "layers/transformer.h"

const char *const trit_model_kind_names[] = {"transformer", NULL};
const char *const trit_ffn_names[] = {"gelu",   "relu2",  "swiglu", "relu2glu",
                                      "rprelu", "maxout", NULL};
const char *const trit_attention_names[] = {"softmax", "binary", NULL};
const char *const trit_gelu_names[] = {"tanh", "erf", NULL};
const char *const trit_norm_names[] = {"rms", "layer", NULL};
const char *const trit_position_names[] = {"rope", "learned", NULL};
const char *const trit_recompute_names[] = {"none", "attention", "block", NULL};
const char *const trit_init_names[] = {"gpt2", "normal", "xavier", NULL};

const char *const trit_model_preset_names[] = {"none", "gpt2", "llama", "bitnet", NULL};
static const char *const presets[] = {
    "{}",
    "{\"ffn\":\"gelu\",\"gelu\":\"tanh\",\"norm\":\"layer\",\"positions\":\"learned\","
    "\"tied\":true,\"biases\":true}",
    "{\"ffn\":\"swiglu\",\"norm\":\"rms\",\"positions\":\"rope\",\"tied\":false,"
    "\"biases\":false}",
    "{\"ffn\":\"relu2glu\",\"norm\":\"rms\",\"positions\":\"rope\",\"tied\":true,"
    "\"biases\":false,\"sub_norm\":true}",
};

const char *trit_model_preset_json(int i) {
    return presets[i];
}

static trit_status check(const void *section, trit_error *e) {
    const trit_model_cfg *c = section;
    if (c->width % c->heads != 0) {
        return TRIT_FAIL(e, E_CONFIG, "heads: found %lld, which does not divide width %lld",
                         (long long)c->heads, (long long)c->width);
    }
    if (c->kv_heads && c->heads % c->kv_heads != 0) {
        return TRIT_FAIL(e, E_CONFIG, "kv_heads: found %lld, which does not divide heads %lld",
                         (long long)c->kv_heads, (long long)c->heads);
    }
    if (c->positions == TRIT_POSITION_rope && c->width / c->heads % 2 != 0) {
        return TRIT_FAIL(
            e, E_CONFIG,
            "heads: a head of %lld elements (width/heads) is odd, but rotary positions "
            "turn pairs of elements",
            (long long)(c->width / c->heads));
    }
    return TRIT_OK;
}

static const trit_field fields[] = {
#define F(...) TRIT_FIELD(trit_model_cfg, __VA_ARGS__)
    TRIT_MODEL_FIELDS(F)
#undef F
};
const trit_schema trit_model_schema =
    TRIT_SCHEMA("model", "the network", trit_model_cfg, fields, check);
