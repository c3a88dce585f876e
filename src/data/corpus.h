/* A corpus is a read-only stream of tokens: documents, each followed by one end-of-text token.
 * Bytes are tokens 0..255, so no text needs a vocabulary file. Thread-safe once opened. */
#ifndef TRIT_DATA_CORPUS_H
#define TRIT_DATA_CORPUS_H

#include "base/status.h"

#include <stdint.h>

enum { TRIT_BYTE_EOT = 256, TRIT_BYTE_VOCAB = 257 };

typedef struct trit_corpus trit_corpus;

/* Text files, and folders whose regular files below are taken in bytewise order of their paths
 * (names beginning with a dot are skipped, links to folders not followed). Files are mapped, not
 * read: they may exceed memory, and must not be cut short while open.
 * separator "": a file is a document. Otherwise documents end at each occurrence of it, searched
 * from left to right; it belongs to no document, nor do, where it stands alone on a line, the
 * newlines around it. Empty documents are skipped.
 * Errors: TRIT_E_DATA for a missing, empty or unsuitable path, TRIT_E_IO, TRIT_E_NOMEM. */
trit_status trit_corpus_open_files(trit_corpus **out, const char *const *paths, int n_paths,
                                   const char *separator, trit_error *e);
/* Stories 0, 1, ... of a seed (tales.h), as many as reach n_bytes of text; held in memory. */
trit_status trit_corpus_open_tales(trit_corpus **out, uint64_t seed, int64_t n_bytes,
                                   trit_error *e);
/* A copy of bytes[n_bytes], cut as a file. */
trit_status trit_corpus_open_bytes(trit_corpus **out, const void *bytes, int64_t n_bytes,
                                   const char *separator, trit_error *e);
/* NULL is fine. */
void trit_corpus_close(trit_corpus *c);

int64_t trit_corpus_n_tokens(const trit_corpus *c);
int64_t trit_corpus_n_documents(const trit_corpus *c);
/* First token of the document that holds token `at`; n_tokens for at = n_tokens. */
int64_t trit_corpus_document_start(const trit_corpus *c, int64_t at);
/* Tokens at..at+n-1, all inside the corpus. */
void trit_corpus_read(const trit_corpus *c, int64_t at, int64_t n, int32_t *out);
/* Number of byte tokens (not end-of-text) among tokens from..to-1. */
int64_t trit_corpus_text_bytes(const trit_corpus *c, int64_t from, int64_t to);
/* Minus the log probability of tokens from..to-1, given all before them, under the source that
 * wrote them: what a perfect model would score. NAN where the source is unknown, as for files. */
double trit_corpus_source_nats(const trit_corpus *c, int64_t from, int64_t to);
/* Changes when the contents change: all of a text in memory; of files the sizes, document count,
 * both ends and 64 probes each. Does not depend on paths. */
uint64_t trit_corpus_fingerprint(const trit_corpus *c);

#endif
