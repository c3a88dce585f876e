/* What run/probe found, as JSON and as a table. */
#include "run/probe.h"
#include "run/probe_case.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The fewest digits, up to 9, that read back as the same 32-bit number. */
static char *number_text(char buf[32], double v) {
    for (int n = 6; n <= 9; n++) {
        snprintf(buf, 32, "%.*g", n, v);
        if ((float)strtod(buf, NULL) == (float)v && isfinite((float)v)) break;
    }
    return buf;
}

static void add_number(trit_text *out, double v) {
    char buf[32];
    trit_text_add(out, "%s", isfinite(v) ? number_text(buf, v) : "null");
}

/* Nested lists: a bracket opens and closes wherever a whole part of the shape begins and ends. */
void trit_probe_add_values(trit_text *out, const trit_tensor *shape, const double *v) {
    int64_t n = trit_tensor_len(shape);
    for (int64_t i = 0; i < n; i++) {
        int64_t part = n;
        if (i) trit_text_add(out, i % shape->dim[shape->ndim - 1] ? "," : ", ");
        for (int d = 0; d < shape->ndim; part /= shape->dim[d++]) {
            if (i % part == 0) trit_text_add(out, "[");
        }
        add_number(out, v[i]);
        part = n;
        for (int d = 0; d < shape->ndim; part /= shape->dim[d++]) {
            if ((i + 1) % part == 0) trit_text_add(out, "]");
        }
    }
}

static void add_like_x(trit_text *out, const trit_probe *p, const double *v) {
    if (v) {
        trit_probe_add_values(out, &p->shape, v);
    } else {
        trit_text_add(out, "null");
    }
}

/* A number, or a list of several. */
static void add_few(trit_text *out, const double *v, int64_t n) {
    if (!v) {
        trit_text_add(out, "null");
    } else if (n == 1) {
        add_number(out, *v);
    } else {
        for (int64_t i = 0; i < n; i++) {
            trit_text_add(out, i ? "," : "[");
            add_number(out, v[i]);
        }
        trit_text_add(out, "]");
    }
}

void trit_probe_json(const trit_probe *p, trit_text *out) {
    trit_text_add(out, "{\"y\": ");
    add_like_x(out, p, p->y);
    trit_text_add(out, ", \"codes\": ");
    add_like_x(out, p, p->code);
    trit_text_add(out, ", \"scale\": ");
    add_few(out, p->scale, p->n_group);
    trit_text_add(out, ", \"zero\": ");
    add_few(out, p->zero, p->n_group);
    trit_text_add(out, ", \"gx\": ");
    add_like_x(out, p, p->gx);
    trit_text_add(out, ", \"learnables\": {");
    const char *comma = "";
    for (int i = 0; i < p->n_learn; i++) {
        const trit_probe_learn *l = &p->learn[i];
        if (l->buffer) continue;
        const char *const keys[] = {"value", "grad", "grad_scaled"};
        const double *const values[] = {l->value, l->grad, l->grad_scaled};
        trit_text_add(out, "%s", comma);
        trit_json_quote(out, l->name);
        for (int k = 0; k < 3; k++) {
            trit_text_add(out, "%s\"%s\": ", k ? ", " : ": {", keys[k]);
            if (l->like_x) {
                add_like_x(out, p, values[k]);
            } else {
                add_few(out, values[k], l->n);
            }
        }
        trit_text_add(out, "}");
        comma = ", ";
    }
    trit_text_add(out, "}}");
}

/* ---- for people ---------------------------------------------------------------------------- */

enum { COLUMN = 15 };

static void add_cell(trit_text *out, int width, const double *v, int64_t i) {
    char buf[32];
    trit_text_add(out, " %*s", width, v ? number_text(buf, v[i]) : "-");
}

static void add_elements(const trit_probe *p, trit_text *out) {
    int64_t len = p->n / p->n_group;
    bool many = p->n_group > 1;
    for (int64_t i = 0; i < p->n; i++) {
        if (i % len == 0) {
            int64_t group = i / len;
            trit_text_add(out, "\n");
            if (many) trit_text_add(out, "group %" PRId64 " of %" PRId64, group + 1, p->n_group);
            char scale[32], zero[32];
            bool has_scale = p->scale && !isnan(p->scale[group]);
            if (has_scale) {
                trit_text_add(out, "%sscale %s", many ? ": " : "",
                              number_text(scale, p->scale[group]));
            }
            if (has_scale && p->zero) {
                trit_text_add(out, ", zero %s", number_text(zero, p->zero[group]));
            }
            if (many || has_scale) trit_text_add(out, "\n");
            trit_text_add(out, " %*s %*s %5s %*s %*s\n", COLUMN, "x", COLUMN, "y", "code", COLUMN,
                          "dL/dy", COLUMN, "dL/dx");
        }
        add_cell(out, COLUMN, p->x, i);
        add_cell(out, COLUMN, p->y, i);
        /* What is on no grid has no code. */
        add_cell(out, 5, p->code && !isnan(p->code[i]) ? p->code : NULL, i);
        add_cell(out, COLUMN, p->g, i);
        add_cell(out, COLUMN, p->gx, i);
        trit_text_add(out, "\n");
    }
}

static void add_learnable(const trit_probe_learn *l, trit_text *out) {
    trit_text_add(out, "\n%s %s\n", l->buffer ? "buffer" : "learned", l->name);
    trit_text_add(out, " %*s", COLUMN, "value");
    if (!l->buffer) trit_text_add(out, " %*s %*s", COLUMN, "gradient", COLUMN, "scaled gradient");
    trit_text_add(out, "\n");
    for (int64_t i = 0; i < l->n; i++) {
        add_cell(out, COLUMN, l->value, i);
        if (!l->buffer) {
            add_cell(out, COLUMN, l->grad, i);
            add_cell(out, COLUMN, l->grad_scaled, i);
        }
        trit_text_add(out, "\n");
    }
}

void trit_probe_table(const trit_probe *p, trit_text *out) {
    char text[96], shape[96];
    trit_text_add(out, "%s on %s %s, %s, step %" PRId64 "\n", trit_spec_text(&p->spec, text),
                  p->kind == TRIT_QUANT_WEIGHT ? "weights" : "activations",
                  trit_tensor_shape_text(&p->shape, shape),
                  p->mode == TRIT_TRAIN ? "training" : "evaluation", p->step);
    if (p->n_level) {
        trit_text_add(out, "%d levels%s:", p->n_level, p->n_group > 1 ? " of the first group" : "");
        enum { SHOWN = 16 };
        for (int i = 0; i < p->n_level; i++) {
            if (p->n_level > SHOWN && i == SHOWN / 2) {
                trit_text_add(out, " ...");
                i = p->n_level - SHOWN / 2;
            }
            trit_text_add(out, " %.6g", p->level[i]);
        }
        trit_text_add(out, "\n");
    }
    add_elements(p, out);
    for (int i = 0; i < p->n_learn; i++) add_learnable(&p->learn[i], out);
}
