#include "base/tensor.h"

#include "base/status.h"

#include <inttypes.h>
#include <stdio.h>

int64_t trit_tensor_len(const trit_tensor *t) {
    int64_t n = 1;
    for (int i = 0; i < t->ndim; i++) n *= t->dim[i];
    return n;
}

static const struct {
    const char *name;
    size_t bytes;
} dtypes[TRIT_N_DTYPE] = {
#ifdef TRIT_DOUBLE
    [TRIT_REAL] = {"f64", sizeof(trit_real)},
#else
    [TRIT_REAL] = {"f32", sizeof(trit_real)},
#endif
    [TRIT_BF16] = {"bf16", 2},
    [TRIT_I64] = {"i64", 8},
    [TRIT_I32] = {"i32", 4},
    [TRIT_I8] = {"i8", 1},
    [TRIT_U8] = {"u8", 1},
};

size_t trit_dtype_bytes(trit_dtype t) {
    return dtypes[t].bytes;
}

const char *trit_dtype_name(trit_dtype t) {
    return dtypes[t].name;
}

size_t trit_tensor_bytes(const trit_tensor *t) {
    return (size_t)trit_tensor_len(t) * trit_dtype_bytes(t->dtype);
}

bool trit_tensor_same_shape(const trit_tensor *a, const trit_tensor *b) {
    if (a->ndim != b->ndim) return false;
    for (int i = 0; i < a->ndim; i++) {
        if (a->dim[i] != b->dim[i]) return false;
    }
    return true;
}

char *trit_tensor_shape_text(const trit_tensor *t, char buf[96]) {
    size_t used = 0;
    buf[used++] = '[';
    for (int i = 0; i < t->ndim; i++) {
        used += (size_t)snprintf(buf + used, 96 - used, i ? ",%" PRId64 : "%" PRId64, t->dim[i]);
    }
    snprintf(buf + used, 96 - used, "]");
    return buf;
}

trit_tensor trit_tensor_make(trit_dtype dtype, int ndim, const int64_t *dim) {
    TRIT_ASSERT(ndim >= 0 && ndim <= TRIT_MAX_DIM);
    trit_tensor t = {.dtype = dtype, .ndim = ndim};
    for (int i = 0; i < ndim; i++) t.dim[i] = dim[i];
    return t;
}
