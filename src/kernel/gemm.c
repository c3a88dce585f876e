#include "kernel/gemm.h"

#include "base/text.h"
#include "kernel/cpu.h"

#ifdef TRIT_HAVE_ONEDNN
#include <dnnl.h>
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cblas.h's constants; the header itself is not needed since the library is loaded late. */
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void (*sgemm_fn)(int order, int ta, int tb, int m, int n, int k, float alpha,
                         const float *a, int lda, const float *b, int ldb, float beta, float *c,
                         int ldc);

static void gemm_reference(const trit_blas *blas, const trit_gemm *g) {
    (void)blas;
    for (int64_t i = 0; i < g->m; i++) {
        trit_real *c = g->c + i * g->ldc;
        for (int64_t j = 0; j < g->n; j++) c[j] = g->beta == 0 ? 0 : g->beta * c[j];
        for (int64_t k = 0; k < g->k; k++) {
            trit_real a = g->alpha * (g->ta ? g->a[k * g->lda + i] : g->a[i * g->lda + k]);
            if (g->tb) {
                for (int64_t j = 0; j < g->n; j++) c[j] += a * g->b[j * g->ldb + k];
            } else {
                for (int64_t j = 0; j < g->n; j++) c[j] += a * g->b[k * g->ldb + j];
            }
        }
    }
}

#ifndef TRIT_DOUBLE
static void gemm_openblas(const trit_blas *blas, const trit_gemm *g) {
    ((sgemm_fn)blas->sgemm)(ROW_MAJOR, g->ta ? TRANS : NO_TRANS, g->tb ? TRANS : NO_TRANS,
                            (int)g->m, (int)g->n, (int)g->k, g->alpha, g->a, (int)g->lda, g->b,
                            (int)g->ldb, g->beta, g->c, (int)g->ldc);
}

/* dlsym gives an object pointer; POSIX promises that it may be used as a function. */
static void (*symbol(void *lib, const char *name))(void) {
    void *object = dlsym(lib, name);
    void (*function)(void) = NULL;
    memcpy(&function, &object, sizeof function);
    return function;
}

static trit_status load_openblas(trit_blas *blas, trit_error *e) {
    const char *asked = getenv("OPENBLAS_CORETYPE");
    const char *by = asked ? "user" : "openblas";
    if (!asked && trit_cpu_has_avx512()) {
        setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);
        by = "trit";
    }
    setenv("OPENBLAS_NUM_THREADS", "1", 0);
    void *lib = dlopen(TRIT_OPENBLAS_SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        return TRIT_FAIL(e, E_UNSUPPORTED, "OpenBLAS cannot be loaded: %s", dlerror());
    }
    blas->sgemm = symbol(lib, "cblas_sgemm");
    if (!blas->sgemm) {
        return TRIT_FAIL(e, E_UNSUPPORTED, "%s has no cblas_sgemm", TRIT_OPENBLAS_SONAME);
    }
    void (*set_threads)(int) = (void (*)(int))symbol(lib, "openblas_set_num_threads");
    if (set_threads) set_threads(1);
    char *(*core)(void) = (char *(*)(void))symbol(lib, "openblas_get_corename");
    if (core) snprintf(blas->core, sizeof blas->core, "%s", core());
    snprintf(blas->name, sizeof blas->name, "openblas");
    snprintf(blas->chosen_by, sizeof blas->chosen_by, "%s", by);
    blas->one = gemm_openblas;
    return TRIT_OK;
}
#endif

#if defined(TRIT_HAVE_ONEDNN) && !defined(TRIT_DOUBLE)
/* Called on every thread of our own loop, where oneDNN uses one thread. */
static void gemm_onednn(const trit_blas *blas, const trit_gemm *g) {
    if (!g->k) { /* an empty sum leaves C untouched there */
        gemm_reference(blas, g);
        return;
    }
    dnnl_sgemm(g->ta ? 'T' : 'N', g->tb ? 'T' : 'N', g->m, g->n, g->k, g->alpha, g->a, g->lda, g->b,
               g->ldb, g->beta, g->c, g->ldc);
}
#endif

/* The words that a back end may be asked for by; "" is the best. */
static const char *const backend_names[] = {
    "openblas",
#ifdef TRIT_HAVE_ONEDNN
    "onednn",
#endif
    "reference",
};
enum { N_BACKEND = sizeof backend_names / sizeof *backend_names };

int trit_blas_names(const char *names[4]) {
    memcpy(names, backend_names, sizeof backend_names);
    return N_BACKEND;
}

trit_status trit_blas_open(trit_blas *blas, const char *want, trit_error *e) {
    *blas = (trit_blas){.one = gemm_reference, .name = "reference", .chosen_by = "trit"};
    bool known = !want || !*want;
    for (int i = 0; i < N_BACKEND; i++) known = known || strcmp(want, backend_names[i]) == 0;
    if (!known) {
        char list[64];
        return TRIT_FAIL(e, E_CONFIG, "matrix product back end \"%s\": allowed are %s", want,
                         trit_text_join(list, sizeof list, backend_names, N_BACKEND));
    }
#ifdef TRIT_DOUBLE
    return TRIT_OK;
#else
    if (want && strcmp(want, "reference") == 0) return TRIT_OK;
#ifdef TRIT_HAVE_ONEDNN
    if (want && strcmp(want, "onednn") == 0) {
        blas->one = gemm_onednn;
        snprintf(blas->name, sizeof blas->name, "onednn");
        return TRIT_OK;
    }
#endif
    return load_openblas(blas, e);
#endif
}

/* Half of an extent, rounded up to whole micro-kernels. */
static int64_t half_of(int64_t extent) {
    return (extent / 2 + 31) / 32 * 32;
}

/* Tiles of the shape only: halved along the longer side until there are 8, or until a side would
 * fall below 128 (64 while there are fewer than 4). A tile packs its operands anew, so large and
 * square ones waste least. */
static void tile_shape(int64_t m, int64_t n, int64_t *tm, int64_t *tn) {
    enum { ENOUGH = 8, FEW = 4, LEAST = 128, LEAST_WHILE_FEW = 64 };
    *tm = m;
    *tn = n;
    for (int n_tile = 1; n_tile < ENOUGH; n_tile *= 2) {
        int64_t *longer = *tm >= *tn ? tm : tn;
        if (half_of(*longer) < (n_tile < FEW ? LEAST_WHILE_FEW : LEAST)) return;
        *longer = half_of(*longer);
    }
}

/* Tile t of those of tm x tn, row by row. */
static void run_tile(const trit_blas *blas, const trit_gemm *g, int64_t tm, int64_t tn, int64_t t) {
    int64_t n_col = (g->n + tn - 1) / tn, i = t / n_col * tm, j = t % n_col * tn;
    trit_gemm tile = *g;
    tile.m = g->m - i < tm ? g->m - i : tm;
    tile.n = g->n - j < tn ? g->n - j : tn;
    tile.a = g->ta ? g->a + i : g->a + i * g->lda;
    tile.b = g->tb ? g->b + j * g->ldb : g->b + j;
    tile.c = g->c + i * g->ldc + j;
    blas->one(blas, &tile);
}

void trit_gemm_run(const trit_blas *blas, int n_threads, const trit_gemm *g) {
    if (!g->m || !g->n) return;
    int64_t tm, tn;
    tile_shape(g->m, g->n, &tm, &tn);
    int64_t n = ((g->m + tm - 1) / tm) * ((g->n + tn - 1) / tn);
    if (n_threads == 1 || n == 1) { /* a team of one would be made and thrown away: it allocates */
        for (int64_t t = 0; t < n; t++) run_tile(blas, g, tm, tn, t);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (int64_t t = 0; t < n; t++) run_tile(blas, g, tm, tn, t);
}
