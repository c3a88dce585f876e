/* What a run trains on and is judged by: windows of a corpus, in an order that is a function of
 * (seed, sample) alone, so that resuming costs nothing. */
#ifndef TRIT_DATA_DATA_H
#define TRIT_DATA_DATA_H

#include "base/schema.h"

#include <stdint.h>

extern const char *const trit_tokenizer_names[];
extern const char *const trit_window_names[]; /* where windows begin */
typedef enum { TRIT_WINDOW_stream, TRIT_WINDOW_documents } trit_window;

#define TRIT_DATA_FIELDS(F)                                                                       \
    F(TEXTS, source, "\"builtin:tales\"", 0, 0, NULL, "",                                         \
      "text files, folders of them, or builtin:tales")                                            \
    F(TEXTS, valid, "[]", 0, 0, NULL, "", "validation text; [] keeps back the end of the source") \
    F(REAL, valid_fraction, "0.1", 1e-4, 0.5, NULL, "of the tokens",                              \
      "how much of the source is kept back for validation")                                       \
    F(STR, separator, "\"\"", 0, 0, NULL, "", "text between documents; \"\": a file is one")      \
    F(NAME, tokenizer, "\"bytes\"", 0, 0, trit_tokenizer_names, "", "how text becomes tokens")    \
    F(NAME, windows, "\"stream\"", 0, 0, trit_window_names, "",                                   \
      "where windows begin: anywhere in the stream of documents, or moved back to the beginning " \
      "of the document (validation: at most half a window)")                                      \
    F(INT, tales_bytes, "6000000", 1e4, 1e10, NULL, "bytes", "how much text builtin:tales makes") \
    F(INT, tales_seed, "1", 0, 9e15, NULL, "", "which stories builtin:tales makes")

typedef struct trit_data_cfg {
    TRIT_DATA_FIELDS(TRIT_MEMBER)
} trit_data_cfg;
extern const trit_schema trit_data_schema;

typedef struct trit_data trit_data;

/* Opens training and validation text. Relative paths are sought in the current directory, then in
 * base_dir (NULL: none). The validation part of builtin:tales begins with a story.
 * context: tokens in a window. Errors: TRIT_E_CONFIG, also where either part has fewer than context
 * + 1 tokens; those of trit_corpus_open_files. */
trit_status trit_data_open(trit_data **out, const trit_data_cfg *cfg, const char *base_dir,
                           int64_t context, trit_error *e);
/* NULL is fine. */
void trit_data_close(trit_data *d);

/* Size of the vocabulary: tokens are 0..vocab-1. */
int trit_data_vocab(const trit_data *d);
/* Tokens of the training and the validation part. */
int64_t trit_data_train_tokens(const trit_data *d);
int64_t trit_data_valid_tokens(const trit_data *d);
/* Changes when either part changes. */
uint64_t trit_data_fingerprint(const trit_data *d);

/* Windows of T tokens in an epoch of training, at least 1 for T <= context. */
int64_t trit_data_train_windows(const trit_data *d, int64_t T);
/* Samples first..first+n-1 of training: inputs x and next tokens y, both [n, T]. An epoch shows
 * every window once, in its own order and cut from its own offset; epochs follow one another.
 * With data.windows = documents a window is moved back to where its document begins, if that is
 * less than T tokens; what it then no longer reaches, another epoch's offset shows. T <= context.
 */
void trit_data_train(const trit_data *d, uint64_t seed, int64_t first, int64_t n, int64_t T,
                     int32_t *x, int32_t *y);

/* Windows that together predict every validation token but the first once, in order; with
 * max_tokens > 0 as many as predict so many. With data.windows = documents T is the context that
 * the data was opened with. */
int64_t trit_data_valid_windows(const trit_data *d, int64_t T, int64_t max_tokens);
/* One of them: x and y, both [T]. Returns the number of predicted tokens; elsewhere y is -1: behind
 * the last one, where x is end-of-text, and, with data.windows = documents, where the window
 * repeats the beginning of a document for those that follow. */
int trit_data_valid(const trit_data *d, int64_t window, int64_t T, int32_t *x, int32_t *y);
/* About the tokens that the first n_windows (or all, if fewer) predict: their number, how many are
 * bytes of text, and minus their log probability under the source (NAN where unknown). */
void trit_data_valid_span(const trit_data *d, int64_t T, int64_t n_windows, int64_t *n_tokens,
                          int64_t *n_text_bytes, double *source_nats);

#endif
