#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t digits(const char *s, size_t n) {
    size_t i = 0;
    while (i < n && s[i] >= '0' && s[i] <= '9') i++;
    return i;
}

size_t trit_number_span(const char *s, size_t n) {
    size_t i = n && s[0] == '-';
    if (i < n && s[i] == '0') {
        i++;
    } else {
        size_t whole = digits(s + i, n - i);
        if (!whole) return 0;
        i += whole;
    }
    if (i < n && s[i] == '.') {
        size_t part = digits(s + i + 1, n - i - 1);
        if (!part) return 0;
        i += 1 + part;
    }
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        size_t sign = i + 1 < n && (s[i + 1] == '+' || s[i + 1] == '-');
        size_t power = digits(s + i + 1 + sign, n - i - 1 - sign);
        if (!power) return 0;
        i += 1 + sign + power;
    }
    return i;
}

bool trit_number_read(const char *text, double *value) {
    size_t n = strlen(text);
    size_t span = trit_number_span(text, n);
    if (!span || span > TRIT_NUMBER_MAX_CHARS || n - span > 1) return false;
    char buf[TRIT_NUMBER_MAX_CHARS + 4];
    memcpy(buf, text, span + 1);
    buf[span] = '\0';
    if (n > span) {
        static const char suffix[] = "kMGT";
        const char *found = strchr(suffix, text[span]);
        if (!found || strpbrk(buf, "eE")) return false;
        /* As an exponent the suffix costs no rounding of its own. */
        snprintf(buf + span, sizeof buf - span, "e%d", 3 * (int)(found - suffix + 1));
    }
    char *point = strchr(buf, '.');
    if (point) *point = *localeconv()->decimal_point;
    double v = strtod(buf, NULL);
    if (!isfinite(v)) return false;
    *value = v;
    return true;
}

char *trit_number_text(char buf[32], double value) {
    if (!isfinite(value)) return strcpy(buf, "null");
    if (value == trunc(value) && fabs(value) <= TRIT_NUMBER_MAX_WHOLE + 1) {
        snprintf(buf, 32, "%.0f", value);
        return buf;
    }
    for (int n = 15; n <= 17; n++) {
        snprintf(buf, 32, "%.*g", n, value);
        if (strtod(buf, NULL) == value) break;
    }
    /* "1e-05" and "1e+20" become "1e-5" and "1e20"; the locale's radix becomes a point. */
    char *out = buf;
    for (const char *in = buf; *in; in++) {
        bool after_e = out > buf && (out[-1] == 'e' || (out[-1] == '-' && out - 1 > buf));
        if (*in == '+' || (*in == '0' && after_e)) continue;
        *out++ = strchr("0123456789-e", *in) ? *in : '.';
    }
    *out = '\0';
    return buf;
}

char *trit_number_range(char buf[80], double lo, double hi) {
    char low[32], high[32];
    trit_number_text(low, lo);
    trit_number_text(high, hi);
    if (isfinite(lo) && isfinite(hi)) {
        snprintf(buf, 80, "in %s..%s", low, high);
    } else if (isfinite(lo)) {
        snprintf(buf, 80, ">= %s", low);
    } else if (isfinite(hi)) {
        snprintf(buf, 80, "<= %s", high);
    } else {
        buf[0] = '\0';
    }
    return buf;
}
