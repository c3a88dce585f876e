#include "io/h5_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 1 << 20,  /* largest chunk: what HDF5's default cache holds */
    CHUNK_FROM_BYTES = 1024 /* smaller tensors are not worth a chunk index */
};

trit_status trit_h5_create(trit_h5 **out, size_t n_bytes, trit_error *e) {
    TRIT_H5_ALONE;
    trit_h5 *h = trit_h5_new(true);
    if (!h) return TRIT_FAIL(e, E_NOMEM, "no memory for an HDF5 file");
    /* Sums and indexes of chunks add less than a hundredth. */
    h->expected = n_bytes + n_bytes / 8 + 65536;
    hid_t fapl = trit_h5_access(h, n_bytes / 8 + 65536), fcpl = H5Pcreate(H5P_FILE_CREATE);
    if (fapl >= 0 && fcpl >= 0 && H5Pset_obj_track_times(fcpl, 0) >= 0) {
        h->file = H5Fcreate(h->name, H5F_ACC_TRUNC, fcpl, fapl);
    }
    bool ok = h->file >= 0;
    if (fcpl >= 0) ok = H5Pclose(fcpl) >= 0 && ok;
    if (fapl >= 0) ok = H5Pclose(fapl) >= 0 && ok;
    if (!ok) {
        trit_h5_failed(e, "", "cannot create");
        trit_h5_free(h);
        return TRIT_E_FORMAT;
    }
    *out = h;
    return TRIT_OK;
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
    TRIT_H5_ALONE;
    hid_t space = dataspace(t), data = -1;
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), lcpl = H5Pcreate(H5P_LINK_CREATE);
    bool ok = space >= 0 && dcpl >= 0 && lcpl >= 0;
    ok = ok && H5Pset_obj_track_times(dcpl, 0) >= 0 && set_chunks(dcpl, t);
    ok = ok && H5Pset_create_intermediate_group(lcpl, 1) >= 0;
    if (ok) {
        data =
            H5Dcreate2(h->file, path, trit_h5_file_type(t->dtype), space, lcpl, dcpl, H5P_DEFAULT);
        ok = data >= 0;
    }
    if (ok && trit_tensor_len(t)) {
        ok = H5Dwrite(data, trit_h5_memory_type(t->dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                      t->data) >= 0;
    }
    /* Not `ok = trit_h5_failed(...)` at once: what is open must be closed, and a close may fail
     * too. */
    trit_status status = ok ? TRIT_OK : trit_h5_failed(e, path, "cannot write");
    bool closed = data < 0 || H5Dclose(data) >= 0;
    closed = (space < 0 || H5Sclose(space) >= 0) && closed;
    closed = (dcpl < 0 || H5Pclose(dcpl) >= 0) && closed;
    closed = (lcpl < 0 || H5Pclose(lcpl) >= 0) && closed;
    if (!status && !closed) status = trit_h5_failed(e, path, "cannot write");
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
    trit_status status = ok ? TRIT_OK : trit_h5_failed(e, path, "cannot write an attribute of");
    bool closed = attr < 0 || H5Aclose(attr) >= 0;
    closed = (space < 0 || H5Sclose(space) >= 0) && closed;
    closed = (object < 0 || H5Oclose(object) >= 0) && closed;
    closed = (type < 0 || H5Tclose(type) >= 0) && closed;
    if (!status && !closed) status = trit_h5_failed(e, path, "cannot write an attribute of");
    return status ? trit_error_wrap(e, "attribute '%s'", name) : TRIT_OK;
}

trit_status trit_h5_finish(trit_h5 *h, trit_text *out, trit_error *e) {
    TRIT_H5_ALONE;
    ssize_t n = -1;
    if (H5Fflush(h->file, H5F_SCOPE_GLOBAL) >= 0) n = H5Fget_file_image(h->file, NULL, 0);
    herr_t closed = H5Fclose(h->file);
    h->file = -1;
    if (n <= 0 || closed < 0 || (size_t)n > h->n_bytes)
        return trit_h5_failed(e, "", "cannot finish");
    h->at[n] = '\0';
    *out = (trit_text){.at = h->at, .len = (size_t)n, .cap = h->room};
    h->at = NULL;
    h->n_bytes = 0;
    return TRIT_OK;
}
