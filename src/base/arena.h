/* Memory belongs to a lifetime: an arena hands out zeroed, 64-byte aligned memory and gives all of
 * it back at once. Nothing inside an arena is freed alone. Four are used: run (parameters,
 * optimizer state), graph (nodes, names), plan (values, gradients), scratch (one per thread). */
#ifndef TRIT_BASE_ARENA_H
#define TRIT_BASE_ARENA_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct trit_arena_block trit_arena_block;

typedef struct trit_arena {
    trit_arena_block *head; /* owned chain of blocks, newest first */
    size_t used;            /* bytes handed out, alignment included */
    const char *name;       /* for messages; borrowed */
    bool frozen;            /* any further trit_arena_get() is a bug and aborts */
} trit_arena;

enum { TRIT_ALIGN = 64 };

void trit_arena_init(trit_arena *a, const char *name);
/* bytes of zeroed memory, 64-byte aligned, owned by the arena; NULL only when memory is exhausted
 * (TRIT_E_NOMEM is then in e). bytes = 0 gives a valid unique pointer. */
void *trit_arena_get(trit_arena *a, size_t bytes, trit_error *e);
/* Copy of a string in the arena; NULL as above. */
char *trit_arena_text(trit_arena *a, const char *text, trit_error *e);
/* Gives everything back; the arena may be used again. Accepts a zeroed arena. */
void trit_arena_free(trit_arena *a);

/* Checked n * size for allocations: false on overflow. */
bool trit_bytes_mul(size_t n, size_t size, size_t *out);

/* Asks for large pages behind at[n_bytes], which make the first touch of much memory cheap. */
void trit_memory_advise(void *at, size_t n_bytes);

#endif
