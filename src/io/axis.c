#include "io/axis.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

double trit_axis_at(const trit_axis *a, double value) {
    if (!a->log) return (value - a->lo) / (a->hi - a->lo);
    return log(value / a->lo) / log(a->hi / a->lo);
}

char *trit_axis_power(char buf[TRIT_AXIS_LABEL_BYTES], int exponent) {
    static const char *const super[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char digits[16];
    snprintf(digits, sizeof digits, "%d", exponent);
    size_t used = (size_t)snprintf(buf, TRIT_AXIS_LABEL_BYTES, "10");
    for (const char *d = digits; *d; d++) {
        used += (size_t)snprintf(buf + used, TRIT_AXIS_LABEL_BYTES - used, "%s",
                                 *d == '-' ? "⁻" : super[*d - '0']);
    }
    return buf;
}

/* "-1 234.50": groups of three from five digits on, a real minus sign. */
static void number_text(char out[TRIT_AXIS_LABEL_BYTES], double value, int decimals) {
    char plain[64];
    snprintf(plain, sizeof plain, "%.*f", decimals, fabs(value));
    size_t whole = strcspn(plain, "."), used = 0;
    bool zero = strspn(plain, "0.") == strlen(plain);
    if (value < 0 && !zero) used = (size_t)snprintf(out, TRIT_AXIS_LABEL_BYTES, "−");
    for (size_t i = 0; plain[i] && used + 6 < TRIT_AXIS_LABEL_BYTES; i++) {
        if (whole > 4 && i && i < whole && (whole - i) % 3 == 0) {
            used += (size_t)snprintf(out + used, TRIT_AXIS_LABEL_BYTES - used, "\u2009");
        }
        out[used++] = plain[i];
    }
    out[used] = '\0';
}

static trit_axis_tick *add_tick(trit_axis *a, double at, bool major) {
    /* Half a thousandth of rounding must not lose the ticks at the ends. */
    double where = trit_axis_at(a, at);
    if (!(where > -5e-4 && where < 1 + 5e-4) || a->n_tick == TRIT_AXIS_MAX_TICKS) return NULL;
    trit_axis_tick *t = &a->tick[a->n_tick++];
    *t = (trit_axis_tick){.at = at, .major = major};
    return t;
}

/* The smallest of 1, 2, 5 times a power of ten that is at least x. */
static double nice_step(double x) {
    double power = pow(10, floor(log10(x))), ratio = x / power;
    return power * (ratio <= 1 + 1e-9 ? 1 : ratio <= 2 + 1e-9 ? 2 : ratio <= 5 + 1e-9 ? 5 : 10);
}

static void linear_ticks(trit_axis *a, int n_labels, bool whole) {
    double step = nice_step((a->hi - a->lo) / n_labels);
    if (whole && step < 1) step = 1;
    double largest = fmax(fabs(a->lo), fabs(a->hi));
    int top = (int)floor(log10(largest));
    /* Exponents in threes, as with k, M, G; none for numbers people read with ease. */
    a->exponent = (top < 6 && top >= -3) ? 0 : (int)floor(top / 3.0) * 3;
    int decimals = a->exponent - (int)floor(log10(step) + 1e-9);
    if (decimals > 5 && top >= 6 && top < 12) { /* 1 000 000 003, not 1.000 000 003 */
        decimals -= a->exponent;
        a->exponent = 0;
    }
    if (decimals < 0) decimals = 0;
    double unit = pow(10, a->exponent);
    for (double k = ceil(a->lo / step - 1e-6); k * step <= a->hi + step * 1e-6; k++) {
        trit_axis_tick *t = add_tick(a, k * step, true);
        if (!t) continue;
        number_text(t->label, k * step / unit, decimals);
    }
}

/* 1e-7 as "10⁻⁷", 2e-7 as "2×10⁻⁷", or plain numbers where they are short. */
static void log_text(char out[TRIT_AXIS_LABEL_BYTES], int digit, int exponent, bool plain) {
    char power[TRIT_AXIS_LABEL_BYTES];
    if (plain) {
        number_text(out, digit * pow(10, exponent), exponent < 0 ? -exponent : 0);
    } else {
        /* Written as a factor and a power, whose "1×" is left out. */
        size_t n = digit == 1 ? 0 : (size_t)snprintf(power, sizeof power, "%d×", digit);
        memcpy(out, power, n);
        trit_axis_power(power, exponent);
        memcpy(out + n, power, TRIT_AXIS_LABEL_BYTES - n);
        out[TRIT_AXIS_LABEL_BYTES - 1] = '\0';
    }
}

static void log_ticks(trit_axis *a, int n_labels) {
    int first = (int)floor(log10(a->lo) + 1e-9), last = (int)ceil(log10(a->hi) - 1e-9);
    double decades = log10(a->hi / a->lo);
    int every = (int)ceil(decades / n_labels);
    bool plain = a->lo > 0.9e-4 && a->hi < 1.1e5;
    for (int k = first; k <= last; k++) {
        for (int digit = 1; digit < 10; digit++) {
            bool power = digit == 1, half = digit == 2 || digit == 5;
            /* Over few decades 2 and 5 are labelled too; over many, only some powers. */
            bool major = power ? k % every == 0 : half && decades < 3;
            if (!major && decades > (power ? 40 : 6)) continue;
            trit_axis_tick *t = add_tick(a, digit * pow(10, k), major);
            if (t && major) log_text(t->label, digit, k, plain);
        }
    }
}

void trit_axis_make(trit_axis *a, bool log_scale, bool whole, double lo, double hi, double pad,
                    int n_labels) {
    *a = (trit_axis){.log = log_scale};
    if (n_labels < 2) n_labels = 2;
    if (log_scale) {
        double ratio = hi / lo;
        /* Equal values get a factor of 2 around them. */
        double factor = ratio < 1 + 1e-6 ? 2 : pow(ratio, pad);
        a->lo = fmax(lo / factor, DBL_MIN);
        a->hi = fmin(hi * factor, DBL_MAX);
        /* Within a decade powers of ten are too coarse: the ticks of a linear axis. */
        if (a->hi / a->lo < 10) {
            linear_ticks(a, n_labels, whole);
        } else {
            log_ticks(a, n_labels);
        }
        return;
    }
    double largest = fmax(fabs(lo), fabs(hi)), span = hi - lo;
    /* Differences in the last digits of a double are noise, not a curve. */
    if (span <= largest * 1e-12) {
        double extra = largest > 0 ? largest * 0.1 : 1;
        a->lo = lo - extra;
        a->hi = hi + extra;
    } else {
        a->lo = lo >= 0 && lo < span * pad ? 0 : lo - span * pad;
        a->hi = hi <= 0 && -hi < span * pad ? 0 : hi + span * pad;
    }
    linear_ticks(a, n_labels, whole);
}
