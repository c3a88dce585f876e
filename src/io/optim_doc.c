/* The page about optimizers, from their rows. */
#include "io/optim_settings.h"
#include "optim/optim.h"

#include <string.h>

static void add_states(trit_text *out, const trit_optim_type *t) {
    trit_text_add(out, "- state:");
    for (int k = 0; k < t->n_slot; k++) {
        trit_text_add(out, "%s `%s`%s", k ? "," : "", t->slot_name[k],
                      t->slot_signed[k] ? "" : " (never negative)");
    }
    trit_text_add(out, "\n");
}

static void add_optimizer(trit_text *out, const trit_optim_type *t) {
    trit_text_add(out, "### %s\n\n%s. %s.\n\n```\n%s\n```\n\n", t->name, t->doc, t->cite,
                  t->formula);
    add_states(out, t);
    if (t->defaults) trit_text_add(out, "- values that its name brings: `%s`\n", t->defaults);
    if (t->pitfall) trit_text_add(out, "- pitfall: %s\n", t->pitfall);
    trit_text_add(out, "\n");
}

void trit_optim_doc(trit_text *out) {
    trit_text_add(
        out,
        "# Optimizers\n\n"
        "Made by `trit config --optimizers` from the rows in `src/optim`; do not edit. Every key "
        "of "
        "the section `optim` with its range and default stands in `trit config --doc`, and `trit "
        "probe-optim NAME --w '[1, -2]' --g '[0.1, -0.3]'` runs one on numbers.\n\n"
        "In a step, g is first limited: each tensor by `clip_percentile`, groups with a "
        "`clip_norm` "
        "by their joint norm, all others by the section's `clip_norm`, elements by `clip_value`. "
        "Then weight decay as `decay_mode` says; the formulas are for `decoupled`. w is the "
        "weight, t "
        "counts updates from 1. Weights, the output head and embeddings decay; norms, biases and "
        "numbers of quantizers do not, unless a group says so.\n\n## Kinds\n\n");
    for (int i = 0; trit_optim_types[i]; i++) add_optimizer(out, trit_optim_types[i]);
    trit_text_add(out, "## Schedules\n\n| schedule | learning rate after warm-up | values that its "
                       "name brings |\n|---|---|---|\n");
    for (int i = 0; i < TRIT_N_LR; i++) {
        trit_text_add(out, "| %s | %s | `%s` |\n", trit_lr_schedule_names[i],
                      trit_lr_schedule_docs[i], trit_lr_schedule_defaults(i));
    }
    trit_text_add(out, "\n## Groups\n\nRoles:");
    for (int i = 1; trit_group_role_names[i + 1]; i++) {
        trit_text_add(out, "%s `%s`", i > 1 ? "," : "", trit_group_role_names[i]);
    }
    trit_text_add(
        out,
        ".\n\n```json\n\"groups\": [{\"role\": \"norm\", \"weight_decay\": 0.1},\n"
        "           {\"match\": \"blocks.0.*\", \"lr\": 0.5, \"beta2\": 0.99},\n"
        "           {\"match\": \"embed.weight\", \"freeze\": true}]\n```\n\n"
        "A group speaks about the parameters that its pattern and its role match; where several "
        "speak about a key, the last one counts. One that matches nothing is an error.\n");
}
