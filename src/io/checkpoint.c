#include "io/checkpoint.h"

#include "io/checkpoint_file.h"
#include "io/h5.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert((int)TRIT_ATTR_INT == (int)TRIT_H5_INT && (int)TRIT_ATTR_REAL == (int)TRIT_H5_REAL &&
                   (int)TRIT_ATTR_TEXT == (int)TRIT_H5_TEXT,
               "kinds are cast");

/* Words between slashes, none of them empty, "." or "..", and no more than reading accepts. */
static bool path_ok(const char *path) {
    const char *word = path;
    for (int depth = 1; depth <= TRIT_H5_MAX_DEPTH; depth++) {
        size_t n = strcspn(word, "/");
        if (!n || (n == 1 && word[0] == '.') || (n == 2 && !strncmp(word, "..", 2))) return false;
        if (!word[n]) return strlen(path) < 512;
        word += n + 1;
    }
    return false;
}

static trit_status write_tensor(trit_h5 *h, const trit_ckpt_tensor *t, trit_error *e) {
    if (!path_ok(t->path)) {
        return TRIT_FAIL(e, E_STATE, "'%s' cannot be the path of a tensor", t->path);
    }
    trit_tensor x = trit_ckpt_as_tensor(t);
    size_t n_bytes = trit_tensor_bytes(&x);
    TRIT_ASSERT(x.data || !n_bytes);
    TRIT_TRY(trit_h5_write(h, t->path, &x, e));
    char text[TRIT_CKPT_SUM_BYTES];
    trit_ckpt_sum(x.data, n_bytes, text);
    trit_h5_value value = {.kind = TRIT_H5_TEXT, .text = text};
    TRIT_TRY(trit_h5_write_attr(h, t->path, trit_ckpt_sum_attr, &value, e));
    if (!t->unit) return TRIT_OK;
    value.text = t->unit;
    return trit_h5_write_attr(h, t->path, trit_ckpt_unit_attr, &value, e);
}

static trit_status write_image(trit_h5 *h, const trit_ckpt_tensor **t, int n_t,
                               const trit_ckpt_attr *a, int n_a, trit_error *e) {
    trit_h5_value value = {.kind = TRIT_H5_INT, .i = TRIT_CKPT_VERSION};
    TRIT_TRY(trit_h5_write_attr(h, "", trit_ckpt_format_attr, &value, e));
    for (int i = 0; i < n_a; i++) {
        value = (trit_h5_value){(trit_h5_kind)a[i].kind, a[i].i, a[i].d, a[i].text};
        TRIT_TRY(trit_h5_write_attr(h, "", a[i].name, &value, e));
    }
    for (int i = 0; i < n_t; i++) TRIT_TRY(write_tensor(h, t[i], e));
    return TRIT_OK;
}

/* The bytes of a checkpoint file, from its beginning to its end. */
typedef struct stream {
    const trit_h5 *h;
    size_t at, n_image;
    trit_ckpt_seal *seal;
    unsigned char trailer[TRIT_CKPT_TRAILER_BYTES];
} stream;

static void next_bytes(void *self, void *to, size_t n) {
    stream *s = self;
    size_t n_image = s->at >= s->n_image ? 0 : n < s->n_image - s->at ? n : s->n_image - s->at;
    if (n_image) {
        trit_h5_copy(s->h, s->at, n_image, to);
        trit_ckpt_seal_add(s->seal, to, n_image);
        s->at += n_image;
        if (s->at == s->n_image) trit_ckpt_seal_end(s->seal, s->trailer);
    }
    if (n == n_image) return;
    memcpy((char *)to + n_image, s->trailer + (s->at - s->n_image), n - n_image);
    s->at += n - n_image;
}

/* The file's bytes come into being while they are written, so that there is never a second copy of
 * the tensors. */
static trit_status write_stream(const trit_io *io, const char *path, const trit_h5 *h,
                                size_t n_image, trit_error *e) {
    stream s = {.h = h, .n_image = n_image, .seal = trit_ckpt_seal_new()};
    if (!s.seal) return TRIT_FAIL(e, E_NOMEM, "saving checkpoint '%s': no memory", path);
    trit_status status =
        trit_file_replace_from(io, path, next_bytes, &s, n_image + TRIT_CKPT_TRAILER_BYTES, e);
    trit_ckpt_seal_free(s.seal);
    return status;
}

trit_status trit_checkpoint_write(const trit_io *io, const char *path, const trit_ckpt_tensor *t,
                                  int n_t, const trit_ckpt_attr *a, int n_a, trit_error *e) {
    trit_arena arena;
    trit_arena_init(&arena, "checkpoint");
    const trit_ckpt_tensor **sorted = NULL;
    trit_h5 *h = NULL;
    size_t n_image = 0;
    trit_status status = trit_ckpt_sort(t, n_t, &arena, &sorted, e);
    if (!status) status = trit_h5_create(&h, e);
    if (!status) status = write_image(h, sorted, n_t, a, n_a, e);
    if (!status) status = trit_h5_finish(h, &n_image, e);
    if (status) {
        trit_error_wrap(e, "saving checkpoint '%s'", path);
    } else {
        status = write_stream(io, path, h, n_image, e);
    }
    trit_h5_free(h);
    trit_arena_free(&arena);
    return status;
}

/* ---- finding ---- */

/* N of "step-N.h5"; -1 for other names. */
static int64_t step_of_name(const char *name) {
    char *end;
    if (strncmp(name, "step-", 5) != 0 || name[5] < '0' || name[5] > '9') return -1;
    errno = 0;
    long long n = strtoll(name + 5, &end, 10);
    return errno || strcmp(end, ".h5") != 0 ? -1 : n;
}

static bool join(char *path, const char *dir, const char *name) {
    int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);
    return n > 0 && n < PATH_MAX && access(path, F_OK) == 0;
}

trit_status trit_checkpoint_newest(const char *run_dir, char *path, trit_error *e) {
    char dir[PATH_MAX];
    trit_text hint = {0};
    if (!join(dir, run_dir, "checkpoints")) {
        return TRIT_FAIL(e, E_DATA, "'%s' holds no checkpoints: no directory 'checkpoints' in it",
                         run_dir);
    }
    if (join(path, dir, "latest") && !trit_file_read(path, NAME_MAX + 1, &hint, NULL)) {
        hint.at[strcspn(hint.at, "\r\n")] = '\0';
        bool found = *hint.at && !strchr(hint.at, '/') && join(path, dir, hint.at);
        trit_text_free(&hint);
        if (found) return TRIT_OK;
    }
    DIR *d = opendir(dir);
    if (!d) return TRIT_FAIL(e, E_IO, "cannot list '%s': %s", dir, strerror(errno));
    int64_t best = -1;
    for (struct dirent *f; (f = readdir(d));) {
        int64_t step = step_of_name(f->d_name);
        if (step > best && join(path, dir, f->d_name)) best = step; /* path follows best */
    }
    closedir(d);
    if (best < 0) return TRIT_FAIL(e, E_DATA, "'%s' holds no checkpoint (step-N.h5)", dir);
    return TRIT_OK;
}
