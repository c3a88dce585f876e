#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static void emit(const trit_log *log, trit_log_level level, const char *fmt, va_list ap) {
    if (!log || !log->line) return;
    char text[TRIT_ERROR_TEXT_BYTES];
    vsnprintf(text, sizeof text, fmt, ap);
    log->line(log->self, level, text);
}

void trit_log_info(const trit_log *log, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    emit(log, TRIT_LOG_INFO, fmt, ap);
    va_end(ap);
}

void trit_log_warn(const trit_log *log, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    emit(log, TRIT_LOG_WARN, fmt, ap);
    va_end(ap);
}
