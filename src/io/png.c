#include "io/png.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

typedef struct sink {
    trit_text *out;
    char message[128];
} sink;

/* libpng reports by a long jump; the message must be kept first. */
static void on_error(png_structp png, png_const_charp text) {
    sink *s = png_get_error_ptr(png);
    snprintf(s->message, sizeof s->message, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png, (void)text;
}

static void on_data(png_structp png, png_bytep data, size_t n_bytes) {
    sink *s = png_get_io_ptr(png);
    trit_text_add_bytes(s->out, (const char *)data, n_bytes);
    if (s->out->failed) png_error(png, "out of memory");
}

static void on_flush(png_structp png) {
    (void)png;
}

trit_status trit_png_encode(const uint32_t *pixels, int width, int height, int stride,
                            trit_text *out, trit_error *e) {
    sink s = {.out = out};
    /* Used after the long jump, so not to be kept in registers. */
    png_structp volatile png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, &s, on_error, on_warning);
    png_infop volatile info = png ? png_create_info_struct(png) : NULL;
    png_bytep volatile row = malloc(3 * (size_t)width);
    bool volatile ok = false;
    if (png && info && row && !setjmp(png_jmpbuf(png))) {
        png_set_write_fn(png, &s, on_data, on_flush);
        png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB,
                     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_write_info(png, info);
        for (int y = 0; y < height; y++) {
            const uint32_t *p = pixels + (size_t)y * (size_t)(stride / 4);
            png_bytep to = row;
            for (int x = 0; x < width; x++) {
                *to++ = (png_byte)(p[x] >> 16);
                *to++ = (png_byte)(p[x] >> 8);
                *to++ = (png_byte)p[x];
            }
            png_write_row(png, row);
        }
        png_write_end(png, info);
        ok = true;
    }
    png_structp p = png;
    png_infop i = info;
    png_destroy_write_struct(&p, &i);
    free(row);
    if (ok) return TRIT_OK;
    trit_text_free(out);
    return TRIT_FAIL(e, E_NOMEM, "writing a PNG image of %dx%d: %s", width, height,
                     *s.message ? s.message : "out of memory");
}
