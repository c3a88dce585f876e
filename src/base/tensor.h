/* A tensor is a shape and a borrowed pointer: dense, row-major, dim[ndim-1] contiguous. */
#ifndef TRIT_BASE_TENSOR_H
#define TRIT_BASE_TENSOR_H

#include "base/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRIT_MAX_DIM = 4 };

/* TRIT_REAL is float, or double in the gradient-check build. */
typedef enum {
    TRIT_REAL,
    TRIT_BF16,
    TRIT_I64,
    TRIT_I32,
    TRIT_I8,
    TRIT_U8,
    TRIT_N_DTYPE
} trit_dtype;

typedef struct trit_tensor {
    trit_dtype dtype;
    int ndim; /* 0 = scalar */
    int64_t dim[TRIT_MAX_DIM];
    void *data; /* never owned; NULL until placed */
} trit_tensor;

/* Element count; 1 for a scalar. */
int64_t trit_tensor_len(const trit_tensor *t);
size_t trit_dtype_bytes(trit_dtype t);
const char *trit_dtype_name(trit_dtype t);
size_t trit_tensor_bytes(const trit_tensor *t);
bool trit_tensor_same_shape(const trit_tensor *a, const trit_tensor *b);
/* "[4,256]" into buf (at least 96 bytes); returns buf. */
char *trit_tensor_shape_text(const trit_tensor *t, char buf[96]);
/* Shape without data: trit_tensor_make(TRIT_REAL, 2, (int64_t[]){n, m}). */
trit_tensor trit_tensor_make(trit_dtype dtype, int ndim, const int64_t *dim);

#endif
