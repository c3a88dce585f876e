#include "io/h5_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH_BYTES = 1024, MAX_OBJECTS = 1000000 };

/* ---- the image: HDF5's driver for memory works on the caller's, so nothing is copied ---- */

static void *image_malloc(size_t n_bytes, H5FD_file_image_op_t op, void *self) {
    trit_h5 *h = self;
    (void)op;
    return n_bytes == h->n_bytes ? h->at : NULL;
}

static void *image_memcpy(void *to, const void *from, size_t n_bytes, H5FD_file_image_op_t op,
                          void *self) {
    (void)op, (void)self, (void)n_bytes;
    return to == from ? to : NULL; /* always the one image, see image_malloc */
}

static void *image_realloc(void *at, size_t n_bytes, H5FD_file_image_op_t op, void *self) {
    (void)at, (void)n_bytes, (void)op, (void)self;
    return NULL; /* it is only read */
}

static herr_t image_free(void *at, H5FD_file_image_op_t op, void *self) {
    (void)at, (void)op, (void)self; /* the caller's */
    return 0;
}

static void *same_udata(void *self) {
    return self;
}

static herr_t free_udata(void *self) {
    (void)self;
    return 0;
}

static bool set_image(hid_t fapl, trit_h5 *h) {
    H5FD_file_image_callbacks_t calls = {
        image_malloc, image_memcpy, image_realloc, image_free, same_udata, free_udata, h};
    return H5Pset_fapl_core(fapl, 65536, 0) >= 0 &&
           H5Pset_file_image_callbacks(fapl, &calls) >= 0 &&
           H5Pset_file_image(fapl, h->at, h->n_bytes) >= 0;
}

trit_status trit_h5_open(trit_h5 **out, const void *image, size_t n_bytes, trit_error *e) {
    TRIT_H5_ALONE;
    trit_h5 *h = trit_h5_new();
    if (!h) return TRIT_FAIL(e, E_NOMEM, "no memory for an HDF5 file");
    h->at = (char *)image; /* only read: H5F_ACC_RDONLY, and image_realloc refuses more */
    h->n_bytes = n_bytes;
    hid_t fapl = trit_h5_access();
    if (fapl >= 0 && set_image(fapl, h)) {
        h->file = H5Fopen(h->name, H5F_ACC_RDONLY, fapl);
    }
    bool ok = h->file >= 0;
    if (fapl >= 0) ok = H5Pclose(fapl) >= 0 && ok;
    if (!ok) {
        trit_h5_failed(e, "", "cannot open");
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
        if (H5Tequal(type, trit_h5_file_type((trit_dtype)d)) > 0) found = d;
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
    if (ndim < 0) return trit_h5_failed(e, path, "no shape for");
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
    if (v->depth >= TRIT_H5_MAX_DEPTH) {
        return TRIT_FAIL(v->e, E_FORMAT, "'%s': groups are nested too deeply", v->path);
    }
    v->depth++;
    herr_t rc = H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_callback, v);
    v->depth--;
    if (v->status) {
        H5Eclear2(H5E_DEFAULT);
        return v->status;
    }
    return rc < 0 ? trit_h5_failed(v->e, v->path, "cannot list") : TRIT_OK;
}

static trit_status visit_link(visit *v, hid_t group, const char *name, H5L_type_t link) {
    if (link != H5L_TYPE_HARD) {
        return TRIT_FAIL(v->e, E_FORMAT, "'%s' is a soft or external link", v->path);
    }
    if (++v->n_objects > MAX_OBJECTS) {
        return TRIT_FAIL(v->e, E_FORMAT, "more than %d objects in the file", MAX_OBJECTS);
    }
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0) return trit_h5_failed(v->e, v->path, "cannot open");
    trit_status status = visit_object(v, object);
    if (H5Oclose(object) < 0 && !status) status = trit_h5_failed(v->e, v->path, "cannot close");
    return status;
}

trit_status trit_h5_each(trit_h5 *h,
                         trit_status (*tensor)(void *self, const char *path, const trit_tensor *t,
                                               trit_error *e),
                         void *self, trit_error *e) {
    TRIT_H5_ALONE;
    visit v = {.h = h, .tensor = tensor, .self = self, .e = e};
    hid_t root = H5Oopen(h->file, "/", H5P_DEFAULT);
    if (root < 0) return trit_h5_failed(e, "", "cannot open");
    trit_status status = visit_object(&v, root);
    if (H5Oclose(root) < 0 && !status) status = trit_h5_failed(e, "", "cannot close");
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
    TRIT_H5_ALONE;
    visit_attrs *v = calloc(1, sizeof *v);
    if (!v) return TRIT_FAIL(e, E_NOMEM, "no memory for attributes");
    *v = (visit_attrs){.attr = attr, .self = self, .e = e};
    hid_t object = H5Oopen(h->file, *path ? path : "/", H5P_DEFAULT);
    herr_t rc = -1;
    if (object >= 0) {
        rc = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, attr_callback, v);
    }
    trit_status status = v->status;
    if (!status && rc < 0) status = trit_h5_failed(e, path, "cannot read the attributes of");
    if (object >= 0 && H5Oclose(object) < 0 && !status)
        status = trit_h5_failed(e, path, "cannot close");
    H5Eclear2(H5E_DEFAULT);
    free(v);
    return status;
}

trit_status trit_h5_read(trit_h5 *h, const char *path, const trit_tensor *t, trit_error *e) {
    TRIT_H5_ALONE;
    hid_t data = H5Dopen2(h->file, path, H5P_DEFAULT);
    if (data < 0) return trit_h5_failed(e, path, "cannot open");
    trit_tensor found;
    trit_status status = describe(h, data, path, &found, e);
    if (!status && (found.dtype != t->dtype || !trit_tensor_same_shape(&found, t))) {
        status = TRIT_FAIL(e, E_SHAPE, "'%s' has another type or shape", path);
    }
    if (!status && trit_tensor_len(t) &&
        H5Dread(data, trit_h5_memory_type(t->dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, t->data) < 0) {
        status = trit_h5_failed(e, path, "cannot read");
    }
    if (H5Dclose(data) < 0 && !status) status = trit_h5_failed(e, path, "cannot close");
    return status;
}
