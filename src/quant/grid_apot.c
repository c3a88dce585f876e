/* Additive powers of two: each level is a sum of one element from each of up to three sets, over
 * the largest sum. Signed grids of b bits have the levels of b-1 bits on both sides; 2 bits are
 * -1, 0, 1.
 * Li, Dong, Wang, "Additive Powers-of-Two Quantization", 2020, arXiv 1909.13144; sets as in the
 * released code. The paper first standardizes the weights of a layer: form apotnorm. */
#include "quant/rows.h"

#include <stdlib.h>

enum { MAX_LOG = 6 };

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The levels above zero for 1 to 6 bits, rising; returns how many. */
static int positive(int bits, double up[1 << MAX_LOG]) {
    /* Exponents of the elements; 0 stands for zero. */
    static const int set[MAX_LOG - 1][3][4] = {
        {{0, 1, 2, 3}, {0}, {0}},
        {{0, 1, 2, 4}, {0, 3}, {0}},
        {{0, 1, 3, 5}, {0, 2, 4, 6}, {0}},
        {{0, 1, 3, 6}, {0, 2, 4, 7}, {0, 5}},
        {{0, 1, 4, 7}, {0, 2, 5, 8}, {0, 3, 6, 9}},
    };
    if (bits == 1) {
        up[0] = 1;
        return 1;
    }
    int n = 0;
    for (int i = 1; i < 1 << bits; i++) { /* two bits of i choose from each set */
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            int e = set[bits - 2][k][i >> (2 * k) & 3];
            if (e) sum += ldexp(1, -e);
        }
        up[n++] = sum;
    }
    qsort(up, (size_t)n, sizeof *up, compare);
    for (int i = 0; i < n; i++) up[i] /= up[n - 1];
    return n;
}

static int levels(const trit_spec *sp, trit_real *out, int cap) {
    double up[1 << MAX_LOG];
    int n = positive((int)sp->bits - sp->is_signed, up);
    return trit_levels_mirror(up, n, true, sp->is_signed, out, cap);
}

static trit_status fits(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    (void)kind;
    if (sp->is_signed || sp->bits <= MAX_LOG) return TRIT_OK;
    return TRIT_FAIL(e, E_CONFIG, "bits: found %d, but unsigned grid apot has 2..%d", (int)sp->bits,
                     MAX_LOG);
}

const trit_grid trit_grid_apot = {
    .name = "apot",
    .doc = "sums of powers of two, over the largest; zero among them",
    .cite = "Li et al. 2020, arXiv 1909.13144",
    .formula = "q = the nearest of the sums of one power of two from each of up to three sets",
    .pitfall =
        "the paper standardizes the weights of a layer before, as form apotnorm does; without "
        "that the first value of a learned scale should follow the data",
    .bits_min = 2,
    .bits_max = 7,
    .bits_default = 4,
    .sign = TRIT_SIGN_CHOICE,
    .indexed = true,
    .bounds = trit_bounds_table,
    .project = trit_project_nearest,
    .levels = levels,
    .fits = fits,
};
