#include "kernel/svd.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { MORE = 8, POWER = 4, MOST_SWEEP = 60 };
static const double eps = sizeof(trit_real) == 4 ? (double)FLT_EPSILON : DBL_EPSILON;

static int64_t sketch_of(int64_t m, int64_t n, int64_t k) {
    int64_t least = m < n ? m : n;
    return k + MORE < least ? k + MORE : least;
}

/* Parts of `work` for l directions. */
typedef struct parts {
    trit_real *y, *z;      /* [l, m], [l, n] */
    double *t, *s, *u, *v; /* [l, l] each */
} parts;

size_t trit_svd_work(int64_t m, int64_t n, int64_t k) {
    int64_t l = k + MORE;
    return (size_t)((m + n) * l) * sizeof(trit_real) + (size_t)(4 * l * l) * sizeof(double) + 64;
}

static parts split(int64_t m, int64_t l, void *work) {
    parts p;
    p.t = work;
    p.s = p.t + l * l;
    p.u = p.s + l * l;
    p.v = p.u + l * l;
    p.y = (trit_real *)(p.v + l * l);
    p.z = p.y + m * l;
    return p;
}

static double product(int64_t n, const trit_real *a, const trit_real *b) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Rows of q [count, n] become orthonormal, or 0 where they are no further direction; t [count,
 * count], upper, in its columns what they were made of. Each is cleaned twice (Giraud et al. 2005).
 */
static void orthonormalise(int64_t count, int64_t n, trit_real *q, double *t) {
    memset(t, 0, (size_t)(count * count) * sizeof *t);
    for (int64_t b = 0; b < count; b++) {
        trit_real *one = q + b * n;
        double whole = sqrt(product(n, one, one));
        for (int64_t a = 0; a < 2 * b; a++) {
            const trit_real *other = q + a % b * n;
            double part = product(n, other, one);
            t[a % b * count + b] += part;
            for (int64_t i = 0; i < n; i++) one[i] -= TRIT_R(part * (double)other[i]);
        }
        double left = sqrt(product(n, one, one));
        bool further = left > 64 * eps * whole;
        t[b * count + b] = further ? left : 0;
        for (int64_t i = 0; i < n; i++) one[i] = further ? TRIT_R((double)one[i] / left) : 0;
    }
}

/* Rotates columns a and b of x [n, n]. */
static void rotate(int64_t n, double *x, int64_t a, int64_t b, double c, double s) {
    for (int64_t i = 0; i < n; i++) {
        double p = x[i * n + a], q = x[i * n + b];
        x[i * n + a] = c * p - s * q;
        x[i * n + b] = s * p + c * q;
    }
}

static double dot(int64_t n, const double *x, int64_t a, int64_t b) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i * n + a] * x[i * n + b];
    return sum;
}

/* u [n, n] -> columns sigma_j u_j, falling, with v [n, n] so that the matrix was u v^T. */
static void jacobi(int64_t n, double *u, double *v) {
    memset(v, 0, (size_t)(n * n) * sizeof *v);
    for (int64_t i = 0; i < n; i++) v[i * n + i] = 1;
    bool moved = true;
    for (int sweep = 0; moved && sweep < MOST_SWEEP; sweep++) {
        moved = false;
        for (int64_t a = 0; a < n; a++) {
            for (int64_t b = a + 1; b < n; b++) {
                double p = dot(n, u, a, a), q = dot(n, u, b, b), d = dot(n, u, a, b);
                if (q > p) { /* the larger one comes first */
                    rotate(n, u, a, b, 0, 1);
                    rotate(n, v, a, b, 0, 1);
                    double swap = p;
                    p = q, q = swap, d = -d;
                    moved = true;
                }
                if (fabs(d) <= 1e-15 * sqrt(p * q)) continue;
                double zeta = (q - p) / (2 * d);
                double t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                double c = 1 / sqrt(1 + t * t);
                rotate(n, u, a, b, c, c * t);
                rotate(n, v, a, b, c, c * t);
                moved = true;
            }
        }
    }
}

/* Element i of component j, j < k, of q [l, n] x diag(scale), to out[i * row + j * col]. */
static void combine(int64_t n, int64_t l, int64_t k, const trit_real *q, const double *x,
                    const double *scale, trit_real *out, int64_t row, int64_t col) {
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < k; j++) {
            double sum = 0;
            for (int64_t a = 0; a < l; a++) sum += (double)q[a * n + i] * x[a * l + j];
            out[i * row + j * col] = TRIT_R(scale[j] * sum);
        }
    }
}

/* y^T s z with orthonormal rows of y [l, m], z [l, n], and s [l, l] in p->u, as the first `count`
 * components of out_l [m, k], out_r [k, n]. */
static void balance(int64_t m, int64_t n, int64_t l, int64_t k, int64_t count, const parts *p,
                    trit_real *out_l, trit_real *out_r) {
    jacobi(l, p->u, p->v);
    double *by_l = p->t, *by_r = p->s;
    for (int64_t j = 0; j < l; j++) {
        double sigma = sqrt(dot(l, p->u, j, j));
        by_l[j] = sigma > 0 ? 1 / sqrt(sigma) : 0; /* columns of u have length sigma */
        by_r[j] = sqrt(sigma);
    }
    combine(m, l, count, p->y, p->u, by_l, out_l, k, 1);
    combine(n, l, count, p->z, p->v, by_r, out_r, 1, n);
}

void trit_svd_components(const trit_blas *blas, int n_threads, int64_t m, int64_t n,
                         const trit_real *a, int64_t k, const trit_rng *rng, trit_real *l,
                         trit_real *r, void *work) {
    int64_t count = sketch_of(m, n, k);
    parts p = split(m, count, work);
    const trit_gemm to_y = {.tb = true,
                            .m = count,
                            .n = m,
                            .k = n,
                            .alpha = 1,
                            .a = p.z,
                            .lda = n,
                            .b = a,
                            .ldb = n,
                            .c = p.y,
                            .ldc = m};
    const trit_gemm to_z = {.m = count,
                            .n = n,
                            .k = m,
                            .alpha = 1,
                            .a = p.y,
                            .lda = m,
                            .b = a,
                            .ldb = n,
                            .c = p.z,
                            .ldc = n};
    for (int64_t i = 0; i < n * count; i++) p.z[i] = TRIT_R(trit_rng_normal(rng, (uint64_t)i));
    for (int i = 0; i <= POWER; i++) {
        trit_gemm_run(blas, n_threads, &to_y);
        orthonormalise(count, m, p.y, p.t);
        trit_gemm_run(blas, n_threads, &to_z);
        orthonormalise(count, n, p.z, p.t);
    }
    /* With rows of y, z: y^T (y a) = y^T (t^T z). */
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < count; j++) p.u[i * count + j] = p.t[j * count + i];
    }
    balance(m, n, count, k, k, &p, l, r);
}

void trit_svd_refactor(int64_t m, int64_t n, int64_t k, int64_t keep, trit_real *l, trit_real *r,
                       void *work) {
    parts p = split(m, keep, work);
    for (int64_t j = 0; j < keep; j++) {
        for (int64_t i = 0; i < m; i++) p.y[j * m + i] = l[i * k + j];
    }
    memcpy(p.z, r, (size_t)(keep * n) * sizeof *r);
    memset(l, 0, (size_t)(m * k) * sizeof *l);
    memset(r, 0, (size_t)(k * n) * sizeof *r);
    if (!keep) return;
    orthonormalise(keep, m, p.y, p.t);
    orthonormalise(keep, n, p.z, p.s);
    for (int64_t i = 0; i < keep; i++) {
        for (int64_t j = 0; j < keep; j++) {
            double sum = 0;
            for (int64_t c = 0; c < keep; c++) sum += p.t[i * keep + c] * p.s[j * keep + c];
            p.u[i * keep + j] = sum;
        }
    }
    balance(m, n, keep, k, keep, &p, l, r);
}
