#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Repeats a call while a signal interrupts it. */
#define RETRY(result, call) \
    do {                    \
        (result) = (call);  \
    } while ((result) == -1 && errno == EINTR)

/* A descriptor of 0..2 would receive whatever is printed later, so it is moved up. */
static int open_above_2(const char *path, int flags, mode_t mode) {
    int fd = open(path, flags | O_CLOEXEC, mode);
    if (fd < 0 || fd > 2) return fd;
    int up = fcntl(fd, F_DUPFD_CLOEXEC, 3), err = errno;
    close(fd);
    errno = err;
    return up;
}

static int real_open(void *self, const char *path, int flags, mode_t mode) {
    (void)self;
    return open_above_2(path, flags, mode);
}

/* Lets the disk begin with what was written, whenever that passes a multiple of so many bytes: the
 * fsync of a large file finds little left to do. Only a beginning; errors wait for the fsync. */
static void begin_sync(int fd, ssize_t n_written) {
    enum { BYTES = 8 << 20 };
    off_t end = lseek(fd, 0, SEEK_CUR), from = (end - n_written) / BYTES * BYTES;
    if (end / BYTES * BYTES > from) {
        sync_file_range(fd, from, end / BYTES * BYTES - from, SYNC_FILE_RANGE_WRITE);
    }
}

static ssize_t real_write(void *self, int fd, const void *data, size_t n_bytes) {
    (void)self;
    ssize_t n_written = write(fd, data, n_bytes);
    if (n_written > 0) begin_sync(fd, n_written);
    return n_written;
}

static int real_truncate(void *self, int fd, int64_t n_bytes) {
    (void)self;
    return ftruncate(fd, n_bytes);
}

static int real_sync(void *self, int fd) {
    (void)self;
    return fsync(fd);
}

static int real_close(void *self, int fd) {
    (void)self;
    return close(fd);
}

static int real_rename(void *self, const char *from, const char *to) {
    (void)self;
    return rename(from, to);
}

static int real_unlink(void *self, const char *path) {
    (void)self;
    return unlink(path);
}

static int real_sync_dir(void *self, const char *path) {
    (void)self;
    int fd = open_above_2(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return -1;
    int rc = fsync(fd), err = errno;
    close(fd);
    errno = err;
    /* Some network file systems have no fsync for directories and say so with EINVAL. */
    return rc && err == EINVAL ? 0 : rc;
}

static int real_mkdir(void *self, const char *path, mode_t mode) {
    (void)self;
    return mkdir(path, mode);
}

const trit_io trit_io_real = {
    .open = real_open,
    .write = real_write,
    .truncate = real_truncate,
    .sync = real_sync,
    .close = real_close,
    .rename = real_rename,
    .unlink = real_unlink,
    .sync_dir = real_sync_dir,
    .mkdir = real_mkdir,
};

/* Opens a regular file for reading; *st is filled. */
static trit_status open_regular(const char *path, int *fd, struct stat *st, trit_error *e) {
    /* O_NONBLOCK: opening a pipe must not wait for its writer, only to be refused below. */
    RETRY(*fd, open_above_2(path, O_RDONLY | O_NONBLOCK, 0));
    if (*fd < 0) return TRIT_FAIL(e, E_IO, "cannot open '%s': %s", path, strerror(errno));
    if (fstat(*fd, st)) {
        TRIT_FAIL(e, E_IO, "cannot read '%s': %s", path, strerror(errno));
    } else if (S_ISDIR(st->st_mode)) {
        TRIT_FAIL(e, E_IO, "cannot read '%s': it is a directory, not a file", path);
    } else if (!S_ISREG(st->st_mode)) {
        TRIT_FAIL(e, E_IO, "cannot read '%s': not a regular file", path);
    } else {
        return TRIT_OK;
    }
    close(*fd);
    return TRIT_E_IO;
}

trit_status trit_file_read(const char *path, size_t max_bytes, trit_text *out, trit_error *e) {
    int fd = -1;
    struct stat st;
    TRIT_TRY(open_regular(path, &fd, &st, e));
    /* The size only sizes the buffer; the end is where read() says it is. */
    size_t size = (size_t)st.st_size, room = size < max_bytes ? size : max_bytes;
    trit_status status = TRIT_OK;
    char *at = size > max_bytes ? NULL : malloc(room + 2);
    size_t n = 0;
    while (!status && at) {
        ssize_t got;
        RETRY(got, read(fd, at + n, room + 1 - n));
        if (got < 0) {
            status = TRIT_FAIL(e, E_IO, "cannot read '%s': %s", path, strerror(errno));
        } else if (got == 0) {
            break;
        }
        n += got > 0 ? (size_t)got : 0;
        if (n <= room) continue;
        if (room >= max_bytes) break;
        room = room < max_bytes / 2 ? 2 * room + 4096 : max_bytes;
        char *more = realloc(at, room + 2);
        if (!more) {
            free(at);
            at = NULL;
        } else {
            at = more;
        }
    }
    close(fd);
    if (!status && (size > max_bytes || n > max_bytes)) {
        status = TRIT_FAIL(e, E_DATA, "'%s' is too large: more than %zu bytes", path, max_bytes);
    } else if (!status && !at) {
        status = TRIT_FAIL(e, E_NOMEM, "reading '%s': no memory for %zu bytes", path, room);
    }
    if (status) {
        free(at);
        return status;
    }
    at[n] = '\0';
    *out = (trit_text){.at = at, .len = n, .cap = room + 2};
    return TRIT_OK;
}

/* Writes all of data; errno tells why not. */
static bool write_all(const trit_io *io, int fd, const void *data, size_t n_bytes) {
    const char *p = data;
    while (n_bytes) {
        ssize_t put;
        RETRY(put, io->write(io->self, fd, p, n_bytes));
        if (put < 0) return false;
        if (put == 0) { /* would loop for ever; POSIX leaves its meaning open */
            errno = ENOSPC;
            return false;
        }
        p += put;
        n_bytes -= (size_t)put;
    }
    return true;
}

/* What a file is to hold: data, or, where that is NULL, what next() puts into the buffer. */
typedef struct content {
    const void *data;
    void (*next)(void *self, void *to, size_t n_bytes);
    void *self;
    void *buffer; /* [TRIT_FILE_PIECE_BYTES] */
} content;

/* Writes all of it; errno tells why not. */
static bool write_content(const trit_io *io, int fd, const content *c, size_t n_bytes) {
    if (c->data || !n_bytes) return write_all(io, fd, c->data, n_bytes);
    for (size_t n; n_bytes; n_bytes -= n) {
        n = n_bytes < TRIT_FILE_PIECE_BYTES ? n_bytes : TRIT_FILE_PIECE_BYTES;
        c->next(c->self, c->buffer, n);
        if (!write_all(io, fd, c->buffer, n)) return false;
    }
    return true;
}

/* An interrupted close() has closed on Linux; repeating it could hit another thread's file. */
static bool close_checked(const trit_io *io, int fd) {
    return !io->close(io->self, fd) || errno == EINTR;
}

/* What a person can do about it. */
static const char *remedy(int err) {
    return err == ENOSPC   ? "; free some space and try again"
           : err == EDQUOT ? "; your quota is used up: remove files and try again"
           : err == EROFS || err == EACCES || err == EPERM
               ? "; choose a directory that you may write to"
               : "";
}

static trit_status write_failed(const char *path, size_t n_bytes, int err, trit_error *e) {
    return TRIT_FAIL(e, E_IO, "cannot write '%s' (%zu bytes needed): %s%s", path, n_bytes,
                     strerror(err), remedy(err));
}

/* The directory that holds path, which is shorter than PATH_MAX; returns how many characters of
 * path name it. */
static int parent_of(char dir[PATH_MAX], const char *path) {
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash - path) + 1 : 0;
    snprintf(dir, PATH_MAX, "%.*s", n ? n : 2, n ? path : "./");
    return n;
}

/* A temporary file is ".NAME.tmp-PID" beside NAME. */
static const char temp_mark[] = ".tmp-";

static trit_status replace(const trit_io *io, const char *path, const content *c, size_t n_bytes,
                           trit_error *e) {
    if (!io) io = &trit_io_real;
    char dir[PATH_MAX], temp[PATH_MAX + 32];
    if (strlen(path) >= sizeof dir) return write_failed(path, n_bytes, ENAMETOOLONG, e);
    int dir_len = parent_of(dir, path);
    const char *name = path + dir_len;
    if (!*name) return write_failed(path, n_bytes, EISDIR, e);
    snprintf(temp, sizeof temp, "%.*s.%s%s%ld", dir_len, path, name, temp_mark, (long)getpid());

    const int flags = O_WRONLY | O_CREAT | O_EXCL;
    int fd, rc;
    RETRY(fd, io->open(io->self, temp, flags, 0666));
    if (fd < 0 && errno == EEXIST) {
        /* Left by a dead process which had our number. */
        RETRY(rc, io->unlink(io->self, temp));
        RETRY(fd, io->open(io->self, temp, flags, 0666));
    }
    if (fd < 0) return write_failed(path, n_bytes, errno, e);

    /* A failed fsync is not repeated: the kernel reports a lost page once and forgets it. */
    bool ok = write_content(io, fd, c, n_bytes);
    if (ok) {
        RETRY(rc, io->sync(io->self, fd));
        ok = rc == 0;
    }
    int err = errno;
    if (!close_checked(io, fd) && ok) {
        ok = false;
        err = errno;
    }
    if (ok) {
        RETRY(rc, io->rename(io->self, temp, path));
        ok = rc == 0;
        err = errno;
    }
    if (!ok) {
        RETRY(rc, io->unlink(io->self, temp));
        return write_failed(path, n_bytes, err, e);
    }
    RETRY(rc, io->sync_dir(io->self, dir));
    if (rc) {
        return TRIT_FAIL(e, E_IO,
                         "'%s' is written (%zu bytes), but may not survive a power loss: fsync of "
                         "'%s': %s",
                         path, n_bytes, dir, strerror(errno));
    }
    return TRIT_OK;
}

trit_status trit_file_replace(const trit_io *io, const char *path, const void *data, size_t n_bytes,
                              trit_error *e) {
    return replace(io, path, &(content){.data = data}, n_bytes, e);
}

trit_status trit_file_replace_from(const trit_io *io, const char *path,
                                   void (*next)(void *self, void *to, size_t n_bytes), void *self,
                                   size_t n_bytes, trit_error *e) {
    content c = {.next = next, .self = self, .buffer = malloc(TRIT_FILE_PIECE_BYTES)};
    if (!c.buffer) return TRIT_FAIL(e, E_NOMEM, "writing '%s': no memory for a buffer", path);
    trit_status status = replace(io, path, &c, n_bytes, e);
    free(c.buffer);
    return status;
}

trit_status trit_file_append(const trit_io *io, const char *path, const char *text, size_t n_bytes,
                             trit_error *e) {
    if (!io) io = &trit_io_real;
    int fd;
    RETRY(fd, io->open(io->self, path, O_WRONLY | O_CREAT | O_APPEND, 0666));
    if (fd < 0) return write_failed(path, n_bytes, errno, e);
    off_t end = lseek(fd, 0, SEEK_END);
    bool ok = write_all(io, fd, text, n_bytes);
    int err = errno, rc = 0;
    if (!ok && end >= 0) RETRY(rc, io->truncate(io->self, fd, end));
    if (!close_checked(io, fd) && ok) {
        ok = false;
        err = errno;
    }
    if (!ok) {
        write_failed(path, n_bytes, err, e);
        if (rc) trit_error_wrap(e, "the last line of the file is incomplete");
        return TRIT_E_IO;
    }
    return TRIT_OK;
}

trit_status trit_file_size(const char *path, int64_t *n_bytes, trit_error *e) {
    struct stat st;
    if (!stat(path, &st)) {
        *n_bytes = st.st_size;
    } else if (errno == ENOENT) {
        *n_bytes = 0;
    } else {
        return TRIT_FAIL(e, E_IO, "cannot look at '%s': %s", path, strerror(errno));
    }
    return TRIT_OK;
}

trit_status trit_file_truncate(const trit_io *io, const char *path, int64_t n_bytes,
                               trit_error *e) {
    if (!io) io = &trit_io_real;
    int64_t size = 0;
    TRIT_TRY(trit_file_size(path, &size, e));
    if (size == n_bytes) return TRIT_OK;
    if (size < n_bytes) {
        return TRIT_FAIL(e, E_DATA,
                         "'%s' has %" PRId64 " bytes where at least %" PRId64
                         " are expected: it was changed or replaced",
                         path, size, n_bytes);
    }
    int fd, rc;
    RETRY(fd, io->open(io->self, path, O_WRONLY, 0));
    if (fd < 0) return TRIT_FAIL(e, E_IO, "cannot shorten '%s': %s", path, strerror(errno));
    RETRY(rc, io->truncate(io->self, fd, n_bytes));
    int err = errno;
    if (!close_checked(io, fd) && !rc) {
        rc = -1;
        err = errno;
    }
    if (rc) return TRIT_FAIL(e, E_IO, "cannot shorten '%s': %s", path, strerror(err));
    return TRIT_OK;
}

trit_status trit_file_sync(const trit_io *io, const char *path, trit_error *e) {
    if (!io) io = &trit_io_real;
    char dir[PATH_MAX];
    int fd, rc;
    RETRY(fd, io->open(io->self, path, O_WRONLY, 0));
    bool ok = fd >= 0;
    if (ok) {
        RETRY(rc, io->sync(io->self, fd));
        ok = rc == 0;
        int err = errno;
        if (!close_checked(io, fd) && ok) {
            ok = false;
            err = errno;
        }
        errno = err;
    }
    if (ok) {
        parent_of(dir, path);
        RETRY(rc, io->sync_dir(io->self, dir));
        ok = rc == 0;
    }
    return ok ? TRIT_OK : TRIT_FAIL(e, E_IO, "cannot flush '%s': %s", path, strerror(errno));
}

static bool is_temp(const char *name) {
    if (name[0] != '.') return false;
    for (const char *mark = strstr(name, temp_mark); mark; mark = strstr(mark + 1, temp_mark)) {
        const char *pid = mark + sizeof temp_mark - 1;
        if (*pid && !pid[strspn(pid, "0123456789")]) return true;
    }
    return false;
}

void trit_file_clean(const trit_io *io, const char *dir) {
    if (!io) io = &trit_io_real;
    DIR *d = opendir(dir);
    if (!d) return;
    char path[PATH_MAX + 256];
    for (struct dirent *entry; (entry = readdir(d));) {
        if (!is_temp(entry->d_name)) continue;
        int n = snprintf(path, sizeof path, "%s/%s", dir, entry->d_name), rc;
        if (n > 0 && (size_t)n < sizeof path) RETRY(rc, io->unlink(io->self, path));
    }
    closedir(d);
}

trit_status trit_file_make_dir(const trit_io *io, const char *path, trit_error *e) {
    if (!io) io = &trit_io_real;
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (!n || n >= sizeof part) {
        return TRIT_FAIL(e, E_IO, "cannot make directory '%s': %s", path,
                         strerror(n ? ENAMETOOLONG : ENOENT));
    }
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i]) continue;
        if (part[i - 1] == '/') continue;
        char kept = part[i];
        part[i] = '\0';
        int rc;
        RETRY(rc, io->mkdir(io->self, part, 0777));
        int err = rc ? errno : 0;
        struct stat st;
        /* A directory that exists may answer EROFS or EACCES rather than EEXIST. */
        if (err && !stat(part, &st)) {
            err = S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
        } else if (!err) {
            char dir[PATH_MAX];
            parent_of(dir, part);
            RETRY(rc, io->sync_dir(io->self, dir));
            err = rc ? errno : 0;
        }
        if (err) {
            return TRIT_FAIL(e, E_IO, "cannot make directory '%s': '%s': %s%s", path, part,
                             strerror(err), remedy(err));
        }
        part[i] = kept;
    }
    return TRIT_OK;
}

trit_status trit_lock_take(const char *dir, trit_lock *lock, trit_error *e) {
    char path[PATH_MAX], text[300], host[256];
    if ((size_t)snprintf(path, sizeof path, "%s/LOCK", dir) >= sizeof path) {
        return TRIT_FAIL(e, E_IO, "cannot lock '%s': %s", dir, strerror(ENAMETOOLONG));
    }
    int fd, rc;
    RETRY(fd, open_above_2(path, O_RDWR | O_CREAT, 0666));
    if (fd < 0) {
        return TRIT_FAIL(e, E_IO, "cannot lock '%s': '%s': %s%s", dir, path, strerror(errno),
                         remedy(errno));
    }
    RETRY(rc, flock(fd, LOCK_EX | LOCK_NB));
    if (rc) {
        int err = errno;
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        close(fd);
        if (err != EWOULDBLOCK) {
            return TRIT_FAIL(e, E_IO, "cannot lock '%s': '%s': %s", dir, path, strerror(err));
        }
        text[n > 0 ? n : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return TRIT_FAIL(e, E_STATE,
                         "'%s' is in use by another run (host and process: %s); wait for it, stop "
                         "it, or choose another directory",
                         dir, *text ? text : "not yet known");
    }
    if (gethostname(host, sizeof host)) snprintf(host, sizeof host, "unknown-host");
    host[sizeof host - 1] = '\0';
    int n = snprintf(text, sizeof text, "%s %ld\n", host, (long)getpid());
    /* The text only helps people; the lock holds without it, on a full disk too. */
    if (!ftruncate(fd, 0)) {
        ssize_t put = pwrite(fd, text, (size_t)n, 0);
        (void)put;
    }
    *lock = (trit_lock){.held = true, .fd = fd};
    return TRIT_OK;
}

void trit_lock_release(trit_lock *lock) {
    if (!lock->held) return;
    int rc = ftruncate(lock->fd, 0);
    (void)rc;
    close(lock->fd);
    *lock = (trit_lock){0};
}
