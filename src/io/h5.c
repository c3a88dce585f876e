#include "io/h5.h"

#include "base/arena.h"

#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trit_h5 {
    hid_t file;    /* -1 when closed */
    char name[32]; /* HDF5 takes files in memory of the same name for the same file */
    char *at;      /* the image; owned while writing, borrowed while reading */
    size_t n_bytes;
    size_t room, expected; /* writing: allocated, and what may be needed */
    bool writing;
};

enum {
    CHUNK_BYTES = 1 << 20,   /* largest chunk: what HDF5's default cache holds */
    CHUNK_FROM_BYTES = 1024, /* smaller tensors are not worth a chunk index */
    TAIL_BYTES = 64,         /* spare room, so that a caller may add a trailer without a copy */
    MAX_PATH_BYTES = 1024,
    MAX_DEPTH = 16,
    MAX_OBJECTS = 1000000
};

/* What libhdf5 keeps is the process's, so its guard is too. Callbacks come back: recursive. */
static pthread_mutex_t guard = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static bool enter(void) {
    return pthread_mutex_lock(&guard) == 0;
}

static void leave(const bool *entered) {
    if (*entered) pthread_mutex_unlock(&guard);
}

/* Until the function returns. */
#define ALONE __attribute__((cleanup(leave), unused)) const bool alone = enter()

/* The innermost message of HDF5's error stack says most. */
static herr_t keep_first(unsigned n, const H5E_error2_t *err, void *text) {
    if (n == 0 && err->desc) snprintf(text, 256, "%s", err->desc);
    return 0;
}

static trit_status failed(trit_error *e, const char *path, const char *what) {
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

/* File access through `h`'s image; -1 on failure. */
static hid_t access_list(trit_h5 *h, size_t increment) {
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

static trit_h5 *new_h5(bool writing) {
    trit_h5 *h = calloc(1, sizeof *h);
    if (!h) return NULL;
    h->file = -1;
    h->writing = writing;
    snprintf(h->name, sizeof h->name, "trit-%p", (void *)h);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
    return h;
}

void trit_h5_free(trit_h5 *h) {
    ALONE;
    if (!h) return;
    if (h->file >= 0) H5Fclose(h->file);
    if (h->writing) free(h->at);
    free(h);
}

/* ---- writing ---- */

trit_status trit_h5_create(trit_h5 **out, size_t n_bytes, trit_error *e) {
    ALONE;
    trit_h5 *h = new_h5(true);
    if (!h) return TRIT_FAIL(e, E_NOMEM, "no memory for an HDF5 file");
    /* Sums and indexes of chunks add less than a hundredth. */
    h->expected = n_bytes + n_bytes / 8 + 65536;
    hid_t fapl = access_list(h, n_bytes / 8 + 65536), fcpl = H5Pcreate(H5P_FILE_CREATE);
    if (fapl >= 0 && fcpl >= 0 && H5Pset_obj_track_times(fcpl, 0) >= 0) {
        h->file = H5Fcreate(h->name, H5F_ACC_TRUNC, fcpl, fapl);
    }
    bool ok = h->file >= 0;
    if (fcpl >= 0) ok = H5Pclose(fcpl) >= 0 && ok;
    if (fapl >= 0) ok = H5Pclose(fapl) >= 0 && ok;
    if (!ok) {
        failed(e, "", "cannot create");
        trit_h5_free(h);
        return TRIT_E_FORMAT;
    }
    *out = h;
    return TRIT_OK;
}

static hid_t file_type(trit_dtype t) {
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

static hid_t memory_type(trit_dtype t) {
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

/* Chunks of whole rows, about equal, at most CHUNK_BYTES each. */
static void chunk_shape(const trit_tensor *t, hsize_t chunk[TRIT_MAX_DIM]) {
    int64_t room = CHUNK_BYTES / (int64_t)trit_dtype_bytes(t->dtype);
    for (int i = 0; i < t->ndim; i++) {
        int64_t rest = 1;
        for (int k = i + 1; k < t->ndim; k++) rest *= t->dim[k];
        int64_t rows = rest < room ? room / rest : 1;
        int64_t n_chunks = (t->dim[i] + rows - 1) / rows;
        chunk[i] = (hsize_t)((t->dim[i] + n_chunks - 1) / n_chunks);
        room /= (int64_t)chunk[i];
        if (room < 1) room = 1;
    }
}

static hid_t dataspace(const trit_tensor *t) {
    hsize_t dim[TRIT_MAX_DIM] = {0};
    for (int i = 0; i < t->ndim; i++) dim[i] = (hsize_t)t->dim[i];
    return t->ndim ? H5Screate_simple(t->ndim, dim, NULL) : H5Screate(H5S_SCALAR);
}

static bool set_chunks(hid_t dcpl, const trit_tensor *t) {
    hsize_t chunk[TRIT_MAX_DIM];
    if (!t->ndim || trit_tensor_bytes(t) < CHUNK_FROM_BYTES) return true;
    chunk_shape(t, chunk);
    return H5Pset_chunk(dcpl, t->ndim, chunk) >= 0 && H5Pset_fletcher32(dcpl) >= 0;
}

trit_status trit_h5_write(trit_h5 *h, const char *path, const trit_tensor *t, trit_error *e) {
    ALONE;
    hid_t space = dataspace(t), data = -1;
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), lcpl = H5Pcreate(H5P_LINK_CREATE);
    bool ok = space >= 0 && dcpl >= 0 && lcpl >= 0;
    ok = ok && H5Pset_obj_track_times(dcpl, 0) >= 0 && set_chunks(dcpl, t);
    ok = ok && H5Pset_create_intermediate_group(lcpl, 1) >= 0;
    if (ok) {
        data = H5Dcreate2(h->file, path, file_type(t->dtype), space, lcpl, dcpl, H5P_DEFAULT);
        ok = data >= 0;
    }
    if (ok && trit_tensor_len(t)) {
        ok = H5Dwrite(data, memory_type(t->dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, t->data) >= 0;
    }
    /* Not `ok = failed(...)` at once: what is open must be closed, and a close may fail too. */
    trit_status status = ok ? TRIT_OK : failed(e, path, "cannot write");
    bool closed = data < 0 || H5Dclose(data) >= 0;
    closed = (space < 0 || H5Sclose(space) >= 0) && closed;
    closed = (dcpl < 0 || H5Pclose(dcpl) >= 0) && closed;
    closed = (lcpl < 0 || H5Pclose(lcpl) >= 0) && closed;
    if (!status && !closed) status = failed(e, path, "cannot write");
    if (!status && t->dtype == TRIT_BF16) {
        trit_h5_value name = {.kind = TRIT_H5_TEXT, .text = trit_dtype_name(TRIT_BF16)};
        status = trit_h5_write_attr(h, path, "dtype", &name, e);
    }
    return status;
}

static hid_t text_type(size_t n_bytes) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, n_bytes) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0 ||
                      H5Tset_strpad(type, H5T_STR_NULLTERM) < 0)) {
        H5Tclose(type);
        return -1;
    }
    return type;
}

trit_status trit_h5_write_attr(trit_h5 *h, const char *path, const char *name,
                               const trit_h5_value *value, trit_error *e) {
    ALONE;
    size_t n = value->kind == TRIT_H5_TEXT ? strlen(value->text) : 0;
    if (n > TRIT_H5_TEXT_MAX) {
        return TRIT_FAIL(e, E_UNSUPPORTED, "attribute '%s' has %zu bytes; the most is %d", name, n,
                         TRIT_H5_TEXT_MAX);
    }
    const void *data = value->kind == TRIT_H5_INT    ? (const void *)&value->i
                       : value->kind == TRIT_H5_REAL ? (const void *)&value->d
                                                     : value->text;
    hid_t type = value->kind == TRIT_H5_INT    ? H5Tcopy(H5T_STD_I64LE)
                 : value->kind == TRIT_H5_REAL ? H5Tcopy(H5T_IEEE_F64LE)
                                               : text_type(n + 1);
    hid_t memory = value->kind == TRIT_H5_INT    ? H5T_NATIVE_INT64
                   : value->kind == TRIT_H5_REAL ? H5T_NATIVE_DOUBLE
                                                 : type;
    hid_t object = H5Oopen(h->file, *path ? path : "/", H5P_DEFAULT);
    hid_t space = H5Screate(H5S_SCALAR), attr = -1;
    if (type >= 0 && object >= 0 && space >= 0) {
        attr = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    }
    bool ok = attr >= 0 && H5Awrite(attr, memory, data) >= 0;
    trit_status status = ok ? TRIT_OK : failed(e, path, "cannot write an attribute of");
    bool closed = attr < 0 || H5Aclose(attr) >= 0;
    closed = (space < 0 || H5Sclose(space) >= 0) && closed;
    closed = (object < 0 || H5Oclose(object) >= 0) && closed;
    closed = (type < 0 || H5Tclose(type) >= 0) && closed;
    if (!status && !closed) status = failed(e, path, "cannot write an attribute of");
    return status ? trit_error_wrap(e, "attribute '%s'", name) : TRIT_OK;
}

trit_status trit_h5_finish(trit_h5 *h, trit_text *out, trit_error *e) {
    ALONE;
    ssize_t n = -1;
    if (H5Fflush(h->file, H5F_SCOPE_GLOBAL) >= 0) n = H5Fget_file_image(h->file, NULL, 0);
    herr_t closed = H5Fclose(h->file);
    h->file = -1;
    if (n <= 0 || closed < 0 || (size_t)n > h->n_bytes) return failed(e, "", "cannot finish");
    h->at[n] = '\0';
    *out = (trit_text){.at = h->at, .len = (size_t)n, .cap = h->room};
    h->at = NULL;
    h->n_bytes = 0;
    return TRIT_OK;
}

/* ---- reading ---- */

trit_status trit_h5_open(trit_h5 **out, const void *image, size_t n_bytes, trit_error *e) {
    ALONE;
    trit_h5 *h = new_h5(false);
    if (!h) return TRIT_FAIL(e, E_NOMEM, "no memory for an HDF5 file");
    h->at = (char *)image; /* only read: H5F_ACC_RDONLY, and image_realloc refuses */
    h->n_bytes = n_bytes;
    hid_t fapl = access_list(h, 65536);
    if (fapl >= 0 && H5Pset_file_image(fapl, h->at, n_bytes) >= 0) {
        h->file = H5Fopen(h->name, H5F_ACC_RDONLY, fapl);
    }
    bool ok = h->file >= 0;
    if (fapl >= 0) ok = H5Pclose(fapl) >= 0 && ok;
    if (!ok) {
        failed(e, "", "cannot open");
        trit_h5_free(h);
        return TRIT_E_FORMAT;
    }
    *out = h;
    return TRIT_OK;
}

/* Of an attribute that holds text; false when it is absent or something else. */
static bool attr_is_text(hid_t object, const char *name, const char *want) {
    char got[32] = "";
    if (H5Aexists(object, name) <= 0) return false;
    hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = attr < 0 ? -1 : H5Aget_type(attr);
    bool plain = type >= 0 && H5Tget_class(type) == H5T_STRING && !H5Tis_variable_str(type) &&
                 H5Tget_size(type) < sizeof got;
    hid_t space = plain ? H5Aget_space(attr) : -1;
    plain = space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    if (plain && H5Aread(attr, type, got) < 0) got[0] = '\0';
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (attr >= 0) H5Aclose(attr);
    return !strcmp(got, want);
}

/* TRIT_N_DTYPE when the dataset holds none of our types. */
static trit_dtype dataset_dtype(hid_t data) {
    hid_t type = H5Dget_type(data);
    int found = TRIT_N_DTYPE;
    for (int d = 0; type >= 0 && d < TRIT_N_DTYPE; d++) {
        if (H5Tequal(type, file_type((trit_dtype)d)) > 0) found = d;
    }
    if (type >= 0) H5Tclose(type);
    if (found == TRIT_BF16 && !attr_is_text(data, "dtype", trit_dtype_name(TRIT_BF16))) {
        found = TRIT_N_DTYPE;
    }
    return (trit_dtype)found;
}

/* Storage inside this file, and no filter but the checksum. */
static bool plain_storage(hid_t data) {
    hid_t dcpl = H5Dget_create_plist(data);
    if (dcpl < 0) return false;
    H5D_layout_t layout = H5Pget_layout(dcpl);
    int n_filters = H5Pget_nfilters(dcpl);
    bool ok = (layout == H5D_CHUNKED || layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) &&
              H5Pget_external_count(dcpl) == 0 && n_filters >= 0;
    for (int i = 0; ok && i < n_filters; i++) {
        unsigned flags, config;
        size_t n_values = 0;
        ok = H5Pget_filter2(dcpl, (unsigned)i, &flags, &n_values, NULL, 0, NULL, &config) ==
             H5Z_FILTER_FLETCHER32;
    }
    return H5Pclose(dcpl) >= 0 && ok;
}

/* Type and shape of an open dataset, checked against the bytes that it really has. */
static trit_status describe(const trit_h5 *h, hid_t data, const char *path, trit_tensor *t,
                            trit_error *e) {
    hsize_t dim[H5S_MAX_RANK];
    *t = (trit_tensor){.dtype = dataset_dtype(data)};
    if (t->dtype == TRIT_N_DTYPE) {
        return TRIT_FAIL(e, E_FORMAT, "'%s' has a number type that this program does not read",
                         path);
    }
    hid_t space = H5Dget_space(data);
    H5S_class_t kind = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    int ndim = kind == H5S_SCALAR || kind == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : -1;
    if (ndim > 0 && H5Sget_simple_extent_dims(space, dim, NULL) < 0) ndim = -1;
    if (space >= 0 && H5Sclose(space) < 0) ndim = -1;
    if (ndim < 0) return failed(e, path, "no shape for");
    if (ndim > TRIT_MAX_DIM) {
        return TRIT_FAIL(e, E_FORMAT, "'%s' has %d dimensions; the most is %d", path, ndim,
                         TRIT_MAX_DIM);
    }
    if (!plain_storage(data)) {
        return TRIT_FAIL(e, E_FORMAT, "'%s' is stored in a way that this program does not read",
                         path);
    }
    /* No product below can overflow: each factor keeps it within the bytes of the file, and a
     * tensor without elements must not hide a huge dimension. */
    uint64_t n_bytes = trit_dtype_bytes(t->dtype);
    bool ok = true, empty = false;
    t->ndim = ndim;
    for (int i = 0; i < ndim; i++) {
        t->dim[i] = (int64_t)dim[i];
        empty = empty || !dim[i];
        ok = ok && dim[i] <= h->n_bytes;
        if (ok && dim[i]) ok = n_bytes <= h->n_bytes / dim[i];
        if (ok && dim[i]) n_bytes *= dim[i];
    }
    if (!ok || (!empty && H5Dget_storage_size(data) < n_bytes)) {
        return TRIT_FAIL(e, E_FORMAT, "'%s' claims more data than the file holds", path);
    }
    return TRIT_OK;
}

typedef struct visit {
    trit_h5 *h;
    trit_status (*tensor)(void *self, const char *path, const trit_tensor *t, trit_error *e);
    void *self;
    trit_error *e;
    trit_status status;
    char path[MAX_PATH_BYTES];
    size_t len;
    int depth, n_objects;
} visit;

static trit_status visit_link(visit *v, hid_t group, const char *name, H5L_type_t link);

static herr_t visit_callback(hid_t group, const char *name, const H5L_info_t *info, void *self) {
    visit *v = self;
    size_t len = v->len;
    int n = snprintf(v->path + len, sizeof v->path - len, len ? "/%s" : "%s", name);
    if (n < 0 || (size_t)n >= sizeof v->path - len) {
        v->status = TRIT_FAIL(v->e, E_FORMAT, "a path in the file is too long: '%s'", v->path);
    } else {
        v->len = len + (size_t)n;
        v->status = visit_link(v, group, name, info->type);
    }
    v->len = len;
    v->path[len] = '\0';
    return v->status ? -1 : 0;
}

static trit_status visit_object(visit *v, hid_t object) {
    H5I_type_t type = H5Iget_type(object);
    if (type == H5I_DATASET) {
        trit_tensor t;
        TRIT_TRY(describe(v->h, object, v->path, &t, v->e));
        return v->tensor(v->self, v->path, &t, v->e);
    }
    if (type != H5I_GROUP) {
        return TRIT_FAIL(v->e, E_FORMAT, "'%s' is neither a group nor a dataset", v->path);
    }
    if (v->depth >= MAX_DEPTH) {
        return TRIT_FAIL(v->e, E_FORMAT, "'%s': groups are nested too deeply", v->path);
    }
    v->depth++;
    herr_t rc = H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_callback, v);
    v->depth--;
    if (v->status) {
        H5Eclear2(H5E_DEFAULT);
        return v->status;
    }
    return rc < 0 ? failed(v->e, v->path, "cannot list") : TRIT_OK;
}

static trit_status visit_link(visit *v, hid_t group, const char *name, H5L_type_t link) {
    if (link != H5L_TYPE_HARD) {
        return TRIT_FAIL(v->e, E_FORMAT, "'%s' is a soft or external link", v->path);
    }
    if (++v->n_objects > MAX_OBJECTS) {
        return TRIT_FAIL(v->e, E_FORMAT, "more than %d objects in the file", MAX_OBJECTS);
    }
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0) return failed(v->e, v->path, "cannot open");
    trit_status status = visit_object(v, object);
    if (H5Oclose(object) < 0 && !status) status = failed(v->e, v->path, "cannot close");
    return status;
}

trit_status trit_h5_each(trit_h5 *h,
                         trit_status (*tensor)(void *self, const char *path, const trit_tensor *t,
                                               trit_error *e),
                         void *self, trit_error *e) {
    ALONE;
    visit v = {.h = h, .tensor = tensor, .self = self, .e = e};
    hid_t root = H5Oopen(h->file, "/", H5P_DEFAULT);
    if (root < 0) return failed(e, "", "cannot open");
    trit_status status = visit_object(&v, root);
    if (H5Oclose(root) < 0 && !status) status = failed(e, "", "cannot close");
    return status;
}

typedef struct visit_attrs {
    trit_status (*attr)(void *self, const char *name, const trit_h5_value *value, trit_error *e);
    void *self;
    trit_error *e;
    trit_status status;
    char text[TRIT_H5_TEXT_MAX + 1];
} visit_attrs;

/* Reads the attribute into *value; a text goes to v->text. */
static bool read_attr(visit_attrs *v, hid_t attr, hid_t type, trit_h5_value *value) {
    if (H5Tequal(type, H5T_STD_I64LE) > 0) {
        value->kind = TRIT_H5_INT;
        return H5Aread(attr, H5T_NATIVE_INT64, &value->i) >= 0;
    }
    if (H5Tequal(type, H5T_IEEE_F64LE) > 0) {
        value->kind = TRIT_H5_REAL;
        return H5Aread(attr, H5T_NATIVE_DOUBLE, &value->d) >= 0;
    }
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type)) return false;
    size_t n = H5Tget_size(type);
    if (n > TRIT_H5_TEXT_MAX + 1) return false;
    value->kind = TRIT_H5_TEXT;
    value->text = v->text;
    bool ok = H5Aread(attr, type, v->text) >= 0;
    v->text[n ? n - 1 : 0] = '\0';
    return ok;
}

static herr_t attr_callback(hid_t object, const char *name, const H5A_info_t *info, void *self) {
    visit_attrs *v = self;
    (void)info;
    trit_h5_value value = {0};
    hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = attr < 0 ? -1 : H5Aget_type(attr), space = attr < 0 ? -1 : H5Aget_space(attr);
    bool ok = type >= 0 && space >= 0 && H5Sget_simple_extent_npoints(space) == 1 &&
              read_attr(v, attr, type, &value);
    if (space >= 0) ok = H5Sclose(space) >= 0 && ok;
    if (type >= 0) ok = H5Tclose(type) >= 0 && ok;
    if (attr >= 0) ok = H5Aclose(attr) >= 0 && ok;
    if (!ok) {
        v->status =
            TRIT_FAIL(v->e, E_FORMAT, "attribute '%s' is not an integer, a real or a text", name);
    } else {
        v->status = v->attr(v->self, name, &value, v->e);
    }
    return v->status ? -1 : 0;
}

trit_status trit_h5_each_attr(trit_h5 *h, const char *path,
                              trit_status (*attr)(void *self, const char *name,
                                                  const trit_h5_value *value, trit_error *e),
                              void *self, trit_error *e) {
    ALONE;
    visit_attrs *v = calloc(1, sizeof *v);
    if (!v) return TRIT_FAIL(e, E_NOMEM, "no memory for attributes");
    *v = (visit_attrs){.attr = attr, .self = self, .e = e};
    hid_t object = H5Oopen(h->file, *path ? path : "/", H5P_DEFAULT);
    herr_t rc = -1;
    if (object >= 0) {
        rc = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, attr_callback, v);
    }
    trit_status status = v->status;
    if (!status && rc < 0) status = failed(e, path, "cannot read the attributes of");
    if (object >= 0 && H5Oclose(object) < 0 && !status) status = failed(e, path, "cannot close");
    H5Eclear2(H5E_DEFAULT);
    free(v);
    return status;
}

trit_status trit_h5_read(trit_h5 *h, const char *path, const trit_tensor *t, trit_error *e) {
    ALONE;
    hid_t data = H5Dopen2(h->file, path, H5P_DEFAULT);
    if (data < 0) return failed(e, path, "cannot open");
    trit_tensor found;
    trit_status status = describe(h, data, path, &found, e);
    if (!status && (found.dtype != t->dtype || !trit_tensor_same_shape(&found, t))) {
        status = TRIT_FAIL(e, E_SHAPE, "'%s' has another type or shape", path);
    }
    if (!status && trit_tensor_len(t) &&
        H5Dread(data, memory_type(t->dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, t->data) < 0) {
        status = failed(e, path, "cannot read");
    }
    if (H5Dclose(data) < 0 && !status) status = failed(e, path, "cannot close");
    return status;
}
