/* Where the library tells what it does: it never prints, it hands lines to the caller's sink. */
#ifndef TRIT_BASE_LOG_H
#define TRIT_BASE_LOG_H

#include "base/status.h"

typedef enum { TRIT_LOG_INFO, TRIT_LOG_WARN } trit_log_level;

/* line: one line of text without a newline, valid during the call. line may be NULL (silent). */
typedef struct trit_log {
    void (*line)(void *self, trit_log_level level, const char *text);
    void *self;
} trit_log;

/* log may be NULL. */
void trit_log_info(const trit_log *log, const char *fmt, ...) TRIT_PRINTF(2, 3);
void trit_log_warn(const trit_log *log, const char *fmt, ...) TRIT_PRINTF(2, 3);

#endif
