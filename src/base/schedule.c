#include "base/schedule.h"

#include <math.h>
#include <stddef.h>

const char *const trit_shape_names[TRIT_N_SHAPE + 1] = {
#define X(name) #name,
    TRIT_SHAPE_LIST(X)
#undef X
        NULL};

/* From 0 up to 1 at a tenth of the way, and back. */
static double hump(double t) {
    const double top = 0.1;
    if (t <= top) return t / top;
    return 0.5 * (1 + cos(3.14159265358979323846 * (t - top) / (1 - top)));
}

double trit_schedule_at(const trit_schedule *s, int64_t step) {
    if (s->shape == TRIT_SHAPE_hold) return s->from;
    if (step >= s->end) return s->shape == TRIT_SHAPE_hump ? s->from : s->to;
    if (step <= s->begin || s->shape == TRIT_SHAPE_step) return s->from;
    double t = (double)(step - s->begin) / (double)(s->end - s->begin);
    switch (s->shape) {
    case TRIT_SHAPE_cosine:
        return s->to + (s->from - s->to) * 0.5 * (1 + cos(3.14159265358979323846 * t));
    case TRIT_SHAPE_exp:
        return s->from * pow(s->to / s->from, t);
    case TRIT_SHAPE_hump:
        return s->from + (s->to - s->from) * hump(t);
    default:
        return s->from + (s->to - s->from) * t;
    }
}
