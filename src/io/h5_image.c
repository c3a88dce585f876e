#include "io/h5_image.h"

#include "base/status.h"

#include <stdlib.h>
#include <string.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

/* What is neither chunk nor page is zero. Pages hold what HDF5 writes between chunks: headers,
 * indexes, attributes and small tensors. */
enum { PAGE_BYTES = 4096 };

struct trit_h5_image {
    H5FD_t driver;        /* HDF5's part; first, as HDF5 knows the image by it */
    char **page;          /* [n_page] owned; NULL where nothing was written */
    trit_h5_chunk *chunk; /* [n_chunk] owned, in the order of the file */
    size_t n_page, n_chunk, cap_chunk;
    uint64_t allocated, end;  /* of the file: what HDF5 has given out, and what it has written */
    hid_t id;                 /* of the driver */
    const trit_h5_chunk *put; /* the next write is this chunk; NULL: it is not */
    bool no_memory;
};

/* Stands for the data of a chunk while HDF5 has it in hand. Never written; HDF5 does not look at it
 * either, but could. */
static unsigned char blank[TRIT_H5_CHUNK_BYTES + TRIT_H5_SUM_BYTES];

static size_t chunk_bytes(const trit_h5_chunk *c) {
    return c->n_bytes + c->n_zero + TRIT_H5_SUM_BYTES;
}

/* Room for one more than n; NULL when memory is exhausted. */
static void *grow(void *at, size_t *cap, size_t n, size_t size) {
    if (n <= *cap) return at;
    size_t more = *cap ? 2 * *cap : 64;
    if (more < n) more = n;
    char *moved = realloc(at, more * size);
    if (!moved) return NULL;
    memset(moved + *cap * size, 0, (more - *cap) * size);
    *cap = more;
    return moved;
}

/* The first chunk that ends behind `at`; n_chunk: none. */
static size_t chunk_behind(const trit_h5_image *m, uint64_t at) {
    size_t lo = 0, hi = m->n_chunk;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (m->chunk[mid].at + chunk_bytes(&m->chunk[mid]) > at) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo;
}

static bool overlaps(const trit_h5_image *m, uint64_t at, size_t n) {
    size_t i = chunk_behind(m, at);
    return i < m->n_chunk && m->chunk[i].at < at + n;
}

static bool add_chunk(trit_h5_image *m, uint64_t at, const trit_h5_chunk *c) {
    trit_h5_chunk *all = grow(m->chunk, &m->cap_chunk, m->n_chunk + 1, sizeof *all);
    if (!all) return false;
    m->chunk = all;
    size_t i = chunk_behind(m, at);
    memmove(all + i + 1, all + i, (m->n_chunk - i) * sizeof *all);
    all[i] = *c;
    all[i].at = at;
    m->n_chunk++;
    return true;
}

static bool add_bytes(trit_h5_image *m, uint64_t at, size_t n, const char *from) {
    char **all = grow(m->page, &m->n_page, (at + n + PAGE_BYTES - 1) / PAGE_BYTES, sizeof *all);
    if (!all) return false;
    m->page = all;
    while (n) {
        size_t skip = at % PAGE_BYTES, part = n < PAGE_BYTES - skip ? n : PAGE_BYTES - skip;
        char **page = &all[at / PAGE_BYTES];
        if (!*page && !(*page = calloc(1, PAGE_BYTES))) return false;
        memcpy(*page + skip, from, part);
        from += part;
        at += part;
        n -= part;
    }
    return true;
}

static void copy_bytes(const trit_h5_image *m, size_t at, size_t n, char *to) {
    while (n) {
        size_t skip = at % PAGE_BYTES, part = n < PAGE_BYTES - skip ? n : PAGE_BYTES - skip;
        const char *page = at / PAGE_BYTES < m->n_page ? m->page[at / PAGE_BYTES] : NULL;
        if (page) {
            memcpy(to, page + skip, part);
        } else {
            memset(to, 0, part);
        }
        to += part;
        at += part;
        n -= part;
    }
}

/* to[n] = the chunk's bytes from `at`, counted from its beginning. */
static void copy_chunk(const trit_h5_chunk *c, size_t at, size_t n, char *to) {
    unsigned char sum[TRIT_H5_SUM_BYTES];
    size_t sum_at = c->n_bytes + c->n_zero;
    for (int i = 0; i < TRIT_H5_SUM_BYTES; i++) sum[i] = (unsigned char)(c->sum >> 8 * i);
    if (at < c->n_bytes) {
        size_t part = n < c->n_bytes - at ? n : c->n_bytes - at;
        memcpy(to, c->data + at, part);
        to += part;
        at += part;
        n -= part;
    }
    if (n && at < sum_at) {
        size_t part = n < sum_at - at ? n : sum_at - at;
        memset(to, 0, part);
        to += part;
        at += part;
        n -= part;
    }
    if (n) memcpy(to, sum + (at - sum_at), n);
}

void trit_h5_image_copy(const trit_h5_image *m, size_t at, size_t n, void *to) {
    char *out = to;
    for (size_t i = chunk_behind(m, at); n; i++) {
        const trit_h5_chunk *c = i < m->n_chunk ? &m->chunk[i] : NULL;
        size_t part = c && c->at < at + n ? (c->at > at ? c->at - at : 0) : n;
        copy_bytes(m, at, part, out);
        out += part;
        at += part;
        n -= part;
        if (!n) break;
        size_t skip = at - c->at, rest = chunk_bytes(c) - skip;
        part = n < rest ? n : rest;
        copy_chunk(c, skip, part, out);
        out += part;
        at += part;
        n -= part;
    }
}

/* ---- the driver: what HDF5 calls ---- */

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t fapl, haddr_t max_at) {
    (void)name, (void)flags, (void)max_at;
    trit_h5_image *const *m = H5Pget_driver_info(fapl);
    return m ? &(*m)->driver : NULL;
}

static herr_t driver_close(H5FD_t *file) {
    (void)file; /* the image outlives HDF5's interest in it */
    return 0;
}

static int driver_compare(const H5FD_t *a, const H5FD_t *b) {
    return a < b ? -1 : a > b;
}

/* As the library's own driver for memory. */
static herr_t driver_query(const H5FD_t *file, unsigned long *features) {
    (void)file;
    *features = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
                H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_get_allocated(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return ((const trit_h5_image *)file)->allocated;
}

static herr_t driver_set_allocated(H5FD_t *file, H5FD_mem_t type, haddr_t at) {
    (void)type;
    ((trit_h5_image *)file)->allocated = at;
    return 0;
}

static haddr_t driver_get_end(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return ((const trit_h5_image *)file)->end;
}

static herr_t driver_truncate(H5FD_t *file, hid_t dxpl, hbool_t closing) {
    (void)dxpl, (void)closing;
    trit_h5_image *m = (trit_h5_image *)file;
    m->end = m->allocated;
    return 0;
}

static herr_t driver_read(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n,
                          void *to) {
    (void)type, (void)dxpl;
    trit_h5_image_copy((const trit_h5_image *)file, at, n, to);
    return 0;
}

static herr_t driver_write(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n,
                           const void *from) {
    (void)type, (void)dxpl;
    trit_h5_image *m = (trit_h5_image *)file;
    const trit_h5_chunk *c = from == blank ? m->put : NULL;
    /* A chunk comes whole, when it is put, and nothing is written over one. */
    if ((from == blank && (!c || n != chunk_bytes(c))) || overlaps(m, at, n)) return -1;
    /* HDF5 does not let go of a file that it could not write to the end, and closes it once more
     * when the program ends: so the image takes what it cannot keep, and says so when asked. */
    if (!(c ? add_chunk(m, at, c) : add_bytes(m, at, n, from))) m->no_memory = true;
    if (c) m->put = NULL;
    if (m->end < at + n) m->end = at + n;
    return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)400, /* of those that are free for testing */
#endif
    .name = "trit_image",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(trit_h5_image *),
    .open = driver_open,
    .close = driver_close,
    .cmp = driver_compare,
    .query = driver_query,
    .get_eoa = driver_get_allocated,
    .set_eoa = driver_set_allocated,
    .get_eof = driver_get_end,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* ---- */

trit_h5_image *trit_h5_image_new(void) {
    trit_h5_image *m = calloc(1, sizeof *m);
    if (m) m->id = -1;
    return m;
}

void trit_h5_image_free(trit_h5_image *m) {
    if (!m) return;
    /* Not before: closing a file drops HDF5's hold on the driver, and then calls it once more. */
    if (m->id >= 0) H5FDunregister(m->id);
    for (size_t i = 0; i < m->n_page; i++) free(m->page[i]);
    free(m->page);
    free(m->chunk);
    free(m);
}

hid_t trit_h5_image_create(trit_h5_image *m, const char *name, hid_t fcpl, hid_t fapl) {
    hid_t file = -1;
    m->id = H5FDregister(&driver);
    if (m->id >= 0 && H5Pset_driver(fapl, m->id, &m) >= 0) {
        file = H5Fcreate(name, H5F_ACC_TRUNC, fcpl, fapl);
    }
    return file;
}

bool trit_h5_image_put(trit_h5_image *m, hid_t dataset, const hsize_t *offset,
                       const trit_h5_chunk *chunk) {
    TRIT_ASSERT(chunk_bytes(chunk) <= sizeof blank);
    m->put = chunk;
    bool ok = H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, offset, chunk_bytes(chunk), blank) >= 0;
    /* Where HDF5 took the bytes but kept them back, they would be written as zeros. */
    ok = ok && !m->put;
    m->put = NULL;
    return ok;
}

bool trit_h5_image_no_memory(const trit_h5_image *m) {
    return m->no_memory;
}

size_t trit_h5_image_bytes(const trit_h5_image *m) {
    return (size_t)m->allocated;
}
