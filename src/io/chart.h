/* Charts as PNG and SVG files, drawn with cairo.
 *
 * Layout, ticks and colours are chosen here; a caller gives numbers and words. NaN and infinite
 * values, and values below or at 0 on a logarithmic axis, interrupt a line. All pointers are
 * borrowed during the call. */
#ifndef TRIT_IO_CHART_H
#define TRIT_IO_CHART_H

#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    TRIT_CHART_LINE,
    TRIT_CHART_POINTS, /* line with a dot at each value */
    TRIT_CHART_FAINT,  /* thin and pale, e.g. raw values behind a smoothed line */
    TRIT_CHART_DOTS,   /* dots without a line */
    TRIT_CHART_BARS    /* a bar from 0 to each value; x equally far apart */
} trit_chart_style;

typedef struct trit_chart_series {
    const char *name;    /* in the legend; NULL: not listed */
    int64_t n;           /* values */
    const double *x, *y; /* [n]; x NULL: 0, 1, 2 ... */
    trit_chart_style style;
    int color; /* 1, 2, ...: of the palette, so that series can share one; 0: by position */
    const double *lo, *hi;    /* [n] interval about each x, drawn as a line; NULL: none */
    const char *const *words; /* [n] what a dot says under the pointer (SVG); NULL: x and y */
} trit_chart_series;

/* A dashed horizontal line behind the series, e.g. a baseline. */
typedef struct trit_chart_mark {
    double y;
    const char *label; /* written at the line; may be NULL */
    bool label_left;   /* at its left end, not at its right one */
    bool vertical;     /* a line at x = y instead, without a label */
} trit_chart_mark;

typedef struct trit_chart trit_chart;
struct trit_chart {
    const char *title, *x_label, *y_label; /* "loss (nats)": with the unit; may be NULL */
    bool log_x, log_y;
    const trit_chart_series *series;
    int n_series;
    const trit_chart_mark *mark;
    int n_mark;
    const char *const *y_words; /* [n_y_word] what stands at y = 0, 1, ... in place of numbers */
    int n_y_word;               /* 0: numbers; at most 64 */
    int width, height; /* of a file, in pixels; 0: TRIT_CHART_WIDTH, and by the number of panels */
    const trit_chart *below; /* drawn under this one over the same stretch of x, or NULL; up to
                              * TRIT_CHART_PANELS in all, with equal log_x */
};
enum { TRIT_CHART_PANELS = 4 };

enum { TRIT_CHART_WIDTH = 1200, TRIT_CHART_HEIGHT = 720 };

/* Image of width x height pixels (320 to 8192 each) into out, which must be empty; the caller frees
 * it. TRIT_E_DATA when there is not one value to draw. */
trit_status trit_chart_png(const trit_chart *c, int width, int height, trit_text *out,
                           trit_error *e);
trit_status trit_chart_svg(const trit_chart *c, int width, int height, trit_text *out,
                           trit_error *e);
/* Default size (higher for several panels), into a file whose name ends in .png or .svg
 * (TRIT_E_USAGE otherwise). */
trit_status trit_chart_save(const trit_chart *c, const char *path, trit_error *e);

#endif
