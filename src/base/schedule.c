#include "base/schedule.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

const char *const trit_shape_names[TRIT_N_SHAPE + 1] = {
#define X(name) #name,
    TRIT_SHAPE_LIST(X)
#undef X
        NULL};

static const double PI = 3.14159265358979323846;

/* From 0 up to 1 at a tenth of the way, and back. */
static double hump(double t) {
    const double top = 0.1;
    if (t <= top) return t / top;
    return 0.5 * (1 + cos(PI * (t - top) / (1 - top)));
}

double trit_schedule_at(const trit_schedule *s, int64_t step) {
    if (s->shape == TRIT_SHAPE_hold) return s->from;
    bool soft_ends = s->shape == TRIT_SHAPE_sigmoid && s->begin < s->end;
    if (step > s->end || (step == s->end && !soft_ends)) {
        return s->shape == TRIT_SHAPE_hump ? s->from : s->to;
    }
    if (step < s->begin || (step == s->begin && !soft_ends)) return s->from;
    double t = (double)(step - s->begin) / (double)(s->end - s->begin);
    switch (s->shape) {
    case TRIT_SHAPE_cosine:
        return s->to + (s->from - s->to) * 0.5 * (1 + cos(PI * t));
    case TRIT_SHAPE_quarter:
        return s->from + (s->to - s->from) * (1 - cos(PI / 2 * t));
    case TRIT_SHAPE_exp:
        return s->from * pow(s->to / s->from, t);
    case TRIT_SHAPE_power:
        return s->from + (s->to - s->from) * (1 - pow(1 - t, s->k));
    case TRIT_SHAPE_sigmoid:
        return s->from + (s->to - s->from) / (1 + exp(-s->k * (t - 0.5)));
    case TRIT_SHAPE_hump:
        return s->from + (s->to - s->from) * hump(t);
    case TRIT_SHAPE_rungs: {
        double n = rint(log2(s->to / s->from)), k = floor(t * (fabs(n) + 1));
        return s->from * exp2(n < 0 ? -k : k);
    }
    case TRIT_SHAPE_step:
        return s->from;
    default:
        return s->from + (s->to - s->from) * t;
    }
}
