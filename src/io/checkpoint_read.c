#include "io/checkpoint_file.h"
#include "io/h5.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct entry {
    trit_ckpt_tensor info;
    char sum[TRIT_CKPT_SUM_BYTES];
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
    if (!strcmp(name, trit_ckpt_unit_attr)) {
        a->t->info.unit = trit_arena_text(&a->c->arena, value->text, e);
        if (!a->t->info.unit) return TRIT_E_NOMEM;
    }
    if (!strcmp(name, trit_ckpt_sum_attr) && strlen(value->text) == 16)
        memcpy(a->t->sum, value->text, 17);
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
    TRIT_TRY(trit_ckpt_verify(&c->file, e));
    TRIT_TRY(trit_h5_open(&c->h, c->file.at, c->file.len - TRIT_CKPT_TRAILER_BYTES, e));
    TRIT_TRY(trit_h5_each_attr(c->h, "", add_attr, c, e));
    int64_t version = 0;
    TRIT_TRY(trit_checkpoint_attr_int(c, trit_ckpt_format_attr, &version, e));
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

void trit_checkpoint_hash(const trit_checkpoint *c, char hex[TRIT_CKPT_HASH_BYTES]) {
    enum { N = (TRIT_CKPT_HASH_BYTES - 1) / 2 };
    const unsigned char *sum = (const unsigned char *)c->file.at + c->file.len - N;
    for (int i = 0; i < N; i++) snprintf(hex + 2 * (size_t)i, 3, "%02x", sum[i]);
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

bool trit_checkpoint_has_attr(const trit_checkpoint *c, const char *name) {
    for (int i = 0; i < c->n_attr; i++) {
        if (!strcmp(c->attr[i].name, name)) return true;
    }
    return false;
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
    trit_tensor x = trit_ckpt_as_tensor(want), y = trit_ckpt_as_tensor(&found->info);
    if (x.dtype == y.dtype && trit_tensor_same_shape(&x, &y)) return TRIT_OK;
    char xs[96], ys[96];
    return TRIT_FAIL(e, E_SHAPE, "tensor '%s' is %s%s in the file, but %s%s is expected",
                     want->path, trit_dtype_name(y.dtype), trit_tensor_shape_text(&y, ys),
                     trit_dtype_name(x.dtype), trit_tensor_shape_text(&x, xs));
}

static trit_status read_checked(trit_checkpoint *c, const trit_ckpt_tensor *want,
                                const entry *found, trit_error *e) {
    trit_tensor x = trit_ckpt_as_tensor(want);
    char sum[TRIT_CKPT_SUM_BYTES];
    TRIT_ASSERT(x.data || !trit_tensor_bytes(&x));
    TRIT_TRY(trit_h5_read(c->h, want->path, &x, e));
    trit_ckpt_sum(x.data, trit_tensor_bytes(&x), sum);
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

static trit_status check_all(const trit_checkpoint *c, const char *prefix,
                             const trit_ckpt_tensor *expected, int n, trit_error *e) {
    trit_arena arena;
    trit_arena_init(&arena, "checkpoint");
    const trit_ckpt_tensor **sorted = NULL;
    trit_status status = trit_ckpt_sort(expected, n, &arena, &sorted, e);
    for (int i = 0; !status && i < n; i++) {
        status = check_expected(sorted[i], find(c, sorted[i]->path), e);
    }
    for (int i = 0; !status && i < c->n_tensor; i++) {
        const trit_ckpt_tensor *found = &c->tensor[i]->info;
        if (strncmp(found->path, prefix, strlen(prefix)) != 0) continue;
        if (n && bsearch(&found, sorted, (size_t)n, sizeof *sorted, trit_ckpt_by_path)) continue;
        status = TRIT_FAIL(e, E_FORMAT, "tensor '%s' is in the file, but nothing expects it",
                           found->path);
    }
    trit_arena_free(&arena);
    return status;
}

trit_status trit_checkpoint_load_part(trit_checkpoint *c, const char *prefix,
                                      const trit_ckpt_tensor *expected, int n, trit_error *e) {
    TRIT_TRY_AS(check_all(c, prefix, expected, n, e), e, "loading '%s'", c->path);
    for (int i = 0; i < n; i++) TRIT_TRY(trit_checkpoint_read_one(c, &expected[i], e));
    return TRIT_OK;
}

trit_status trit_checkpoint_load(trit_checkpoint *c, const trit_ckpt_tensor *expected, int n,
                                 trit_error *e) {
    return trit_checkpoint_load_part(c, "", expected, n, e);
}

trit_status trit_checkpoint_verify(const char *path, trit_error *e) {
    trit_text file = {0};
    TRIT_TRY(trit_file_read(path, SIZE_MAX / 4, &file, e));
    trit_status status = trit_ckpt_verify(&file, e);
    if (status) trit_error_wrap(e, "'%s'", path);
    trit_text_free(&file);
    return status;
}
