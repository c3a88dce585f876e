/* What a teacher says about the windows that a config trains and evaluates on, in a file, so that
 * training needs no teacher in memory.
 *
 * A window's text begins where the order of data lets it begin, and what a teacher says depends on
 * that; so there is a record for each window of training (sample 0, 1, ... of the data order), and
 * a cache is of one data set, seed and context. Layout, little-endian: a header of 4096 bytes, JSON
 * padded with blanks and a newline; then records of equal size, first of as many windows of
 * validation as "valid" of the header says, then of training: i32 ids [T, k] rising, f32 logits
 * [T, k], f32 mass [T, 2] (ln sum exp of all logits; ln of the probability of the others), and
 * XXH3-64 of these bytes, seeded with the record's number. Ids are those of the largest logits; in
 * validation the label is among them, in place of the smallest. A killed writer leaves a part of a
 * record, which the next one cuts off. */
#ifndef TRIT_RUN_TEACHER_CACHE_H
#define TRIT_RUN_TEACHER_CACHE_H

#include "distill/op_logits.h"
#include "run/run.h"

/* Tokens that are kept unless asked otherwise. */
enum { TRIT_TEACHER_CACHE_K = 64 };

typedef struct trit_teacher_cache {
    const char *path; /* borrowed */
    const char *at;   /* the mapped file */
    bool made_up;     /* at is not a file */
    int64_t n_bytes;
    int64_t T, k;     /* tokens of a window, logits of a token */
    int64_t n_valid;  /* records of validation */
    int64_t n_sample; /* records of training */
    char hash[17];    /* of the header: of teacher, data, order and k */
    double rest;      /* mean probability of the tokens that are not kept, of some records */
} trit_teacher_cache;

/* Windows that r's config trains on, and those that it evaluates. */
int64_t trit_teacher_cache_windows(const trit_run *r);
int64_t trit_teacher_cache_valid_windows(const trit_run *r);
/* Maps a cache for training r. E_CONFIG: it is of other data, another order or shape; E_FORMAT: it
 * is none, or damaged. Close with trit_teacher_cache_close, also after an error. */
trit_status trit_teacher_cache_open(trit_teacher_cache *c, const trit_run *r, const char *path,
                                    trit_error *e);
/* E_CONFIG: it holds fewer windows than r trains on. */
trit_status trit_teacher_cache_check(const trit_teacher_cache *c, const trit_run *r, trit_error *e);
/* For what needs shapes and times alone: the records of one batch as a cache of r would have them,
 * but of a teacher that is made up; in r's arena. As many tokens are kept as the cache at path
 * keeps, or TRIT_TEACHER_CACHE_K where there is none. */
trit_status trit_teacher_cache_make_up(trit_teacher_cache *c, trit_run *r, const char *path,
                                       trit_error *e);
void trit_teacher_cache_close(trit_teacher_cache *c);
/* Copies records first..first+n-1 into the inputs of a graph, [n, T, k] and [n, T, 2]. E_FORMAT:
 * damaged; E_DATA: there are not so many. */
trit_status trit_teacher_cache_read(const trit_teacher_cache *c, int64_t first, int64_t n,
                                    const trit_teacher_logits *to, trit_error *e);

/* What is known of a window of validation, of the first n_valid: [T] tokens, in the file. E_FORMAT:
 * damaged. */
trit_status trit_teacher_cache_valid(const trit_teacher_cache *c, int64_t window,
                                     trit_known_logits *out, trit_error *e);

/* Bytes of a record. */
int64_t trit_teacher_cache_record(int64_t T, int64_t k);
/* Lets the teacher of r (opened with TRIT_RUN_EVAL and TRIT_RUN_TAUGHT) see every window that r's
 * config evaluates and trains on, and writes the k >= 2 largest logits of each token to path. What
 * a whole record of the same cache is there for is not computed again. told (may be NULL) hears
 * after each batch how many windows are done. E_CONFIG: path is of another cache. */
trit_status trit_teacher_cache_write(trit_run *r, const char *path, int64_t k,
                                     void (*told)(void *self, int64_t done, int64_t all),
                                     void *self, trit_error *e);

#endif
