#include "io/h5_file.h"

#include "io/fletcher.h"

#include <string.h>

enum { CHUNK_FROM_BYTES = 1024 }; /* smaller tensors are not worth a chunk index */

static bool complete(const trit_h5 *h) {
    return !trit_h5_image_no_memory(h->image);
}

static trit_status failed(const trit_h5 *h, trit_error *e, const char *path, const char *what) {
    if (complete(h)) return trit_h5_failed(e, path, what);
    H5Eclear2(H5E_DEFAULT);
    return TRIT_FAIL(e, E_NOMEM, "%s '%s': no memory for an HDF5 file", what, *path ? path : "/");
}

trit_status trit_h5_create(trit_h5 **out, trit_error *e) {
    TRIT_H5_ALONE;
    trit_h5 *h = trit_h5_new();
    if (h) h->image = trit_h5_image_new();
    if (!h || !h->image) {
        trit_h5_free(h);
        return TRIT_FAIL(e, E_NOMEM, "no memory for an HDF5 file");
    }
    hid_t fapl = trit_h5_access(), fcpl = H5Pcreate(H5P_FILE_CREATE);
    if (fapl >= 0 && fcpl >= 0 && H5Pset_obj_track_times(fcpl, 0) >= 0) {
        h->file = trit_h5_image_create(h->image, h->name, fcpl, fapl);
    }
    bool ok = h->file >= 0 && complete(h);
    if (fcpl >= 0) ok = H5Pclose(fcpl) >= 0 && ok;
    if (fapl >= 0) ok = H5Pclose(fapl) >= 0 && ok;
    if (!ok) {
        trit_status status = failed(h, e, "", "cannot create");
        trit_h5_free(h);
        return status;
    }
    *out = h;
    return TRIT_OK;
}

/* Chunks of whole rows, about equal, at most TRIT_H5_CHUNK_BYTES each, so that each is
 * one piece of memory. */
static void chunk_shape(const trit_tensor *t, hsize_t chunk[TRIT_MAX_DIM]) {
    int64_t room = TRIT_H5_CHUNK_BYTES / (int64_t)trit_dtype_bytes(t->dtype);
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

static bool has_chunks(const trit_tensor *t) {
    return t->ndim && trit_tensor_bytes(t) >= CHUNK_FROM_BYTES;
}

static bool set_chunks(hid_t dcpl, const trit_tensor *t) {
    hsize_t chunk[TRIT_MAX_DIM];
    if (!has_chunks(t)) return true;
    chunk_shape(t, chunk);
    return H5Pset_chunk(dcpl, t->ndim, chunk) >= 0 && H5Pset_fletcher32(dcpl) >= 0;
}

/* The chunks as HDF5's filter would make them, but its sums take several times as long as ours, and
 * its cache a copy. A chunk at the edge is filled up with zeros. */
static bool write_chunks(trit_h5_image *m, hid_t data, const trit_tensor *t) {
    hsize_t chunk[TRIT_MAX_DIM] = {0}, at[TRIT_MAX_DIM] = {0};
    chunk_shape(t, chunk);
    int split = 0; /* the axis that chunks cut; before it they are of 1, behind it of all */
    size_t row_bytes = trit_dtype_bytes(t->dtype);
    for (int i = 0; i < t->ndim; i++) {
        if (chunk[i] < (hsize_t)t->dim[i]) split = i;
    }
    for (int i = split + 1; i < t->ndim; i++) row_bytes *= (size_t)t->dim[i];
    const char *from = t->data;
    while (at[0] < (hsize_t)t->dim[0]) {
        size_t rest = (size_t)t->dim[split] - at[split];
        size_t rows = chunk[split] < rest ? chunk[split] : rest;
        trit_h5_chunk c = {
            .data = from, .n_bytes = rows * row_bytes, .n_zero = (chunk[split] - rows) * row_bytes};
        c.sum = trit_fletcher32(c.data, c.n_bytes, c.n_zero);
        if (!trit_h5_image_put(m, data, at, &c)) return false;
        from += c.n_bytes;
        at[split] += chunk[split];
        for (int i = split; i > 0 && at[i] >= (hsize_t)t->dim[i]; i--) {
            at[i] = 0;
            at[i - 1]++;
        }
    }
    return true;
}

static bool write_data(trit_h5 *h, hid_t data, const trit_tensor *t) {
    if (!trit_tensor_len(t)) return true;
    if (has_chunks(t)) return write_chunks(h->image, data, t);
    return H5Dwrite(data, trit_h5_memory_type(t->dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, t->data) >=
           0;
}

trit_status trit_h5_write(trit_h5 *h, const char *path, const trit_tensor *t, trit_error *e) {
    TRIT_H5_ALONE;
    hid_t space = dataspace(t), data = -1;
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), lcpl = H5Pcreate(H5P_LINK_CREATE);
    bool ok = space >= 0 && dcpl >= 0 && lcpl >= 0;
    ok = ok && H5Pset_obj_track_times(dcpl, 0) >= 0 && set_chunks(dcpl, t);
    ok = ok && H5Pset_create_intermediate_group(lcpl, 1) >= 0;
    if (ok) {
        data =
            H5Dcreate2(h->file, path, trit_h5_file_type(t->dtype), space, lcpl, dcpl, H5P_DEFAULT);
        ok = data >= 0 && write_data(h, data, t);
    }
    /* Not `ok = trit_h5_failed(...)` at once: what is open must be closed, and a close may fail
     * too. */
    trit_status status = ok ? TRIT_OK : failed(h, e, path, "cannot write");
    bool closed = data < 0 || H5Dclose(data) >= 0;
    closed = (space < 0 || H5Sclose(space) >= 0) && closed;
    closed = (dcpl < 0 || H5Pclose(dcpl) >= 0) && closed;
    closed = (lcpl < 0 || H5Pclose(lcpl) >= 0) && closed;
    if (!status && !(closed && complete(h))) status = failed(h, e, path, "cannot write");
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
    TRIT_H5_ALONE;
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
    trit_status status = ok ? TRIT_OK : failed(h, e, path, "cannot write an attribute of");
    bool closed = attr < 0 || H5Aclose(attr) >= 0;
    closed = (space < 0 || H5Sclose(space) >= 0) && closed;
    closed = (object < 0 || H5Oclose(object) >= 0) && closed;
    closed = (type < 0 || H5Tclose(type) >= 0) && closed;
    if (!status && !(closed && complete(h))) {
        status = failed(h, e, path, "cannot write an attribute of");
    }
    return status ? trit_error_wrap(e, "attribute '%s'", name) : TRIT_OK;
}

trit_status trit_h5_finish(trit_h5 *h, size_t *n_bytes, trit_error *e) {
    TRIT_H5_ALONE;
    h->held = H5Fclose(h->file) < 0;
    h->file = -1;
    if (h->held || !complete(h)) return failed(h, e, "", "cannot finish");
    *n_bytes = trit_h5_image_bytes(h->image);
    return TRIT_OK;
}

void trit_h5_copy(const trit_h5 *h, size_t at, size_t n, void *to) {
    trit_h5_image_copy(h->image, at, n, to);
}
