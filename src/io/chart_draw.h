/* Charts on a cairo surface; io/chart.h makes files of them. */
#ifndef TRIT_IO_CHART_DRAW_H
#define TRIT_IO_CHART_DRAW_H

#include "io/chart.h"

#include <cairo.h>

/* Fills the surface, which has width x height pixels. words: NULL, or gets all text as SVG
 * elements, which is then not drawn (check words->failed). TRIT_E_DATA when there is nothing to
 * draw or a text is not UTF-8. */
trit_status trit_chart_draw(const trit_chart *c, cairo_surface_t *surface, int width, int height,
                            trit_text *words, trit_error *e);

#endif
