/* Eigenvectors of a covariance by cyclic Jacobi rotations: slow, short, and the same everywhere. */
#include "distill/inside.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_SWEEP = 60 };

/* c[n, n]: covariance of the rows of x. */
static void find_covariance(int64_t rows, int64_t n, const trit_real *x, double *mean, double *c) {
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < n; j++) mean[j] += (double)x[i * n + j] / (double)rows;
    }
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < n; j++) {
            double off = (double)x[i * n + j] - mean[j];
            for (int64_t k = j; k < n; k++) {
                c[j * n + k] += off * ((double)x[i * n + k] - mean[k]);
            }
        }
    }
    for (int64_t j = 0; j < n; j++) {
        for (int64_t k = 0; k < j; k++) c[j * n + k] = c[k * n + j];
    }
}

/* (a, b) becomes (cos a - sin b, sin a + cos b), for n pairs `step` apart. */
static void rotate(int64_t n, int64_t step, double *a, double *b, double cos_, double sin_) {
    for (int64_t i = 0; i < n; i++) {
        double x = a[i * step], y = b[i * step];
        a[i * step] = cos_ * x - sin_ * y;
        b[i * step] = sin_ * x + cos_ * y;
    }
}

/* Makes c[n, n] diagonal; the rows of v[n, n], which begins as 1, become its eigenvectors. */
static void diagonalize(int64_t n, double *c, double *v) {
    double all = 0;
    for (int64_t i = 0; i < n * n; i++) all += c[i] * c[i];
    for (int sweep = 0; sweep < MAX_SWEEP; sweep++) {
        double off = 0;
        for (int64_t p = 0; p < n; p++) {
            for (int64_t q = p + 1; q < n; q++) off += c[p * n + q] * c[p * n + q];
        }
        if (off <= 1e-28 * all) return;
        for (int64_t p = 0; p < n; p++) {
            for (int64_t q = p + 1; q < n; q++) {
                double much = c[p * n + q];
                if (much * much <= 1e-36 * all) continue;
                double theta = (c[q * n + q] - c[p * n + p]) / (2 * much);
                double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
                double cos_ = 1 / sqrt(t * t + 1), sin_ = t * cos_;
                rotate(n, n, c + p, c + q, cos_, sin_);
                rotate(n, 1, c + p * n, c + q * n, cos_, sin_);
                rotate(n, 1, v + p * n, v + q * n, cos_, sin_);
            }
        }
    }
}

/* Eigenvector i as one of unit length whose largest element is positive. */
static void take(int64_t n, const double *v, trit_real *out) {
    int64_t most = 0;
    for (int64_t j = 1; j < n; j++) most = fabs(v[j]) > fabs(v[most]) ? j : most;
    for (int64_t j = 0; j < n; j++) out[j] = TRIT_R(v[most] < 0 ? -v[j] : v[j]);
}

trit_status trit_principal(int64_t n, int64_t cols, const trit_real *x, int64_t rank,
                           trit_real *out, trit_error *e) {
    size_t square = (size_t)(cols * cols);
    double *c = calloc(2 * square + (size_t)cols, sizeof *c);
    if (!c) return TRIT_FAIL(e, E_NOMEM, "no memory for principal directions");
    double *v = c + square, *mean = v + square;
    for (int64_t i = 0; i < cols; i++) v[i * cols + i] = 1;
    find_covariance(n, cols, x, mean, c);
    diagonalize(cols, c, v);
    for (int64_t r = 0; r < rank; r++) {
        int64_t best = -1;
        for (int64_t i = 0; i < cols; i++) {
            double own = c[i * cols + i];
            if (isnan(own)) continue;
            if (best < 0 || own > c[best * cols + best]) best = i;
        }
        take(cols, v + best * cols, out + r * cols);
        c[best * cols + best] = (double)NAN; /* taken */
    }
    free(c);
    return TRIT_OK;
}
