#include "io/checkpoint_file.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Checksums are taken over memory, files are little-endian: on a big-endian machine they differ. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "checkpoints need a little-endian CPU");

enum { MAGIC_BYTES = 8, VERSION_AT = 7, SUM_BYTES = 16 };
_Static_assert(TRIT_CKPT_TRAILER_BYTES == MAGIC_BYTES + 8 + SUM_BYTES, "magic, length, sum");
static const char magic[MAGIC_BYTES + 1] = "TRITSUM1";
static const char hdf5_signature[9] = "\x89HDF\r\n\x1a\n";

const char trit_ckpt_format_attr[] = "trit_format", trit_ckpt_sum_attr[] = "xxh3_64",
           trit_ckpt_unit_attr[] = "unit";

trit_tensor trit_ckpt_as_tensor(const trit_ckpt_tensor *t) {
    trit_tensor x = trit_tensor_make(t->dtype, t->ndim, t->dim);
    x.data = t->data;
    return x;
}

void trit_ckpt_sum(const void *data, size_t n_bytes, char text[TRIT_CKPT_SUM_BYTES]) {
    uint64_t sum = XXH3_64bits(data, n_bytes);
    for (int i = 0; i < 16; i++) text[i] = "0123456789abcdef"[sum >> (60 - 4 * i) & 15];
    text[16] = '\0';
}

struct trit_ckpt_seal {
    XXH3_state_t *state;
    uint64_t n_bytes;
};

trit_ckpt_seal *trit_ckpt_seal_new(void) {
    trit_ckpt_seal *s = calloc(1, sizeof *s);
    if (s && !(s->state = XXH3_createState())) {
        free(s);
        return NULL;
    }
    if (s) XXH3_128bits_reset(s->state);
    return s;
}

void trit_ckpt_seal_free(trit_ckpt_seal *s) {
    if (s) XXH3_freeState(s->state);
    free(s);
}

void trit_ckpt_seal_add(trit_ckpt_seal *s, const void *data, size_t n_bytes) {
    XXH3_128bits_update(s->state, data, n_bytes);
    s->n_bytes += n_bytes;
}

static void make_trailer(uint64_t n_bytes, XXH128_hash_t hash,
                         unsigned char out[TRIT_CKPT_TRAILER_BYTES]) {
    XXH128_canonical_t sum;
    XXH128_canonicalFromHash(&sum, hash);
    memcpy(out, magic, MAGIC_BYTES);
    memcpy(out + MAGIC_BYTES, &n_bytes, sizeof n_bytes);
    memcpy(out + MAGIC_BYTES + sizeof n_bytes, &sum, SUM_BYTES);
}

void trit_ckpt_seal_end(const trit_ckpt_seal *s, unsigned char out[TRIT_CKPT_TRAILER_BYTES]) {
    make_trailer(s->n_bytes, XXH3_128bits_digest(s->state), out);
}

trit_status trit_ckpt_verify(const trit_text *file, trit_error *e) {
    size_t n_sign = sizeof hdf5_signature - 1;
    size_t image_bytes =
        file->len > TRIT_CKPT_TRAILER_BYTES ? file->len - TRIT_CKPT_TRAILER_BYTES : 0;
    const char *trailer = file->at + image_bytes;
    if (file->len < n_sign || memcmp(file->at, hdf5_signature, n_sign) != 0) {
        return TRIT_FAIL(e, E_FORMAT, "not an HDF5 file, so not a checkpoint%s",
                         file->len ? "" : ": it is empty");
    }
    if (image_bytes && !memcmp(trailer, magic, VERSION_AT) &&
        trailer[VERSION_AT] > magic[VERSION_AT] && trailer[VERSION_AT] <= '9') {
        return TRIT_FAIL(e, E_FORMAT,
                         "damaged, or of a newer program: its checksum is of kind %c, but this "
                         "program knows up to %c",
                         trailer[VERSION_AT], magic[VERSION_AT]);
    }
    if (!image_bytes || memcmp(trailer, magic, MAGIC_BYTES) != 0) {
        return TRIT_FAIL(e, E_FORMAT,
                         "not a trit checkpoint, or cut short: the checksum at its end is missing");
    }
    unsigned char want[TRIT_CKPT_TRAILER_BYTES];
    make_trailer(image_bytes, XXH3_128bits(file->at, image_bytes), want);
    if (memcmp(trailer, want, TRIT_CKPT_TRAILER_BYTES) != 0) {
        return TRIT_FAIL(e, E_FORMAT,
                         "damaged: its checksum differs from its content; use an older checkpoint");
    }
    return TRIT_OK;
}

int trit_ckpt_by_path(const void *a, const void *b) {
    const trit_ckpt_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

trit_status trit_ckpt_sort(const trit_ckpt_tensor *t, int n, trit_arena *arena,
                           const trit_ckpt_tensor ***out, trit_error *e) {
    const trit_ckpt_tensor **sorted = trit_arena_get(arena, sizeof(void *) * (size_t)n, e);
    if (!sorted) return TRIT_E_NOMEM;
    for (int i = 0; i < n; i++) sorted[i] = &t[i];
    if (n) qsort(sorted, (size_t)n, sizeof *sorted, trit_ckpt_by_path);
    for (int i = 1; i < n; i++) {
        if (!strcmp(sorted[i - 1]->path, sorted[i]->path)) {
            return TRIT_FAIL(e, E_STATE, "tensor '%s' is listed twice", sorted[i]->path);
        }
    }
    *out = sorted;
    return TRIT_OK;
}
