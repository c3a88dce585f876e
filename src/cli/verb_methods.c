/* trit methods: the rows of every axis of a quantizer, losses, and the named methods made of them.
 */
#include "cli/cli.h"
#include "cli/rows.h"
#include "io/file.h"
#include "quant/methods.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const letters[] = {
    "x input, s scale (step size), u = x/s position on the grid, lo and hi its outermost levels,",
    "q level, y = s*q output, g = dL/dy incoming gradient, d stand-in for dq/du (dL/dx = g*d)"};
static const char *const loss_letters[] = {
    "z_s, z_t logits of student and teacher, T temperature, q = softmax(z_s/T),",
    "p = softmax(z_t/T); a mean over the tokens that have a label"};

static const char *const *letters_of(const trit_row *one) {
    return strcmp(one->axis, "loss") == 0 ? loss_letters : letters;
}

/* ---- the table ----------------------------------------------------------------------------- */

static void add_table(const trit_rows *r, trit_text *out) {
    const char *axis = "";
    for (int i = 0; i < r->n; i++) {
        const trit_row *one = &r->at[i];
        if (strcmp(axis, one->axis) != 0) trit_text_add(out, "%s%s\n", i ? "\n" : "", one->axis);
        trit_text_add(out, "  %-22s %s\n", one->name, one->doc);
        axis = one->axis;
    }
    trit_text_add(out, "\n`trit methods NAME` explains one, `trit probe NAME --x '[...]'` runs "
                       "one on numbers.\n");
}

/* ---- one row ------------------------------------------------------------------------------- */

/* "key: text", further lines of the text below its first. */
static void add_lines(trit_text *out, const char *key, const char *text) {
    if (!text) return;
    trit_text_add(out, "  %s: ", key);
    for (const char *line = text; line;) {
        const char *end = strchr(line, '\n');
        int n = end ? (int)(end - line) : (int)strlen(line);
        int indent = line == text ? 0 : (int)strlen(key) + 4;
        trit_text_add(out, "%*s%.*s\n", indent, "", n, line);
        line = end ? end + 1 : NULL;
    }
}

static const char *use_of(const trit_form *f) {
    return f->weights && f->activations ? "weights and activations"
           : f->weights                 ? "weights"
                                        : "activations";
}

static void add_defaults(trit_text *out, const trit_row *one) {
    const trit_form *f = one->form;
    if (f) {
        trit_text_add(out, "  for %s; granularity of weights by default: %s\n", use_of(f),
                      trit_granularity_names[f->granularity]);
    }
    if (one->bits_max && one->bits_min == one->bits_max) {
        trit_text_add(out, "  bits: %d\n", one->bits_max);
    } else if (one->bits_max) {
        trit_text_add(out, "  bits: %d, from %d to %d\n", one->bits_default, one->bits_min,
                      one->bits_max);
    }
    for (const trit_knob *k = one->knob; k && k->name; k++) {
        trit_text_add(out, "  knob %s = %g, from %g to %g: %s\n", k->name, k->dflt, k->lo, k->hi,
                      k->doc);
    }
    if (one->inside) {
        trit_text_add(
            out,
            "  layers = \"%s\", one of \"last\", \"uniform\" and lists of pairs [student's, "
            "teacher's]\n",
            trit_layer_rules[one->inside->layers]);
    }
    if (one->inside && one->inside->projects) {
        trit_text_add(out, "  projection = false; true: a learned matrix W, as for other widths\n");
    }
    static const char *const sizes[] = {[TRIT_LEARN_TENSOR] = "one for the tensor",
                                        [TRIT_LEARN_GROUP] = "one for each group",
                                        [TRIT_LEARN_COLUMN] = "one for each column",
                                        [TRIT_LEARN_ELEMENT] = "one for each element"};
    for (int i = 0; f && i < f->n_learn; i++) {
        const trit_form_learn *l = &f->learn[i];
        trit_text_add(out, "  %s %s, %s: %s\n", l->buffer ? "buffer" : "learned", l->name,
                      sizes[l->size], l->doc);
    }
}

/* What a method's quantizer consists of. */
static void add_part(trit_text *out, const char *what, const trit_spec *sp) {
    char text[96];
    trit_text_add(out, "  %s: %s\n", what, trit_spec_text(sp, text));
    if (!sp->on) return;
    const char *formula[4] = {NULL, NULL, NULL, trit_transforms[sp->transform]->formula};
    if (sp->form) {
        formula[0] = trit_forms[sp->form]->formula;
    } else {
        formula[0] = trit_scales[sp->scale]->formula;
        formula[1] = trit_grids[sp->grid]->formula;
        formula[2] = trit_estimators[sp->estimator]->formula;
    }
    for (int i = 0; i < 4; i++) {
        for (const char *line = formula[i]; line;) {
            const char *end = strchr(line, '\n');
            trit_text_add(out, "    %.*s\n", end ? (int)(end - line) : (int)strlen(line), line);
            line = end ? end + 1 : NULL;
        }
    }
}

static trit_status add_parts(trit_text *out, const trit_row *one, trit_error *e) {
    trit_quant_cfg cfg;
    trit_arena mem;
    trit_arena_init(&mem, "method");
    trit_status status = trit_rows_method(one, &cfg, &mem, e);
    if (!status) {
        add_part(out, "weights", &cfg.weights);
        add_part(out, "activations", &cfg.activations);
        if (cfg.lora.rank) {
            trit_text_add(out,
                          "  weights frozen, adapters of rank %d times %g under the quantizer\n",
                          (int)cfg.lora.rank, cfg.lora.alpha / (double)cfg.lora.rank);
        }
        for (int i = 0; i < cfg.n_method_rule; i++) {
            const trit_quant_rule *rule = &cfg.method_rule[i];
            char what[160];
            snprintf(what, sizeof what, "weights of %s", rule->match);
            if (rule->has_weights) add_part(out, what, &rule->weights);
            snprintf(what, sizeof what, "activations of %s", rule->match);
            if (rule->has_activations) add_part(out, what, &rule->activations);
        }
        for (int i = 0; i < cfg.controllers.n; i++) {
            trit_text_add(out, "  controller: %s\n",
                          trit_controller_names[cfg.controllers.at[i].type]);
        }
    }
    trit_arena_free(&mem);
    return status;
}

static trit_status add_row(trit_text *out, const trit_row *one, trit_error *e) {
    trit_text_add(out, "%s %s\n  %s\n", one->axis, one->name, one->doc);
    add_lines(out, "formula", one->formula);
    if (one->json) TRIT_TRY(add_parts(out, one, e));
    add_defaults(out, one);
    add_lines(out, "pitfall", one->pitfall);
    add_lines(out, "source", one->cite);
    if (one->formula || one->json) {
        const char *const *letter = letters_of(one);
        trit_text_add(out, "letters: %s\n         %s\n", letter[0], letter[1]);
    }
    trit_text_add(out, "example: ");
    trit_rows_example(one, out);
    trit_text_add(out, "\n");
    if (one->json) trit_text_add(out, "\n%s", one->json);
    return TRIT_OK;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void add_text(trit_text *t, const char *key, const char *text) {
    trit_text_add(t, "\"%s\":", key);
    trit_json_quote(t, text ? text : "");
    trit_text_add(t, ",");
}

static void add_json(trit_text *t, const trit_row *one) {
    trit_text_add(t, "{");
    add_text(t, "axis", one->axis);
    add_text(t, "name", one->name);
    add_text(t, "doc", one->doc);
    add_text(t, "cite", one->cite);
    trit_text_add(t, "\"knobs\":[");
    for (const trit_knob *k = one->knob; k && k->name; k++) {
        trit_text_add(t, "%s{", k == one->knob ? "" : ",");
        add_text(t, "name", k->name);
        const char *const keys[] = {"default", "lo", "hi"};
        const double values[] = {k->dflt, k->lo, k->hi};
        for (int i = 0; i < 3; i++) {
            trit_text_add(t, "\"%s\":", keys[i]);
            trit_json_number(t, values[i]);
            trit_text_add(t, ",");
        }
        trit_text_add(t, "\"doc\":");
        trit_json_quote(t, k->doc);
        trit_text_add(t, "}");
    }
    trit_text_add(t, "]}");
}

/* The rows whose name is `name`, or all for NULL. */
static void add_json_list(const trit_rows *r, const char *name, trit_text *t) {
    int n = 0;
    trit_text_add(t, "[");
    for (int i = 0; i < r->n; i++) {
        if (name && strcmp(name, r->at[i].name) != 0) continue;
        trit_text_add(t, n++ ? ",\n " : "");
        add_json(t, &r->at[i]);
    }
    trit_text_add(t, "]\n");
}

/* ---- Markdown ------------------------------------------------------------------------------ */

/* The pictures that docs/render_methods.sh made of a row, where there are any. */
static void add_images(trit_text *out, const trit_row *one, const char *images) {
    static const char *const parts[] = {"", "-weights", "-activations"};
    for (int i = 0; images && i < 3; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s-%s%s.svg", images, one->axis, one->name, parts[i]);
        if (access(path, R_OK) != 0) continue;
        const char *folder = strrchr(images, '/');
        trit_text_add(out, "![%s %s%s%s: output and slope](%s/%s-%s%s.svg)\n\n", one->axis,
                      one->name, i ? ", " : "", i ? parts[i] + 1 : "", folder ? folder + 1 : images,
                      one->axis, one->name, parts[i]);
    }
}

static trit_status add_doc_row(trit_text *out, const trit_row *one, const char *images,
                               trit_error *e) {
    trit_text_add(out, "### %s\n\n%s%s\n\n", one->name, one->doc,
                  *one->doc && one->doc[strlen(one->doc) - 1] == '.' ? "" : ".");
    if (one->formula) trit_text_add(out, "```\n%s\n```\n\n", one->formula);
    trit_text facts = {0};
    trit_status status = one->json ? add_parts(&facts, one, e) : TRIT_OK;
    if (!status) add_defaults(&facts, one);
    if (facts.len) trit_text_add(out, "```\n%s```\n\n", trit_text_get(&facts));
    trit_text_free(&facts);
    if (one->pitfall) trit_text_add(out, "Pitfall: %s.\n\n", one->pitfall);
    if (one->cite) trit_text_add(out, "Source: %s.\n\n", one->cite);
    trit_text_add(out, "Example: `");
    trit_rows_example(one, out);
    trit_text_add(out, "`\n\n");
    add_images(out, one, images);
    return status;
}

static trit_status add_doc(const trit_rows *r, const char *images, trit_text *out, trit_error *e) {
    static const char *const titles[][2] = {
        {"grid", "Grids: which levels exist"},
        {"scale", "Scale rules: how a group of elements gets its step size"},
        {"granularity", "Granularities: who shares a step size"},
        {"transform", "Transforms: the basis in which the rest works"},
        {"estimator", "Estimators: the gradient of rounding"},
        {"form", "Forms: quantizers of one piece"},
        {"controller", "Controllers: what acts on quantizers around each optimizer step"},
        {"loss", "Losses: what a student is trained by"},
        {"method", "Named methods"},
    };
    trit_text_add(out,
                  "# Quantizers\n\nMade by `trit methods --doc`; do not edit.\n\n"
                  "A quantizer is a grid, a scale rule, a granularity and an estimator, or a form "
                  "of one piece; a transform may go round either. Named methods put them together. "
                  "Letters: %s %s. Of losses: %s %s.\n\n",
                  letters[0], letters[1], loss_letters[0], loss_letters[1]);
    if (images) {
        trit_text_add(out, "The pictures are measured: one element of a row of 2048 moves, all "
                           "others are normal numbers. Beyond the largest of these it is the "
                           "element that sets the scale of an absmax quantizer, which therefore "
                           "does not clip it.\n\n");
    }
    const char *axis = "";
    for (int i = 0; i < r->n; i++) {
        for (int k = 0; strcmp(axis, r->at[i].axis) != 0 && k < 9; k++) {
            if (strcmp(titles[k][0], r->at[i].axis) != 0) continue;
            trit_text_add(out, "## %s\n\n", titles[k][1]);
        }
        axis = r->at[i].axis;
        TRIT_TRY(add_doc_row(out, &r->at[i], images, e));
    }
    while (out->len && out->at[out->len - 1] == '\n') out->at[--out->len] = '\0';
    trit_text_add(out, "\n");
    return TRIT_OK;
}

/* ---- the verb ------------------------------------------------------------------------------ */

static trit_status unknown_name(const trit_rows *r, const char *name, trit_error *e) {
    const char *words[TRIT_MAX_ROW];
    for (int i = 0; i < r->n; i++) words[i] = r->at[i].name;
    const char *near = trit_text_nearest(name, words, r->n);
    char hint[TRIT_TEXT_HINT_BYTES];
    if (near) {
        snprintf(hint, sizeof hint, "; did you mean \"%s\"?", near);
    } else {
        trit_method_hint(hint, name);
    }
    return TRIT_FAIL(e, E_USAGE, "no row or method is called \"%s\"%s", name, hint);
}

typedef struct request {
    const char *name, *images;
    bool json, doc;
} request;

static trit_status show(const trit_rows *r, const request *q, trit_text *out, trit_error *e) {
    if (q->doc) return add_doc(r, q->images, out, e);
    int n = 0;
    for (int i = 0; q->name && i < r->n; i++) {
        if (strcmp(q->name, r->at[i].name) != 0) continue;
        if (n++ && !q->json) trit_text_add(out, "\n");
        if (!q->json) TRIT_TRY(add_row(out, &r->at[i], e));
    }
    if (q->name && !n) return unknown_name(r, q->name, e);
    if (q->json) add_json_list(r, q->name, out);
    if (!q->name && !q->json) add_table(r, out);
    return TRIT_OK;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    request q = {0};
    const trit_option options[] = {{"--json", TRIT_OPT_FLAG, &q.json, 0, 0},
                                   {"--doc", TRIT_OPT_FLAG, &q.doc, 0, 0},
                                   {"--images", TRIT_OPT_TEXT, &q.images, 0, 0}};
    int n;
    if (trit_options_read(options, 3, argc, argv, &n, &e)) return trit_report(&e);
    if (n > 1 || (n && q.doc)) {
        TRIT_FAIL(&e, E_USAGE,
                  q.doc ? "--doc is of all rows, without a NAME" : "expected one NAME, found %d",
                  n);
        return trit_report(&e);
    }
    q.name = n ? argv[0] : NULL;
    trit_method m; /* lsq-w2 is explained by lsq */
    if (n && trit_method_find(q.name, &m)) q.name = m.file->name;
    trit_rows r;
    trit_text out = {0};
    trit_status status = trit_rows_list(&r, &e);
    if (!status) status = show(&r, &q, &out, &e);
    if (!status && out.failed) status = TRIT_FAIL(&e, E_NOMEM, "no memory for the list");
    if (!status) fputs(trit_text_get(&out), stdout);
    trit_text_free(&out);
    trit_rows_free(&r);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_methods = {
    .name = "methods",
    .usage = "[NAME] [--json] | --doc [--images DIR]",
    .doc = "lists grids, scale rules, granularities, transforms, estimators, forms, controllers, "
           "losses "
           "and named methods",
    .help = "  NAME           explains one: formula, defaults, ranges of knobs, pitfalls, source,\n"
            "                 an example; lsq-w2, lsq-a8, lsq-w3a4: method lsq with other bits,\n"
            "                 of weights, of activations or of both\n"
            "  --json         a list of {axis, name, doc, cite, knobs}\n"
            "  --doc          all of it as a page of Markdown (docs/methods.md)\n"
            "  --images DIR   with --doc: shows the pictures that lie in DIR as AXIS-NAME.svg, or\n"
            "                 AXIS-NAME-weights.svg and AXIS-NAME-activations.svg\n",
    .run = run,
};
