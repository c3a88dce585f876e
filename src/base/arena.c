#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct trit_arena_block {
    trit_arena_block *next;
    size_t cap, used; /* bytes of data[] */
    char *data;       /* 64-byte aligned, behind this header */
};

enum { HEADER_BYTES = TRIT_ALIGN, MIN_BLOCK_BYTES = 1 << 16 };

static size_t round_up(size_t n) {
    return (n + TRIT_ALIGN - 1) & ~(size_t)(TRIT_ALIGN - 1);
}

void trit_arena_init(trit_arena *a, const char *name) {
    *a = (trit_arena){.name = name};
}

void *trit_arena_get(trit_arena *a, size_t bytes, trit_error *e) {
    TRIT_ASSERT(!a->frozen);
    if (bytes > SIZE_MAX / 2) {
        TRIT_FAIL(e, E_NOMEM, "%s memory: %zu bytes asked for", a->name, bytes);
        return NULL;
    }
    size_t want = round_up(bytes ? bytes : 1);
    trit_arena_block *b = a->head;
    if (!b || b->cap - b->used < want) {
        /* Blocks grow with the arena, so the number of blocks stays logarithmic. */
        size_t cap = a->used / 2 > MIN_BLOCK_BYTES ? round_up(a->used / 2) : MIN_BLOCK_BYTES;
        if (cap < want || want >= MIN_BLOCK_BYTES) cap = want;
        char *raw = aligned_alloc(TRIT_ALIGN, HEADER_BYTES + cap);
        if (!raw) {
            TRIT_FAIL(e, E_NOMEM, "%s memory: no %zu bytes more beside the %zu in use", a->name,
                      cap, a->used);
            return NULL;
        }
        b = (trit_arena_block *)(void *)raw;
        *b = (trit_arena_block){.next = a->head, .cap = cap, .data = raw + HEADER_BYTES};
        a->head = b;
    }
    void *p = b->data + b->used;
    b->used += want;
    a->used += want;
    return memset(p, 0, want);
}

char *trit_arena_text(trit_arena *a, const char *text, trit_error *e) {
    size_t n = strlen(text) + 1;
    char *p = trit_arena_get(a, n, e);
    return p ? memcpy(p, text, n) : NULL;
}

void trit_arena_free(trit_arena *a) {
    trit_arena_block *b = a->head;
    while (b) {
        trit_arena_block *next = b->next;
        free(b);
        b = next;
    }
    *a = (trit_arena){.name = a->name};
}

bool trit_bytes_mul(size_t n, size_t size, size_t *out) {
    if (size && n > SIZE_MAX / size) return false;
    *out = n * size;
    return true;
}

void trit_memory_advise(void *at, size_t n_bytes) {
    enum { LARGE = 2 << 20 };
    size_t skip = (LARGE - (uintptr_t)at % LARGE) % LARGE;
    if (n_bytes < skip + LARGE) return;
    madvise((char *)at + skip, (n_bytes - skip) / LARGE * LARGE, MADV_HUGEPAGE);
}
