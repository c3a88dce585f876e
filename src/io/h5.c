#include "io/h5_file.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

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

hid_t trit_h5_access(void) {
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (fapl < 0) return -1;
    /* Newer formats have no use here, and other bytes. */
    if (H5Pset_libver_bounds(fapl, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) >= 0 &&
        H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) >= 0) {
        return fapl;
    }
    H5Pclose(fapl);
    return -1;
}

trit_h5 *trit_h5_new(void) {
    trit_h5 *h = calloc(1, sizeof *h);
    if (!h) return NULL;
    h->file = -1;
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
    if (h->file >= 0 && H5Fclose(h->file) < 0) h->held = true;
    /* What HDF5 could not close it comes back to when the program ends. */
    if (!h->held) trit_h5_image_free(h->image);
    free(h);
}
