/* HDF5 files in memory: the only place that knows libhdf5. HDF5 never touches the disk here, so it
 * never meets an I/O error (after one, version 1.10 may lose data silently or crash at exit).
 *
 * Written files are a pure function of what is written, in which order: no times, oldest file
 * format. Only plain datasets are read: hard links, little-endian numbers, no compression; anything
 * else is TRIT_E_FORMAT. Paths are '/'-separated without a leading slash; "" is the root group.
 * The library switches off HDF5's own error printing and its plugin loading for the process.
 * HDF5 is one global thing, and Debian's is not made for threads: each call here waits until no
 * other thread is inside. A file belongs to one thread at a time. */
#ifndef TRIT_IO_H5_H
#define TRIT_IO_H5_H

#include "base/status.h"
#include "base/tensor.h"
#include "base/text.h"

typedef struct trit_h5 trit_h5;

typedef enum { TRIT_H5_INT, TRIT_H5_REAL, TRIT_H5_TEXT, TRIT_N_H5_KIND } trit_h5_kind;

/* An attribute's value; text is valid during the call that passes it. */
typedef struct trit_h5_value {
    trit_h5_kind kind;
    int64_t i;
    double d;
    const char *text; /* at most TRIT_H5_TEXT_MAX bytes */
} trit_h5_value;

/* The format keeps an attribute in one message of less than 64 KiB. */
enum { TRIT_H5_TEXT_MAX = 60000 };
/* The most words between slashes in the path of a dataset that trit_h5_each accepts. */
enum { TRIT_H5_MAX_DEPTH = 16 };

/* A new, empty file. Free with trit_h5_free. */
trit_status trit_h5_create(trit_h5 **out, trit_error *e);
/* Writes t->data as dataset `path`, making its groups. From 1024 bytes on it is chunked, with a
 * Fletcher-32 sum for each chunk, and not copied: t->data must stay as it is until trit_h5_free. */
trit_status trit_h5_write(trit_h5 *h, const char *path, const trit_tensor *t, trit_error *e);
/* Adds an attribute to a dataset, or to the root group. */
trit_status trit_h5_write_attr(trit_h5 *h, const char *path, const char *name,
                               const trit_h5_value *value, trit_error *e);
/* Closes the file, which has *n_bytes then. Only trit_h5_copy and trit_h5_free may follow. */
trit_status trit_h5_finish(trit_h5 *h, size_t *n_bytes, trit_error *e);
/* to[n] = bytes of the finished file from `at`, which are all within it. */
void trit_h5_copy(const trit_h5 *h, size_t at, size_t n, void *to);

/* Opens an image for reading; image[n_bytes] is borrowed until trit_h5_free. The bytes must be
 * known to be unharmed: libhdf5 crashes on some damaged files. */
trit_status trit_h5_open(trit_h5 **out, const void *image, size_t n_bytes, trit_error *e);
/* Calls tensor() for every dataset, in an order that depends on the content only; t->data is NULL.
 * path is valid during the call. Stops at the first error. */
trit_status trit_h5_each(trit_h5 *h,
                         trit_status (*tensor)(void *self, const char *path, const trit_tensor *t,
                                               trit_error *e),
                         void *self, trit_error *e);
/* Calls attr() for every attribute of the dataset or of the root group. */
trit_status trit_h5_each_attr(trit_h5 *h, const char *path,
                              trit_status (*attr)(void *self, const char *name,
                                                  const trit_h5_value *value, trit_error *e),
                              void *self, trit_error *e);
/* Reads dataset `path`, which must have t's type and shape, into t->data. */
trit_status trit_h5_read(trit_h5 *h, const char *path, const trit_tensor *t, trit_error *e);

/* Accepts NULL. */
void trit_h5_free(trit_h5 *h);

#endif
