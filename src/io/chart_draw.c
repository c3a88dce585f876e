#include "io/chart_draw.h"

#include "io/chart_canvas.h"
#include "io/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Sizes in pixels of a chart of default size; others are scaled. */
enum {
    FONT_TITLE = 21,
    FONT_LABEL = 16,
    FONT_TICK = 14,
    MARGIN = 24,
    TICK_GAP = 8,
    LEGEND_GAP = 24,
    SWATCH = 30,
    ROW = 24
};

static const uint32_t INK = 0x222222, SOFT = 0x555555, EDGE = 0x888888, GRID = 0xE2E2E2,
                      GRID_MINOR = 0xF2F2F2;

/* ---- text ---- */

static void set_font(const trit_canvas *v, double size, bool bold) {
    cairo_select_font_face(v->cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(v->cr, size * v->unit);
}

static double text_width(const trit_canvas *v, const char *text) {
    cairo_text_extents_t t;
    cairo_text_extents(v->cr, text, &t);
    return t.x_advance;
}

/* Half the height of a digit: text is centred on what is read, not on its box. */
static double text_middle(const trit_canvas *v) {
    cairo_text_extents_t t;
    cairo_text_extents(v->cr, "0", &t);
    return t.height / 2;
}

static void put_text(const trit_canvas *v, double x, double y, const char *text) {
    if (!v->words) {
        cairo_move_to(v->cr, x, y);
        cairo_show_text(v->cr, text);
        return;
    }
    cairo_matrix_t font;
    double r = 0, g = 0, b = 0;
    cairo_get_font_matrix(v->cr, &font);
    cairo_pattern_get_rgba(cairo_get_source(v->cr), &r, &g, &b, NULL);
    trit_svg_word w = {.x = x, .y = y, .width = text_width(v, text), .size = font.yy};
    cairo_user_to_device(v->cr, &w.x, &w.y);
    w.rgb = (uint32_t)lround(255 * r) << 16 | (uint32_t)lround(255 * g) << 8 |
            (uint32_t)lround(255 * b);
    w.bold = cairo_toy_font_face_get_weight(cairo_get_font_face(v->cr)) == CAIRO_FONT_WEIGHT_BOLD;
    trit_svg_add_word(v->words, &w, text);
}

/* Text cut with an ellipsis to fit; buf holds at least 8 bytes. */
static const char *fit_text(const trit_canvas *v, const char *text, double width, char *buf,
                            size_t cap) {
    size_t n = strlen(text);
    /* Room that was made by the same width must not fail by a last digit. */
    if (n < cap && text_width(v, text) <= width + 0.5) return text;
    if (n > cap - 4) n = cap - 4;
    for (;; n--) {
        while (n && ((unsigned char)text[n] & 0xC0) == 0x80) n--; /* whole characters */
        snprintf(buf, cap, "%.*s…", (int)n, text);
        if (!n || text_width(v, buf) <= width) return buf;
    }
}

/* ---- values ---- */

typedef struct range {
    double lo, hi;
    bool whole; /* only whole numbers */
} range;

static void widen(range *r, double v) {
    if (v < r->lo) r->lo = v;
    if (v > r->hi) r->hi = v;
    r->whole = r->whole && v == floor(v);
}

static trit_status find_ranges(const trit_chart *c, range *x, range *y, trit_error *e) {
    *x = *y = (range){INFINITY, -INFINITY, true};
    for (int k = 0; k < c->n_series; k++) {
        const trit_chart_series *s = &c->series[k];
        for (int64_t i = 0; i < s->n; i++) {
            double xi = trit_chart_x(s, i);
            if (!trit_chart_drawable(xi, c->log_x) || !trit_chart_drawable(s->y[i], c->log_y))
                continue;
            widen(x, xi);
            widen(y, s->y[i]);
            if (s->lo && trit_chart_drawable(s->lo[i], c->log_x)) widen(x, s->lo[i]);
            if (s->hi && trit_chart_drawable(s->hi[i], c->log_x)) widen(x, s->hi[i]);
            if (s->style == TRIT_CHART_BARS && !c->log_y) widen(y, 0);
        }
    }
    if (!(x->lo <= x->hi)) {
        return TRIT_FAIL(e, E_DATA, "chart '%s' has no value to draw%s", c->title ? c->title : "",
                         c->log_x || c->log_y ? " on its logarithmic axes" : "");
    }
    for (int k = 0; k < c->n_mark; k++) {
        const trit_chart_mark *m = &c->mark[k];
        if (trit_chart_drawable(m->y, m->vertical ? c->log_x : c->log_y))
            widen(m->vertical ? x : y, m->y);
    }
    return TRIT_OK;
}

/* ---- layout ---- */

static bool has_points(const trit_chart *c) {
    for (int k = 0; k < c->n_series; k++) {
        trit_chart_style style = c->series[k].style;
        if (style != TRIT_CHART_LINE && style != TRIT_CHART_FAINT) return true;
        if (c->series[k].n == 1) return true;
    }
    return false;
}

static double widest_label(const trit_canvas *v, const trit_axis *a) {
    double widest = 0;
    for (int i = 0; i < a->n_tick; i++) widest = fmax(widest, text_width(v, a->tick[i].label));
    return widest;
}

/* Fewer labels until none touches the next. */
static void make_x_axis(const trit_canvas *v, const trit_chart *c, range x, trit_frame *f) {
    double width = f->right - f->left, pad = has_points(c) ? 0.02 : 0;
    for (int n = (int)(width / (70 * v->unit)) + 1; n >= 1; n--) {
        trit_axis_make(&f->x, c->log_x, x.whole, x.lo, x.hi, pad, n);
        double free_from = -INFINITY;
        bool fits = true;
        for (int i = 0; i < f->x.n_tick && fits; i++) {
            const trit_axis_tick *t = &f->x.tick[i];
            if (!*t->label) continue;
            double half = text_width(v, t->label) / 2, at = trit_axis_at(&f->x, t->at) * width;
            fits = at - half >= free_from;
            free_from = at + half + 16 * v->unit;
        }
        if (fits || n <= 2) return;
    }
}

/* Words at 0, 1, ... from the bottom up. */
static void make_word_axis(const trit_chart *c, trit_axis *a) {
    *a = (trit_axis){.lo = -0.5, .hi = c->n_y_word - 0.5, .n_tick = c->n_y_word};
    TRIT_ASSERT(c->n_y_word <= TRIT_AXIS_MAX_TICKS);
    for (int i = 0; i < c->n_y_word; i++) {
        a->tick[i] = (trit_axis_tick){.at = i, .major = true};
        const char *word = c->y_words[i];
        size_t n = strlen(word), room = TRIT_AXIS_LABEL_BYTES - 4;
        if (n > room) {
            for (n = room; n && ((unsigned char)word[n] & 0xC0) == 0x80;) n--;
        }
        snprintf(a->tick[i].label, TRIT_AXIS_LABEL_BYTES, "%.*s%s", (int)n, word,
                 word[n] ? "…" : "");
    }
}

static double legend_width(const trit_canvas *v, const trit_chart *c) {
    double widest = 0;
    for (int k = 0; k < c->n_series; k++) {
        if (c->series[k].name) widest = fmax(widest, text_width(v, c->series[k].name));
    }
    if (!(widest > 0)) return MARGIN * v->unit; /* room for half of the last tick's label */
    return fmin((LEGEND_GAP + SWATCH + TICK_GAP) * v->unit + widest, 0.34 * v->width);
}

static void lay_out(const trit_canvas *v, const trit_chart *c, range x, range y, trit_frame *f) {
    double u = v->unit;
    set_font(v, FONT_TICK, false);
    f->top = MARGIN * u + (c->title ? (FONT_TITLE + 12) * u : 0);
    if (c->y_label) f->top += (FONT_LABEL + 10) * u;
    f->bottom = v->height - MARGIN * u - (FONT_TICK + TICK_GAP) * u;
    if (c->x_label) f->bottom -= (FONT_LABEL + 10) * u;
    f->right = v->width - MARGIN * u - legend_width(v, c);
    if (c->n_y_word) {
        make_word_axis(c, &f->y);
    } else {
        trit_axis_make(&f->y, c->log_y, false, y.lo, y.hi, 0.05,
                       (int)((f->bottom - f->top) / (60 * u)) + 1);
    }
    f->left = MARGIN * u + fmin(widest_label(v, &f->y) + TICK_GAP * u, 0.3 * v->width);
    make_x_axis(v, c, x, f);
}

/* ---- drawing ---- */

/* One pixel wide and on the pixel grid, so it stays crisp; drawn by the next stroke. */
static void hair_line(const trit_canvas *v, double x0, double y0, double x1, double y1) {
    cairo_set_line_width(v->cr, 1);
    cairo_move_to(v->cr, floor(x0) + 0.5, floor(y0) + 0.5);
    cairo_line_to(v->cr, floor(x1) + 0.5, floor(y1) + 0.5);
}

static void draw_grid(const trit_canvas *v, const trit_frame *f) {
    for (int major = 0; major < 2; major++) {
        trit_canvas_color(v, major ? GRID : GRID_MINOR, 1);
        for (int i = 0; i < f->x.n_tick; i++) {
            if (f->x.tick[i].major != major) continue;
            double x = trit_frame_x(f, f->x.tick[i].at);
            hair_line(v, x, f->top, x, f->bottom);
        }
        for (int i = 0; i < f->y.n_tick; i++) {
            if (f->y.tick[i].major != major) continue;
            double y = trit_frame_y(f, f->y.tick[i].at);
            hair_line(v, f->left, y, f->right, y);
        }
        cairo_stroke(v->cr);
    }
    trit_canvas_color(v, EDGE, 1);
    hair_line(v, f->left, f->top, f->left, f->bottom);
    hair_line(v, f->left, f->bottom, f->right, f->bottom);
    cairo_stroke(v->cr);
}

static void draw_tick_labels(const trit_canvas *v, const trit_frame *f) {
    set_font(v, FONT_TICK, false);
    trit_canvas_color(v, SOFT, 1);
    double gap = TICK_GAP * v->unit;
    for (int i = 0; i < f->x.n_tick; i++) {
        const char *text = f->x.tick[i].label;
        double x = trit_frame_x(f, f->x.tick[i].at) - text_width(v, text) / 2;
        put_text(v, x, f->bottom + gap + FONT_TICK * v->unit, text);
    }
    for (int i = 0; i < f->y.n_tick; i++) {
        const char *text = f->y.tick[i].label;
        double y = trit_frame_y(f, f->y.tick[i].at) + text_middle(v);
        put_text(v, f->left - gap - text_width(v, text), y, text);
    }
}

/* The label of an axis, with the unit of its numbers when that is not 1. */
static const char *axis_label(const char *label, const trit_axis *a, char *buf, size_t cap) {
    char power[TRIT_AXIS_LABEL_BYTES];
    if (!a->exponent) return label;
    snprintf(buf, cap, "%s  [×%s]", label, trit_axis_power(power, a->exponent));
    return buf;
}

static void draw_titles(const trit_canvas *v, const trit_chart *c, const trit_frame *f) {
    char with_power[512], buf[512];
    double u = v->unit, width = v->width - MARGIN * u;
    trit_canvas_color(v, INK, 1);
    if (c->title) {
        set_font(v, FONT_TITLE, true);
        put_text(v, f->left, (MARGIN + FONT_TITLE) * u,
                 fit_text(v, c->title, width - f->left, buf, sizeof buf));
    }
    set_font(v, FONT_LABEL, false);
    const char *label = c->y_label ? c->y_label : "";
    label = axis_label(label, &f->y, with_power, sizeof with_power);
    put_text(v, f->left, f->top - 12 * u, fit_text(v, label, width - f->left, buf, sizeof buf));
    label = axis_label(c->x_label ? c->x_label : "", &f->x, with_power, sizeof with_power);
    label = fit_text(v, label, width - f->left, buf, sizeof buf);
    double x = (f->left + f->right) / 2 - text_width(v, label) / 2;
    put_text(v, fmax(x, MARGIN * u), v->height - MARGIN * u, label);
}

/* Text over lines stays legible on a white ground that they shine through. */
static void put_text_over(const trit_canvas *v, double x, double y, const char *text) {
    double u = v->unit, rise = 2 * text_middle(v), low = rise / 3;
    cairo_save(v->cr);
    trit_canvas_color(v, 0xFFFFFF, 0.85);
    cairo_rectangle(v->cr, x - 3 * u, y - rise - 2 * u, text_width(v, text) + 6 * u,
                    rise + low + 2 * u);
    cairo_fill(v->cr);
    cairo_restore(v->cr);
    put_text(v, x, y, text);
}

static void draw_mark_lines(const trit_canvas *v, const trit_chart *c, const trit_frame *f) {
    double u = v->unit, dash[] = {6 * u, 5 * u};
    trit_canvas_color(v, EDGE, 1);
    cairo_set_line_width(v->cr, 1.2 * u);
    cairo_set_line_cap(v->cr, CAIRO_LINE_CAP_BUTT);
    cairo_set_dash(v->cr, dash, 2, 0);
    for (int k = 0; k < c->n_mark; k++) {
        const trit_chart_mark *m = &c->mark[k];
        if (!trit_chart_drawable(m->y, m->vertical ? c->log_x : c->log_y)) continue;
        if (m->vertical) {
            cairo_move_to(v->cr, trit_frame_x(f, m->y), f->top);
            cairo_line_to(v->cr, trit_frame_x(f, m->y), f->bottom);
        } else {
            cairo_move_to(v->cr, f->left, trit_frame_y(f, m->y));
            cairo_line_to(v->cr, f->right, trit_frame_y(f, m->y));
        }
    }
    cairo_stroke(v->cr);
    cairo_set_dash(v->cr, NULL, 0, 0);
}

/* At the ends of their lines, pushed up where they would overlap. */
static void draw_mark_labels(const trit_canvas *v, const trit_chart *c, const trit_frame *f) {
    double u = v->unit;
    set_font(v, FONT_TICK, false);
    trit_canvas_color(v, SOFT, 1);
    /* From the lowest line up: each next one is the lowest above the last at its end. */
    double last_line = INFINITY, last_text[2] = {INFINITY, INFINITY};
    int last = -1;
    for (int n = 0; n < c->n_mark; n++) {
        int best = -1;
        double best_y = -INFINITY;
        for (int k = 0; k < c->n_mark; k++) {
            if (c->mark[k].vertical || !trit_chart_drawable(c->mark[k].y, c->log_y)) continue;
            double y = trit_frame_y(f, c->mark[k].y);
            bool later = y < last_line || (y == last_line && k > last);
            if (later && y > best_y) {
                best = k;
                best_y = y;
            }
        }
        if (best < 0) break;
        last = best;
        last_line = best_y;
        char buf[256];
        const trit_chart_mark *m = &c->mark[best];
        if (!m->label || !*m->label) continue;
        const char *text = fit_text(v, m->label, (f->right - f->left) * 0.6, buf, sizeof buf);
        double *y = &last_text[m->label_left];
        *y = fmin(best_y - 6 * u, *y - (FONT_TICK + 5) * u);
        put_text_over(v, m->label_left ? f->left + 6 * u : f->right - text_width(v, text) - 6 * u,
                      *y, text);
    }
}

static void draw_legend(const trit_canvas *v, const trit_chart *c, const trit_frame *f) {
    double u = v->unit, x = f->right + LEGEND_GAP * u, y = f->top + 0.5 * ROW * u;
    double text_x = x + (SWATCH + TICK_GAP) * u, room = v->width - MARGIN * u - text_x;
    int n_rows = (int)((f->bottom - f->top) / (ROW * u)), n_named = 0, row = 0;
    for (int k = 0; k < c->n_series; k++) n_named += c->series[k].name != NULL;
    set_font(v, FONT_TICK, false);
    for (int k = 0; k < c->n_series; k++) {
        const trit_chart_series *s = &c->series[k];
        char buf[256];
        if (!s->name) continue;
        if (row == n_rows - 1 && n_named > n_rows) {
            trit_canvas_color(v, SOFT, 1);
            snprintf(buf, sizeof buf, "+ %d more", n_named - row);
            put_text(v, x, y + text_middle(v), buf);
            break;
        }
        trit_canvas_pen(v, s, k);
        if (s->style != TRIT_CHART_DOTS) {
            cairo_move_to(v->cr, x, y);
            cairo_line_to(v->cr, x + SWATCH * u, y);
            cairo_stroke(v->cr);
        }
        if (s->style == TRIT_CHART_POINTS || s->style == TRIT_CHART_DOTS)
            trit_canvas_dot(v, x + SWATCH * u / 2, y, 4);
        trit_canvas_color(v, INK, 1);
        put_text(v, text_x, y + text_middle(v), fit_text(v, s->name, room, buf, sizeof buf));
        y += ROW * u;
        row++;
    }
    cairo_set_dash(v->cr, NULL, 0, 0);
}

/* ---- panels ---- */

typedef struct panel {
    const trit_chart *chart;
    range x, y;
    trit_frame frame;
} panel;

static trit_status find_panels(const trit_chart *c, panel *p, int *n, trit_error *e) {
    for (*n = 0; c; c = c->below) {
        TRIT_ASSERT(*n < TRIT_CHART_PANELS);
        panel *one = &p[(*n)++];
        one->chart = c;
        TRIT_TRY(find_ranges(c, &one->x, &one->y, e));
    }
    range all = p[0].x;
    for (int k = 1; k < *n; k++) {
        widen(&all, p[k].x.lo);
        widen(&all, p[k].x.hi);
        all.whole = all.whole && p[k].x.whole;
    }
    for (int k = 0; k < *n; k++) p[k].x = all;
    return TRIT_OK;
}

/* Edges of all panels stand below each other. */
static void lay_out_panels(const trit_canvas *v, panel *p, int n) {
    double left = 0, right = INFINITY;
    for (int k = 0; k < n; k++) {
        lay_out(v, p[k].chart, p[k].x, p[k].y, &p[k].frame);
        left = fmax(left, p[k].frame.left);
        right = fmin(right, p[k].frame.right);
    }
    for (int k = 0; k < n; k++) {
        p[k].frame.left = left;
        p[k].frame.right = right;
        make_x_axis(v, p[k].chart, p[k].x, &p[k].frame);
    }
}

static void draw_panel(const trit_canvas *v, const panel *p) {
    draw_grid(v, &p->frame);
    draw_mark_lines(v, p->chart, &p->frame);
    trit_canvas_series(v, p->chart, &p->frame);
    draw_mark_labels(v, p->chart, &p->frame);
    draw_tick_labels(v, &p->frame);
    draw_titles(v, p->chart, &p->frame);
    draw_legend(v, p->chart, &p->frame);
}

trit_status trit_chart_draw(const trit_chart *c, cairo_surface_t *surface, int width, int height,
                            trit_text *words, trit_error *e) {
    panel p[TRIT_CHART_PANELS];
    int n;
    TRIT_TRY(find_panels(c, p, &n, e));
    trit_canvas v = {
        .cr = cairo_create(surface), .width = width, .height = (double)height / n, .words = words};
    /* Small charts keep their letters legible and give up room for data; panels, which are low, are
     * lettered like a chart of half as much height again. */
    v.unit =
        sqrt(width * v.height * (n > 1 ? 1.5 : 1) / ((double)TRIT_CHART_WIDTH * TRIT_CHART_HEIGHT));
    v.unit = fmax(v.unit, 0.75);
    /* Fixed choices: the same picture whatever the desktop's settings. */
    cairo_font_options_t *font = cairo_font_options_create();
    cairo_font_options_set_antialias(font, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(font, CAIRO_HINT_STYLE_SLIGHT);
    cairo_font_options_set_hint_metrics(font, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(v.cr, font);
    cairo_font_options_destroy(font);
    cairo_set_source_rgb(v.cr, 1, 1, 1);
    cairo_paint(v.cr);
    lay_out_panels(&v, p, n);
    for (int k = 0; k < n; k++) {
        cairo_save(v.cr);
        cairo_translate(v.cr, 0, floor(k * v.height)); /* whole pixels keep thin lines crisp */
        draw_panel(&v, &p[k]);
        cairo_restore(v.cr);
    }
    cairo_status_t status = cairo_status(v.cr);
    cairo_destroy(v.cr);
    if (status) {
        return TRIT_FAIL(e, E_DATA, "drawing chart '%s': %s", c->title ? c->title : "",
                         cairo_status_to_string(status));
    }
    return TRIT_OK;
}
