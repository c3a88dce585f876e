#include "io/chart.h"

#include "io/chart_draw.h"
#include "io/file.h"
#include "io/png.h"
#include "io/svg.h"

#include <cairo-svg.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_SIDE = 320, MAX_SIDE = 8192 };

static trit_status check_size(int width, int height, trit_error *e) {
    if (width >= MIN_SIDE && width <= MAX_SIDE && height >= MIN_SIDE && height <= MAX_SIDE) {
        return TRIT_OK;
    }
    return TRIT_FAIL(e, E_USAGE, "a chart of %dx%d pixels: each side must be %d to %d", width,
                     height, MIN_SIDE, MAX_SIDE);
}

static trit_status surface_failed(cairo_surface_t *surface, trit_error *e) {
    return TRIT_FAIL(e, E_NOMEM, "drawing a chart: %s",
                     cairo_status_to_string(cairo_surface_status(surface)));
}

trit_status trit_chart_png(const trit_chart *c, int width, int height, trit_text *out,
                           trit_error *e) {
    TRIT_TRY(check_size(width, height, e));
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    trit_status status = cairo_surface_status(surface)
                             ? surface_failed(surface, e)
                             : trit_chart_draw(c, surface, width, height, NULL, e);
    if (!status) {
        cairo_surface_flush(surface);
        const void *pixels = cairo_image_surface_get_data(surface);
        status =
            trit_png_encode(pixels, width, height, cairo_image_surface_get_stride(surface), out, e);
    }
    cairo_surface_destroy(surface);
    return status;
}

static cairo_status_t on_svg(void *out, const unsigned char *data, unsigned n_bytes) {
    trit_text *t = out;
    trit_text_add_bytes(t, (const char *)data, n_bytes);
    return t->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static void add_words(trit_text *out, const char *before, const char *text, const char *after) {
    if (!text || !*text) return;
    trit_text_add(out, "%s", before);
    trit_svg_escape(out, text);
    trit_text_add(out, "%s", after);
}

/* The lines are cairo's, which knows no text but outlines; words are put above them as words. */
static void add_svg(trit_text *out, const char *raw, const char *words, const trit_chart *c) {
    const char *body = strstr(raw, "<svg");
    body = body ? strchr(body, '>') : NULL;
    if (!body) body = raw;
    trit_text_add_bytes(out, raw, (size_t)(body - raw));
    if (*body) trit_text_add_bytes(out, body++, 1);
    trit_text_add(out, "\n");
    add_words(out, "<title>", c->title, "</title>\n");
    trit_text_add(out, "<desc>");
    for (const trit_chart *one = c; one; one = one->below) {
        add_words(out, "x: ", one->x_label, ". ");
        add_words(out, "y: ", one->y_label, ". ");
        for (int k = 0; k < one->n_series; k++) {
            add_words(out, "series: ", one->series[k].name, ". ");
        }
        for (int k = 0; k < one->n_mark; k++) add_words(out, "mark: ", one->mark[k].label, ". ");
    }
    trit_text_add(out, "</desc>");
    const char *last = strstr(body, "</svg>");
    trit_svg_shorten(out, body, last ? (size_t)(last - body) : strlen(body));
    trit_text_add(out, "<g font-family=\"DejaVu Sans, Verdana, sans-serif\">\n%s</g>\n%s", words,
                  last ? last : "");
}

trit_status trit_chart_svg(const trit_chart *c, int width, int height, trit_text *out,
                           trit_error *e) {
    TRIT_TRY(check_size(width, height, e));
    trit_text raw = {0}, words = {0};
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(on_svg, &raw, width, height);
    trit_status status = TRIT_OK;
    if (cairo_surface_status(surface)) {
        status = surface_failed(surface, e);
    } else {
        cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
        status = trit_chart_draw(c, surface, width, height, &words, e);
    }
    cairo_surface_finish(surface);
    if (!status && cairo_surface_status(surface)) status = surface_failed(surface, e);
    if (!status) {
        add_svg(out, trit_text_get(&raw), trit_text_get(&words), c);
        if (out->failed || words.failed)
            status = TRIT_FAIL(e, E_NOMEM, "drawing a chart: out of memory");
    }
    if (status) trit_text_free(out);
    cairo_surface_destroy(surface);
    trit_text_free(&raw);
    trit_text_free(&words);
    return status;
}

trit_status trit_chart_save(const trit_chart *c, const char *path, trit_error *e) {
    const char *dot = strrchr(path, '.');
    bool png = dot && !strcmp(dot, ".png"), svg = dot && !strcmp(dot, ".svg");
    if (!png && !svg) {
        return TRIT_FAIL(e, E_USAGE,
                         "cannot save a chart as '%s': its name must end in .png or .svg", path);
    }
    int height = c->height ? c->height : TRIT_CHART_HEIGHT;
    for (const trit_chart *one = c->below; one && !c->height; one = one->below) {
        height += TRIT_CHART_HEIGHT / 3;
    }
    trit_text file = {0};
    trit_status status = (png ? trit_chart_png : trit_chart_svg)(
        c, c->width ? c->width : TRIT_CHART_WIDTH, height, &file, e);
    if (status) {
        trit_error_wrap(e, "'%s'", path);
    } else {
        status = trit_file_replace(NULL, path, file.at, file.len, e);
    }
    trit_text_free(&file);
    return status;
}
