/* The built program, run in a directory of its own. */
#ifndef TRIT_TESTS_PROGRAM_H
#define TRIT_TESTS_PROGRAM_H

#include "io/file.h"
#include "testing.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char program_dir[64];
static trit_text program_out, program_err; /* of the newest program_run */

/* Group setup and teardown: the tests run in an empty directory. */
static inline int program_enter(void **state) {
    (void)state;
    snprintf(program_dir, sizeof program_dir, "/tmp/trit-test-XXXXXX");
    if (!mkdtemp(program_dir)) return -1;
    return chdir(program_dir);
}

static inline int program_leave(void **state) {
    (void)state;
    char line[128];
    trit_text_free(&program_out);
    trit_text_free(&program_err);
    snprintf(line, sizeof line, "cd / && rm -rf '%s'", program_dir);
    return system(line);
}

static inline void slurp(const char *path, trit_text *out) {
    trit_error e = {0};
    trit_text_free(out);
    *out = (trit_text){0};
    assert_ok(trit_file_read(path, (size_t)1 << 26, out, &e));
}

static inline void spit(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static inline int shell(const char *line) {
    int status = system(line);
    if (!WIFEXITED(status)) fail_msg("signal %d ended: %s", WTERMSIG(status), line);
    return WEXITSTATUS(status);
}

/* Exit code of "BEFORE trit ARGS"; what it printed is in program_out and program_err. Death by a
 * signal fails the test. BEFORE: shell commands that end in ';', or "". */
static inline int program_run_as(const char *before, const char *args) {
    char line[2048];
    int n = snprintf(line, sizeof line, "%s exec >out 2>err; exec '%s' %s", before, TRIT_CLI, args);
    assert_true(n > 0 && (size_t)n < sizeof line);
    int code = shell(line);
    slurp("out", &program_out);
    slurp("err", &program_err);
    return code;
}

#define program_run(...) program_run_at(__FILE__, __LINE__, __VA_ARGS__)
static inline int program_run_at(const char *file, int line, const char *fmt, ...)
    TRIT_PRINTF(3, 4);
static inline int program_run_at(const char *file, int line, const char *fmt, ...) {
    char args[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(args, sizeof args, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof args) _fail(file, line);
    return program_run_as("", args);
}

/* The program exits with `code`, and its messages hold `part` ("" = any). */
#define assert_exit(code, call, part) \
    assert_exit_at((call), (code), (part), #call, __FILE__, __LINE__)
static inline void assert_exit_at(int found, int code, const char *part, const char *what,
                                  const char *file, int line) {
    if (found == code && strstr(trit_text_get(&program_err), part)) return;
    print_error("%s: exit code %d, expected %d; messages, which should hold \"%s\":\n%s\n", what,
                found, code, part, trit_text_get(&program_err));
    _fail(file, line);
}

/* Starts "BEFORE trit ARGS" with its messages going to file `err`. */
static inline pid_t program_start(const char *before, const char *args) {
    char line[1024];
    snprintf(line, sizeof line, "%s exec '%s' %s >/dev/null 2>err", before, TRIT_CLI, args);
    unlink("err"); /* wait_for must not find what an earlier one wrote */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* Waits until file `path` holds `part`, at most 20 s. */
static inline void wait_for(const char *path, const char *part) {
    for (int i = 0; i < 20000; i++) {
        trit_text text = {0};
        bool found = !trit_file_read(path, (size_t)1 << 26, &text, NULL) &&
                     strstr(trit_text_get(&text), part);
        trit_text_free(&text);
        if (found) return;
        usleep(1000);
    }
    fail_msg("%s never held \"%s\"", path, part);
}

/* Exit code of a started program, or 128 + the signal that ended it. */
static inline int program_wait(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline bool exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

#endif
