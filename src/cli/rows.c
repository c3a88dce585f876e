#include "cli/rows.h"

#include "quant/methods.h"

#include <string.h>

static void add(trit_rows *r, trit_row one) {
    TRIT_ASSERT(r->n < TRIT_MAX_ROW);
    r->at[r->n++] = one;
}

static void add_grids(trit_rows *r) {
    for (int i = 0; trit_grids[i]; i++) {
        const trit_grid *g = trit_grids[i];
        add(r,
            (trit_row){.axis = "grid",
                       .name = g->name,
                       .doc = g->doc,
                       .cite = g->cite,
                       .formula = g->formula,
                       .pitfall = g->pitfall,
                       .knob = g->knob,
                       .bits_min = g->bits_min,
                       .bits_max = g->bits_max,
                       .bits_default = g->bits_default,
                       .example = g->sign == TRIT_SIGN_NONE ? "\"quant\": {\"activations\": \"%s\"}"
                                                            : "\"quant\": {\"weights\": \"%s\"}"});
    }
}

static void add_scales(trit_rows *r) {
    for (int i = 0; trit_scales[i]; i++) {
        const trit_scale_rule *s = trit_scales[i];
        add(r, (trit_row){.axis = "scale",
                          .name = s->name,
                          .doc = s->doc,
                          .cite = s->cite,
                          .formula = s->formula,
                          .pitfall = s->pitfall,
                          .knob = s->knob,
                          .example = "\"quant\": {\"weights\": \"int8-%s\"}"});
    }
}

static const char *granularity_example(int i) {
    switch ((trit_granularity)i) {
    case TRIT_GRANULARITY_token:
        return "\"quant\": {\"activations\": \"int8-%s\"}";
    case TRIT_GRANULARITY_group:
        return "\"quant\": {\"weights\": \"int4-%s64\"}";
    default:
        return "\"quant\": {\"weights\": \"int8-%s\"}";
    }
}

static void add_granularities(trit_rows *r) {
    for (int i = 0; i < TRIT_N_GRANULARITY; i++) {
        add(r, (trit_row){.axis = "granularity",
                          .name = trit_granularity_names[i],
                          .doc = trit_granularity_docs[i],
                          .example = granularity_example(i)});
    }
}

/* On the integer grid, unless the estimator is for ternary levels only. */
static const char *estimator_example(int i) {
    trit_spec sp = trit_spec_make(TRIT_QUANT_WEIGHT, 0);
    sp.estimator = i;
    if (trit_spec_check(&sp, TRIT_QUANT_WEIGHT, NULL)) {
        return "\"quant\": {\"weights\": \"ternary\", \"estimator\": \"%s\"}";
    }
    return "\"quant\": {\"weights\": \"int8\", \"estimator\": \"%s\"}";
}

static const char *transform_example(const trit_transform *t) {
    if (!t->blocked) return "\"quant\": {\"weights\": {\"grid\": \"int\", \"transform\": \"%s\"}}";
    if (!t->moves) return "\"quant\": {\"weights\": \"half2-rms-row-trust-%s\"}";
    return "\"quant\": {\"weights\": \"ternary-%s\", \"activations\": \"int8-hadamard-half\"}";
}

static void add_transforms(trit_rows *r) {
    for (int i = 0; trit_transforms[i]; i++) {
        const trit_transform *t = trit_transforms[i];
        add(r, (trit_row){.axis = "transform",
                          .name = t->name,
                          .doc = t->doc,
                          .cite = t->cite,
                          .formula = t->formula,
                          .pitfall = t->pitfall,
                          .example = transform_example(t)});
    }
}

static void add_estimators(trit_rows *r) {
    for (int i = 0; trit_estimators[i]; i++) {
        const trit_estimator *t = trit_estimators[i];
        add(r, (trit_row){.axis = "estimator",
                          .name = t->name,
                          .doc = t->doc,
                          .cite = t->cite,
                          .formula = t->formula,
                          .pitfall = t->pitfall,
                          .knob = t->knob,
                          .example = estimator_example(i)});
    }
}

static void add_forms(trit_rows *r) {
    for (int i = 1; trit_forms[i]; i++) {
        const trit_form *f = trit_forms[i];
        add(r, (trit_row){.axis = "form",
                          .name = f->name,
                          .doc = f->doc,
                          .cite = f->cite,
                          .formula = f->formula,
                          .pitfall = f->pitfall,
                          .knob = f->knob,
                          .bits_min = f->bits_min,
                          .bits_max = f->bits_max,
                          .bits_default = f->bits_default,
                          .form = f,
                          .example = f->weights ? "\"quant\": {\"weights\": \"%s\"}"
                                                : "\"quant\": {\"activations\": \"%s\"}"});
    }
}

static void add_controllers(trit_rows *r) {
    for (int i = 0; trit_controllers[i]; i++) {
        const trit_controller *c = trit_controllers[i];
        add(r, (trit_row){.axis = "controller",
                          .name = c->name,
                          .doc = c->doc,
                          .cite = c->cite,
                          .formula = c->formula,
                          .pitfall = c->pitfall,
                          .knob = c->knob,
                          .with = c->method ? c->method : "lsq-w4",
                          .example = "\"quant\": {\"method\": \"%s\", \"controllers\": "
                                     "[\"%s\"]}"});
    }
}

static void add_losses(trit_rows *r) {
    for (int i = 0; trit_losses[i]; i++) {
        const trit_loss *l = trit_losses[i];
        add(r, (trit_row){.axis = "loss",
                          .name = l->name,
                          .doc = l->doc,
                          .cite = l->cite,
                          .formula = l->formula,
                          .pitfall = l->pitfall,
                          .knob = l->knob,
                          .inside = l->inside,
                          .example = "\"distill\": {\"teacher\": \"RUN\", \"losses\": [\"%s\"]}"});
    }
}

/* The comment of a method says "what it is: who, when, arXiv id". */
static char *split_cite(char *comment) {
    char *cite = NULL;
    for (char *at = comment; (at = strstr(at, ": ")); at++) cite = at;
    if (!cite || !strstr(cite, "arXiv")) return NULL;
    *cite = '\0';
    return cite + 2;
}

static trit_status add_methods(trit_rows *r, trit_error *e) {
    for (const trit_method_file *m = trit_method_files; m->name; m++) {
        TRIT_ASSERT(r->n_method < TRIT_MAX_ROW);
        cJSON **v = &r->method[r->n_method++];
        TRIT_TRY(trit_json_parse(v, m->json, strlen(m->json), m->name, e));
        cJSON *comment = trit_json_get(*v, "comment");
        bool has = cJSON_IsString(comment);
        add(r, (trit_row){.axis = "method",
                          .name = m->name,
                          .cite = has ? split_cite(comment->valuestring) : NULL,
                          .doc = has ? comment->valuestring : "",
                          .json = m->json,
                          .example = "\"quant\": \"%s\""});
    }
    return TRIT_OK;
}

trit_status trit_rows_list(trit_rows *r, trit_error *e) {
    memset(r, 0, sizeof *r);
    add_grids(r);
    add_scales(r);
    add_granularities(r);
    add_transforms(r);
    add_estimators(r);
    add_forms(r);
    add_controllers(r);
    add_losses(r);
    return add_methods(r, e);
}

void trit_rows_free(trit_rows *r) {
    for (int i = 0; i < r->n_method; i++) cJSON_Delete(r->method[i]);
}

trit_status trit_rows_method(const trit_row *row, trit_quant_cfg *cfg, trit_arena *mem,
                             trit_error *e) {
    trit_text text = {0};
    cJSON *root = NULL;
    trit_text_add(&text, "{\"quant\":");
    trit_json_quote(&text, row->name);
    trit_text_add(&text, "}");
    trit_status status = trit_json_parse(&root, trit_text_get(&text), text.len, row->name, e);
    trit_text_free(&text);
    if (!status) status = trit_quant_settings_resolve(root, row->name, e);
    if (!status) {
        status = trit_settings_read(&trit_quant_schema, trit_json_get(root, "quant"), row->name, "",
                                    mem, cfg, e);
    }
    cJSON_Delete(root);
    return status;
}

void trit_rows_example(const trit_row *row, trit_text *out) {
    const char *from = row->example, *gap = strstr(from, "%s");
    if (row->with) {
        trit_text_add(out, "%.*s%s", (int)(gap - from), from, row->with);
        from = gap + 2;
        gap = strstr(from, "%s");
    }
    trit_text_add(out, "%.*s%s%s", (int)(gap - from), from, row->name, gap + 2);
}
