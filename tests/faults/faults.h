/* The fault suite: what a run is put through, and what is counted. */
#ifndef TRIT_TESTS_FAULTS_H
#define TRIT_TESTS_FAULTS_H

#include "run/train.h"

enum { N_STEP = 12, PATH_ROOM = 1024 };

/* Every fault is injected, and then judged once. */
typedef struct tally {
    const char *name;
    int64_t injected, survived, lost, wrong;
} tally;

typedef struct suite {
    bool quiet;
    bool smoke; /* few of each, for `make test` */
    char dir[PATH_ROOM];
    tally *now; /* of the scenario at work */
} suite;

/* A small run in its directory, the library's way. */
typedef struct rig {
    trit_experiment exp;
    trit_run r;
    trit_store s;
    int64_t committed; /* newest step whose save was reported as done; -1: none */
    /* Called after each report of the loop; may be NULL. */
    void (*hook)(struct rig *g, const trit_progress *p);
    void *self;
    volatile sig_atomic_t stop;
} rig;

/* Opens and resumes DIR. Close it also after an error. */
trit_status rig_open(rig *g, const char *dir, const trit_io *io, trit_error *e);
/* Trains to the end, or until g->stop. */
trit_status rig_train(rig *g, trit_error *e);
void rig_close(rig *g);
/* All of it; *committed as above (may be NULL). */
trit_status rig_run(const char *dir, const trit_io *io, int64_t *committed, trit_error *e);

/* From now on a checkpoint that is written in the background, and metrics that the loop writes,
 * meet: each waits for the other, at most so long; 0: not. */
void rig_meet(int at_most_ms);
/* For the write of an I/O table. */
void rig_before_write(size_t n_bytes);
void rig_after_write(void);

/* The undisturbed run and a copy of each of its checkpoints; false when it fails. */
bool reference_make(suite *u);
/* For `committed`: nothing need be found, and a checkpoint may be whole but not what it should be.
 */
enum { PLANTED = -2 };
/* Judges DIR after a fault: it must resume at `committed` or later and end as the reference did,
 * bit for bit, with no temporary file left. what: printed when it does not. Counts. */
bool judge(suite *u, const char *dir, int64_t committed, const char *what);
/* Counts a fault that needs no run to be judged. */
bool judged(suite *u, bool ok, const char *what);

/* Files of the suite; what goes wrong here ends the program. */
void remove_tree(const char *path);
void copy_tree(const char *from, const char *to);
void read_all(const char *path, trit_text *out);
void write_all(const char *path, const void *data, size_t n_bytes);
/* u->dir/NAME in a buffer. */
const char *in_suite(const suite *u, char buf[PATH_ROOM], const char *name);
/* DIR/checkpoints/step-N.h5 */
const char *checkpoint_of(char buf[PATH_ROOM], const char *dir, int64_t step);

/* 0 <= x < n, the same in every run: the i-th draw of stream `stream`. */
int64_t draw(uint32_t stream, uint64_t i, int64_t n);

void scenario_calls(suite *u);
void scenario_power(suite *u);
void scenario_damage(suite *u);
void scenario_hostile(suite *u);
void scenario_kill(suite *u);
void scenario_signals(suite *u);
void scenario_directory(suite *u);
void scenario_memory(suite *u);

#endif
