/* Reading metrics.jsonl of a run: numbers over steps. */
#ifndef TRIT_RUN_METRICS_H
#define TRIT_RUN_METRICS_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct trit_series {
    double *x, *y; /* [n] step and value; owned */
    int64_t n, cap;
} trit_series;

/* false: no memory. */
bool trit_series_add(trit_series *s, double x, double y);
void trit_series_free(trit_series *s);
/* Mean over a window of `share` of all values around each one, which unlike a running mean does not
 * lag. false: no memory. */
bool trit_series_smooth(const trit_series *in, double share, trit_series *out);

/* Adds the numbers of lines that have them under key[k], like "val_loss", to out[k]; null is NaN.
 * A file that ends in half a line is read up to it. TRIT_E_IO when it cannot be read. */
trit_status trit_metrics_read(const char *path, const char *const *key, int n_key, trit_series *out,
                              trit_error *e);

/* Statistics of quantizers over the steps: one series for each quantizer. */
typedef struct trit_quantizer_series {
    int n;
    char **path;     /* [n] owned */
    trit_series *at; /* [n] owned */
} trit_quantizer_series;
/* "zero", "flip" ...: words of lines "quantizers" of metrics.jsonl; NULL-terminated. */
extern const char *const trit_quantizer_keys[];
/* Numbers under key of the quantizers whose path matches a pattern. out is zeroed first; free it
 * also after an error. */
trit_status trit_metrics_read_quantizers(const char *path, const char *key, const char *pattern,
                                         trit_quantizer_series *out, trit_error *e);
void trit_quantizer_series_free(trit_quantizer_series *s);

#endif
