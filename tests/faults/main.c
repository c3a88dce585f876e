/* faults [--smoke] [SCENARIO...]: puts a small run through every fault and counts what is left.
 * The last line is "faults: N injected, N survived, 0 lost, 0 wrong", or the exit code is 1. */
#include "faults/faults.h"

#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name, *doc;
    void (*run)(suite *u);
} scenarios[] = {
    {"calls", "every call of the I/O table fails, once or for ever", scenario_calls},
    {"power", "power cut after every call, unflushed data gone or in part", scenario_power},
    {"damage", "cut, flipped, zeroed, edited, exchanged files", scenario_damage},
    {"hostile", "files that crash libhdf5", scenario_hostile},
    {"kill", "kill -9 at random moments", scenario_kill},
    {"signals", "signals to the program at random moments, one or two, held up", scenario_signals},
    {"directory", "the run directory goes away and comes back", scenario_directory},
    {"memory", "every allocation fails, once or for ever", scenario_memory},
};
enum { N_SCENARIO = sizeof scenarios / sizeof *scenarios };

static bool chosen(const char *name, int argc, char **argv) {
    bool any = false, found = false;
    for (int i = 1; i < argc; i++) {
        any = any || argv[i][0] != '-';
        found = found || !strcmp(argv[i], name);
    }
    return found || !any;
}

/* In memory where there is such a place: nothing here depends on a disk, and fsync takes its time.
 */
static bool make_scratch(suite *u) {
    const char *tmp = getenv("TMPDIR");
    struct stat st;
    if (!tmp || !*tmp)
        tmp = !stat("/dev/shm", &st) && !access("/dev/shm", W_OK) ? "/dev/shm" : "/tmp";
    snprintf(u->dir, sizeof u->dir, "%s/trit-faults-XXXXXX", tmp);
    return mkdtemp(u->dir) && !chdir(u->dir);
}

int main(int argc, char **argv) {
    suite u = {0};
    tally all = {0};
    for (int i = 1; i < argc; i++) u.smoke = u.smoke || !strcmp(argv[i], "--smoke");
    omp_set_num_threads(1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    if (!make_scratch(&u) || !reference_make(&u)) return 1;
    for (int i = 0; i < N_SCENARIO; i++) {
        if (!chosen(scenarios[i].name, argc, argv)) continue;
        tally t = {.name = scenarios[i].name};
        u.now = &t;
        scenarios[i].run(&u);
        printf("%-10s %6" PRId64 " injected, %6" PRId64 " survived, %" PRId64 " lost, %" PRId64
               " wrong  (%s)\n",
               t.name, t.injected, t.survived, t.lost, t.wrong, scenarios[i].doc);
        fflush(stdout);
        all.injected += t.injected;
        all.survived += t.survived;
        all.lost += t.lost;
        all.wrong += t.wrong;
    }
    if (chdir("/")) return 1;
    remove_tree(u.dir);
    printf("faults: %" PRId64 " injected, %" PRId64 " survived, %" PRId64 " lost, %" PRId64
           " wrong\n",
           all.injected, all.survived, all.lost, all.wrong);
    return all.lost || all.wrong || all.survived != all.injected;
}
