/* Files as a whole: read, replace atomically, append a line, lock a directory.
 *
 * Everything that changes the disk goes through a table of calls, so that tests can make any of
 * them fail, stop half way or be interrupted. Messages hold the path and the system's reason. */
#ifndef TRIT_IO_FILE_H
#define TRIT_IO_FILE_H

#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The calls mean what POSIX says: -1 and errno on failure, any of them may be interrupted (EINTR),
 * write may be short. sync_dir opens a directory and fsyncs it. A run calls from two threads: that
 * of its loop, and that of a save. */
typedef struct trit_io {
    int (*open)(void *self, const char *path, int flags, mode_t mode);
    ssize_t (*write)(void *self, int fd, const void *data, size_t n_bytes);
    int (*truncate)(void *self, int fd, int64_t n_bytes);
    int (*sync)(void *self, int fd);
    int (*close)(void *self, int fd);
    int (*rename)(void *self, const char *from, const char *to);
    int (*unlink)(void *self, const char *path);
    int (*sync_dir)(void *self, const char *path);
    int (*mkdir)(void *self, const char *path, mode_t mode);
    void *self; /* passed to every call */
} trit_io;

/* The real calls. Wherever a function takes an io, NULL means this one. */
extern const trit_io trit_io_real;

/* Reads a whole regular file of at most max_bytes into out, which must be empty; the caller frees
 * it. out->at is NUL-terminated behind out->len bytes. On error out is empty.
 * TRIT_E_IO: cannot be read, not a regular file; TRIT_E_DATA: larger than max_bytes. */
trit_status trit_file_read(const char *path, size_t max_bytes, trit_text *out, trit_error *e);
/* Puts data[n_bytes] at path, so that at any moment, power loss included, path is either what it
 * was or the whole new content: temporary file in the same directory, fsync, rename, fsync of the
 * directory. On error path is unchanged and no temporary file is left (one exception, named in the
 * message: when only the last fsync fails, the new file is in place, but may not survive a power
 * loss). A symbolic link at path is replaced, not followed. */
trit_status trit_file_replace(const trit_io *io, const char *path, const void *data, size_t n_bytes,
                              trit_error *e);
/* The same for a content that is not in memory as a whole: next() is asked for it once, from its
 * beginning to its end, in pieces that this size divides but for the last. */
enum { TRIT_FILE_PIECE_BYTES = 1 << 18 };
trit_status trit_file_replace_from(const trit_io *io, const char *path,
                                   void (*next)(void *self, void *to, size_t n_bytes), void *self,
                                   size_t n_bytes, trit_error *e);
/* Adds text[n_bytes] to the end of path, creating it. When it does not fit, what was written of it
 * is cut off again, so a log never holds half a line. Not made durable. */
trit_status trit_file_append(const trit_io *io, const char *path, const char *text, size_t n_bytes,
                             trit_error *e);
/* Cuts path to n_bytes. A missing file counts as empty. TRIT_E_DATA when the file is shorter. */
trit_status trit_file_truncate(const trit_io *io, const char *path, int64_t n_bytes, trit_error *e);
/* Size of path; 0 when there is no such file. */
trit_status trit_file_size(const char *path, int64_t *n_bytes, trit_error *e);
/* Makes what was appended to path durable, its name too. */
trit_status trit_file_sync(const trit_io *io, const char *path, trit_error *e);
/* Removes what trit_file_replace leaves in dir when its process is killed. Nobody else may be
 * writing there. What cannot be removed stays. */
void trit_file_clean(const trit_io *io, const char *dir);
/* Makes a directory and those above it, durably; fine if it exists. */
trit_status trit_file_make_dir(const trit_io *io, const char *path, trit_error *e);

/* The right to write into a directory: file LOCK in it, holding "host pid". The kernel takes the
 * lock back when its owner dies, however it dies. Zero-initialise. */
typedef struct trit_lock {
    bool held;
    int fd; /* of LOCK while held; closed by trit_lock_release */
} trit_lock;

/* TRIT_E_STATE, naming the owner, when another process (or another lock of this one) holds it. */
trit_status trit_lock_take(const char *dir, trit_lock *lock, trit_error *e);
/* Accepts a lock that is not held. The file LOCK stays, empty. */
void trit_lock_release(trit_lock *lock);

#endif
