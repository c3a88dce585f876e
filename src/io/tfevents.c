#include "io/tfevents.h"

#include <float.h>
#include <string.h>

uint32_t trit_crc32c(const void *data, size_t n) {
    const unsigned char *at = data;
    uint32_t c = ~UINT32_C(0);
    for (size_t i = 0; i < n; i++) {
        c ^= at[i];
        for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? UINT32_C(0x82F63B78) : 0);
    }
    return ~c;
}

uint32_t trit_crc32c_masked(const void *data, size_t n) {
    uint32_t c = trit_crc32c(data, n);
    return (c >> 15 | c << 17) + UINT32_C(0xA282EAD8);
}

/* ---- bytes; the file's order is little-endian ---- */

static void add_fixed(trit_text *t, uint64_t v, int n) {
    char byte[8];
    for (int i = 0; i < n; i++) byte[i] = (char)(v >> 8 * i & 255);
    trit_text_add_bytes(t, byte, (size_t)n);
}

static void add_double(trit_text *t, double v) {
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    add_fixed(t, bits, 8);
}

static void add_varint(trit_text *t, uint64_t v) {
    for (; v >= 128; v >>= 7) add_fixed(t, (v & 127) | 128, 1);
    add_fixed(t, v, 1);
}

/* Field of bytes: its tag, their number, they. */
static void add_bytes(trit_text *t, int tag, const char *bytes, size_t n) {
    add_fixed(t, (uint64_t)tag, 1);
    add_varint(t, n);
    trit_text_add_bytes(t, bytes, n);
}

static void add_number(trit_text *t, int tag, uint64_t v) {
    add_fixed(t, (uint64_t)tag, 1);
    add_varint(t, v);
}

/* As add_bytes, of a message, which is freed. */
static void add_message(trit_text *t, int tag, trit_text *message) {
    t->failed = t->failed || message->failed;
    add_bytes(t, tag, trit_text_get(message), message->len);
    trit_text_free(message);
}

/* ---- records ---- */

static void begin_event(trit_text *event, double wall, int64_t step) {
    add_fixed(event, 0x09, 1);
    add_double(event, wall);
    add_number(event, 0x10, (uint64_t)step);
}

/* Length and data, each with its checksum. The event is freed. */
static void add_record(trit_text *out, trit_text *event) {
    trit_text length = {0};
    add_fixed(&length, event->len, 8);
    out->failed = out->failed || event->failed || length.failed;
    if (!out->failed) {
        trit_text_add_bytes(out, length.at, 8);
        add_fixed(out, trit_crc32c_masked(length.at, 8), 4);
        trit_text_add_bytes(out, event->at, event->len);
        add_fixed(out, trit_crc32c_masked(event->at, event->len), 4);
    }
    trit_text_free(&length);
    trit_text_free(event);
}

void trit_tfevents_version(trit_text *out, double wall) {
    static const char version[] = "brain.Event:2";
    trit_text event = {0};
    add_fixed(&event, 0x09, 1);
    add_double(&event, wall);
    add_bytes(&event, 0x1A, version, sizeof version - 1);
    add_record(out, &event);
}

void trit_tfevents_start(trit_text *out, double wall, int64_t step) {
    static const char start[] = {0x08, 0x01};
    trit_text event = {0};
    begin_event(&event, wall, step);
    add_bytes(&event, 0x3A, start, sizeof start);
    add_record(out, &event);
}

/* An event with one summary value, of which `value` holds all but the tag. Both are freed. */
static void add_summary(trit_text *out, double wall, int64_t step, const char *tag,
                        trit_text *value) {
    trit_text whole = {0}, summary = {0}, event = {0};
    add_bytes(&whole, 0x0A, tag, strlen(tag));
    trit_text_add_bytes(&whole, trit_text_get(value), value->len);
    whole.failed = whole.failed || value->failed;
    trit_text_free(value);
    add_message(&summary, 0x0A, &whole);
    begin_event(&event, wall, step);
    add_message(&event, 0x2A, &summary);
    add_record(out, &event);
}

void trit_tfevents_scalar(trit_text *out, double wall, int64_t step, const char *tag,
                          double value) {
    trit_text v = {0};
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    add_fixed(&v, 0x15, 1);
    add_fixed(&v, bits, 4);
    add_summary(out, wall, step, tag, &v);
}

void trit_tfevents_levels(trit_text *out, double wall, int64_t step, const char *tag,
                          const double *share, int n) {
    trit_text histogram = {0}, limits = {0}, counts = {0}, v = {0};
    double number[5] = {0, n - 1.0}; /* least, greatest, how many, their sum, that of squares */
    /* The first bucket reaches from below to its limit, so an empty one stands before level 0. */
    add_double(&limits, -0.5);
    add_double(&counts, 0);
    for (int i = 0; i < n; i++) {
        add_double(&limits, i + 1 < n ? i + 0.5 : DBL_MAX);
        add_double(&counts, share[i]);
        number[2] += share[i];
        number[3] += share[i] * i;
        number[4] += share[i] * i * i;
    }
    for (int i = 0; i < 5; i++) {
        add_fixed(&histogram, 0x09 + 8 * (uint64_t)i, 1);
        add_double(&histogram, number[i]);
    }
    add_message(&histogram, 0x32, &limits);
    add_message(&histogram, 0x3A, &counts);
    add_message(&v, 0x2A, &histogram);
    add_summary(out, wall, step, tag, &v);
}

void trit_tfevents_image(trit_text *out, double wall, int64_t step, const char *tag, int width,
                         int height, const char *png, size_t n) {
    trit_text image = {0}, v = {0};
    add_number(&image, 0x08, (uint64_t)height);
    add_number(&image, 0x10, (uint64_t)width);
    add_number(&image, 0x18, 3); /* red, green, blue */
    add_bytes(&image, 0x22, png, n);
    add_message(&v, 0x22, &image);
    add_summary(out, wall, step, tag, &v);
}

/* ---- the table of settings ---- */

/* What counts is in the metadata; readers drop a value that has no tensor, here a single 0. */
static void add_plugin(trit_text *out, double wall, const char *tag, trit_text *content) {
    static const char name[] = "hparams", zero[] = {0x08, 0x01, 0x12, 0, 0x2A, 4, 0, 0, 0, 0};
    trit_text plugin = {0}, metadata = {0}, v = {0};
    add_bytes(&plugin, 0x0A, name, sizeof name - 1);
    add_message(&plugin, 0x12, content);
    add_message(&metadata, 0x0A, &plugin);
    add_number(&metadata, 0x20, 2); /* its data is a tensor */
    add_bytes(&v, 0x42, zero, sizeof zero);
    add_message(&v, 0x4A, &metadata);
    add_summary(out, wall, 0, tag, &v);
}

void trit_tfevents_session(trit_text *out, double wall, const char *group,
                           const trit_tfevents_setting *setting, int n) {
    trit_text start = {0}, content = {0};
    for (int i = 0; i < n; i++) {
        trit_text entry = {0}, value = {0};
        if (setting[i].text) {
            add_bytes(&value, 0x1A, setting[i].text, strlen(setting[i].text));
        } else {
            add_fixed(&value, 0x11, 1);
            add_double(&value, setting[i].number);
        }
        add_bytes(&entry, 0x0A, setting[i].name, strlen(setting[i].name));
        add_message(&entry, 0x12, &value);
        add_message(&start, 0x0A, &entry);
    }
    add_bytes(&start, 0x22, group, strlen(group));
    add_fixed(&start, 0x29, 1);
    add_double(&start, wall);
    add_message(&content, 0x1A, &start);
    add_plugin(out, wall, "_hparams_/session_start_info", &content);
}

void trit_tfevents_session_end(trit_text *out, double wall, trit_session how) {
    trit_text end = {0}, content = {0};
    add_number(&end, 0x08, (uint64_t)how);
    add_fixed(&end, 0x11, 1);
    add_double(&end, wall);
    add_message(&content, 0x22, &end);
    add_plugin(out, wall, "_hparams_/session_end_info", &content);
}
