/* Files in memory and libhdf5's ways, for both directions: inside of io/h5. */
#ifndef TRIT_IO_H5_FILE_H
#define TRIT_IO_H5_FILE_H

#include "io/h5.h"
#include "io/h5_image.h"

#include <hdf5.h>

struct trit_h5 {
    hid_t file;           /* -1 when closed */
    char name[32];        /* HDF5 takes files in memory of the same name for the same file */
    trit_h5_image *image; /* writing: owned, unless HDF5 could not close the file (held) */
    bool held;
    char *at; /* [n_bytes] reading: borrowed */
    size_t n_bytes;
};

/* What libhdf5 keeps is the process's, so its guard is too. Callbacks come back: recursive. */
bool trit_h5_enter(void);
void trit_h5_leave(const bool *entered);
/* Until the function returns. */
#define TRIT_H5_ALONE \
    __attribute__((cleanup(trit_h5_leave), unused)) const bool alone = trit_h5_enter()

/* TRIT_E_FORMAT with the innermost message of HDF5's error stack, which says most. */
trit_status trit_h5_failed(trit_error *e, const char *path, const char *what);
/* An object without a file; NULL when memory is exhausted. */
trit_h5 *trit_h5_new(void);
/* For a new or an old file, to be closed; -1 on failure. */
hid_t trit_h5_access(void);
/* -1 for what is no type. */
hid_t trit_h5_file_type(trit_dtype t);
hid_t trit_h5_memory_type(trit_dtype t);

#endif
