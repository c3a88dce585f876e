/* trit inspect: what a checkpoint holds. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/inspect_diff.h"
#include "io/checkpoint.h"
#include "io/json.h"
#include "run/child.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Of the finite values; NaN when there are none. */
typedef struct summary {
    double mean, std, min, max;
    int64_t n_zero, n_not_finite;
} summary;

double trit_inspect_value(const trit_tensor *t, int64_t i) {
    switch (t->dtype) {
    case TRIT_REAL:
        return (double)((const trit_real *)t->data)[i];
    case TRIT_I64:
        return (double)((const int64_t *)t->data)[i];
    case TRIT_I32:
        return ((const int32_t *)t->data)[i];
    case TRIT_I8:
        return ((const int8_t *)t->data)[i];
    case TRIT_U8:
        return ((const uint8_t *)t->data)[i];
    case TRIT_BF16: {
        uint32_t bits = (uint32_t)((const uint16_t *)t->data)[i] << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    case TRIT_N_DTYPE:
        break;
    }
    return NAN;
}

static summary summarize(const trit_tensor *t) {
    summary s = {NAN, NAN, NAN, NAN, 0, 0};
    int64_t n = trit_tensor_len(t), n_finite = 0;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = trit_inspect_value(t, i);
        s.n_zero += v == 0;
        if (!isfinite(v)) continue;
        if (!n_finite++) s.min = s.max = v;
        s.min = fmin(s.min, v);
        s.max = fmax(s.max, v);
        sum += v;
    }
    s.n_not_finite = n - n_finite;
    if (!n_finite) return s;
    s.mean = sum / (double)n_finite;
    for (int64_t i = 0; i < n; i++) {
        double v = trit_inspect_value(t, i) - s.mean;
        if (isfinite(v)) squares += v * v;
    }
    s.std = sqrt(squares / (double)n_finite);
    return s;
}

/* Reads tensor i for its summary; *t has type and shape, but no data. */
static trit_status read_summary(trit_checkpoint *c, int i, trit_tensor *t, summary *out,
                                trit_error *e) {
    trit_ckpt_tensor want = *trit_checkpoint_tensor(c, i);
    *t = trit_tensor_make(want.dtype, want.ndim, want.dim);
    size_t n_bytes = trit_tensor_bytes(t);
    want.data = malloc(n_bytes ? n_bytes : 1);
    if (!want.data) return TRIT_FAIL(e, E_NOMEM, "no memory for tensor '%s'", want.path);
    trit_status status = trit_checkpoint_read_one(c, &want, e);
    if (!status) {
        t->data = want.data;
        *out = summarize(t);
        t->data = NULL;
    }
    free(want.data);
    return status;
}

/* ---- for people ---- */

/* An attribute's value on one line, cut when it is long. */
static void add_attr_line(trit_text *out, const trit_ckpt_attr *a, int width) {
    enum { MAX_CHARS = 72 };
    trit_text_add(out, "  %-*s  ", width, a->name);
    if (a->kind == TRIT_ATTR_INT) {
        trit_text_add(out, "%" PRId64 "\n", a->i);
    } else if (a->kind == TRIT_ATTR_REAL) {
        trit_text_add(out, "%.9g\n", a->d);
    } else {
        size_t n = strcspn(a->text, "\n"), shown = n < MAX_CHARS ? n : MAX_CHARS;
        shown = trit_text_utf8_prefix(a->text, shown);
        trit_text_add(out, "%.*s%s\n", (int)shown, a->text, a->text[shown] ? " ..." : "");
    }
}

static trit_status add_tensor_lines(trit_text *out, trit_checkpoint *c, trit_error *e) {
    int n = trit_checkpoint_n_tensors(c), width = 6;
    for (int i = 0; i < n; i++) {
        int len = (int)strlen(trit_checkpoint_tensor(c, i)->path);
        if (len > width) width = len;
    }
    trit_text_add(out, "\n%-*s  %-4s  %-16s %11s %11s %11s %11s %7s\n", width, "tensor", "type",
                  "shape", "mean", "std", "min", "max", "zeros");
    for (int i = 0; i < n; i++) {
        trit_tensor t;
        summary s;
        char shape[96];
        const char *path = trit_checkpoint_tensor(c, i)->path;
        TRIT_TRY(read_summary(c, i, &t, &s, e));
        int64_t len = trit_tensor_len(&t);
        trit_text_add(out, "%-*s  %-4s  %-16s", width, path, trit_dtype_name(t.dtype),
                      trit_tensor_shape_text(&t, shape));
        if (!len) trit_text_add(out, " (empty)");
        if (len > s.n_not_finite) {
            trit_text_add(out, " %11.4g %11.4g %11.4g %11.4g %6.1f%%", s.mean, s.std, s.min, s.max,
                          100.0 * (double)s.n_zero / (double)len);
        }
        if (s.n_not_finite) trit_text_add(out, "  NOT FINITE: %" PRId64, s.n_not_finite);
        trit_text_add(out, "\n");
    }
    return TRIT_OK;
}

static trit_status print_text(trit_text *out, trit_checkpoint *c, const char *path, trit_error *e) {
    char bytes[32], values[32];
    int64_t n_values = 0;
    int width = 0;
    for (int i = 0; i < trit_checkpoint_n_tensors(c); i++) {
        const trit_ckpt_tensor *x = trit_checkpoint_tensor(c, i);
        trit_tensor t = trit_tensor_make(x->dtype, x->ndim, x->dim);
        n_values += trit_tensor_len(&t);
    }
    for (int i = 0; i < trit_checkpoint_n_attrs(c); i++) {
        int len = (int)strlen(trit_checkpoint_attr(c, i)->name);
        if (len > width) width = len;
    }
    trit_text_add(out, "%s\n  %d tensors, %s values, %sB, integrity ok\n\n", path,
                  trit_checkpoint_n_tensors(c), trit_text_si(values, (double)n_values),
                  trit_text_si(bytes, (double)trit_checkpoint_bytes(c)));
    for (int i = 0; i < trit_checkpoint_n_attrs(c); i++) {
        add_attr_line(out, trit_checkpoint_attr(c, i), width);
    }
    return add_tensor_lines(out, c, e);
}

/* ---- for programs ---- */

static void add_member(trit_text *out, const char *name, double value) {
    trit_text_add(out, ", \"%s\": ", name);
    trit_json_number(out, value); /* null when not finite */
}

static trit_status add_tensor_json(trit_text *out, trit_checkpoint *c, int i, trit_error *e) {
    const trit_ckpt_tensor *info = trit_checkpoint_tensor(c, i);
    trit_tensor t;
    summary s;
    TRIT_TRY(read_summary(c, i, &t, &s, e));
    trit_text_add(out, "%s\n  {\"path\": ", i ? "," : "");
    trit_json_quote(out, info->path);
    trit_text_add(out, ", \"dtype\": \"%s\", \"shape\": [", trit_dtype_name(t.dtype));
    for (int k = 0; k < t.ndim; k++) trit_text_add(out, k ? ", %" PRId64 : "%" PRId64, t.dim[k]);
    trit_text_add(out, "], \"unit\": ");
    if (info->unit) {
        trit_json_quote(out, info->unit);
    } else {
        trit_text_add(out, "null");
    }
    trit_text_add(out, ", \"bytes\": %zu", trit_tensor_bytes(&t));
    add_member(out, "mean", s.mean);
    add_member(out, "std", s.std);
    add_member(out, "min", s.min);
    add_member(out, "max", s.max);
    trit_text_add(out, ", \"zeros\": %" PRId64 ", \"not_finite\": %" PRId64 "}", s.n_zero,
                  s.n_not_finite);
    return TRIT_OK;
}

static trit_status print_json(trit_text *out, trit_checkpoint *c, const char *path, trit_error *e) {
    trit_text_add(out, "{\"file\": ");
    trit_json_quote(out, path);
    trit_text_add(out, ", \"bytes\": %" PRId64 ", \"integrity\": \"ok\",\n \"attributes\": {",
                  trit_checkpoint_bytes(c));
    for (int i = 0; i < trit_checkpoint_n_attrs(c); i++) {
        const trit_ckpt_attr *a = trit_checkpoint_attr(c, i);
        trit_text_add(out, i ? ", " : "");
        trit_json_quote(out, a->name);
        trit_text_add(out, ": ");
        if (a->kind == TRIT_ATTR_INT) {
            trit_text_add(out, "%" PRId64, a->i);
        } else if (a->kind == TRIT_ATTR_REAL) {
            trit_json_number(out, a->d);
        } else {
            trit_json_quote(out, a->text);
        }
    }
    trit_text_add(out, "},\n \"tensors\": [");
    for (int i = 0; i < trit_checkpoint_n_tensors(c); i++) TRIT_TRY(add_tensor_json(out, c, i, e));
    trit_text_add(out, "]}\n");
    return TRIT_OK;
}

static void work(void *path, trit_text *out) {
    trit_checkpoint_survey(path, out);
}

/* Says of a refused file what it seems to hold. */
static void survey(const char *path, trit_text *out) {
    enum { SECONDS = 5, MAX_BYTES = 1 << 28 };
    trit_error why = {0};
    trit_text lines = {0};
    int64_t file_bytes = 0;
    if (trit_file_size(path, &file_bytes, &why)) return;
    trit_child_run(work, (void *)path, SECONDS, MAX_BYTES + 4 * (size_t)file_bytes, &lines, &why);
    if (lines.len) {
        trit_text_add(out, "%s: refused; what it seems to hold:\n%s", path, trit_text_get(&lines));
        if (why.code) trit_text_add(out, "  %s\n", why.text);
    }
    trit_text_free(&lines);
}

/* The newest checkpoint of a run directory; of a file, itself. */
static trit_status file_of(const char *where, char newest[PATH_MAX], const char **path,
                           trit_error *e) {
    struct stat st;
    *path = where;
    if (stat(where, &st) || !S_ISDIR(st.st_mode)) return TRIT_OK;
    *path = newest;
    return trit_checkpoint_newest(where, newest, e);
}

static trit_status inspect(const char *where, bool json, trit_text *out, trit_error *e) {
    char newest[PATH_MAX];
    const char *path;
    TRIT_TRY(file_of(where, newest, &path, e));
    trit_checkpoint *c = NULL;
    trit_status opened = trit_checkpoint_open(&c, path, e);
    if (opened == TRIT_E_FORMAT && !json) survey(path, out);
    if (opened) return opened;
    trit_status status = (json ? print_json : print_text)(out, c, path, e);
    trit_checkpoint_close(c);
    return status;
}

static trit_status inspect_two(char **where, bool json, trit_text *out, trit_error *e) {
    char newest[2][PATH_MAX];
    const char *path[2];
    if (json) return TRIT_FAIL(e, E_USAGE, "--json shows one checkpoint, found two");
    for (int i = 0; i < 2; i++) TRIT_TRY(file_of(where[i], newest[i], &path[i], e));
    return trit_inspect_diff(path[0], path[1], out, e);
}

static int run(int argc, char **argv) {
    bool json = false;
    const trit_option options[] = {{"--json", TRIT_OPT_FLAG, &json, 0, 0}};
    int n = 0;
    trit_error e = {0};
    if (trit_options_read(options, 1, argc, argv, &n, &e)) return trit_report(&e);
    if (n != 1 && n != 2) {
        TRIT_FAIL(&e, E_USAGE, "inspect takes one or two files or run directories, found %d", n);
        return trit_report(&e);
    }
    trit_text out = {0};
    trit_status status =
        n == 1 ? inspect(argv[0], json, &out, &e) : inspect_two(argv, json, &out, &e);
    if (!status && out.failed) status = TRIT_FAIL(&e, E_NOMEM, "no memory for the output");
    if (!status || !json) fputs(trit_text_get(&out), stdout);
    trit_text_free(&out);
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_inspect = {
    .name = "inspect",
    .usage = "FILE|RUN [FILE|RUN] [--json]",
    .doc = "shows what a checkpoint holds and checks that it is whole, or compares two",
    .help =
        "RUN is a run directory: its newest checkpoint is shown. Of two, the largest and the mean\n"
        "change of each tensor, and how many codes of quantized weights flipped.\n"
        "  --json   print attributes and tensors as JSON\n",
    .run = run,
};
