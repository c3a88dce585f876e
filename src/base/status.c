#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

trit_status trit_fail_at(trit_error *e, trit_status code, const char *file, int line,
                         const char *fmt, ...) {
    if (e && !e->code) {
        va_list ap;
        va_start(ap, fmt);
        e->code = code;
        e->file = file;
        e->line = line;
        vsnprintf(e->text, sizeof e->text, fmt, ap);
        va_end(ap);
    }
    return code;
}

trit_status trit_error_wrap(trit_error *e, const char *fmt, ...) {
    if (!e) return TRIT_E_STATE;
    char head[TRIT_ERROR_TEXT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(head, sizeof head - 2, fmt, ap);
    va_end(ap);
    if (n < 0) return e->code;
    size_t used = strlen(head);
    snprintf(head + used, sizeof head - used, ": ");
    used = strlen(head);
    /* The tail is the oldest and most specific part; when both do not fit the end is cut. */
    size_t room = sizeof e->text - used - 1;
    size_t tail = strlen(e->text);
    if (tail > room) tail = room;
    memmove(e->text + used, e->text, tail);
    memcpy(e->text, head, used);
    e->text[used + tail] = '\0';
    return e->code;
}

const char *trit_status_text(trit_status code) {
    static const char *const text[] = {
#define X(id, t) t,
        TRIT_STATUS_LIST(X)
#undef X
    };
    return (unsigned)code < sizeof text / sizeof *text ? text[code] : "unknown status";
}

void trit_assert_fail(const char *cond, const char *file, int line) {
    fprintf(stderr, "trit: internal error, please report: %s:%d: %s does not hold\n", file, line,
            cond);
    abort();
}
