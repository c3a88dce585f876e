#include "run/child.h"

#include "run/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The shadow of an address sanitizer is larger than any limit. */
#ifdef __has_feature
enum { SANITIZED = __has_feature(address_sanitizer) };
#elif defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static void limit(int what, rlim_t most) {
    struct rlimit r = {most, most};
    setrlimit((__rlimit_resource_t)what, &r);
}

/* Bytes of address space that this process has. */
static size_t address_space(void) {
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static _Noreturn void be_child(int fd, void (*work)(void *self, trit_text *out), void *self,
                               double seconds, size_t max_bytes) {
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CPU, (rlim_t)ceil(seconds));
    if (!SANITIZED) limit(RLIMIT_AS, address_space() + max_bytes);
    trit_text out = {0};
    work(self, &out);
    size_t done = 0;
    while (done < out.len) {
        ssize_t n = write(fd, out.at + done, out.len - done);
        if (n < 0 && errno != EINTR) break;
        if (n > 0) done += (size_t)n;
    }
    _exit(out.failed || done < out.len);
}

/* Reads until the child closes its end; false when it takes too long. */
static bool collect(int fd, double deadline, trit_text *out) {
    char buf[4096];
    for (;;) {
        double left = deadline - trit_clock();
        if (left <= 0) return false;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)ceil(1000 * left)) <= 0) continue; /* interrupted, or too late */
        ssize_t n = read(fd, buf, sizeof buf);
        if (n > 0) trit_text_add_bytes(out, buf, (size_t)n);
        if (n == 0 || (n < 0 && errno != EINTR)) return true;
    }
}

trit_status trit_child_run(void (*work)(void *self, trit_text *out), void *self, double seconds,
                           size_t max_bytes, trit_text *out, trit_error *e) {
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC)) return TRIT_FAIL(e, E_IO, "no pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_child(ends[1], work, self, seconds, max_bytes);
    }
    int err = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return TRIT_FAIL(e, E_IO, "no child process: %s", strerror(err));
    }
    bool in_time = collect(ends[0], trit_clock() + seconds, out);
    close(ends[0]);
    if (!in_time) kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)) {
        return TRIT_FAIL(e, E_DATA, "reading it took more than %g seconds", seconds);
    }
    if (WIFSIGNALED(status)) {
        return TRIT_FAIL(e, E_DATA, "reading it crashed (%s)", strsignal(WTERMSIG(status)));
    }
    if (WEXITSTATUS(status) || out->failed) {
        return TRIT_FAIL(e, E_DATA, "reading it took more than %zu bytes of memory", max_bytes);
    }
    return TRIT_OK;
}
