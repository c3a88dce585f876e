/* A scalar as a pure function of the step: learning rates, quantizer strength, temperatures. */
#ifndef TRIT_BASE_SCHEDULE_H
#define TRIT_BASE_SCHEDULE_H

#include <stdint.h>

/* Shapes between (begin, from) and (end, to); outside the interval the nearer end holds. t goes
 * from 0 to 1 within it, p is the share of the way from `from` to `to`.
 *   hold     from, always             step     from before `end`, then to
 *   linear   p = t                    cosine   half a cosine, p = (1 - cos(pi t))/2
 *   quarter  p = 1 - cos(pi t/2)      exp      geometric (from and to > 0)
 *   power    p = 1 - (1 - t)^k        sigmoid  p = 1/(1 + exp(-k (t - 1/2)))
 *   rungs    from, halved or doubled until it is to, each for as long (from and to > 0)
 *   hump     there and back: a straight line from `from` to `to` in the first tenth, half a cosine
 *            back in the rest; from outside the interval
 * A sigmoid is not quite at its ends at begin and end themselves. */
#define TRIT_SHAPE_LIST(X) \
    X(hold)                \
    X(linear)              \
    X(cosine)              \
    X(quarter)             \
    X(exp)                 \
    X(power)               \
    X(sigmoid)             \
    X(rungs)               \
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
    double k;           /* steepness of power and sigmoid; others ignore it */
} trit_schedule;

double trit_schedule_at(const trit_schedule *s, int64_t step);

#endif
