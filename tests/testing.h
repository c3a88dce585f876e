/* What every test needs: cmocka with its prerequisites, and shared checks. */
#ifndef TRIT_TESTS_TESTING_H
#define TRIT_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h must come after the four above. */
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* |a - b| <= tol * max(1, |b|), with both values in the failure. */
#define assert_near(a, b, tol) \
    assert_near_at((double)(a), (double)(b), (double)(tol), __FILE__, __LINE__)
static inline void assert_near_at(double a, double b, double tol, const char *file, int line) {
    double size = fabs(b) > 1 ? fabs(b) : 1;
    if (!(fabs(a - b) <= tol * size)) {
        print_error("%.17g is not within %g of %.17g\n", a, tol, b);
        _fail(file, line);
    }
}

/* A call that must succeed; prints the error's text otherwise. e: a trit_error in scope. */
#define assert_ok(call)                  \
    do {                                 \
        if ((call) != 0) {               \
            print_error("%s\n", e.text); \
            _fail(__FILE__, __LINE__);   \
        }                                \
    } while (0)

/* The text of error e holds `part`. */
#define assert_error_has(e, part)                                           \
    do {                                                                    \
        if (!strstr((e).text, (part))) {                                    \
            print_error("\"%s\" does not hold \"%s\"\n", (e).text, (part)); \
            _fail(__FILE__, __LINE__);                                      \
        }                                                                   \
    } while (0)

#endif
