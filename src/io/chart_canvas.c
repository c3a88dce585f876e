/* Series of a chart: lines, dots, bars. */
#include "io/chart_canvas.h"

#include "io/svg.h"

#include <math.h>
#include <stdio.h>

/* Okabe and Ito's colours, told apart by colour-blind people too; without their yellow, which
 * cannot be seen on white. Beyond seven series the dashes differ. */
static const uint32_t palette[] = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7,
                                   0xE69F00, 0x56B4E9, 0x000000};
enum { N_COLOR = sizeof palette / sizeof *palette };

void trit_canvas_color(const trit_canvas *v, uint32_t rgb, double alpha) {
    cairo_set_source_rgba(v->cr, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0,
                          alpha);
}

/* Beyond these a span of doubles overflows, or loses its digits. */
bool trit_chart_drawable(double v, bool log_axis) {
    return fabs(v) < 1e300 && (log_axis ? v > 1e-300 : true);
}

double trit_chart_x(const trit_chart_series *s, int64_t i) {
    return s->x ? s->x[i] : (double)i;
}

double trit_frame_x(const trit_frame *f, double value) {
    return f->left + trit_axis_at(&f->x, value) * (f->right - f->left);
}

double trit_frame_y(const trit_frame *f, double value) {
    return f->bottom - trit_axis_at(&f->y, value) * (f->bottom - f->top);
}

/* ---- drawing ---- */

void trit_canvas_pen(const trit_canvas *v, const trit_chart_series *s, int k) {
    int color = s->color > 0 ? s->color - 1 : k;
    bool faint = s->style == TRIT_CHART_FAINT;
    trit_canvas_color(v, palette[color % N_COLOR], faint ? 0.35 : 1);
    cairo_set_line_width(v->cr, (faint ? 1.2 : 2.4) * v->unit);
    static const double dashes[][2] = {{0, 0}, {9, 4}, {3, 3}, {14, 5}};
    const double *dash = dashes[color / N_COLOR % 4];
    double scaled[] = {dash[0] * v->unit, dash[1] * v->unit};
    cairo_set_dash(v->cr, scaled, dash[0] > 0 ? 2 : 0, 0);
    cairo_set_line_cap(v->cr, dash[0] > 0 ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(v->cr, CAIRO_LINE_JOIN_ROUND);
}

void trit_canvas_dot(const trit_canvas *v, double x, double y, double radius) {
    cairo_new_path(v->cr);
    cairo_arc(v->cr, x, y, radius * v->unit, 0, 8 * atan(1));
    cairo_fill(v->cr);
}

/* A line through many points, of which only those are drawn that others do not stand for: the line
 * passes each within TOLERANCE pixels. */
#define TOLERANCE 0.05
typedef struct pen {
    double x0, y0; /* where the drawn line ends */
    double x, y;   /* the last point */
    double lo, hi; /* slopes from x0, y0 that come close to all points since */
    int n;         /* 0: no points; 1: the last point is drawn */
} pen;

static void pen_flush(const trit_canvas *v, pen *p) {
    if (p->n > 1) cairo_line_to(v->cr, p->x, p->y);
    p->n = 0;
}

static void pen_to(const trit_canvas *v, pen *p, double x, double y) {
    double slope = x > p->x0 ? (y - p->y0) / (x - p->x0) : NAN;
    if (p->n < 2 || !(slope >= p->lo && slope <= p->hi)) {
        if (!p->n) {
            cairo_line_to(v->cr, x, y);
        } else {
            if (p->n > 1) cairo_line_to(v->cr, p->x, p->y);
            p->x0 = p->x;
            p->y0 = p->y;
        }
        p->lo = -INFINITY;
        p->hi = INFINITY;
    }
    double dx = x - p->x0;
    p->lo = dx > 0 ? fmax(p->lo, (y - TOLERANCE - p->y0) / dx) : NAN;
    p->hi = dx > 0 ? fmin(p->hi, (y + TOLERANCE - p->y0) / dx) : NAN;
    p->x = x;
    p->y = y;
    p->n++;
}

/* Many values within half a pixel of x look like their first, lowest, highest and last one. */
typedef struct column {
    double at, y[4]; /* in the order in which they came, once flushed */
    double lo, hi;
    bool lo_first;
    int64_t n;
} column;

static void column_flush(const trit_canvas *v, pen *p, column *c) {
    if (!c->n) return;
    pen_to(v, p, c->at, c->y[0]);
    if (c->n > 2) {
        pen_to(v, p, c->at, c->lo_first ? c->lo : c->hi);
        pen_to(v, p, c->at, c->lo_first ? c->hi : c->lo);
    }
    if (c->n > 1) pen_to(v, p, c->at, c->y[3]);
    c->n = 0;
}

static void column_add(const trit_canvas *v, pen *p, column *c, double x, double y) {
    if (c->n && fabs(x - c->at) > 0.25) column_flush(v, p, c);
    if (!c->n) *c = (column){.at = x, .y = {y}, .lo = y, .hi = y};
    if (y < c->lo) {
        c->lo = y;
        c->lo_first = false;
    }
    if (y > c->hi) {
        c->hi = y;
        c->lo_first = true;
    }
    c->y[3] = y;
    c->n++;
}

static void draw_line(const trit_canvas *v, const trit_chart *c, const trit_chart_series *s,
                      const trit_frame *f) {
    column col = {0};
    pen p = {.n = 0};
    int64_t run = 0; /* values since the line was interrupted */
    cairo_new_path(v->cr);
    for (int64_t i = 0; i <= s->n; i++) {
        bool ok = i < s->n && trit_chart_drawable(trit_chart_x(s, i), c->log_x) &&
                  trit_chart_drawable(s->y[i], c->log_y);
        if (ok) {
            column_add(v, &p, &col, trit_frame_x(f, trit_chart_x(s, i)), trit_frame_y(f, s->y[i]));
            run++;
            continue;
        }
        double x = col.at, y = col.y[3];
        column_flush(v, &p, &col);
        pen_flush(v, &p);
        cairo_stroke(v->cr);
        if (run == 1) trit_canvas_dot(v, x, y, 4);
        run = 0;
    }
}

/* What a dot says under the pointer: an element above it that cannot be seen. */
static void add_hover(const trit_canvas *v, const trit_chart_series *s, int64_t i, double x,
                      double y) {
    if (!v->words) return;
    char numbers[80];
    snprintf(numbers, sizeof numbers, "%.6g: %.6g", trit_chart_x(s, i), s->y[i]);
    cairo_user_to_device(v->cr, &x, &y);
    trit_text_add(v->words, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"%.2f\" opacity=\"0\"><title>", x,
                  y, 9 * v->unit);
    if (s->name) {
        trit_svg_escape(v->words, s->name);
        trit_text_add(v->words, "\n");
    }
    trit_svg_escape(v->words, s->words ? s->words[i] : numbers);
    trit_text_add(v->words, "</title></circle>\n");
}

static void draw_interval(const trit_canvas *v, const trit_chart *c, const trit_chart_series *s,
                          const trit_frame *f, int64_t i) {
    if (!trit_chart_drawable(s->lo[i], c->log_x) || !trit_chart_drawable(s->hi[i], c->log_x))
        return;
    double lo = trit_frame_x(f, s->lo[i]), hi = trit_frame_x(f, s->hi[i]),
           y = trit_frame_y(f, s->y[i]), cap = 5 * v->unit;
    cairo_new_path(v->cr);
    cairo_move_to(v->cr, lo, y);
    cairo_line_to(v->cr, hi, y);
    for (int end = 0; end < 2; end++) {
        cairo_move_to(v->cr, end ? hi : lo, y - cap);
        cairo_line_to(v->cr, end ? hi : lo, y + cap);
    }
    cairo_stroke(v->cr);
}

static void draw_points(const trit_canvas *v, const trit_chart *c, const trit_chart_series *s,
                        const trit_frame *f) {
    for (int64_t i = 0; i < s->n; i++) {
        if (!trit_chart_drawable(trit_chart_x(s, i), c->log_x) ||
            !trit_chart_drawable(s->y[i], c->log_y))
            continue;
        double x = trit_frame_x(f, trit_chart_x(s, i)), y = trit_frame_y(f, s->y[i]);
        if (s->lo && s->hi) draw_interval(v, c, s, f, i);
        trit_canvas_dot(v, x, y, s->style == TRIT_CHART_DOTS ? 5.5 : 4);
        add_hover(v, s, i, x, y);
    }
}

static void draw_bars(const trit_canvas *v, const trit_chart *c, const trit_chart_series *s,
                      const trit_frame *f) {
    double apart =
        s->n > 1 ? fabs(trit_frame_x(f, trit_chart_x(s, 1)) - trit_frame_x(f, trit_chart_x(s, 0)))
                 : 80 * v->unit;
    double width = fmax(0.9 * apart, 1), foot = trit_frame_y(f, c->log_y ? f->y.lo : 0);
    for (int64_t i = 0; i < s->n; i++) {
        if (!trit_chart_drawable(trit_chart_x(s, i), c->log_x) ||
            !trit_chart_drawable(s->y[i], c->log_y))
            continue;
        double x = trit_frame_x(f, trit_chart_x(s, i)), y = trit_frame_y(f, s->y[i]);
        cairo_rectangle(v->cr, x - width / 2, fmin(y, foot), width, fabs(foot - y));
        cairo_fill(v->cr);
        add_hover(v, s, i, x, y);
    }
}

void trit_canvas_series(const trit_canvas *v, const trit_chart *c, const trit_frame *f) {
    cairo_save(v->cr);
    /* A line along the border keeps its width. */
    double edge = 5 * v->unit;
    cairo_rectangle(v->cr, f->left - edge, f->top - edge, f->right - f->left + 2 * edge,
                    f->bottom - f->top + 2 * edge);
    cairo_clip(v->cr);
    for (int front = 0; front < 2; front++) { /* faint ones lie behind */
        for (int k = 0; k < c->n_series; k++) {
            const trit_chart_series *s = &c->series[k];
            if ((s->style != TRIT_CHART_FAINT) != front) continue;
            bool line = s->style != TRIT_CHART_DOTS && s->style != TRIT_CHART_BARS;
            trit_canvas_pen(v, s, k);
            if (line) draw_line(v, c, s, f);
            if (s->style == TRIT_CHART_POINTS || s->style == TRIT_CHART_DOTS) {
                draw_points(v, c, s, f);
            }
            if (s->style == TRIT_CHART_BARS) draw_bars(v, c, s, f);
        }
    }
    cairo_restore(v->cr);
}
