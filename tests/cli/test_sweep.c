/* Sweeps with the real program: interrupted in every way, they end with the same tables.
 * TRIT_SWEEP_KILLS=20: how often a sweep of 24 longer cells is killed [3 times, of 12 short ones].
 */
#include "io/json.h"
#include "program.h"

#include "base/rng.h"

#include <dirent.h>

static const char base[] =
    "{\"data\": {\"source\": \"text.txt\"},\n"
    " \"model\": {\"preset\": \"bitnet\", \"layers\": 1, \"width\": 32, \"heads\": 2, "
    "\"context\": 16},\n"
    " \"quant\": {\"method\": \"bitnet-b1.58\"}, \"optim\": {\"lr\": 4e-3, \"warmup\": 5},\n"
    " \"train\": {\"steps\": 60, \"batch\": 4, \"eval_every\": 20, \"eval_tokens\": 200},\n"
    " \"run\": {\"threads\": 1, \"save_every\": 10, \"log_every\": 1, \"plot\": false}}\n";
#define SWEEP "sweep base.json quant.estimator=ste,ewgs,ste-clip 'seed=range(4)' "

static int setup(void **state) {
    int rc = program_enter(state);
    if (rc) return rc;
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 600; i++) fprintf(f, "%d times %d is %d.\n", i, i % 7, i * (i % 7));
    if (!f || fclose(f)) return -1;
    spit("base.json", base);
    return program_run(SWEEP "--run straight");
}

/* What two sweeps found, without what their runs cost. */
static void assert_same_tables(const char *reference, const char *dir, int n_cell) {
    char line[700];
    snprintf(line, sizeof line,
             "for d in %s '%s'; do rm -rf $d/report && '" TRIT_CLI "' report $d >$d/words || "
             "exit 1; done; sed '$d' %s/words >a && sed '$d' '%s/words' >b && diff a b && "
             "for f in cells.csv comparisons.csv; do cmp %s/report/$f '%s/report/'$f || exit 1; "
             "done; test $(grep -c ,done, %s/report/cells.csv) = %d",
             reference, dir, reference, dir, reference, dir, reference, n_cell);
    assert_int_equal(shell(line), 0);
}

static void assert_same_results(const char *dir) {
    assert_same_tables("straight", dir, 12);
}

static void dry_runs_start_nothing(void **state) {
    (void)state;
    assert_exit(0, program_run(SWEEP "--run dry --dry-run"), "");
    assert_non_null(strstr(program_out.at, "waiting  quant.estimator=ste seed=0\n"));
    assert_non_null(strstr(program_out.at, "12 cells, 12 runs, in dry"));
    assert_false(exists("dry"));
    assert_exit(2, program_run("sweep base.json optim.lr=1,1000 --run dry"),
                "axis optim.lr, value 1000");
    assert_exit(2, program_run("sweep base.json model.heads=2,3 --run dry"), "in model.heads=3");
    assert_false(exists("dry"));
}

static void jobs_change_no_result(void **state) {
    (void)state;
    assert_exit(0, program_run(SWEEP "--run jobs --jobs 3"), "[12/12]");
    assert_non_null(strstr(program_out.at, "12 runs: 12 done, 0 failed, 0 not yet"));
    assert_same_results("jobs");
}

static void what_is_done_stays_and_what_is_new_runs(void **state) {
    (void)state;
    assert_int_equal(shell("cp -rp straight more; ls -l --time-style=full-iso more/cells/*/run/* "
                           ">before"),
                     0);
    assert_exit(0, program_run(SWEEP "--run more"), "12 of 12 runs are done");
    assert_exit(0,
                program_run("sweep base.json quant.estimator=ste,ewgs,ste-clip,trust "
                            "'seed=range(4)' --run more"),
                "[16/16] quant.estimator=trust");
    assert_null(strstr(program_err.at, "estimator=ewgs"));
    assert_int_equal(shell("cat before | while read -r a b c d e f g h i; do test ! -f \"$i\" || "
                           "ls -l --time-style=full-iso \"$i\" | grep -qF \"$g\" || exit 1; done"),
                     0);
    assert_exit(2, program_run(SWEEP "optim.lr=1e-3 --run more"), "optim.lr: 0.004 -> 0.001");
    /* Queued cells keep the config they were started with. */
    assert_exit(2, program_run("sweep more/cells seed=1,2"), "");
    assert_int_equal(shell("mkdir -p foreign; echo x >foreign/notes.txt"), 0);
    assert_exit(2, program_run(SWEEP "--run foreign"), "notes.txt");
}

/* The data of one value is gone when its run starts. */
static void failures_are_kept_and_retried(void **state) {
    (void)state;
    assert_int_equal(shell("cp text.txt other.txt"), 0);
    assert_exit(0,
                program_run("sweep base.json data.source=text.txt,other.txt --run fail "
                            "--dry-run"),
                "");
    /* The first cell takes long enough to take the file of the second one away. */
    pid_t pid = program_start("", "sweep base.json data.source=text.txt,other.txt "
                                  "train.steps=400 --run fail");
    for (int i = 0; i < 20000 && shell("ls fail/cells/*/run/metrics.jsonl >/dev/null 2>&1"); i++) {
        usleep(1000);
    }
    assert_int_equal(rename("other.txt", "hidden.txt"), 0);
    assert_int_equal(program_wait(pid), 1);
    wait_for("err", "other.txt: no such file");
    assert_int_equal(shell("cat fail/cells/*/error.json | grep -q 'no such file'"), 0);
    assert_int_equal(rename("hidden.txt", "other.txt"), 0);
    assert_exit(1,
                program_run("sweep base.json data.source=text.txt,other.txt train.steps=400 "
                            "--run fail"),
                "1 of 2 runs are done, 1 failed");
    assert_exit(0,
                program_run("sweep base.json data.source=text.txt,other.txt train.steps=400 "
                            "--run fail --retry"),
                "[2/2] data.source=other.txt");
    assert_int_equal(shell("ls fail/cells/*/error.json 2>/dev/null"), 2);
}

static void stopped_safely(void **state) {
    (void)state;
    pid_t pid = program_start("", SWEEP "--run stopped --jobs 2");
    wait_for("err", "[2/12]");
    kill(pid, SIGTERM);
    assert_int_equal(program_wait(pid), 75);
    wait_for("err", "stopped; the same command continues");
    assert_exit(0, program_run(SWEEP "--run stopped --jobs 2"), "[12/12]");
    assert_same_results("stopped");
}

/* Kills one of the processes that have `dir` on their command line. */
static void kill_a_run(const char *dir, uint64_t choice) {
    DIR *d = opendir("/proc");
    pid_t found[16];
    uint64_t n = 0;
    for (struct dirent *one; d && (one = readdir(d)) && n < 16;) {
        char path[300], line[2048];
        snprintf(path, sizeof path, "/proc/%s/cmdline", one->d_name);
        FILE *f = atoi(one->d_name) > 0 ? fopen(path, "r") : NULL;
        if (!f) continue;
        size_t len = fread(line, 1, sizeof line - 1, f);
        fclose(f);
        for (size_t i = 0; i < len; i++) line[i] = line[i] ? line[i] : ' ';
        line[len] = '\0';
        if (!strncmp(line, "trit train ", 11) && strstr(line, dir)) found[n++] = atoi(one->d_name);
    }
    if (d) closedir(d);
    if (n) kill(found[choice % n], SIGKILL);
}

static void killed_at_any_moment(void **state) {
    (void)state;
    const char *word = getenv("TRIT_SWEEP_KILLS");
    const char *what = word ? "sweep base.json quant.estimator=ste,ewgs,ste-clip 'seed=range(8)' "
                              "train.steps=1000 --jobs 2 "
                            : SWEEP "--jobs 2 ";
    int n = word ? atoi(word) : 3, n_killed = 0;
    trit_rng rng = {.seed = 7, .stream = 1};
    char dir[100], args[300];
    /* The name of this test's folder tells its runs from those of others. */
    snprintf(dir, sizeof dir, "%s/killed", program_dir);
    snprintf(args, sizeof args, "%s --run %s", what, dir);
    for (int i = 0; i < n; i++) {
        pid_t pid = program_start("", args);
        for (uint64_t k = 0; k < 3; k++) {
            usleep((useconds_t)(20000 + 100000 * trit_rng_uniform(&rng, (uint64_t)i * 4 + k)));
            kill_a_run(dir, k + (uint64_t)i);
        }
        kill(pid, SIGKILL);
        n_killed += program_wait(pid) == 128 + SIGKILL;
    }
    assert_exit(0, program_run("%s", args), "");
    if (word) {
        assert_exit(0, program_run("%s --run longer", what), "");
        assert_same_tables("longer", "killed", 24);
        assert_int_equal(n_killed, n); /* it had not ended before */
    } else {
        assert_same_results("killed");
    }
}

/* 18 runs, of which 6 and then 2 go on. */
static const char search[] =
    "{\"base\": \"base.json\", \"axes\": {\"optim.lr\": \"log(1e-4, 1e-1, 9)\"}, \"seeds\": 2, "
    "\"search\": {\"halving\": 3, \"rungs\": [0.3, 0.6]}}";

static void assert_same_search(const char *dir) {
    char line[400];
    assert_exit(0, program_run("report %s", dir), "");
    snprintf(line, sizeof line,
             "cmp reference/report/cells.csv '%s/report/cells.csv' && sed '/^## Costs/,$d' "
             "reference/report/report.md >a && sed '/^## Costs/,$d' '%s/report/report.md' >b && "
             "diff a b",
             dir, dir);
    assert_int_equal(shell(line), 0);
}

/* What is trained on goes on where it was, so that it is the run that it would be alone. */
static void searched(void **state) {
    (void)state;
    spit("search.json", search);
    assert_exit(0, program_run("sweep search.json --run reference"), "at step 20");
    assert_non_null(strstr(program_out.at, "18 runs: 2 done, 0 failed, 16 pruned, 0 not yet"));
    assert_exit(0, program_run("report reference"), "");
    assert_non_null(
        strstr(program_out.at, "Rung 1, at 0.3 of the training: 3 of 9 points went on"));
    assert_non_null(
        strstr(program_out.at, "Rung 2, at 0.6 of the training: 1 of 3 points went on"));
    assert_int_equal(shell("test $(grep -c ,pruned, reference/report/cells.csv) = 16 && "
                           "test $(ls reference/cells/*/rung-1.json | wc -l) = 18 && "
                           "test $(ls reference/cells/*/rung-2.json | wc -l) = 6"),
                     0);
    assert_int_equal(
        shell("for d in $(ls -d reference/cells/*/result.json | xargs -n1 dirname); do "
              "'" TRIT_CLI "' train $d/config.json --run alone-${d##*/} 2>/dev/null "
              ">/dev/null && cmp $d/run/metrics.jsonl alone-${d##*/}/metrics.jsonl && "
              "cmp $d/run/checkpoints/step-00000060.h5 "
              "alone-${d##*/}/checkpoints/step-00000060.h5 || exit 1; done"),
        0);
    assert_exit(0, program_run("watch reference"), "");
    assert_non_null(strstr(program_out.at, "2 done, 0 running, 0 waiting, 0 stopped, 0 failed, 16 "
                                           "pruned\n"));
    assert_exit(0, program_run("sweep search.json --run reference"), "2 of 18 runs are done");
    assert_exit(2, program_run("sweep search.json train.eval_every=40 --run other"),
                "has no evaluation of its own");
    assert_exit(2, program_run("sweep search.json run.stop_at=20 --run other"),
                "run.stop_at: found");
    spit("search.json", "{\"base\": \"base.json\", \"axes\": {\"optim.lr\": [1e-3, 1e-2]}, "
                        "\"search\": {\"halving\": 2}}");
    assert_exit(2, program_run("sweep search.json --run reference"),
                "belongs to a sweep with the rungs [0.3,0.6]");
    /* With all of them to the end. */
    assert_exit(0,
                program_run("sweep base.json 'optim.lr=log(1e-4, 1e-1, 9)' seed=1,2 --run "
                            "reference"),
                "");
    assert_non_null(strstr(program_out.at, "18 runs: 18 done, 0 failed, 0 not yet"));
    assert_exit(2, program_run("sweep search.json --run reference"),
                "belongs to a sweep with no rungs");
}

static void searched_in_spite_of_all(void **state) {
    (void)state;
    spit("search.json", search);
    assert_int_equal(shell("rm -rf reference"), 0);
    assert_exit(0, program_run("sweep search.json --run reference"), "");
    assert_exit(0, program_run("report reference"), "");
    pid_t first = program_start("", "sweep search.json --run together");
    int code = program_run("sweep search.json --run together --jobs 2");
    assert_int_equal(program_wait(first), 0);
    assert_int_equal(code, 0);
    assert_same_search("together");
    trit_rng rng = {.seed = 8, .stream = 1};
    for (uint64_t i = 0; i < 4; i++) {
        pid_t pid = program_start("", "sweep search.json --run hard --jobs 2");
        usleep((useconds_t)(100000 + 300000 * trit_rng_uniform(&rng, i)));
        kill(pid, SIGKILL);
        program_wait(pid);
    }
    assert_exit(0, program_run("sweep search.json --run hard"), "");
    assert_same_search("hard");
}

static void workers_share_a_directory(void **state) {
    (void)state;
    pid_t first = program_start("", SWEEP "--run shared");
    int code = program_run(SWEEP "--run shared --jobs 2");
    assert_int_equal(program_wait(first), 0);
    assert_int_equal(code, 0);
    assert_non_null(strstr(program_out.at, "12 runs: 12 done"));
    assert_same_results("shared");
}

/* A worker that waits for nobody leaves no free cell, whatever others end meanwhile. */
static void workers_that_do_not_wait(void **state) {
    (void)state;
#define FREE "sweep base.json 'seed=range(4)' train.steps=400 --no-wait --run free "
    pid_t pid = program_start("", FREE);
    for (int i = 0; i < 20000 && shell("ls free/cells/*/run/metrics.jsonl >/dev/null 2>&1"); i++) {
        usleep(1000);
    }
    /* While it is at the first one, another worker has the second and ends the third. */
    trit_error e = {0};
    cJSON *sweep = NULL;
    assert_ok(trit_json_load_data(&sweep, "free/sweep.json", &e));
    char dir[4][80], ended[120];
    for (int i = 0; i < 4; i++) {
        const cJSON *cell = cJSON_GetArrayItem(trit_json_get(sweep, "cells"), i);
        snprintf(dir[i], sizeof dir[i], "free/cells/%s",
                 cJSON_GetStringValue(trit_json_get(cell, "hash")));
    }
    cJSON_Delete(sweep);
    trit_lock lock = {0};
    assert_ok(trit_lock_take(dir[1], &lock, &e));
    snprintf(ended, sizeof ended, "%s/result.json", dir[2]);
    spit(ended, "{\"val_loss\": 1}\n");
    assert_int_equal(program_wait(pid), 0);
    wait_for("err", "[2/4] seed=2: ended by another worker");
    wait_for("err", "[3/4] seed=3: val_loss");
    trit_lock_release(&lock);
    assert_exit(0, program_run(FREE), "[4/4] seed=1: val_loss");
#undef FREE
}

static void reports(void **state) {
    (void)state;
    assert_exit(0, program_run("report straight"), "");
    assert_non_null(strstr(program_out.at, "quant.estimator, val_loss against ste: "));
    assert_non_null(strstr(program_out.at, "report: straight/report/report.html"));
    assert_exit(0,
                program_run("report straight --baseline quant.estimator=ewgs --metric "
                            "bits_per_byte --out elsewhere"),
                "");
    assert_non_null(strstr(program_out.at, "quant.estimator, bits_per_byte against ewgs: "));
    assert_true(exists("elsewhere/report.html") && exists("elsewhere/quant.estimator.png"));
    assert_int_equal(shell("grep -q 'href=\"../straight/cells/' elsewhere/report.html"), 0);
    /* From any folder the way is relative: no report tells where it was made. */
    assert_exit(0, program_run("report \"$PWD/./straight\" --out other/../far/off/"), "");
    assert_int_equal(shell("grep -q 'href=\"../../straight/cells/' far/off/report.html"), 0);
    assert_int_equal(shell("! grep -q \"$PWD\" far/off/report.html"), 0);
    assert_exit(0, program_run("report straight --json"), "");
    trit_error e = {0};
    cJSON *v = NULL;
    assert_ok(trit_json_parse(&v, program_out.at, program_out.len, "output", &e));
    assert_int_equal(cJSON_GetArraySize(trit_json_get(v, "cells")), 12);
    cJSON_Delete(v);
    assert_exit(2, program_run("report"), "expected one sweep directory");
    assert_exit(2, program_run("report base.json"), "holds no sweep.json");
    assert_exit(2, program_run("report straight --metric loss"), "unknown metric");
    assert_exit(2, program_run("report straight --baseline quant.estimator=stee"),
                "did you mean \"ste\"?");
    assert_exit(2, program_run("report straight --baseline lr"), "there is no axis \"lr\"");
}

/* Each cell says what it is set to, and shows its curves. */
static void for_tensorboard(void **state) {
    (void)state;
    assert_exit(0,
                program_run("sweep base.json quant.estimator=ste,ewgs seed=3 run.tensorboard=true "
                            "run.plot=true --run events"),
                "");
    assert_int_equal(shell("for f in events/cells/*/run/tensorboard/*.sweep; do grep -q "
                           "_hparams_/session_start_info $f && grep -q quant.estimator=ste $f && "
                           "grep -q _hparams_/session_end_info $f && exit 0; done; exit 1"),
                     0);
    assert_int_equal(
        shell("test $(grep -l plots/loss events/cells/*/run/tensorboard/* | wc -l) = 2"), 0);
    assert_int_equal(shell("ls straight/cells/*/run/tensorboard 2>/dev/null"), 2);
}

static void watched(void **state) {
    (void)state;
    assert_exit(0, program_run("watch straight"), ""); /* ends with the sweep */
    assert_string_equal(program_out.at,
                        "base: 12 done, 0 running, 0 waiting, 0 stopped, 0 failed\n");
    assert_exit(2, program_run("watch base.json"), "holds no sweep.json");
    pid_t pid = program_start("", SWEEP "train.steps=2000 --run watched");
    wait_for("err", ""); /* it has begun to log, or is about to */
    for (int i = 0; i < 2000 && !exists("watched/sweep.json"); i++) usleep(10000);
    assert_exit(0, program_run("watch watched --once"), "");
    assert_non_null(strstr(program_out.at, "waiting"));
    kill(pid, SIGTERM);
    assert_int_equal(program_wait(pid), 75);
}

static void options(void **state) {
    (void)state;
    assert_exit(2, program_run("sweep"), "a SWEEP is missing");
    assert_exit(2, program_run("sweep missing.json seed=1"), "missing.json");
    assert_exit(2, program_run("sweep base.json seed"), "expected key=values");
    assert_exit(2, program_run("sweep base.json seed=1 --jobs 0"), "--jobs");
    assert_exit(2, program_run("sweep base.json seed=1 --on-fail maybe"), "continue or stop");
    assert_exit(2, program_run("sweep base.json seed=1 --run ''"), "the path is empty");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dry_runs_start_nothing),
        cmocka_unit_test(jobs_change_no_result),
        cmocka_unit_test(what_is_done_stays_and_what_is_new_runs),
        cmocka_unit_test(failures_are_kept_and_retried),
        cmocka_unit_test(stopped_safely),
        cmocka_unit_test(killed_at_any_moment),
        cmocka_unit_test(searched),
        cmocka_unit_test(searched_in_spite_of_all),
        cmocka_unit_test(workers_share_a_directory),
        cmocka_unit_test(workers_that_do_not_wait),
        cmocka_unit_test(reports),
        cmocka_unit_test(for_tensorboard),
        cmocka_unit_test(watched),
        cmocka_unit_test(options),
    };
    return cmocka_run_group_tests(tests, setup, program_leave);
}
