/* PNG images. */
#ifndef TRIT_IO_PNG_H
#define TRIT_IO_PNG_H

#include "base/status.h"
#include "base/text.h"

#include <stdint.h>

/* The file's bytes into out, which must be empty; the caller frees it.
 * pixels: [height][stride / 4], each 0x00RRGGBB; stride in bytes, a multiple of 4. */
trit_status trit_png_encode(const uint32_t *pixels, int width, int height, int stride,
                            trit_text *out, trit_error *e);

#endif
