/* Values of an axis as they are written: inside of sweep. */
#ifndef TRIT_SWEEP_VALUES_H
#define TRIT_SWEEP_VALUES_H

#include "sweep/sweep.h"

/* Growing list of texts. */
typedef struct trit_sweep_words {
    int n;
    const char *at[TRIT_SWEEP_MAX_VALUE];
    bool wild[TRIT_SWEEP_MAX_VALUE];
} trit_sweep_words;

/* Adds what an expression or a single value stands for. key: whose values these are. Texts go to
 * mem. TRIT_E_CONFIG without a place. */
trit_status trit_sweep_values_add(trit_sweep_words *w, const char *key, const char *text,
                                  trit_arena *mem, trit_error *e);
/* Splits "a,b,range(1,3)" at its outer commas, and adds each part. */
trit_status trit_sweep_values_split(trit_sweep_words *w, const char *key, const char *text,
                                    trit_arena *mem, trit_error *e);
/* A JSON value as the text of an override; NULL: no memory. */
const char *trit_sweep_value_text(const cJSON *v, trit_arena *mem, trit_error *e);
/* One form for each number, so that labels compare: "1e-3" is "0.001". */
const char *trit_sweep_label_text(const char *text, trit_arena *mem, trit_error *e);

/* Objects of a sweep file: TRIT_E_CONFIG without a place for anything else (NULL is none), and for
 * a key that is not among words[n], "comment" or "$...". */
trit_status trit_sweep_expect_object(const cJSON *v, trit_error *e);
trit_status trit_sweep_check_keys(const cJSON *v, const char *const *words, int n, trit_error *e);

#endif
