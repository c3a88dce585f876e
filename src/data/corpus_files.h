/* Finding and mapping the files of a corpus. */
#ifndef TRIT_DATA_CORPUS_FILES_H
#define TRIT_DATA_CORPUS_FILES_H

#include "base/status.h"

#include <stdint.h>

/* Paths of regular files. Zero-initialise; free with trit_file_list_free, also after an error. */
typedef struct trit_file_list {
    char **path; /* owned, each from malloc */
    int64_t n, cap;
} trit_file_list;

/* Adds a file, or the files below a folder in bytewise order of their paths. Inside folders, names
 * beginning with a dot, empty files, links to folders and what is neither file nor folder are
 * skipped. Errors: TRIT_E_DATA for a path that is missing (with the nearest name), an empty file or
 * neither file nor folder; TRIT_E_IO; TRIT_E_NOMEM. */
trit_status trit_file_list_add(trit_file_list *l, const char *path, trit_error *e);
void trit_file_list_free(trit_file_list *l);
/* Maps a whole file read-only; *bytes = 0 (nothing mapped) when it is empty. The caller munmaps. */
trit_status trit_file_map(const char *path, const char **at, int64_t *bytes, trit_error *e);

#endif
