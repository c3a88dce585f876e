/* A scalar as a pure function of the step: learning rates, quantizer strength, temperatures. */
#ifndef TRIT_BASE_SCHEDULE_H
#define TRIT_BASE_SCHEDULE_H

#include <stdint.h>

/* Shapes between (begin, from) and (end, to); outside the interval the nearer end holds.
 *   hold    from, always                 linear  straight line
 *   cosine  half a cosine                exp     geometric (from and to > 0)
 *   step    from before `end`, to after
 *   hump    there and back: a straight line from `from` to `to` in the first tenth, half a cosine
 *           back in the rest; from outside the interval  */
#define TRIT_SHAPE_LIST(X) \
    X(hold)                \
    X(linear)              \
    X(cosine)              \
    X(exp)                 \
    X(step)                \
    X(hump)
typedef enum {
#define X(name) TRIT_SHAPE_##name,
    TRIT_SHAPE_LIST(X)
#undef X
        TRIT_N_SHAPE
} trit_shape;
extern const char *const trit_shape_names[TRIT_N_SHAPE + 1]; /* NULL-terminated */

typedef struct trit_schedule {
    trit_shape shape;
    double from, to;
    int64_t begin, end; /* steps; begin <= end */
} trit_schedule;

double trit_schedule_at(const trit_schedule *s, int64_t step);

#endif
