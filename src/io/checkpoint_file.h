/* The bytes of a checkpoint, and lists of tensors: inside of io/checkpoint. */
#ifndef TRIT_IO_CHECKPOINT_FILE_H
#define TRIT_IO_CHECKPOINT_FILE_H

#include "base/arena.h"
#include "io/checkpoint.h"

/* Behind the HDF5 data, which readers of HDF5 ignore: magic, length and XXH3-128 of what is before
 * it. A tensor's own checksum is a text. */
enum { TRIT_CKPT_TRAILER_BYTES = 32, TRIT_CKPT_SUM_BYTES = 17 };
extern const char trit_ckpt_format_attr[], trit_ckpt_sum_attr[], trit_ckpt_unit_attr[];

trit_tensor trit_ckpt_as_tensor(const trit_ckpt_tensor *t);
void trit_ckpt_sum(const void *data, size_t n_bytes, char text[TRIT_CKPT_SUM_BYTES]);

/* The trailer of HDF5 data that comes in pieces. NULL when memory is exhausted. */
typedef struct trit_ckpt_seal trit_ckpt_seal;
trit_ckpt_seal *trit_ckpt_seal_new(void);
/* Accepts NULL. */
void trit_ckpt_seal_free(trit_ckpt_seal *s);
void trit_ckpt_seal_add(trit_ckpt_seal *s, const void *data, size_t n_bytes);
void trit_ckpt_seal_end(const trit_ckpt_seal *s, unsigned char out[TRIT_CKPT_TRAILER_BYTES]);

/* Whether the file is what a save wrote, bit for bit. TRIT_E_FORMAT as trit_checkpoint_open. */
trit_status trit_ckpt_verify(const trit_text *file, trit_error *e);

/* The tensors sorted by path, in the arena; TRIT_E_STATE when one is listed twice. */
trit_status trit_ckpt_sort(const trit_ckpt_tensor *t, int n, trit_arena *arena,
                           const trit_ckpt_tensor ***out, trit_error *e);
/* Order of pointers to tensors, for qsort and bsearch. */
int trit_ckpt_by_path(const void *a, const void *b);

#endif
