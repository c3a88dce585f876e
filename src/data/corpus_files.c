#include "data/corpus_files.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Takes over path (from malloc, or NULL when memory ran out). */
static trit_status push(trit_file_list *l, char *path, trit_error *e) {
    if (path && l->n == l->cap) {
        int64_t cap = l->cap ? 2 * l->cap : 16;
        char **grown = realloc(l->path, (size_t)cap * sizeof *grown);
        if (grown) {
            l->path = grown;
            l->cap = cap;
        } else {
            free(path);
            path = NULL;
        }
    }
    if (!path) return TRIT_FAIL(e, E_NOMEM, "no memory for the list of files");
    l->path[l->n++] = path;
    return TRIT_OK;
}

void trit_file_list_free(trit_file_list *l) {
    for (int64_t i = 0; i < l->n; i++) free(l->path[i]);
    free(l->path);
    *l = (trit_file_list){0};
}

static trit_status add_folder(trit_file_list *l, const char *folder, trit_error *e);

/* An entry of a folder. Takes over path. */
static trit_status add_entry(trit_file_list *l, char *path, trit_error *e) {
    struct stat st;
    if (!path) return TRIT_FAIL(e, E_NOMEM, "no memory for the list of files");
    trit_status s = TRIT_OK;
    if (lstat(path, &st)) {
        s = TRIT_FAIL(e, E_IO, "%s: %s", path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        s = add_folder(l, path, e);
    } else if ((S_ISREG(st.st_mode) || (S_ISLNK(st.st_mode) && !stat(path, &st))) &&
               S_ISREG(st.st_mode) && st.st_size) {
        return push(l, path, e);
    }
    free(path);
    return s;
}

static trit_status add_folder(trit_file_list *l, const char *folder, trit_error *e) {
    DIR *d = opendir(folder);
    if (!d) return TRIT_FAIL(e, E_IO, "%s: %s", folder, strerror(errno));
    size_t n = strlen(folder);
    const char *slash = n && folder[n - 1] == '/' ? "" : "/";
    trit_status s = TRIT_OK;
    for (const struct dirent *at; !s && (at = readdir(d));) {
        if (at->d_name[0] == '.') continue;
        trit_text path = {0};
        trit_text_add(&path, "%s%s%s", folder, slash, at->d_name);
        if (path.failed) trit_text_free(&path);
        s = add_entry(l, path.at, e);
    }
    closedir(d);
    return s;
}

static trit_status missing(const char *path, trit_error *e) {
    const char *slash = strrchr(path, '/');
    trit_text folder = {0};
    trit_text_add_bytes(&folder, slash ? path : ".",
                        !slash          ? 1
                        : slash == path ? 1
                                        : (size_t)(slash - path));
    const char *name = slash ? slash + 1 : path;
    char best[256] = "";
    DIR *d = opendir(trit_text_get(&folder));
    bool has_folder = d;
    if (d) {
        for (const struct dirent *at; (at = readdir(d));) {
            /* Of the best so far and this one, in bytewise order so that ties do not depend on the
             * order of the folder. */
            const char *pair[2] = {best, at->d_name};
            if (*best && strcmp(at->d_name, best) < 0) {
                pair[0] = at->d_name;
                pair[1] = best;
            }
            const char *near = trit_text_nearest(name, pair, 2);
            if (near && near != best) snprintf(best, sizeof best, "%s", near);
        }
        closedir(d);
    }
    trit_status s;
    if (*best) {
        s = TRIT_FAIL(e, E_DATA, "%s: no such file or folder; did you mean \"%s\" in %s?", path,
                      best, trit_text_get(&folder));
    } else if (has_folder) {
        s = TRIT_FAIL(e, E_DATA, "%s: no such file or folder", path);
    } else {
        s = TRIT_FAIL(e, E_DATA, "%s: no such file or folder; there is no folder %s", path,
                      trit_text_get(&folder));
    }
    trit_text_free(&folder);
    return s;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

trit_status trit_file_list_add(trit_file_list *l, const char *path, trit_error *e) {
    struct stat st;
    if (stat(path, &st)) {
        if (errno == ENOENT || errno == ENOTDIR) return missing(path, e);
        return TRIT_FAIL(e, E_IO, "%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        int64_t first = l->n;
        TRIT_TRY(add_folder(l, path, e));
        if (l->n > first) qsort(l->path + first, (size_t)(l->n - first), sizeof *l->path, by_bytes);
        return TRIT_OK;
    }
    if (!S_ISREG(st.st_mode)) {
        return TRIT_FAIL(e, E_DATA, "%s: neither a regular file nor a folder", path);
    }
    if (!st.st_size) return TRIT_FAIL(e, E_DATA, "%s: the file is empty", path);
    return push(l, strdup(path), e);
}

trit_status trit_file_map(const char *path, const char **at, int64_t *bytes, trit_error *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return TRIT_FAIL(e, E_IO, "%s: %s", path, strerror(errno));
    struct stat st;
    trit_status s = TRIT_OK;
    if (fstat(fd, &st)) {
        s = TRIT_FAIL(e, E_IO, "%s: %s", path, strerror(errno));
    } else if ((*bytes = st.st_size) > 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            s = TRIT_FAIL(e, E_IO, "%s: %s%s", path, strerror(errno),
                          errno == ENOMEM ? "; if there are very many files, join them into fewer "
                                            "with a separator"
                                          : "");
        } else {
            *at = map;
        }
    }
    close(fd);
    return s;
}
