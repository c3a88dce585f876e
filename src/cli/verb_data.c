#include "base/text.h"
#include "cli/cli.h"
#include "data/corpus.h"
#include "data/tales.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Stops early when the output fails; main tells about that. */
static trit_status write_tales(int64_t n_bytes, uint64_t seed, bool json, trit_error *e) {
    int64_t bytes = 0;
    uint64_t k = 0;
    trit_text story = {0};
    trit_status s = TRIT_OK;
    for (; !s && bytes < n_bytes && !ferror(stdout); k++) {
        story.len = 0;
        s = trit_tales_story(seed, k, &story, NULL);
        bytes += (int64_t)story.len;
        if (s || json) continue;
        fwrite(story.at, 1, story.len, stdout);
        fputs("\n<|endoftext|>\n", stdout);
    }
    trit_text_free(&story);
    if (s) return TRIT_FAIL(e, E_NOMEM, "no memory for a story");
    if (!json) return TRIT_OK;
    trit_tales_facts f = trit_tales_expect();
    printf("{\"bytes\": %" PRId64 ", \"stories\": %" PRIu64 ", \"entropy_nats_per_token\": %.9g, "
           "\"entropy_bits_per_byte\": %.9g}\n",
           bytes, k, trit_tales_entropy_nats_per_token(), f.nats / log(2) / f.bytes);
    return TRIT_OK;
}

static trit_status tales(int argc, char **argv, trit_error *e) {
    int64_t bytes = 6000000, seed = 1;
    bool json = false;
    int n_left;
    const trit_option options[] = {
        {"--bytes", TRIT_OPT_INT, &bytes, 1, 1e15},
        {"--seed", TRIT_OPT_INT, &seed, 0, 9e15},
        {"--json", TRIT_OPT_FLAG, &json, 0, 0},
    };
    TRIT_TRY(trit_options_read(options, 3, argc, argv, &n_left, e));
    if (n_left) return TRIT_FAIL(e, E_USAGE, "data tales: unexpected argument \"%s\"", argv[0]);
    return write_tales(bytes, (uint64_t)seed, json, e);
}

static int distinct_bytes(const trit_corpus *c) {
    enum { CHUNK = 4096 };
    int32_t token[CHUNK];
    bool seen[TRIT_BYTE_VOCAB] = {false};
    int64_t n = trit_corpus_n_tokens(c);
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t len = n - at < CHUNK ? n - at : CHUNK;
        trit_corpus_read(c, at, len, token);
        for (int64_t i = 0; i < len; i++) seen[token[i]] = true;
    }
    int distinct = 0;
    for (int b = 0; b < TRIT_BYTE_EOT; b++) distinct += seen[b];
    return distinct;
}

static trit_status check(int argc, char **argv, trit_error *e) {
    const char *separator = "";
    int n_left;
    const trit_option options[] = {{"--separator", TRIT_OPT_TEXT, &separator, 0, 0}};
    TRIT_TRY(trit_options_read(options, 1, argc, argv, &n_left, e));
    if (!n_left) return TRIT_FAIL(e, E_USAGE, "data check: name files or folders to read");
    trit_corpus *c;
    TRIT_TRY(trit_corpus_open_files(&c, (const char *const *)argv, n_left, separator, e));
    int64_t tokens = trit_corpus_n_tokens(c), docs = trit_corpus_n_documents(c);
    printf("documents       %" PRId64 "\nbytes           %" PRId64 "\ntokens          %" PRId64 "\n"
           "distinct bytes  %d\n",
           docs, tokens - docs, tokens, distinct_bytes(c));
    trit_corpus_close(c);
    return TRIT_OK;
}

static int run(int argc, char **argv) {
    trit_error e = {0};
    const char *what = argc ? argv[0] : "";
    trit_status s;
    if (!strcmp(what, "tales")) {
        s = tales(argc - 1, argv + 1, &e);
    } else if (!strcmp(what, "check")) {
        s = check(argc - 1, argv + 1, &e);
    } else if (argc) {
        s = TRIT_FAIL(&e, E_USAGE, "data: unknown action \"%s\"; there are tales and check", what);
    } else {
        s = TRIT_FAIL(&e, E_USAGE, "data: say what to do: tales or check");
    }
    return s ? trit_report(&e) : TRIT_EXIT_OK;
}

extern const trit_verb trit_verb_data;
const trit_verb trit_verb_data = {
    .name = "data",
    .usage = "tales [--bytes N] [--seed S] [--json] | check PATH... [--separator TEXT]",
    .doc = "write the built-in text, or look at your own",
    .help = "tales  writes stories, each followed by a line <|endoftext|>\n"
            "  --bytes N          stop after the story that reaches N bytes of text (6000000)\n"
            "  --seed S           which stories (1)\n"
            "  --json             print counts and the entropy of the source instead\n"
            "check  prints documents, bytes and tokens of files and folders\n"
            "  --separator TEXT   what stands between documents (a file is one document)\n",
    .run = run,
};
