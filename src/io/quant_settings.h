/* The config section "quant": which quantizer each weight and each layer input gets.
 *
 *     "quant": "bitnet-b1.58"
 *     "quant": {"method": "lsq-w4", "weights": {"bits": 3}, "activations": "int8-token",
 *               "rules": [{"match": "blocks.0.*", "weights": "none"}],
 *               "controllers": [{"name": "dampening", "knobs": {"weight": 0.01}}]}
 *
 * A spec is a string (trit_spec_parse) or an object with the keys grid, bits, signed, narrow,
 * scale, granularity, group, estimator, transform, block, eps, start, lambda and knobs; lambda and
 * each knob are numbers or schedules {"shape", "from", "to", "begin", "end", "k"}. What is left out
 * has the default of trit_spec_make; "group" without "granularity" means granularity group.
 *
 * From raw tree to settings:
 *
 *     trit_quant_settings_expand(root, file, e)            the file alone
 *     trit_quant_settings_override(root, schema, "k=v", e) every override
 *     trit_quant_settings_resolve(root, file, e)
 *     trit_settings_read(...)
 *
 * Three layers make the section, lowest first: the named method, the file, the overrides.
 *   - A spec that names a grid (every string does) replaces what lies below; an object without one
 *     changes single keys of it: quant.weights.bits=4.
 *   - "estimator" of a layer is the estimator of the layers below and of the specs of its own layer
 *     that name none.
 *   - A method may have rules of its own. They become "method_rules", which stand before "rules"
 *     and may match no layer.
 *   - "controllers" of a layer replace those of the layers below.
 *   - An override of quant.method replaces the file's method, weights, activations, estimator,
 * lora, branch, method_rules and controllers (overrides of these still hold, whatever their order);
 * the rules of the file stay.
 *   - quant=NAME replaces the section, rules included. */
#ifndef TRIT_IO_QUANT_SETTINGS_H
#define TRIT_IO_QUANT_SETTINGS_H

#include "io/control_settings.h"
#include "io/settings.h"
#include "layers/branch_cfg.h"
#include "layers/lora.h"
#include "quant/spec.h"

/* Specs for the layers whose path matches; the last rule that says something wins. */
typedef struct trit_quant_rule {
    const char *match; /* glob (trit_text_match) over layer paths: "blocks.0.*" */
    bool has_weights, has_activations;
    trit_spec weights, activations; /* of those it has; else off */
} trit_quant_rule;

typedef struct trit_quant_cfg {
    const char *method;    /* the named method that was merged in; "" for none */
    const char *estimator; /* ditto, already part of the specs; "" for none */
    trit_spec weights, activations;
    double start; /* of all quantizers, see io/quant_start.h; their own may be later */
    trit_lora_cfg lora;
    trit_branch_cfg branch;
    int n_method_rule, n_rule;
    const trit_quant_rule *method_rule; /* [n_method_rule] of the method; config's arena */
    const trit_quant_rule *rule;        /* [n_rule], after those */
    trit_control_list controllers;
} trit_quant_cfg;

extern const trit_schema trit_quant_schema;

/* Makes "quant": "NAME" an object, and string specs objects with the keys that the string implies,
 * so that overrides have keys to replace. The section is then a layer of its own until
 * trit_quant_settings_resolve. Errors: a string that is no spec. root: the whole config. */
trit_status trit_quant_settings_expand(cJSON *root, const char *file, trit_error *e);
/* trit_settings_override, and also quant=NAME and quant={...}. */
trit_status trit_quant_settings_override(cJSON *root, const trit_schema *s, const char *assignment,
                                         trit_error *e);
/* Merges the layers (the file's alone when nothing was expanded) and writes the section's estimator
 * into its specs. Calling it again changes nothing. E_CONFIG: unknown method or estimator. */
trit_status trit_quant_settings_resolve(cJSON *root, const char *file, trit_error *e);

/* One spec; `pointer` is where v stands in `file`. *sp is zeroed first: equal settings give equal
 * bytes. */
trit_status trit_quant_spec_read(trit_spec *sp, trit_quant_kind kind, const cJSON *v,
                                 const char *file, const char *pointer, trit_error *e);
/* "none" or the whole object, such that reading it gives the same spec. Owned by the caller; NULL:
 * no memory. */
cJSON *trit_quant_spec_write(const trit_spec *sp);

/* Makes the JSON Schema of a document with a section "quant" whole: the section may be the name of
 * a method, and what its parts refer to is defined. false: no memory. */
bool trit_quant_schema_complete(cJSON *document);

#endif
