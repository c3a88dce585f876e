/* An HDF5 file that comes into being in memory: inside of io/h5.
 *
 * libhdf5 writes through a driver of its own. What it writes is kept, but the data of chunks,
 * nearly all of a checkpoint, stays where the caller has it and is taken from there when bytes are
 * asked for. So a file of any size costs little memory, and nothing is copied twice. */
#ifndef TRIT_IO_H5_IMAGE_H
#define TRIT_IO_H5_IMAGE_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A chunk of a dataset: data[n_bytes], n_zero bytes of zero, then its Fletcher-32 sum. */
typedef struct trit_h5_chunk {
    const char *data; /* borrowed */
    size_t n_bytes, n_zero;
    uint32_t sum;
    uint64_t at; /* set by the driver: where in the file */
} trit_h5_chunk;

/* The largest chunk, its sum not counted: what HDF5's default cache holds. */
enum { TRIT_H5_CHUNK_BYTES = 1 << 20, TRIT_H5_SUM_BYTES = 4 };

typedef struct trit_h5_image trit_h5_image;

/* An empty file; NULL when memory is exhausted. Free with trit_h5_image_free, after the HDF5 file
 * was closed. */
trit_h5_image *trit_h5_image_new(void);
/* Accepts NULL. */
void trit_h5_image_free(trit_h5_image *m);
/* Creates the file: as H5Fcreate, with the driver set in fapl. */
hid_t trit_h5_image_create(trit_h5_image *m, const char *name, hid_t fcpl, hid_t fapl);
/* Writes the chunk at offset[] of the dataset: as H5Dwrite_chunk. Its data must stay as it is until
 * the image is freed. */
bool trit_h5_image_put(trit_h5_image *m, hid_t dataset, const hsize_t *offset,
                       const trit_h5_chunk *chunk);
/* Whether memory ran out, so that the file lacks something; HDF5 does not know of it. */
bool trit_h5_image_no_memory(const trit_h5_image *m);
/* Bytes of the file; final once HDF5 has closed it. */
size_t trit_h5_image_bytes(const trit_h5_image *m);
/* to[n] = the file's bytes from `at`, which are all within the file. */
void trit_h5_image_copy(const trit_h5_image *m, size_t at, size_t n, void *to);

#endif
