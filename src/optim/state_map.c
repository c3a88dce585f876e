#include "optim/state_map.h"

#include <math.h>
#include <stdlib.h>

static int rising(const void *a, const void *b) {
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void trit_state_map(int bits, bool sign, float *map) {
    int n = 0, decades = bits - 1;
    if (bits == 4 && !sign) {
        for (int k = 1; k <= 16; k++) map[n++] = (float)k / 16;
        return;
    }
    for (int d = 0; d < decades; d++) {
        int bins = sign ? 1 << d : 2 << d;
        for (int j = 0; j < bins; j++) {
            double lo = 0.1 + 0.9 * j / bins, hi = 0.1 + 0.9 * (j + 1) / bins;
            double v = pow(10, d + 1 - decades) * ((lo + hi) / 2);
            map[n++] = (float)v;
            if (sign) map[n++] = -(float)v;
        }
    }
    map[n++] = 0;
    map[n++] = 1;
    qsort(map, (size_t)n, sizeof *map, rising);
}
