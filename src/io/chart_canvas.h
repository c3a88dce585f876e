/* Where a chart is drawn, and its series: inside of the charts (io/chart.h). */
#ifndef TRIT_IO_CHART_CANVAS_H
#define TRIT_IO_CHART_CANVAS_H

#include "io/axis.h"
#include "io/chart.h"

#include <cairo.h>

typedef struct trit_canvas {
    cairo_t *cr;
    double width, height;
    double unit;      /* pixels for a pixel of the default size */
    trit_text *words; /* NULL, or gets text instead of the surface */
} trit_canvas;

/* The data area, in pixels, and its axes. */
typedef struct trit_frame {
    double left, top, right, bottom;
    trit_axis x, y;
} trit_frame;

/* Pixels of a value. */
double trit_frame_x(const trit_frame *f, double value);
double trit_frame_y(const trit_frame *f, double value);

/* Whether a value has a place on an axis, and x of a series' value. */
bool trit_chart_drawable(double v, bool log_axis);
double trit_chart_x(const trit_chart_series *s, int64_t i);

void trit_canvas_color(const trit_canvas *v, uint32_t rgb, double alpha);
/* Colour, width and dash of series k. */
void trit_canvas_pen(const trit_canvas *v, const trit_chart_series *s, int k);
void trit_canvas_dot(const trit_canvas *v, double x, double y, double radius);
/* All series, clipped to the frame; with canvas words also what dots say under the pointer. */
void trit_canvas_series(const trit_canvas *v, const trit_chart *c, const trit_frame *f);

#endif
