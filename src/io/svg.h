/* What an SVG file of cairo's lacks: words as words, and short numbers. */
#ifndef TRIT_IO_SVG_H
#define TRIT_IO_SVG_H

#include "base/text.h"

/* Text between tags or in an attribute. Control characters, which XML has no way to write, become
 * spaces. */
void trit_svg_escape(trit_text *out, const char *text);

/* How and where a word stands: pixels, (x, y) the left end of its base line; rgb is 0xRRGGBB. */
typedef struct trit_svg_word {
    double x, y, width, size;
    uint32_t rgb;
    bool bold;
} trit_svg_word;
/* A <text> element, set to the width that it was measured with, whatever font a viewer has. */
void trit_svg_add_word(trit_text *out, const trit_svg_word *w, const char *text);

/* Copies n bytes of an SVG file. Numbers are cut to hundredths (of a pixel), and of the ids that
 * cairo gives to surfaces the number is dropped, which counts through the life of the process:
 * equal pictures are equal bytes. */
void trit_svg_shorten(trit_text *out, const char *svg, size_t n);

#endif
