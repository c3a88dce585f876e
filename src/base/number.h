/* Numbers as text, the same in every locale: JSON's grammar, exact both ways. */
#ifndef TRIT_BASE_NUMBER_H
#define TRIT_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* Longest number that is read, in characters; 17 digits tell all doubles apart. */
enum { TRIT_NUMBER_MAX_CHARS = 63 };
/* Whole numbers up to this size are doubles with nothing lost, and so is each neighbour. */
#define TRIT_NUMBER_MAX_WHOLE 9007199254740991.0 /* 2^53 - 1 */

/* Length of the JSON number at the start of s[n]; 0 when there is none. */
size_t trit_number_span(const char *s, size_t n);
/* All of text as a number: JSON's grammar, or a decimal with a suffix k, M, G or T (powers of ten:
 * "200M", "1.5k"). false, and *value untouched, when it is neither, too long or not finite. */
bool trit_number_read(const char *text, double *value);
/* Digits that read back as the same double: whole numbers up to 2^53 without exponent, others with
 * 15 to 17 significant digits; "null" when not finite. buf at least 32 bytes; returns buf. */
char *trit_number_text(char buf[32], double value);
/* "in 1..10", ">= 1" or "<= 10" where the other bound is infinite, "" where both are; every form
 * follows "a number" in a sentence. buf at least 80 bytes; returns buf. */
char *trit_number_range(char buf[80], double lo, double hi);

#endif
