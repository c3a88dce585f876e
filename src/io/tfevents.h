/* TensorBoard's event files: records with checksums, each a protocol-buffer message "Event". Bytes
 * are added to a text, which may hold any. */
#ifndef TRIT_IO_TFEVENTS_H
#define TRIT_IO_TFEVENTS_H

#include "base/text.h"

/* CRC-32C, and as it stands in files (rotated, so that sums of sums do not cancel). */
uint32_t trit_crc32c(const void *data, size_t n);
uint32_t trit_crc32c_masked(const void *data, size_t n);

/* The first record of a file. wall: seconds since 1970. */
void trit_tfevents_version(trit_text *out, double wall);
/* A run begins or goes on at step: what an earlier file said of later steps no longer holds. */
void trit_tfevents_start(trit_text *out, double wall, int64_t step);
void trit_tfevents_scalar(trit_text *out, double wall, int64_t step, const char *tag, double value);
/* share[n] of values at 0, 1, ... n - 1. */
void trit_tfevents_levels(trit_text *out, double wall, int64_t step, const char *tag,
                          const double *share, int n);
/* A PNG file of n bytes, colours without transparency. */
void trit_tfevents_image(trit_text *out, double wall, int64_t step, const char *tag, int width,
                         int height, const char *png, size_t n);

/* A run in the table "hparams": what it was set to. Runs of one group (seeds) are averaged. */
typedef struct trit_tfevents_setting {
    const char *name, *text; /* text NULL: the number */
    double number;
} trit_tfevents_setting;
typedef enum { TRIT_SESSION_SUCCESS = 1, TRIT_SESSION_FAILURE, TRIT_SESSION_RUNNING } trit_session;
void trit_tfevents_session(trit_text *out, double wall, const char *group,
                           const trit_tfevents_setting *setting, int n);
/* How it ended. */
void trit_tfevents_session_end(trit_text *out, double wall, trit_session how);

#endif
