/* One axis of a chart: which interval it shows, where its ticks stand and what they say. */
#ifndef TRIT_IO_AXIS_H
#define TRIT_IO_AXIS_H

#include <stdbool.h>

enum { TRIT_AXIS_MAX_TICKS = 64, TRIT_AXIS_LABEL_BYTES = 32 };

typedef struct trit_axis_tick {
    double at; /* value */
    bool major;
    char label[TRIT_AXIS_LABEL_BYTES]; /* "" for minor ticks */
} trit_axis_tick;

typedef struct trit_axis {
    bool log;
    double lo, hi; /* shown interval, lo < hi; both > 0 when log */
    int exponent;  /* labels are in units of 10^exponent */
    int n_tick;
    trit_axis_tick tick[TRIT_AXIS_MAX_TICKS];
} trit_axis;

/* The axis for values lo..hi (finite, lo <= hi, > 0 when log). Widened by the fraction pad at each
 * end, but not across 0; by more when lo = hi. At most about n_labels labels; whole: the values are
 * whole numbers, and no tick stands between them. */
void trit_axis_make(trit_axis *a, bool log, bool whole, double lo, double hi, double pad,
                    int n_labels);
/* Position of a value: 0 at lo, 1 at hi. */
double trit_axis_at(const trit_axis *a, double value);
/* "10⁻⁷" into buf; returns buf. */
char *trit_axis_power(char buf[TRIT_AXIS_LABEL_BYTES], int exponent);

#endif
