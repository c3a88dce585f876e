/* Time, for measuring and for people; no result may depend on it. */
#ifndef TRIT_RUN_CLOCK_H
#define TRIT_RUN_CLOCK_H

/* Seconds since some moment of the past; never goes back. */
double trit_clock(void);

#endif
