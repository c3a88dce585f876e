/* Checkpoints: named tensors and attributes in one HDF5 file, followed by a checksum of the whole.
 * Format, promises and limits: docs/checkpoint-format.md.
 *
 * A file is verified before HDF5 sees it, written atomically, and is a pure function of its content
 * (tensors may be listed in any order). The caller says what a checkpoint must hold; the file never
 * decides what is allocated beyond its own size. */
#ifndef TRIT_IO_CHECKPOINT_H
#define TRIT_IO_CHECKPOINT_H

#include "base/status.h"
#include "base/tensor.h"
#include "io/file.h"

/* The format version that is written, and the newest that is read. */
enum { TRIT_CKPT_VERSION = 1 };

typedef struct trit_ckpt_tensor {
    const char *path; /* "param/blocks.0.attn.q.weight": '/'-separated, none of it empty or "." */
    trit_dtype dtype;
    int ndim; /* 0 = scalar */
    int64_t dim[TRIT_MAX_DIM];
    void *data; /* dense, row-major; written from, loaded into; NULL if there are no elements */
    const char *unit; /* kept with the tensor for people, e.g. "grid steps"; may be NULL */
    bool optional;    /* loading: may be missing, data is untouched then */
} trit_ckpt_tensor;

typedef struct trit_ckpt_attr {
    const char *name; /* not starting with "trit_" */
    enum { TRIT_ATTR_INT, TRIT_ATTR_REAL, TRIT_ATTR_TEXT } kind;
    int64_t i;
    double d;
    const char *text; /* at most 60000 bytes; longer ones belong into a u8 tensor */
} trit_ckpt_attr;

/* Writes t[n_t] and a[n_a] to path atomically (trit_file_replace). Needs memory for one copy of the
 * tensors. io: NULL for the real one. */
trit_status trit_checkpoint_write(const trit_io *io, const char *path, const trit_ckpt_tensor *t,
                                  int n_t, const trit_ckpt_attr *a, int n_a, trit_error *e);

/* The newest checkpoint of a run: RUN/checkpoints/FILE, where FILE is what the text file `latest`
 * there names or, when that is missing or names no file, the step-N.h5 with the largest N. Its
 * content is not looked at. path gets PATH_MAX bytes. TRIT_E_DATA when there is none. */
trit_status trit_checkpoint_newest(const char *run_dir, char *path, trit_error *e);

typedef struct trit_checkpoint trit_checkpoint;

/* Reads path into memory, verifies its checksum, then lists it. Close with trit_checkpoint_close.
 * TRIT_E_FORMAT: not a checkpoint, cut short or damaged; TRIT_E_DATA: not there, or whole, but of a
 * newer format. */
trit_status trit_checkpoint_open(trit_checkpoint **out, const char *path, trit_error *e);
/* Whether path is what a save wrote, bit for bit; HDF5 is not asked. Errors as above. */
trit_status trit_checkpoint_verify(const char *path, trit_error *e);
/* What can be recognised in a file that is refused, or is none of ours: a line about each tensor.
 * libhdf5 may crash or hang over it: to be called in a child process (run/child.h). */
void trit_checkpoint_survey(const char *path, trit_text *out);
/* Accepts NULL. */
void trit_checkpoint_close(trit_checkpoint *c);

/* 32 hex digits: the checksum of the whole file. */
enum { TRIT_CKPT_HASH_BYTES = 33 };
void trit_checkpoint_hash(const trit_checkpoint *c, char hex[TRIT_CKPT_HASH_BYTES]);
/* Size of the file. */
int64_t trit_checkpoint_bytes(const trit_checkpoint *c);
/* Tensors in the order of their paths, data NULL; valid until the checkpoint is closed. */
int trit_checkpoint_n_tensors(const trit_checkpoint *c);
const trit_ckpt_tensor *trit_checkpoint_tensor(const trit_checkpoint *c, int i);
/* NULL when there is none. */
const trit_ckpt_tensor *trit_checkpoint_find(const trit_checkpoint *c, const char *path);
/* Attributes in the order of their names, those of the format ("trit_...") included. */
int trit_checkpoint_n_attrs(const trit_checkpoint *c);
const trit_ckpt_attr *trit_checkpoint_attr(const trit_checkpoint *c, int i);

bool trit_checkpoint_has_attr(const trit_checkpoint *c, const char *name);
/* Attribute of the given kind; an absent one or another kind is TRIT_E_FORMAT with its name. */
trit_status trit_checkpoint_attr_int(const trit_checkpoint *c, const char *name, int64_t *out,
                                     trit_error *e);
trit_status trit_checkpoint_attr_real(const trit_checkpoint *c, const char *name, double *out,
                                      trit_error *e);
/* *out is valid until the checkpoint is closed. */
trit_status trit_checkpoint_attr_text(const trit_checkpoint *c, const char *name, const char **out,
                                      trit_error *e);

/* Loads everything into expected[n].data. Strict both ways: a tensor that is missing, not expected,
 * or of another type or shape is an error with its path, before anything is loaded. Afterwards only
 * a wrong checksum of a tensor can fail, and leaves data partly loaded. */
trit_status trit_checkpoint_load(trit_checkpoint *c, const trit_ckpt_tensor *expected, int n,
                                 trit_error *e);
/* The same for those tensors of the file whose paths begin with prefix. */
trit_status trit_checkpoint_load_part(trit_checkpoint *c, const char *prefix,
                                      const trit_ckpt_tensor *expected, int n, trit_error *e);
/* Loads the one tensor expected->path; other tensors of the file are of no concern. */
trit_status trit_checkpoint_read_one(trit_checkpoint *c, const trit_ckpt_tensor *expected,
                                     trit_error *e);

#endif
