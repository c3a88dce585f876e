/* Lists in a config whose items have a form of their own. */
#ifndef TRIT_IO_LIST_SETTINGS_H
#define TRIT_IO_LIST_SETTINGS_H

#include "io/settings.h"

typedef struct trit_list_type {
    size_t item_bytes;
    const char *example; /* for people: "[\"ce\", {\"loss\": \"kl\"}]" */
    /* item is zeroed; pointer is that of v, in file. */
    trit_status (*read)(void *item, const cJSON *v, const char *file, const char *pointer,
                        trit_arena *mem, trit_error *e);
    cJSON *(*write)(const void *item); /* NULL: no memory */
} trit_list_type;

/* v's items into *items, [*n], in mem. E_CONFIG: v is no list, or one of its items is refused. */
trit_status trit_list_read(const trit_list_type *t, const cJSON *v, const char *file,
                           const char *pointer, trit_arena *mem, int *n, void **items,
                           trit_error *e);
/* items[n] as a list, the caller's; NULL: no memory. */
cJSON *trit_list_write(const trit_list_type *t, int n, const void *items);

#endif
