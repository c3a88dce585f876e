/* How the state of an optimizer is stored: an encoding is a file state_*.c and a row of
 * state_list.h. Elements are cut into blocks of consecutive ones; the driver decodes a

 * few of them, updates them and encodes them again: nothing of the parameter's size is decoded. */
#ifndef TRIT_OPTIM_STATE_H
#define TRIT_OPTIM_STATE_H

#include "base/arena.h"
#include "base/rng.h"
#include "base/tensor.h"
#include "kernel/kernel.h"

enum { TRIT_STATE_MIN_BLOCK = 64 };          /* the most: TRIT_STATE_MAX_BLOCK */
extern const char *const trit_state_names[]; /* fp32, bf16, 8bit, 4bit; NULL-terminated */

/* n elements of one block x[n], n <= TRIT_STATE_MAX_BLOCK; a: its largest magnitude (unused where
 * has_absmax is false). code: the block's first byte. */
typedef struct trit_state_block {
    const trit_kernels *k;
    bool is_signed;
    int64_t n;
    trit_real a;
    trit_real *x;
    void *code;
} trit_state_block;

typedef struct trit_state_type {
    const char *name, *doc, *cite;
    int bits;         /* of a code */
    trit_dtype dtype; /* of the stored codes */
    bool has_absmax;  /* a number for each block */
    int64_t block;    /* elements of a block, if the config names none */
    uint8_t zero[2];  /* every byte of codes of 0 in the unsigned and in the signed form */
    /* All NULL for plain numbers, which are used where they lie. */
    void (*decode)(const trit_state_block *b);
    void (*encode)(const trit_state_block *b); /* to the nearest value */
    /* Up or down at random, so that the mean is x; element i of the block draws number first + i.
     */
    void (*encode_random)(const trit_state_block *b, const trit_rng *r, uint64_t first);
} trit_state_type;
extern const trit_state_type *const trit_state_types[]; /* rows in list order, then NULL */
extern const trit_state_type trit_state_dyn8;

/* One state array of one parameter: what a checkpoint keeps, and all that knows how it is stored.
 */
typedef struct trit_slot {
    const char *name;
    const trit_state_type *state;
    bool is_signed;
    bool own_shape; /* not the parameter's: `finish` of the optimizer works on it */
    int64_t block;
    trit_tensor val;    /* numbers, or codes in the parameter's shape (4 bits: [bytes]); run arena;
                         * data NULL: the parameter has none */
    trit_tensor absmax; /* [blocks]; data NULL: the encoding has none */
} trit_slot;

/* Zeroed state for `shape`, with name and is_signed as they are in s; block 0: the encoding's. */
trit_status trit_slot_init(trit_slot *s, const trit_state_type *state, int64_t block,
                           const trit_tensor *shape, trit_arena *mem, trit_error *e);
/* All elements become 0, as after trit_slot_init. */
void trit_slot_clear(const trit_slot *s);
int64_t trit_slot_bytes(const trit_slot *s);
/* Whether its numbers lie there as they are. */
static inline bool trit_slot_is_plain(const trit_slot *s) {
    return s->val.data && !s->state->decode;
}
/* Where the elements from `begin` on lie; NULL: nowhere, or encoded. */
static inline trit_real *trit_slot_at(const trit_slot *s, int64_t begin) {
    return trit_slot_is_plain(s) ? (trit_real *)s->val.data + begin : NULL;
}
/* Of an encoded slot: elements begin.. (a multiple of the block) to x[n], whole blocks or the end,
 * and back; r: rounded at random, NULL: to the nearest. */
void trit_slot_decode(const trit_slot *s, const trit_kernels *k, int64_t begin, int64_t n,
                      trit_real *x);
void trit_slot_encode(const trit_slot *s, const trit_kernels *k, int64_t begin, int64_t n,
                      trit_real *x, const trit_rng *r);

/* to holds afterwards what from does (of n elements), as nearly as its encoding can. */
void trit_slot_convert(const trit_slot *from, const trit_slot *to, const trit_kernels *k,
                       int64_t n);

/* For rows whose codes count values of rising size: moves code[n], which is nearest to x/a, to its
 * other neighbour with the right probability. value[n_value]: of the codes. */
void trit_state_round(const trit_state_block *b, int n_value, const trit_real *value,
                      const trit_rng *r, uint64_t first, uint8_t *code);

#endif
