/* Training with the real program: interrupted in every way, it ends at the same bits. */
#include "io/checkpoint.h"
#include "io/json.h"
#include "program.h"

#include "base/rng.h"

#include <math.h>

static const char config[] =
    "{\"data\": {\"source\": \"text.txt\"},\n"
    " \"model\": {\"preset\": \"bitnet\", \"layers\": 1, \"width\": 32, \"heads\": 2, "
    "\"context\": 16},\n"
    " \"quant\": {\"method\": \"bitnet-b1.58\", \"weights\": \"ternary-learned\"},\n"
    " \"optim\": {\"lr\": 4e-3, \"warmup\": 5},\n"
    " \"train\": {\"steps\": 200, \"batch\": 4, \"accumulate\": 2, \"eval_every\": 30, "
    "\"eval_tokens\": 200},\n"
    " \"run\": {\"save_every\": 25, \"threads\": 1, \"log_every\": 1, \"plot\": false}}\n";

#define LAST "checkpoints/step-00000200.h5"

static int setup(void **state) {
    int rc = program_enter(state);
    if (rc) return rc;
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 600; i++) fprintf(f, "%d times %d is %d.\n", i, i % 7, i * (i % 7));
    if (!f || fclose(f)) return -1;
    spit("tiny.json", config);
    return program_run("train tiny.json --run straight --json");
}

static double number_in(const trit_text *line, const char *key) {
    trit_error e = {0};
    cJSON *v = NULL;
    assert_ok(trit_json_parse(&v, line->at, line->len, "output", &e));
    const cJSON *n = trit_json_get(v, key);
    if (!cJSON_IsNumber(n)) fail_msg("no number %s in %s", key, line->at);
    double x = n->valuedouble;
    cJSON_Delete(v);
    return x;
}

static void assert_same_file(const char *a, const char *b) {
    trit_text x = {0}, y = {0};
    slurp(a, &x);
    slurp(b, &y);
    if (x.len != y.len || memcmp(x.at, y.at, x.len) != 0) {
        fail_msg("%s (%zu bytes) and %s (%zu bytes) differ", a, x.len, b, y.len);
    }
    trit_text_free(&x);
    trit_text_free(&y);
}

/* Weights, optimizer state, position and the whole history: everything is in these files, and a
 * checkpoint is a function of its content. */
static void assert_same_training(const char *dir) {
    static const char *const files[] = {LAST, "checkpoints/latest", "checkpoints/best",
                                        "metrics.jsonl"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char a[256], b[256];
        snprintf(a, sizeof a, "straight/%s", files[i]);
        snprintf(b, sizeof b, "%s/%s", dir, files[i]);
        assert_same_file(a, b);
    }
}

static void assert_same_run(const char *dir) {
    char path[256];
    assert_same_training(dir);
    snprintf(path, sizeof path, "%s/config.json", dir);
    assert_same_file("straight/config.json", path);
}

static void metrics_hold_each_step_once(void **state) {
    (void)state;
    trit_text text = {0};
    slurp("straight/metrics.jsonl", &text);
    int64_t step = 0, n_valid = 0, n_stats = 0;
    char *rest = NULL;
    for (char *l = strtok_r(text.at, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest)) {
        trit_text line = {.at = l, .len = strlen(l)};
        if (strstr(l, "train_loss")) {
            assert_int_equal((int64_t)number_in(&line, "step"), ++step);
            number_in(&line, "lr");
            number_in(&line, "grad_norm");
            continue;
        }
        assert_int_equal((int64_t)number_in(&line, "step"), step);
        assert_true(step % 30 == 0 || step == 200);
        if (strstr(l, "quantizers")) {
            n_stats++;
        } else {
            number_in(&line, "val_loss");
            n_valid++;
        }
    }
    assert_int_equal(step, 200);
    assert_int_equal(n_valid, 7);
    assert_int_equal(n_stats, 7);
    trit_text_free(&text);
}

static void terminated_and_resumed(void **state) {
    (void)state;
    pid_t pid = program_start("", "train tiny.json --run term");
    wait_for("err", "step 120/200");
    kill(pid, SIGTERM);
    assert_int_equal(program_wait(pid), 75);
    wait_for("err", "and saved; the same command continues");
    assert_exit(0, program_run("train tiny.json --run term"), "continues term at step 1");
    assert_same_run("term");
}

static void killed_at_any_moment_and_resumed(void **state) {
    (void)state;
    trit_rng rng = {.seed = 5, .stream = 1};
    int code = -1;
    for (uint64_t i = 0; i < 60 && code != 0; i++) {
        pid_t pid = program_start("", "train tiny.json --run killed");
        usleep((useconds_t)(10000 + 90000 * trit_rng_uniform(&rng, i)));
        kill(pid, SIGKILL);
        code = program_wait(pid);
        assert_true(code == 0 || code == 128 + SIGKILL);
    }
    assert_exit(0, program_run("train tiny.json --run killed"), "");
    assert_same_run("killed");
}

/* What a process leaves that dies between two of its writes. */
static void pointers_and_half_made_directories_are_repaired(void **state) {
    (void)state;
    assert_int_equal(shell("cp -r straight behind; cd behind/checkpoints;"
                           "echo step-00000175.h5 >latest; rm best"),
                     0);
    assert_exit(0, program_run("train tiny.json --run behind"), "continues behind at step 200");
    assert_same_run("behind");
    assert_int_equal(shell("mkdir -p half; echo x >half/.config.json.tmp-123; touch half/LOCK"), 0);
    assert_exit(0, program_run("train tiny.json --run half"), "run directory half");
    assert_false(exists("half/.config.json.tmp-123"));
    assert_same_run("half");
}

static void finished_runs_are_left_alone(void **state) {
    (void)state;
    assert_int_equal(shell("cp -rp straight done; find done -type f -newermt @0 ! -name LOCK "
                           "-printf '%p %i %T@\\n' | sort >before"),
                     0);
    assert_exit(0, program_run("train tiny.json --run done --json"), "continues done at step 200");
    double again = number_in(&program_out, "val_loss");
    assert_int_equal(shell("find done -type f ! -name LOCK -printf '%p %i %T@\\n' | sort >after"),
                     0);
    assert_same_file("before", "after");
    assert_exit(0, program_run("eval straight --json"), "");
    assert_true(number_in(&program_out, "val_loss") == again);
}

/* Resuming from copies of the straight run with damaged checkpoints. */
static void damaged_checkpoints(void **state) {
    (void)state;
    assert_int_equal(shell("cp -r straight cut; truncate -s -1 cut/" LAST), 0);
    assert_exit(0, program_run("train tiny.json --run cut"), "warning: ");
    assert_non_null(strstr(program_err.at, LAST));
    assert_non_null(strstr(program_err.at, "going back to the one before"));
    assert_non_null(strstr(program_err.at, "continues cut at step 1"));
    assert_same_run("cut");
    assert_int_equal(shell("cp -r straight flip; printf x | dd of=flip/" LAST
                           " bs=1 seek=40000 conv=notrunc 2>/dev/null"),
                     0);
    assert_exit(0, program_run("train tiny.json --run flip"), "going back to the one before");
    assert_same_run("flip");
    assert_int_equal(shell("cp -r straight all; truncate -s 1000 all/checkpoints/*.h5;"
                           "cp -r all kept"),
                     0);
    assert_exit(65, program_run("train tiny.json --run all"), "all/checkpoints/step-");
    assert_int_equal(shell("diff -r -x LOCK all kept"), 0);
    assert_exit(65, program_run("eval all"), LAST);
}

static void directories_that_are_not_this_run(void **state) {
    (void)state;
    assert_exit(2, program_run("train tiny.json optim.lr=1e-3 train.seed=2 --run straight"),
                "straight/config.json belongs to a run of another config");
    assert_non_null(strstr(program_err.at, "optim.lr: 0.004 -> 0.001"));
    assert_non_null(strstr(program_err.at, "train.seed: 1 -> 2"));
    assert_int_equal(shell("mkdir -p foreign; echo x >foreign/notes.txt; ls -A foreign >before"),
                     0);
    assert_exit(2, program_run("train tiny.json --run foreign"), "notes.txt");
    assert_int_equal(shell("ls -A foreign | diff - before"), 0);
    assert_exit(74, program_run("train tiny.json --run text.txt"), "text.txt");
    assert_exit(74, program_run("train tiny.json --run /proc/trit"),
                "cannot make directory '/proc/trit'");
    assert_exit(2, program_run("train tiny.json --run ''"), "--run: the path is empty");
    if (geteuid() == 0) return; /* nothing is forbidden to root */
    assert_int_equal(shell("mkdir -p closed; chmod 555 closed"), 0);
    assert_exit(74, program_run("train tiny.json --run closed/run"), "Permission denied");
    assert_exit(74, program_run("train tiny.json --run closed"), "Permission denied");
}

static void only_one_process_trains(void **state) {
    (void)state;
    pid_t pid = program_start("", "train tiny.json train.steps=1000000 --run shared");
    wait_for("err", " 3/1000000");
    kill(pid, SIGSTOP); /* it goes on holding the directory */
    char owner[32];
    snprintf(owner, sizeof owner, " %d)", (int)pid);
    assert_int_equal(rename("err", "err-of-owner"), 0);
    assert_exit(1, program_run("train tiny.json train.steps=1000000 --run shared"),
                "'shared' is in use by another run");
    assert_non_null(strstr(program_err.at, owner));
    kill(pid, SIGCONT);
    kill(pid, SIGINT);
    assert_int_equal(program_wait(pid), 75);
}

/* No file may grow beyond 20 KiB, a checkpoint needs more. */
static void disk_is_full(void **state) {
    (void)state;
    pid_t pid = program_start("", "train tiny.json --run full");
    wait_for("err", "step  60/200");
    kill(pid, SIGTERM);
    assert_int_equal(program_wait(pid), 75);
    assert_int_equal(shell("cp -r full/checkpoints kept-full"), 0);
    assert_exit(1, program_run_as("ulimit -f 40;", "train tiny.json --run full"),
                "cannot write 'full/checkpoints/step-");
    assert_non_null(strstr(program_err.at, "File too large; training goes on with the checkpoint"));
    assert_non_null(strstr(program_err.at, "gave up after 3 saves"));
    assert_int_equal(shell("diff -r full/checkpoints kept-full"), 0);
    /* With patience it comes to the last save, without which it is not done. */
    assert_exit(
        74, program_run_as("ulimit -f 40;", "train tiny.json run.max_failed_saves=100 --run full"),
        "File too large");
    assert_int_equal(shell("diff -r full/checkpoints kept-full"), 0);
    assert_exit(0, program_run("train tiny.json --run full"), "continues full at step");
    assert_same_run("full");
}

/* ... and does not look like one that was. */
static void a_stop_that_cannot_be_saved_fails(void **state) {
    (void)state;
    pid_t pid = program_start("ulimit -f 40;",
                              "train tiny.json run.save_every=0 train.eval_every=0 --run unsaved");
    wait_for("err", "step  20/200");
    kill(pid, SIGTERM);
    assert_int_equal(program_wait(pid), 74);
    wait_for("err", "File too large");
}

/* The configured signal, the time limit and a second signal. */
static void other_ways_to_stop(void **state) {
    (void)state;
    pid_t pid = program_start("", "train tiny.json --run usr");
    wait_for("err", "step  60/200");
    kill(pid, SIGUSR1);
    assert_int_equal(program_wait(pid), 75);
    pid = program_start("", "train tiny.json run.stop_signal=USR2 --run usr");
    wait_for("err", "continues usr");
    kill(pid, SIGUSR2);
    assert_int_equal(program_wait(pid), 75);
    pid = program_start("", "train tiny.json run.stop_signal=none train.steps=1000000 --run other");
    wait_for("err", " 3/1000000");
    kill(pid, SIGUSR1);
    assert_int_equal(program_wait(pid), 128 + SIGUSR1);
    assert_exit(0, program_run("train tiny.json --run usr"), "continues usr");
    assert_same_run("usr");
    assert_exit(75,
                program_run("train tiny.json train.steps=1000000 train.max_time=0.5 --run timed"),
                "train.max_time: 0.5 seconds are almost over: stopped at step");
    pid = program_start("", "train tiny.json train.steps=1000000 --run timed"); /* no other run */
    wait_for("err", "continues timed at step");
    kill(pid, SIGTERM);
    assert_int_equal(program_wait(pid), 75);
    /* Stopped at once: while it is held up, no save can begin, and none is under way. */
    pid = program_start("", "train tiny.json train.steps=1000000 run.save_every=1000000 "
                            "run.keep_best=false --run twice");
    wait_for("err", " 30/1000000");
    kill(pid, SIGSTOP);
    assert_int_equal(shell("cp -r twice/checkpoints kept-twice"), 0);
    kill(pid, SIGTERM);
    kill(pid, SIGINT);
    kill(pid, SIGCONT);
    assert_int_equal(program_wait(pid), 75);
    assert_int_equal(shell("diff -r twice/checkpoints kept-twice"), 0);
}

/* The newest validation loss, up to a step, of the undisturbed run. */
static double valid_loss_until(int64_t step) {
    trit_text text = {0};
    double found = -1;
    char *rest = NULL;
    slurp("straight/metrics.jsonl", &text);
    for (char *l = strtok_r(text.at, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest)) {
        trit_text line = {.at = l, .len = strlen(l)};
        if (!strstr(l, "\"val_loss\"") || (int64_t)number_in(&line, "step") > step) continue;
        found = number_in(&line, "val_loss");
    }
    trit_text_free(&text);
    return found;
}

/* At 60 there is an evaluation anyway; at 75 one is made for the result and leaves no trace. */
static void ended_on_the_way(void **state) {
    (void)state;
    double loss[2];
    assert_exit(0, program_run("train tiny.json run.stop_at=60 --run parts --json"),
                "ended at step 60 of 200");
    assert_true(number_in(&program_out, "step") == 60);
    loss[0] = number_in(&program_out, "val_loss");
    assert_true(fabs(loss[0] - valid_loss_until(60)) < 1e-8); /* nine digits */
    for (int i = 0; i < 2; i++) { /* twice: once trained, once only evaluated */
        assert_exit(0, program_run("train tiny.json run.stop_at=75 --run parts --json"),
                    "ended at step 75 of 200");
        assert_true(number_in(&program_out, "step") == 75);
        loss[i] = number_in(&program_out, "val_loss");
    }
    assert_true(loss[0] == loss[1]);
    assert_true(fabs(loss[0] - valid_loss_until(75)) > 1e-6);
    assert_exit(0, program_run("train tiny.json --run parts"), "continues parts at step 75");
    assert_same_training("parts");
    assert_exit(2, program_run("train tiny.json run.stop_at=-1 --run parts"), "run.stop_at");
}

static void weights_of_another_run(void **state) {
    (void)state;
    assert_exit(0, program_run("train tiny.json train.steps=6 --from straight --run from"),
                "weights of straight/" LAST ", step 200");
    double first = 0;
    trit_text line = {0};
    slurp("from/metrics.jsonl", &line);
    first = strtod(strstr(line.at, "\"train_loss\":") + strlen("\"train_loss\":"), NULL);
    trit_text_free(&line);
    assert_true(first < 4); /* a fresh one begins at 5.5 */
    /* Both words are one setting, which belongs to the run; the source is no longer looked at. */
    assert_int_equal(shell("mv straight elsewhere"), 0);
    assert_exit(0, program_run("train tiny.json train.steps=6 init.from=straight --run from"),
                "continues from at");
    assert_int_equal(shell("mv elsewhere straight"), 0);
    assert_exit(2, program_run("train tiny.json train.steps=6 --run from"),
                "init.from: \"straight\" -> \"\"");
    assert_exit(2, program_run("train tiny.json model.layers=2 --from straight --run wide"),
                "not in the source:\n  blocks.1.attn.q.weight");
    assert_exit(
        0,
        program_run("train tiny.json model.layers=2 train.steps=6 --from straight --partial "
                    "--run partial"),
        "left out, as init.partial allows:");
    assert_exit(2, program_run("train tiny.json --partial --run x"),
                "/init/partial: belongs to init.from, which is not given");
    assert_exit(65, program_run("train tiny.json --from nowhere --run y"), "nowhere: no such run");
}

/* More steps are the same run where no step depends on their number. */
static void a_run_made_longer(void **state) {
    (void)state;
    assert_exit(2, program_run("train tiny.json train.steps=250 --run straight"),
                "train.steps: 200 -> 250");
    assert_non_null(
        strstr(program_err.at, "with optim.schedule cosine the learning rate of every"));
    assert_exit(0, program_run("train tiny.json optim.schedule=constant train.steps=90 --run long"),
                "");
    assert_exit(0,
                program_run("train tiny.json optim.schedule=constant train.steps=150 --run long"),
                "continues long at step 90");
    assert_exit(
        0, program_run("train tiny.json optim.schedule=constant train.steps=150 --run whole"), "");
    assert_same_file("long/checkpoints/step-00000150.h5", "whole/checkpoints/step-00000150.h5");
    assert_same_file("long/config.json", "whole/config.json");
    assert_exit(2,
                program_run("train tiny.json optim.schedule=constant train.steps=100 --run long"),
                "the run is at step 150 already");
}

/* A checkpoint under the name of another step, or of another run, is not taken for this one. */
static void checkpoints_that_were_moved(void **state) {
    (void)state;
    assert_int_equal(shell("cp -r straight swapped; cd swapped/checkpoints;"
                           "cp step-00000175.h5 step-00000200.h5"),
                     0);
    assert_exit(0, program_run("train tiny.json --run swapped"), "holds step 175");
    assert_same_run("swapped");
    assert_exit(0, program_run("train tiny.json train.seed=2 train.steps=20 --run seed2"), "");
    assert_int_equal(shell("cp -r straight alien; cp seed2/checkpoints/step-00000020.h5 "
                           "alien/checkpoints/; rm alien/checkpoints/step-000001*.h5 alien/" LAST),
                     0);
    assert_exit(2, program_run("train tiny.json --run alien"), "train.seed: 2 -> 1");
}

static void hash_ignores_name_and_execution(void **state) {
    (void)state;
    char hash[64];
    assert_exit(0, program_run("config tiny.json --hash"), "");
    snprintf(hash, sizeof hash, "%s", program_out.at);
    assert_int_equal(strlen(hash), 17);
    assert_exit(0, program_run("config tiny.json name=x run.threads=7 run.plot=true --hash"), "");
    assert_string_equal(program_out.at, hash);
    assert_exit(0, program_run("config tiny.json train.seed=3 --hash"), "");
    assert_string_not_equal(program_out.at, hash);
    assert_exit(0, program_run("config tiny.json"), "");
    spit("resolved.json", program_out.at);
    assert_exit(0, program_run("config resolved.json --hash"), "");
    assert_string_equal(program_out.at, hash);
    assert_exit(0, program_run("train tiny.json name=x run.threads=2 --run straight"),
                "continues straight at step 200");
}

static void compared(void **state) {
    (void)state;
    assert_exit(0, program_run("inspect straight straight"), "");
    assert_non_null(strstr(program_out.at, "param/embed.weight"));
    assert_null(strstr(program_out.at, "e-")); /* no change at all */
    char line[64];
    snprintf(line, sizeof line, "%d of %d (0.00%%)\n", 0, 32 * 32);
    assert_non_null(strstr(program_out.at, line));
    assert_exit(0, program_run("inspect straight/checkpoints/step-00000180.h5 straight"), "");
    assert_non_null(strstr(program_out.at, "step-00000180.h5  step 180\n"));
    assert_non_null(strstr(program_out.at, LAST "  step 200\n"));
    const char *w = strstr(program_out.at, "param/blocks.0.attn.q.weight ");
    double most = 0, mean = 0;
    int flipped = -1, of = 0;
    assert_non_null(w);
    assert_int_equal(sscanf(w, "%*s %lf %lf %d of %d", &most, &mean, &flipped, &of), 4);
    assert_true(most > mean && mean > 0);
    assert_true(flipped >= 0 && of == 32 * 32);
    /* Another model has other tensors, and no codes to compare. */
    assert_exit(0, program_run("train tiny.json model.layers=2 train.steps=5 --run deep"), "");
    assert_exit(0, program_run("inspect straight deep"), "");
    assert_non_null(strstr(program_out.at, "codes are not compared: "));
    assert_non_null(strstr(program_out.at, "param/blocks.1.attn.q.weight"));
    assert_non_null(strstr(program_out.at, "only in the second"));
    assert_exit(2, program_run("inspect straight deep --json"), "--json shows one");
    assert_exit(2, program_run("inspect a b c"), "found 3");
}

static void json_result(void **state) {
    (void)state;
    assert_exit(0, program_run("train tiny.json --run json --json"), "");
    assert_int_equal(strcspn(program_out.at, "\n") + 1, program_out.len);
    assert_true(number_in(&program_out, "step") == 200);
    double loss = number_in(&program_out, "train_loss"),
           valid = number_in(&program_out, "val_loss");
    assert_true(loss > 0 && loss < 5.6);
    assert_true(valid > 0 && valid < 5.6);
    assert_near(number_in(&program_out, "bits_per_byte"), valid / log(2), 0.02);
    assert_true(number_in(&program_out, "tokens_per_second") > 0);
    assert_true(number_in(&program_out, "peak_rss_bytes") > 1e6);
    assert_non_null(strstr(program_out.at, "\"gap_to_source\":null"));
    assert_non_null(strstr(program_out.at, "\"run\":\"json\""));
    assert_exit(0, program_run("eval json --json"), "");
    assert_true(number_in(&program_out, "val_loss") == valid);
    assert_exit(0, program_run("eval json/" LAST " --json"), "");
    assert_true(number_in(&program_out, "val_loss") == valid);
    assert_exit(0, program_run("eval json --json --which best"), "");
    assert_true(number_in(&program_out, "val_loss") <= valid);
    assert_exit(0, program_run("eval json --json --tokens 16"), "");
    assert_true(number_in(&program_out, "tokens") == 16);
    /* Other text: all of it, whatever the config says about the amount. */
    spit("other.txt", "And now for something completely different. And then again.");
    assert_exit(0, program_run("eval json --json --data other.txt"), "");
    assert_true(number_in(&program_out, "tokens") == 59);
    assert_true(number_in(&program_out, "val_loss") > valid);
    assert_exit(65, program_run("eval json --data missing.txt"), "missing.txt: no such file");
}

/* The tales know their source. */
static void gap_to_the_source(void **state) {
    (void)state;
    assert_exit(0,
                program_run("train tiny.json data.source=builtin:tales data.tales_bytes=20k "
                            "train.steps=10 --run tales --json"),
                "");
    double gap = number_in(&program_out, "gap_to_source");
    assert_true(gap > 0 && gap < number_in(&program_out, "val_loss"));
}

static void generated(trit_text *out, const char *options) {
    assert_exit(0, program_run("generate straight %s", options), "");
    trit_text_free(out);
    *out = (trit_text){0};
    trit_text_add_bytes(out, program_out.at, program_out.len);
}

static void generates(void **state) {
    (void)state;
    trit_text a = {0}, b = {0}, c = {0};
    generated(&a, "--prompt '12 times ' --tokens 30 --seed 3");
    generated(&b, "--prompt '12 times ' --tokens 30 --seed 3");
    generated(&c, "--prompt '12 times ' --tokens 30 --seed 4");
    assert_string_equal(a.at, b.at);
    assert_string_not_equal(a.at, c.at);
    assert_int_equal(strncmp(a.at, "12 times ", 9), 0);
    assert_true(a.len <= 9 + 30 + 1);
    generated(&a, "--prompt 1 --tokens 30 --temperature 0 --seed 3");
    generated(&b, "--prompt 1 --tokens 30 --temperature 0 --seed 4");
    assert_string_equal(a.at, b.at);
    generated(&b, "--prompt 1 --tokens 30 --top-k 1 --temperature 5");
    assert_string_equal(a.at, b.at);
    generated(&b, "--prompt 1 --tokens 30 --top-p 0");
    assert_string_equal(a.at, b.at);
    /* Only the last 16 tokens of a prompt count, so the same text follows. */
    generated(&a, "--prompt '0123456789012345678 times 1 is' --tokens 10 --temperature 0");
    generated(&b, "--prompt '.....345678 times 1 is' --tokens 10 --temperature 0");
    assert_string_equal(a.at + 30, b.at + 22);
    trit_text_free(&a);
    trit_text_free(&b);
    trit_text_free(&c);
}

/* Documents of one letter: a model of them soon ends what it writes. */
static void generation_ends_with_the_document(void **state) {
    (void)state;
    FILE *f = fopen("letters.txt", "w");
    assert_non_null(f);
    for (int i = 0; i < 500; i++) fputs("a|", f);
    assert_int_equal(fclose(f), 0);
    assert_exit(0,
                program_run("train tiny.json data.source=letters.txt 'data.separator=|' "
                            "optim.lr=1e-2 quant=none --run letters"),
                "");
    assert_exit(0, program_run("generate letters --temperature 0 --tokens 50"), "");
    assert_string_equal(program_out.at, "a\n");
}

static void every_config_can_be_explained(void **state) {
    (void)state;
    assert_int_equal(shell("for c in '" TRIT_SOURCE_DIR "'/configs/*.json; do '" TRIT_CLI
                           "' config \"$c\" >resolved.json && '" TRIT_CLI
                           "' config resolved.json --hash >a && '" TRIT_CLI
                           "' config \"$c\" --hash | cmp - a || exit 1; done"),
                     0);
    assert_exit(0, program_run("explain '%s/configs/quickstart.json'", TRIT_SOURCE_DIR), "");
    assert_non_null(strstr(program_out.at, "blocks.0.attn.q"));
    assert_non_null(strstr(program_out.at, "lower bound"));
    /* Adapters are counted by themselves, and what they freeze. */
    assert_null(strstr(program_out.at, "adapters"));
    assert_exit(0,
                program_run("explain tiny.json quant.method=l4q-w4 quant.weights.group=16 "
                            "quant.lora.rank=2 model.layers=1 model.width=32 model.heads=2 "
                            "model.ffn_width=64 model.preset=none model.ffn=gelu"),
                "");
    char line[96];
    snprintf(line, sizeof line, "adapters: %d parameters, merged at deployment; frozen: %d\n",
             2 * (4 * (32 + 32) + 2 * (32 + 64)), 4 * 32 * 32 + 2 * 32 * 64);
    assert_non_null(strstr(program_out.at, line));
    /* Blocks of a rotation are those that fit the rows. */
    assert_exit(0,
                program_run("explain tiny.json quant.method=quest-w4 model.layers=1 model.width=32 "
                            "model.heads=2 model.ffn_width=48"),
                "");
    assert_non_null(strstr(program_out.at, "half4-rms-row trust hadamard-half32 "));
    assert_non_null(strstr(program_out.at, "half4-rms-row trust hadamard-half16 "));
    assert_null(strstr(program_out.at, "hadamard-half128"));
    assert_false(exists("runs"));
    assert_exit(0, program_run("config --schema"), "");
    trit_error e = {0};
    cJSON *schema = NULL;
    assert_ok(trit_json_parse(&schema, program_out.at, program_out.len, "schema", &e));
    const cJSON *sections = trit_json_get(schema, "properties");
    assert_non_null(trit_json_get(sections, "train"));
    const cJSON *quant = trit_json_get(trit_json_get(sections, "quant"), "anyOf");
    assert_string_equal(trit_json_get(cJSON_GetArrayItem(quant, 0), "type")->valuestring, "string");
    assert_non_null(trit_json_get(trit_json_get(schema, "$defs"), "schedule"));
    cJSON_Delete(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_hold_each_step_once),
        cmocka_unit_test(terminated_and_resumed),
        cmocka_unit_test(killed_at_any_moment_and_resumed),
        cmocka_unit_test(pointers_and_half_made_directories_are_repaired),
        cmocka_unit_test(finished_runs_are_left_alone),
        cmocka_unit_test(damaged_checkpoints),
        cmocka_unit_test(directories_that_are_not_this_run),
        cmocka_unit_test(only_one_process_trains),
        cmocka_unit_test(disk_is_full),
        cmocka_unit_test(a_stop_that_cannot_be_saved_fails),
        cmocka_unit_test(other_ways_to_stop),
        cmocka_unit_test(ended_on_the_way),
        cmocka_unit_test(weights_of_another_run),
        cmocka_unit_test(a_run_made_longer),
        cmocka_unit_test(checkpoints_that_were_moved),
        cmocka_unit_test(hash_ignores_name_and_execution),
        cmocka_unit_test(compared),
        cmocka_unit_test(json_result),
        cmocka_unit_test(gap_to_the_source),
        cmocka_unit_test(generates),
        cmocka_unit_test(generation_ends_with_the_document),
        cmocka_unit_test(every_config_can_be_explained),
    };
    return cmocka_run_group_tests(tests, setup, program_leave);
}
