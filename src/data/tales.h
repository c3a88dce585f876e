/* The built-in corpus: small English stories from a weighted grammar, as many as wanted. Characters
 * keep their names and pronouns, things stay where they were put, sums come out right; so a model
 * must look back a few hundred bytes. The probability of every story is known exactly, so is the
 * entropy of the source: the loss that no model can beat on average. docs/tales.md has more. */
#ifndef TRIT_DATA_TALES_H
#define TRIT_DATA_TALES_H

#include "base/text.h"

#include <stdint.h>

/* No story has more tokens, end-of-text included. */
enum { TRIT_TALES_MAX_TOKENS = 1024 };

/* Appends story k of a seed to out (plain text, no newline at its end). A pure function of (seed,
 * k), the same bytes on every machine. nats (may be NULL): minus its log probability.
 * Errors: TRIT_E_NOMEM. */
trit_status trit_tales_story(uint64_t seed, uint64_t k, trit_text *out, double *nats);

/* Reads text[n] as one story. Returns the number of leading tokens (bytes, then end-of-text) that
 * are possible under the source: n + 1 for a complete story, fewer otherwise.
 * nats[i] (room for n + 1; may be NULL) gets minus the log probability of token i given the tokens
 * before it, for the possible ones; their sum is the code length of the story. */
int64_t trit_tales_parse(const char *text, int64_t n, double *nats);

/* Exact expectations over one story, by recursion over the grammar. */
typedef struct trit_tales_facts {
    double nats;   /* entropy of a story */
    double bytes;  /* length, without the end-of-text token */
    double repeat; /* probability that two stories are equal */
    int longest;   /* no story has more bytes */
} trit_tales_facts;
trit_tales_facts trit_tales_expect(void);
/* Entropy rate, end-of-text tokens counted: nats / (bytes + 1). */
double trit_tales_entropy_nats_per_token(void);

#endif
