#include "io/checkpoint.h"

#include "base/arena.h"
#include "io/h5.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* Checksums are taken over memory, files are little-endian: on a big-endian machine they differ. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "checkpoints need a little-endian CPU");
_Static_assert((int)TRIT_ATTR_INT == (int)TRIT_H5_INT && (int)TRIT_ATTR_REAL == (int)TRIT_H5_REAL &&
                   (int)TRIT_ATTR_TEXT == (int)TRIT_H5_TEXT,
               "kinds are cast");

/* Behind the HDF5 data, which readers of HDF5 ignore: magic, length and XXH3-128 of what is before
 * it. */
enum { MAGIC_BYTES = 8, SUM_BYTES = 16, TRAILER_BYTES = MAGIC_BYTES + 8 + SUM_BYTES };
static const char magic[MAGIC_BYTES + 1] = "TRITSUM1";
static const char hdf5_signature[9] = "\x89HDF\r\n\x1a\n";

static const char format_attr[] = "trit_format", sum_attr[] = "xxh3_64", unit_attr[] = "unit";

enum { SUM_TEXT_BYTES = 17 };

static trit_tensor as_tensor(const trit_ckpt_tensor *t) {
    trit_tensor x = trit_tensor_make(t->dtype, t->ndim, t->dim);
    x.data = t->data;
    return x;
}

static void sum_text(const void *data, size_t n_bytes, char text[SUM_TEXT_BYTES]) {
    uint64_t sum = XXH3_64bits(data, n_bytes);
    for (int i = 0; i < 16; i++) text[i] = "0123456789abcdef"[sum >> (60 - 4 * i) & 15];
    text[16] = '\0';
}

static void make_trailer(const void *image, size_t n_bytes, unsigned char out[TRAILER_BYTES]) {
    XXH128_canonical_t sum;
    XXH128_canonicalFromHash(&sum, XXH3_128bits(image, n_bytes));
    uint64_t n = n_bytes;
    memcpy(out, magic, MAGIC_BYTES);
    memcpy(out + MAGIC_BYTES, &n, sizeof n);
    memcpy(out + MAGIC_BYTES + sizeof n, &sum, SUM_BYTES);
}

/* ---- writing ---- */

static int by_path(const void *a, const void *b) {
    const trit_ckpt_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

/* The tensors sorted by path, in the arena; TRIT_E_STATE when one is listed twice. */
static trit_status sort_tensors(const trit_ckpt_tensor *t, int n, trit_arena *arena,
                                const trit_ckpt_tensor ***out, trit_error *e) {
    const trit_ckpt_tensor **sorted = trit_arena_get(arena, sizeof(void *) * (size_t)n, e);
    if (!sorted) return TRIT_E_NOMEM;
    for (int i = 0; i < n; i++) sorted[i] = &t[i];
    if (n) qsort(sorted, (size_t)n, sizeof *sorted, by_path);
    for (int i = 1; i < n; i++) {
        if (!strcmp(sorted[i - 1]->path, sorted[i]->path)) {
            return TRIT_FAIL(e, E_STATE, "tensor '%s' is listed twice", sorted[i]->path);
        }
    }
    *out = sorted;
    return TRIT_OK;
}

/* Words between slashes, none of them empty, "." or "..". */
static bool path_ok(const char *path) {
    for (const char *word = path;;) {
        size_t n = strcspn(word, "/");
        if (!n || (n == 1 && word[0] == '.') || (n == 2 && !strncmp(word, "..", 2))) return false;
        if (!word[n]) return strlen(path) < 512;
        word += n + 1;
    }
}

static trit_status write_tensor(trit_h5 *h, const trit_ckpt_tensor *t, trit_error *e) {
    if (!path_ok(t->path)) {
        return TRIT_FAIL(e, E_STATE, "'%s' cannot be the path of a tensor", t->path);
    }
    trit_tensor x = as_tensor(t);
    size_t n_bytes = trit_tensor_bytes(&x);
    TRIT_ASSERT(x.data || !n_bytes);
    TRIT_TRY(trit_h5_write(h, t->path, &x, e));
    char text[SUM_TEXT_BYTES];
    sum_text(x.data, n_bytes, text);
    trit_h5_value value = {.kind = TRIT_H5_TEXT, .text = text};
    TRIT_TRY(trit_h5_write_attr(h, t->path, sum_attr, &value, e));
    if (!t->unit) return TRIT_OK;
    value.text = t->unit;
    return trit_h5_write_attr(h, t->path, unit_attr, &value, e);
}

static trit_status write_image(trit_h5 *h, const trit_ckpt_tensor **t, int n_t,
                               const trit_ckpt_attr *a, int n_a, trit_error *e) {
    trit_h5_value value = {.kind = TRIT_H5_INT, .i = TRIT_CKPT_VERSION};
    TRIT_TRY(trit_h5_write_attr(h, "", format_attr, &value, e));
    for (int i = 0; i < n_a; i++) {
        value = (trit_h5_value){(trit_h5_kind)a[i].kind, a[i].i, a[i].d, a[i].text};
        TRIT_TRY(trit_h5_write_attr(h, "", a[i].name, &value, e));
    }
    for (int i = 0; i < n_t; i++) TRIT_TRY(write_tensor(h, t[i], e));
    return TRIT_OK;
}

trit_status trit_checkpoint_write(const trit_io *io, const char *path, const trit_ckpt_tensor *t,
                                  int n_t, const trit_ckpt_attr *a, int n_a, trit_error *e) {
    trit_arena arena;
    trit_arena_init(&arena, "checkpoint");
    const trit_ckpt_tensor **sorted = NULL;
    trit_h5 *h = NULL;
    trit_text image = {0};
    size_t n_bytes = 0;
    for (int i = 0; i < n_t; i++) {
        trit_tensor x = as_tensor(&t[i]);
        n_bytes += trit_tensor_bytes(&x);
    }
    trit_status status = sort_tensors(t, n_t, &arena, &sorted, e);
    if (!status) status = trit_h5_create(&h, n_bytes, e);
    if (!status) status = write_image(h, sorted, n_t, a, n_a, e);
    if (!status) status = trit_h5_finish(h, &image, e);
    trit_h5_free(h);
    trit_arena_free(&arena);
    if (!status) {
        unsigned char trailer[TRAILER_BYTES];
        make_trailer(image.at, image.len, trailer);
        trit_text_add_bytes(&image, (const char *)trailer, sizeof trailer);
        if (image.failed) status = TRIT_FAIL(e, E_NOMEM, "no memory for %zu bytes", image.len);
    }
    if (status) {
        trit_error_wrap(e, "saving checkpoint '%s'", path);
    } else {
        status = trit_file_replace(io, path, image.at, image.len, e);
    }
    trit_text_free(&image);
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

/* ---- reading ---- */

typedef struct entry {
    trit_ckpt_tensor info;
    char sum[SUM_TEXT_BYTES];
} entry;

struct trit_checkpoint {
    trit_text file; /* owned; h reads from it */
    trit_h5 *h;
    trit_arena arena; /* names, tables */
    const char *path;
    entry **tensor; /* [n_tensor] sorted by path */
    trit_ckpt_attr *attr;
    int n_tensor, cap_tensor, n_attr, cap_attr;
};

void trit_checkpoint_close(trit_checkpoint *c) {
    if (!c) return;
    trit_h5_free(c->h);
    trit_text_free(&c->file);
    trit_arena_free(&c->arena);
    free(c->tensor);
    free(c->attr);
    free(c);
}

/* Whether the file is what a save wrote, bit for bit. */
static trit_status verify(const trit_text *file, trit_error *e) {
    size_t n_sign = sizeof hdf5_signature - 1;
    size_t image_bytes = file->len > TRAILER_BYTES ? file->len - TRAILER_BYTES : 0;
    const char *trailer = file->at + image_bytes;
    if (file->len < n_sign || memcmp(file->at, hdf5_signature, n_sign) != 0) {
        return TRIT_FAIL(e, E_FORMAT, "not an HDF5 file, so not a checkpoint%s",
                         file->len ? "" : ": it is empty");
    }
    if (!image_bytes || memcmp(trailer, magic, MAGIC_BYTES) != 0) {
        return TRIT_FAIL(e, E_FORMAT,
                         "not a trit checkpoint, or cut short: the checksum at its end is missing");
    }
    unsigned char want[TRAILER_BYTES];
    make_trailer(file->at, image_bytes, want);
    if (memcmp(trailer, want, TRAILER_BYTES) != 0) {
        return TRIT_FAIL(e, E_FORMAT,
                         "damaged: its checksum differs from its content; use an older checkpoint");
    }
    return TRIT_OK;
}

/* Room for one more element of a table; NULL when memory is exhausted. */
static void *grow(void *at, int n, int *cap, size_t size) {
    if (n < *cap) return at;
    int more = *cap ? 2 * *cap : 64;
    void *moved = realloc(at, (size_t)more * size);
    if (moved) *cap = more;
    return moved;
}

static trit_status add_attr(void *self, const char *name, const trit_h5_value *value,
                            trit_error *e) {
    trit_checkpoint *c = self;
    trit_ckpt_attr *at = grow(c->attr, c->n_attr, &c->cap_attr, sizeof *at);
    if (!at) return TRIT_FAIL(e, E_NOMEM, "no memory for the list of attributes");
    c->attr = at;
    at += c->n_attr++;
    *at = (trit_ckpt_attr){.i = value->i, .d = value->d};
    at->kind = value->kind == TRIT_H5_INT    ? TRIT_ATTR_INT
               : value->kind == TRIT_H5_REAL ? TRIT_ATTR_REAL
                                             : TRIT_ATTR_TEXT;
    at->name = trit_arena_text(&c->arena, name, e);
    at->text = trit_arena_text(&c->arena, value->text ? value->text : "", e);
    return at->name && at->text ? TRIT_OK : TRIT_E_NOMEM;
}

typedef struct tensor_attrs {
    trit_checkpoint *c;
    entry *t;
} tensor_attrs;

static trit_status add_tensor_attr(void *self, const char *name, const trit_h5_value *value,
                                   trit_error *e) {
    tensor_attrs *a = self;
    if (value->kind != TRIT_H5_TEXT) return TRIT_OK;
    if (!strcmp(name, unit_attr)) {
        a->t->info.unit = trit_arena_text(&a->c->arena, value->text, e);
        if (!a->t->info.unit) return TRIT_E_NOMEM;
    }
    if (!strcmp(name, sum_attr) && strlen(value->text) == 16) memcpy(a->t->sum, value->text, 17);
    return TRIT_OK;
}

static int by_entry_path(const void *a, const void *b) {
    const entry *const *x = a, *const *y = b;
    return strcmp((*x)->info.path, (*y)->info.path);
}

static trit_status add_tensor(void *self, const char *path, const trit_tensor *x, trit_error *e) {
    trit_checkpoint *c = self;
    entry **at = grow(c->tensor, c->n_tensor, &c->cap_tensor, sizeof *at);
    if (!at) return TRIT_FAIL(e, E_NOMEM, "no memory for the list of tensors");
    c->tensor = at;
    entry *t = trit_arena_get(&c->arena, sizeof *t, e);
    if (!t) return TRIT_E_NOMEM;
    t->info = (trit_ckpt_tensor){.dtype = x->dtype, .ndim = x->ndim};
    memcpy(t->info.dim, x->dim, sizeof t->info.dim);
    t->info.path = trit_arena_text(&c->arena, path, e);
    if (!t->info.path) return TRIT_E_NOMEM;
    at[c->n_tensor++] = t;
    tensor_attrs attrs = {c, t};
    TRIT_TRY(trit_h5_each_attr(c->h, path, add_tensor_attr, &attrs, e));
    if (!t->sum[0]) return TRIT_FAIL(e, E_FORMAT, "tensor '%s' has no checksum", path);
    return TRIT_OK;
}

static trit_status read_list(trit_checkpoint *c, trit_error *e) {
    TRIT_TRY(verify(&c->file, e));
    TRIT_TRY(trit_h5_open(&c->h, c->file.at, c->file.len - TRAILER_BYTES, e));
    TRIT_TRY(trit_h5_each_attr(c->h, "", add_attr, c, e));
    int64_t version = 0;
    TRIT_TRY(trit_checkpoint_attr_int(c, format_attr, &version, e));
    if (version < 1 || version > TRIT_CKPT_VERSION) {
        return TRIT_FAIL(e, E_DATA,
                         "checkpoint format %" PRId64
                         ", but this program reads up to %d; use the program that wrote it, or a "
                         "newer one",
                         version, TRIT_CKPT_VERSION);
    }
    TRIT_TRY(trit_h5_each(c->h, add_tensor, c, e));
    if (c->n_tensor) qsort(c->tensor, (size_t)c->n_tensor, sizeof *c->tensor, by_entry_path);
    return TRIT_OK;
}

trit_status trit_checkpoint_open(trit_checkpoint **out, const char *path, trit_error *e) {
    trit_checkpoint *c = calloc(1, sizeof *c);
    if (!c) return TRIT_FAIL(e, E_NOMEM, "opening '%s': no memory", path);
    trit_arena_init(&c->arena, "checkpoint");
    c->path = trit_arena_text(&c->arena, path, e);
    trit_status status = c->path ? TRIT_OK : TRIT_E_NOMEM;
    if (!status && access(path, F_OK) && errno == ENOENT) {
        status = TRIT_FAIL(e, E_DATA, "'%s': no such checkpoint", path);
    }
    if (!status) status = trit_file_read(path, SIZE_MAX / 4, &c->file, e);
    if (!status) {
        status = read_list(c, e);
        if (status) trit_error_wrap(e, "'%s'", path);
    }
    if (status) {
        trit_checkpoint_close(c);
        return status;
    }
    *out = c;
    return TRIT_OK;
}

int64_t trit_checkpoint_bytes(const trit_checkpoint *c) {
    return (int64_t)c->file.len;
}

int trit_checkpoint_n_tensors(const trit_checkpoint *c) {
    return c->n_tensor;
}

const trit_ckpt_tensor *trit_checkpoint_tensor(const trit_checkpoint *c, int i) {
    TRIT_ASSERT(i >= 0 && i < c->n_tensor);
    return &c->tensor[i]->info;
}

static const entry *find(const trit_checkpoint *c, const char *path) {
    int lo = 0, hi = c->n_tensor;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2, order = strcmp(path, c->tensor[mid]->info.path);
        if (!order) return c->tensor[mid];
        if (order < 0) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return NULL;
}

const trit_ckpt_tensor *trit_checkpoint_find(const trit_checkpoint *c, const char *path) {
    const entry *t = find(c, path);
    return t ? &t->info : NULL;
}

int trit_checkpoint_n_attrs(const trit_checkpoint *c) {
    return c->n_attr;
}

const trit_ckpt_attr *trit_checkpoint_attr(const trit_checkpoint *c, int i) {
    TRIT_ASSERT(i >= 0 && i < c->n_attr);
    return &c->attr[i];
}

static trit_status attr_of_kind(const trit_checkpoint *c, const char *name, int kind,
                                const trit_ckpt_attr **out, trit_error *e) {
    static const char *const words[] = {"an integer", "a real number", "a text"};
    for (int i = 0; i < c->n_attr; i++) {
        if (strcmp(c->attr[i].name, name) != 0) continue;
        if ((int)c->attr[i].kind != kind) {
            return TRIT_FAIL(e, E_FORMAT, "checkpoint attribute '%s' is %s, expected %s", name,
                             words[c->attr[i].kind], words[kind]);
        }
        *out = &c->attr[i];
        return TRIT_OK;
    }
    return TRIT_FAIL(e, E_FORMAT, "the checkpoint has no attribute '%s'", name);
}

trit_status trit_checkpoint_attr_int(const trit_checkpoint *c, const char *name, int64_t *out,
                                     trit_error *e) {
    const trit_ckpt_attr *a = NULL;
    TRIT_TRY(attr_of_kind(c, name, TRIT_ATTR_INT, &a, e));
    *out = a->i;
    return TRIT_OK;
}

trit_status trit_checkpoint_attr_real(const trit_checkpoint *c, const char *name, double *out,
                                      trit_error *e) {
    const trit_ckpt_attr *a = NULL;
    TRIT_TRY(attr_of_kind(c, name, TRIT_ATTR_REAL, &a, e));
    *out = a->d;
    return TRIT_OK;
}

trit_status trit_checkpoint_attr_text(const trit_checkpoint *c, const char *name, const char **out,
                                      trit_error *e) {
    const trit_ckpt_attr *a = NULL;
    TRIT_TRY(attr_of_kind(c, name, TRIT_ATTR_TEXT, &a, e));
    *out = a->text;
    return TRIT_OK;
}

/* Whether the stored tensor (NULL: none) is what is expected. */
static trit_status check_expected(const trit_ckpt_tensor *want, const entry *found, trit_error *e) {
    if (!found) {
        if (want->optional) return TRIT_OK;
        return TRIT_FAIL(e, E_FORMAT, "tensor '%s' is missing", want->path);
    }
    trit_tensor x = as_tensor(want), y = as_tensor(&found->info);
    if (x.dtype == y.dtype && trit_tensor_same_shape(&x, &y)) return TRIT_OK;
    char xs[96], ys[96];
    return TRIT_FAIL(e, E_SHAPE, "tensor '%s' is %s%s in the file, but %s%s is expected",
                     want->path, trit_dtype_name(y.dtype), trit_tensor_shape_text(&y, ys),
                     trit_dtype_name(x.dtype), trit_tensor_shape_text(&x, xs));
}

static trit_status read_checked(trit_checkpoint *c, const trit_ckpt_tensor *want,
                                const entry *found, trit_error *e) {
    trit_tensor x = as_tensor(want);
    char sum[SUM_TEXT_BYTES];
    TRIT_ASSERT(x.data || !trit_tensor_bytes(&x));
    TRIT_TRY(trit_h5_read(c->h, want->path, &x, e));
    sum_text(x.data, trit_tensor_bytes(&x), sum);
    if (strcmp(sum, found->sum) != 0) {
        return TRIT_FAIL(e, E_FORMAT, "tensor '%s' is damaged: its checksum differs", want->path);
    }
    return TRIT_OK;
}

trit_status trit_checkpoint_read_one(trit_checkpoint *c, const trit_ckpt_tensor *expected,
                                     trit_error *e) {
    const entry *found = find(c, expected->path);
    TRIT_TRY_AS(check_expected(expected, found, e), e, "loading '%s'", c->path);
    if (found) TRIT_TRY_AS(read_checked(c, expected, found, e), e, "loading '%s'", c->path);
    return TRIT_OK;
}

static trit_status check_all(const trit_checkpoint *c, const trit_ckpt_tensor *expected, int n,
                             trit_error *e) {
    trit_arena arena;
    trit_arena_init(&arena, "checkpoint");
    const trit_ckpt_tensor **sorted = NULL;
    trit_status status = sort_tensors(expected, n, &arena, &sorted, e);
    for (int i = 0; !status && i < n; i++) {
        status = check_expected(sorted[i], find(c, sorted[i]->path), e);
    }
    for (int i = 0; !status && i < c->n_tensor; i++) {
        const trit_ckpt_tensor *found = &c->tensor[i]->info;
        if (n && bsearch(&found, sorted, (size_t)n, sizeof *sorted, by_path)) continue;
        status = TRIT_FAIL(e, E_FORMAT, "tensor '%s' is in the file, but nothing expects it",
                           found->path);
    }
    trit_arena_free(&arena);
    return status;
}

trit_status trit_checkpoint_load(trit_checkpoint *c, trit_ckpt_tensor *expected, int n,
                                 trit_error *e) {
    TRIT_TRY_AS(check_all(c, expected, n, e), e, "loading '%s'", c->path);
    for (int i = 0; i < n; i++) TRIT_TRY(trit_checkpoint_read_one(c, &expected[i], e));
    return TRIT_OK;
}
