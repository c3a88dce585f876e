#include "io/h5_file.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_BYTES = 64 }; /* spare room, so that a caller may add a trailer without a copy */

static pthread_mutex_t guard = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

bool trit_h5_enter(void) {
    return pthread_mutex_lock(&guard) == 0;
}

void trit_h5_leave(const bool *entered) {
    if (*entered) pthread_mutex_unlock(&guard);
}

static herr_t keep_first(unsigned n, const H5E_error2_t *err, void *text) {
    if (n == 0 && err->desc) snprintf(text, 256, "%s", err->desc);
    return 0;
}

trit_status trit_h5_failed(trit_error *e, const char *path, const char *what) {
    char text[256] = "no reason given";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, text);
    H5Eclear2(H5E_DEFAULT);
    return TRIT_FAIL(e, E_FORMAT, "HDF5: %s '%s': %s", what, *path ? path : "/", text);
}

/* ---- the image: HDF5 works on our memory, so nothing is copied ---- */

static void *image_malloc(size_t n_bytes, H5FD_file_image_op_t op, void *self) {
    trit_h5 *h = self;
    (void)op;
    return !h->writing && n_bytes == h->n_bytes ? h->at : NULL;
}

static void *image_memcpy(void *to, const void *from, size_t n_bytes, H5FD_file_image_op_t op,
                          void *self) {
    (void)op, (void)self, (void)n_bytes;
    return to == from ? to : NULL; /* always the one image, see image_malloc */
}

static void *image_realloc(void *at, size_t n_bytes, H5FD_file_image_op_t op, void *self) {
    trit_h5 *h = self;
    (void)at, (void)op;
    if (!h->writing) return NULL;
    if (n_bytes + TAIL_BYTES > h->room) {
        size_t room = (n_bytes > h->expected ? n_bytes : h->expected) + TAIL_BYTES;
        char *more = realloc(h->at, room);
        if (!more) return NULL;
        trit_memory_advise(more, room);
        h->at = more;
        h->room = room;
    }
    if (n_bytes > h->n_bytes) memset(h->at + h->n_bytes, 0, n_bytes - h->n_bytes);
    h->at[n_bytes] = '\0';
    h->n_bytes = n_bytes;
    return h->at;
}

static herr_t image_free(void *at, H5FD_file_image_op_t op, void *self) {
    (void)at, (void)op, (void)self; /* trit_h5_finish hands it on */
    return 0;
}

static void *same_udata(void *self) {
    return self;
}

static herr_t free_udata(void *self) {
    (void)self;
    return 0;
}

hid_t trit_h5_access(trit_h5 *h, size_t increment) {
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5FD_file_image_callbacks_t calls = {
        image_malloc, image_memcpy, image_realloc, image_free, same_udata, free_udata, h};
    /* Newer formats: H5Fget_file_image of 1.10 writes a wrong superblock sum. */
    if (fapl < 0 || H5Pset_fapl_core(fapl, increment, 0) < 0 ||
        H5Pset_libver_bounds(fapl, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) < 0 ||
        H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_file_image_callbacks(fapl, &calls) < 0) {
        if (fapl >= 0) H5Pclose(fapl);
        return -1;
    }
    return fapl;
}

trit_h5 *trit_h5_new(bool writing) {
    trit_h5 *h = calloc(1, sizeof *h);
    if (!h) return NULL;
    h->file = -1;
    h->writing = writing;
    snprintf(h->name, sizeof h->name, "trit-%p", (void *)h);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
    return h;
}

hid_t trit_h5_file_type(trit_dtype t) {
    switch (t) {
    case TRIT_REAL:
        return sizeof(trit_real) == 4 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
    case TRIT_BF16:
        return H5T_STD_U16LE;
    case TRIT_I64:
        return H5T_STD_I64LE;
    case TRIT_I32:
        return H5T_STD_I32LE;
    case TRIT_I8:
        return H5T_STD_I8LE;
    case TRIT_U8:
        return H5T_STD_U8LE;
    case TRIT_N_DTYPE:
        break;
    }
    return -1;
}

hid_t trit_h5_memory_type(trit_dtype t) {
    switch (t) {
    case TRIT_REAL:
        return sizeof(trit_real) == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
    case TRIT_BF16:
        return H5T_NATIVE_UINT16;
    case TRIT_I64:
        return H5T_NATIVE_INT64;
    case TRIT_I32:
        return H5T_NATIVE_INT32;
    case TRIT_I8:
        return H5T_NATIVE_INT8;
    case TRIT_U8:
        return H5T_NATIVE_UINT8;
    case TRIT_N_DTYPE:
        break;
    }
    return -1;
}

void trit_h5_free(trit_h5 *h) {
    TRIT_H5_ALONE;
    if (!h) return;
    if (h->file >= 0) H5Fclose(h->file);
    if (h->writing) free(h->at);
    free(h);
}
