/* The number type of values, gradients and parameters. The same sources are compiled a second time
 * with TRIT_DOUBLE, as a library in which central differences resolve 1e-9 (gradient checks). */
#ifndef TRIT_BASE_REAL_H
#define TRIT_BASE_REAL_H

#ifdef TRIT_DOUBLE
typedef double trit_real;
#else
typedef float trit_real;
#endif

#define TRIT_R(x) ((trit_real)(x))

#endif
