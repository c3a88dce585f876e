#include "cli/inspect_diff.h"

#include "io/checkpoint.h"
#include "run/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Text about flipped codes, by the path of their parameter. */
typedef struct flips {
    int n, cap;
    struct flip {
        char path[256];
        int64_t n, n_flipped;
    } * at;
    bool failed;
} flips;

static void found(void *self, const char *path, int64_t n, int64_t n_flipped) {
    flips *f = self;
    if (f->n == f->cap) {
        int cap = f->cap ? 2 * f->cap : 64;
        struct flip *more = realloc(f->at, (size_t)cap * sizeof *more);
        f->failed = f->failed || !more;
        if (!more) return;
        f->at = more;
        f->cap = cap;
    }
    struct flip *one = &f->at[f->n++];
    size_t len = strlen(path);
    if (len >= sizeof one->path) len = sizeof one->path - 1;
    memcpy(one->path, path, len);
    one->path[len] = '\0';
    one->n = n;
    one->n_flipped = n_flipped;
}

static trit_status read_tensor(trit_checkpoint *c, const trit_ckpt_tensor *info, trit_tensor *t,
                               trit_error *e) {
    trit_ckpt_tensor want = *info;
    *t = trit_tensor_make(want.dtype, want.ndim, want.dim);
    size_t n_bytes = trit_tensor_bytes(t);
    want.data = t->data = malloc(n_bytes ? n_bytes : 1);
    if (!t->data) return TRIT_FAIL(e, E_NOMEM, "no memory for tensor '%s'", want.path);
    return trit_checkpoint_read_one(c, &want, e);
}

static void add_change(trit_text *out, const trit_tensor *x, const trit_tensor *y) {
    double most = 0, sum = 0;
    int64_t n = trit_tensor_len(x), n_same = 0, n_known = 0;
    for (int64_t i = 0; i < n; i++) {
        double a = trit_inspect_value(x, i), b = trit_inspect_value(y, i);
        n_same += a == b || (isnan(a) && isnan(b));
        if (!isfinite(a) || !isfinite(b)) continue;
        n_known++;
        most = fmax(most, fabs(b - a));
        sum += fabs(b - a);
    }
    if (n_same == n) {
        trit_text_add(out, "  the same");
    } else if (n_known) {
        trit_text_add(out, " %11.4g %11.4g", most, sum / (double)n_known);
    } else {
        trit_text_add(out, "  NOT FINITE");
    }
}

static trit_status add_both(trit_text *out, trit_checkpoint *c[2], const trit_ckpt_tensor *t[2],
                            const flips *f, trit_error *e) {
    trit_tensor x[2] = {{0}, {0}};
    trit_status status = read_tensor(c[0], t[0], &x[0], e);
    if (!status) status = read_tensor(c[1], t[1], &x[1], e);
    if (!status && (x[0].dtype != x[1].dtype || !trit_tensor_same_shape(&x[0], &x[1]))) {
        char shape[2][96];
        trit_text_add(out, "  %s%s -> %s%s", trit_dtype_name(x[0].dtype),
                      trit_tensor_shape_text(&x[0], shape[0]), trit_dtype_name(x[1].dtype),
                      trit_tensor_shape_text(&x[1], shape[1]));
    } else if (!status) {
        add_change(out, &x[0], &x[1]);
    }
    for (int i = 0; !status && i < f->n; i++) {
        const struct flip *one = &f->at[i];
        if (strncmp(t[0]->path, "param/", 6) != 0 || strcmp(t[0]->path + 6, one->path) != 0)
            continue;
        trit_text_add(out, " %10" PRId64 " of %" PRId64 " (%.2f%%)", one->n_flipped, one->n,
                      100.0 * (double)one->n_flipped / (double)one->n);
    }
    free(x[0].data);
    free(x[1].data);
    return status;
}

static trit_status add_table(trit_text *out, trit_checkpoint *c[2], const flips *f, trit_error *e) {
    int n[2], at[2] = {0, 0}, width = 6;
    for (int k = 0; k < 2; k++) {
        n[k] = trit_checkpoint_n_tensors(c[k]);
        for (int i = 0; i < n[k]; i++) {
            int len = (int)strlen(trit_checkpoint_tensor(c[k], i)->path);
            if (len > width) width = len;
        }
    }
    trit_text_add(out, "\n%-*s %11s %11s  %s\n", width, "tensor", "max change", "mean change",
                  "codes flipped");
    /* Both lists are in the order of their paths. */
    while (at[0] < n[0] || at[1] < n[1]) {
        const trit_ckpt_tensor *t[2];
        for (int k = 0; k < 2; k++) {
            t[k] = at[k] < n[k] ? trit_checkpoint_tensor(c[k], at[k]) : NULL;
        }
        int order = !t[0] ? 1 : !t[1] ? -1 : strcmp(t[0]->path, t[1]->path);
        const trit_ckpt_tensor *shown = t[order > 0];
        TRIT_ASSERT(shown);
        trit_text_add(out, "%-*s", width, shown->path);
        if (order) {
            trit_text_add(out, "  only in %s", order < 0 ? "the first" : "the second");
        } else {
            TRIT_TRY(add_both(out, c, t, f, e));
        }
        trit_text_add(out, "\n");
        at[0] += order <= 0;
        at[1] += order >= 0;
    }
    return TRIT_OK;
}

static trit_status add_head(trit_text *out, const char *path, trit_checkpoint *c, trit_error *e) {
    int64_t step = 0;
    TRIT_TRY(trit_checkpoint_attr_int(c, "step", &step, e));
    trit_text_add(out, "%s  step %" PRId64 "\n", path, step);
    return TRIT_OK;
}

trit_status trit_inspect_diff(const char *a, const char *b, trit_text *out, trit_error *e) {
    const char *path[2] = {a, b};
    trit_checkpoint *c[2] = {NULL, NULL};
    trit_status status = TRIT_OK;
    flips f = {0};
    trit_error why = {0};
    for (int k = 0; !status && k < 2; k++) {
        status = trit_checkpoint_open(&c[k], path[k], e);
        if (!status) status = add_head(out, path[k], c[k], e);
    }
    if (!status) {
        trit_runtime_options options = {0};
        bool known = !trit_runtime_options_env(&options, &why) &&
                     !trit_compare_codes(a, b, &options, found, &f, &why);
        if (!known) trit_text_add(out, "\ncodes are not compared: %s\n", why.text);
        status =
            f.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for the output") : add_table(out, c, &f, e);
    }
    free(f.at);
    trit_checkpoint_close(c[0]);
    trit_checkpoint_close(c[1]);
    return status;
}
