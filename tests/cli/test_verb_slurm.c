/* `trit slurm`: scripts that a shell accepts, and that do what they say without a cluster. */
#include "program.h"

static const char config[] = "{\"data\": {\"source\": \"text.txt\"}, "
                             "\"model\": {\"layers\": 1, \"width\": 16, \"heads\": 1, "
                             "\"context\": 8}, \"train\": {\"steps\": 30, \"batch\": 2}, "
                             "\"run\": {\"plot\": false, \"threads\": 1}}";

static int setup(void **state) {
    int rc = program_enter(state);
    if (rc) return rc;
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 200; i++) fprintf(f, "%d times %d is %d.\n", i, i % 7, i * (i % 7));
    if (!f || fclose(f)) return -1;
    spit("it's.json", config);
    spit("b.json", config);
    /* What a cluster has: they write down how they were called. */
    return shell("mkdir bin; printf '#!/bin/sh\\necho scontrol \"$@\" >>called\\n' >bin/scontrol; "
                 "printf '#!/bin/sh\\necho sbatch \"$@\" $TRIT_RESTARTS >>called\\n' >bin/sbatch; "
                 "printf '#!/bin/sh\\n' >bin/sleep; chmod +x bin/*");
}

static void script_text(void **state) {
    (void)state;
    assert_exit(
        0,
        program_run("slurm b.json train.seed=3 --time 04:00:00 --partition low,high --cpus 8 "
                    "--mem 4G --restarts 7"),
        "");
    static const char *const parts[] = {"#!/bin/bash\n#SBATCH --job-name=b\n",
                                        "--ntasks=1 --cpus-per-task=8\n",
                                        "#SBATCH --time=04:00:00\n",
                                        "#SBATCH --partition=low,high\n",
                                        "#SBATCH --mem=4G\n",
                                        "--requeue --open-mode=append --signal=B:USR1@120\n",
                                        "#SBATCH --output=%x-%j.out\n",
                                        "trap ask USR1 TERM\n",
                                        "' train \"$config\" 'train.seed=3' &\n",
                                        "-ge 7 ]"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!strstr(program_out.at, parts[i]))
            fail_msg("no \"%s\" in %s", parts[i], program_out.at);
    }
    assert_null(strstr(program_out.at, "SBATCH --array"));
    assert_exit(0, program_run("slurm b.json \"it's.json\" --parallel 1 --run many"), "");
    assert_non_null(strstr(program_out.at, "#SBATCH --array=0-1%1\n"));
    assert_non_null(strstr(program_out.at, "--output=%x-%A_%a.out\n"));
    assert_non_null(strstr(program_out.at, "--run 'many'/\"$SLURM_ARRAY_TASK_ID\" &\n"));
    assert_int_equal(shell("bash -n out"), 0);
}

/* Outside of a cluster the script runs the program and ends with its code. */
static void script_runs(void **state) {
    (void)state;
    assert_exit(0, program_run("slurm b.json \"it's.json\" --run done"), "");
    assert_int_equal(shell("mv out done.sh; SLURM_ARRAY_TASK_ID=1 bash done.sh >/dev/null 2>&1"),
                     0);
    assert_true(exists("done/1/checkpoints/step-00000030.h5"));
    assert_exit(0, program_run("slurm b.json model.heads=1 train.steps=31 --run done/1"), "");
    assert_int_equal(shell("bash out >/dev/null 2>&1"), 2); /* another config */
}

/* 75: requeued, resubmitted where that is not possible, and given up after so many. */
static void script_continues(void **state) {
    (void)state;
    static const char stop[] =
        "slurm b.json train.steps=1000000 train.max_time=0.2 --restarts 3 --run stopped";
    assert_exit(0, program_run("%s", stop), "");
    assert_int_equal(shell("mv out stop.sh; SLURM_JOB_ID=12 PATH=$PWD/bin:$PATH bash stop.sh "
                           ">/dev/null 2>&1"),
                     75);
    trit_text called = {0};
    slurp("called", &called);
    assert_string_equal(called.at, "scontrol requeue 12\n");
    assert_int_equal(shell("rm called bin/scontrol; SLURM_JOB_ID=13 SLURM_ARRAY_JOB_ID=12 "
                           "SLURM_ARRAY_TASK_ID=0 PATH=$PWD/bin:/usr/bin:/bin bash stop.sh "
                           ">/dev/null 2>&1; [ $? = 0 ] || command -v scontrol >/dev/null"),
                     0);
    if (exists("called")) { /* where a real scontrol stands in the way, it was asked */
        slurp("called", &called);
        assert_string_equal(called.at, "sbatch --array=0 --dependency=afterany:13 stop.sh 1\n");
    }
    assert_int_equal(shell("SLURM_JOB_ID=12 SLURM_RESTART_COUNT=3 PATH=$PWD/bin:$PATH bash stop.sh "
                           ">/dev/null 2>err"),
                     1);
    wait_for("err", "not done after 3 restarts");
    /* A signal to the shell reaches the program, which saves. */
    assert_exit(0, program_run("slurm b.json train.steps=1000000 --restarts 0 --run asked"), "");
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exec bash out >/dev/null 2>err", (char *)NULL);
        _exit(127);
    }
    wait_for("err", " 20/1000000");
    kill(pid, SIGUSR1);
    assert_int_equal(program_wait(pid), 1); /* no restarts are left */
    wait_for("err", "stopped on request: stopped at step");
    trit_text_free(&called);
}

/* Tasks of a sweep's array are workers that share its directory. */
static void sweeps(void **state) {
    (void)state;
    spit("sweep.json", "{\"base\": \"b.json\", \"set\": {\"train.steps\": 4}, "
                       "\"axes\": {\"optim.lr\": [1e-3, 2e-3, 3e-3]}, \"seeds\": 1}");
    assert_exit(0, program_run("slurm sweep.json train.batch=1 --parallel 2 --run shared"), "");
    assert_non_null(strstr(program_out.at, "#SBATCH --array=0-1%2\n"));
    assert_non_null(strstr(program_out.at, "--output=%x-%A_%a.out\n"));
    assert_non_null(strstr(program_out.at,
                           "' sweep 'sweep.json' 'train.batch=1' --no-wait --run 'shared' &\n"));
    assert_int_equal(shell("mv out sweep.sh; "
                           "SLURM_ARRAY_TASK_ID=0 bash sweep.sh >/dev/null 2>&1 & "
                           "SLURM_ARRAY_TASK_ID=1 bash sweep.sh >/dev/null 2>&1; wait"),
                     0);
    assert_int_equal(shell("[ $(ls shared/cells/*/result.json | wc -l) = 3 ]"), 0);
    /* A config with axes is a sweep too; fewer runs than workers. */
    assert_exit(0, program_run("slurm b.json optim.lr=1e-3,2e-3 seed=1 --parallel 8"), "");
    assert_non_null(strstr(program_out.at, "#SBATCH --array=0-1%8\n"));
    assert_non_null(strstr(program_out.at, " --run 'runs/b-sweep' &\n"));
    assert_exit(2, program_run("slurm sweep.json train.batch=0,1"), "train.batch");
    /* Submitted by the sweep itself. */
    assert_int_equal(shell("rm -f called"), 0);
    assert_int_equal(shell("PATH=$PWD/bin:$PATH '" TRIT_CLI
                           "' sweep sweep.json --run handed --slurm --time 01:00:00 >out 2>err"),
                     0);
    trit_text text = {0};
    slurp("called", &text);
    assert_string_equal(text.at, "sbatch handed/slurm.sh\n");
    slurp("handed/slurm.sh", &text);
    assert_non_null(strstr(text.at, "#SBATCH --time=01:00:00\n"));
    assert_non_null(strstr(text.at, "--array=0-2%4\n"));
    assert_true(exists("handed/sweep.json"));
    assert_int_equal(shell("PATH=/nowhere '" TRIT_CLI "' sweep sweep.json --run handed --slurm "
                           ">out 2>err"),
                     1);
    wait_for("err", "no such program");
    trit_text_free(&text);
}

static void refusals(void **state) {
    (void)state;
    assert_exit(2, program_run("slurm"), "CONFIG is missing");
    assert_exit(2, program_run("slurm b.json optim.lr=-1"), "optim.lr=-1");
    assert_exit(2, program_run("slurm b.json missing.json"), "missing.json");
    assert_exit(2, program_run("slurm b.json --time '1; rm'"), "--time: found \"1; rm\"");
    assert_exit(2, program_run("slurm b.json 'name=two words'"), "name: found");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script_text),      cmocka_unit_test(script_runs),
        cmocka_unit_test(script_continues), cmocka_unit_test(sweeps),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, program_leave);
}
