/* The program: finds the verb, runs it, and makes sure that what it printed has arrived. */
#include "base/text.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VERB(name) extern const trit_verb trit_verb_##name;
#include "cli/verb_list.h"
#undef VERB

static const trit_verb *const verbs[] = {
#define VERB(name) &trit_verb_##name,
#include "cli/verb_list.h"
#undef VERB
    NULL,
};
enum { N_VERB = sizeof verbs / sizeof *verbs - 1 };

static const trit_verb *verb_find(const char *name) {
    for (const trit_verb *const *v = verbs; *v; v++) {
        if (strcmp((*v)->name, name) == 0) return *v;
    }
    return NULL;
}

static void print_verbs(FILE *to) {
    fprintf(to,
            "trit %s: quantization-aware training of low-bit neural networks\n\n"
            "usage: trit VERB [ARGUMENTS]\n\n",
            TRIT_VERSION);
    for (const trit_verb *const *v = verbs; *v; v++) {
        fprintf(to, "  %-13s %s\n", (*v)->name, (*v)->doc);
    }
    fprintf(to, "  %-13s %s\n  %-13s %s\n\n", "help", "explains a verb: trit help VERB",
            "--version", "prints the version");
    fprintf(to, "Exit codes:\n");
#define X(id, code, text) fprintf(to, "  %-10d %s\n", code, text);
    TRIT_EXIT_LIST(X)
#undef X
}

static int print_help(const trit_verb *verb) {
    printf("usage: trit %s%s%s\n\n%s\n", verb->name, *verb->usage ? " " : "", verb->usage,
           verb->doc);
    size_t n = strlen(verb->help);
    if (n) printf("\n%s%s", verb->help, verb->help[n - 1] == '\n' ? "" : "\n");
    return TRIT_EXIT_OK;
}

static int unknown_verb(const char *name) {
    const char *words[N_VERB + 1];
    for (int i = 0; i < N_VERB; i++) words[i] = verbs[i]->name;
    words[N_VERB] = "help";
    const char *near = trit_text_nearest(name, words, N_VERB + 1);
    trit_error e = {0};
    if (near) {
        TRIT_FAIL(&e, E_USAGE, "unknown verb \"%s\"; did you mean \"%s\"?", name, near);
    } else {
        TRIT_FAIL(&e, E_USAGE, "unknown verb \"%s\"; `trit --help` lists all", name);
    }
    return trit_report(&e);
}

static bool asks_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    }
    return false;
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) {
        print_verbs(stderr);
        return TRIT_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        printf("trit %s\n", TRIT_VERSION);
        return TRIT_EXIT_OK;
    }
    bool help = strcmp(word, "help") == 0;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (help && argc == 2)) {
        print_verbs(stdout);
        return TRIT_EXIT_OK;
    }
    if (help) word = argv[2];
    const trit_verb *verb = verb_find(word);
    if (!verb) return unknown_verb(word);
    if (help || asks_help(argc - 2, argv + 2)) return print_help(verb);
    return verb->run(argc - 2, argv + 2);
}

/* Without this the first file that is opened would become the closed descriptor, and a message
 * meant for a person would be written into it. */
static bool open_standard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd) {
            return false;
        }
    }
    return true;
}

/* A full disk or a closed pipe must not look like success. */
static int close_output(int code) {
    bool failed = ferror(stdout) != 0;
    errno = 0;
    if (fclose(stdout) != 0) failed = true;
    if (!failed) return code;
    fprintf(stderr, "trit: standard output could not be written%s%s\n", errno ? ": " : "",
            errno ? strerror(errno) : "");
    return code ? code : TRIT_EXIT_IO;
}

int main(int argc, char **argv) {
    if (!open_standard_descriptors()) return TRIT_EXIT_FAILED;
    /* A write that fails is reported where it happens, with a path, instead of killing the run. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return close_output(dispatch(argc, argv));
}
