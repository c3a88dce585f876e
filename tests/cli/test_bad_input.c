/* What the program says to nonsense: the right exit code, the place, and what would be right; and
 * it leaves nothing behind. */
#include "program.h"

#define TINY                                                                                \
    "\"model\": {\"layers\": 1, \"width\": 16, \"heads\": 2, \"context\": 16}, \"train\": " \
    "{\"steps\": 3, \"batch\": 1}, \"run\": {\"threads\": 1, \"plot\": false}"

static int setup(void **state) {
    int rc = program_enter(state);
    if (rc) return rc;
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 200; i++) fprintf(f, "line %d\n", i);
    if (!f || fclose(f)) return -1;
    spit("good.json", "{\"data\": {\"source\": \"text.txt\"}, " TINY "}");
    spit("empty.txt", "");
    spit("noise.h5", "\211HDF\r\n\032\n and then nothing of the kind");
    if (mkdir("folder", 0777)) return -1;
    return program_run("train good.json --run good");
}

/* A config's text, and parts of the one message it gets. */
static void configs(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *part[4];
    } cases[] = {
        {"", {"bad.json:1:1: the text is empty"}},
        {"{\"train\": {\n  \"steps\": 5,\n  }\n}",
         {"bad.json:2:13: the comma before \"}\" has to go"}},
        {"{\"train\": {\"steps\": 5} \"optim\": {}}",
         {"bad.json:1:24: found ", "expected \",\" or \"}\""}},
        {"{\"train\": {\"stpes\": 5}}", {"bad.json: /train/stpes: unknown key", "\"steps\""}},
        {"{\"trian\": {}}", {"bad.json: /trian: unknown key", "\"train\""}},
        {"{\"name\": \"a\",\n \"name\": \"b\"}", {"bad.json:2:2: /name: this key stands twice"}},
        {"{\"train\": {\"steps\": \"many\"}}",
         {"bad.json: /train/steps: found \"many\" (string)", "whole number"}},
        {"{\"train\": {\"steps\": 2.5}}", {"bad.json: /train/steps: found 2.5", "whole number"}},
        {"{\"train\": {\"steps\": 0}}", {"bad.json: /train/steps: found 0", "1.."}},
        {"{\"optim\": {\"beta1\": 1}}", {"bad.json: /optim/beta1: found 1", "0.999999"}},
        {"{\"optim\": {\"lr\": 1e999}}", {"bad.json:1:18: "}},
        {"{\"model\": []}", {"bad.json: /model: found a list, expected an object"}},
        {"[1]", {"bad.json: found a list, expected an object"}},
        {"{\"model\": {\"preset\": \"lama\"}}",
         {"bad.json: /model/preset: ", "\"lama\"", "\"llama\"", "bitnet"}},
        {"{\"model\": {\"width\": 100, \"heads\": 3}}",
         {"bad.json: /model/heads: found 3", "width 100"}},
        {"{\"model\": {\"width\": 96, \"heads\": 6, \"kv_heads\": 4}}",
         {"bad.json: /model/kv_heads: found 4", "heads 6"}},
        {"{\"model\": {\"width\": 15, \"heads\": 3}}",
         {"bad.json: /model/heads: ", "5 elements", "odd"}},
        {"{\"optim\": {\"warmup\": 50}, \"train\": {\"steps\": 40}}",
         {"bad.json: /optim/warmup: found 50", "40"}},
        {"{\"optim\": {\"lr\": 0.1, \"min_lr\": 0.2}}",
         {"bad.json: /optim/min_lr: found 0.2", "0.1"}},
        {"{\"optim\": {\"kind\": \"adamv\"}}",
         {"bad.json: /optim/kind: ", "did you mean \"adam", "muon"}},
        {"{\"optim\": {\"schedule\": \"wsd\", \"cooldown\": 50}, \"train\": {\"steps\": 40}}",
         {"bad.json: /optim/cooldown: 50 steps", "40"}},
        {"{\"optim\": {\"schedule\": \"wsd\", \"cooldown_shape\": \"exp\"}}",
         {"bad.json: /optim/min_lr: ", "never gets to 0"}},
        {"{\"optim\": {\"groups\": {}}}",
         {"bad.json: /optim/groups: found an object", "expected a list"}},
        {"{\"optim\": {\"groups\": [{\"lr\": 2}]}}",
         {"bad.json: /optim/groups/0: ", "match, role or both"}},
        {"{\"optim\": {\"groups\": [{\"role\": \"norm\"}]}}",
         {"bad.json: /optim/groups/0: ", "something that changes"}},
        {"{\"optim\": {\"groups\": [{\"role\": \"norms\", \"lr\": 2}]}}",
         {"bad.json: /optim/groups/0/role: ", "did you mean \"norm\""}},
        {"{\"data\": {\"source\": \"text.txt\"}, " TINY
         ", \"optim\": {\"groups\": [{\"match\": \"heat.weight\", \"lr\": 2}]}}",
         {"bad.json: /optim/groups/0/match: ", "matches no parameter", "head.weight"}},
        {"{\"name\": \"../up\"}", {"bad.json: /name: found \"../up\"", "may not hold"}},
        {"{\"quant\": \"bitnet-b1.85\"}", {"bad.json: /quant/method: ", "did you mean \"bitnet"}},
        {"{\"quant\": {\"weights\": \"ternery\"}}",
         {"bad.json: /quant/weights: ", "did you mean \"ternary\""}},
        {"{\"quant\": {\"weights\": \"int4\", \"estimator\": \"stee\"}}",
         {"bad.json: /quant/estimator: ", "\"ste\""}},
        {"{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"width\": 16, \"heads\": 2, "
         "\"context\": 16}, \"quant\": {\"weights\": \"int4-absmax-group24\"}}",
         {"bad.json: /quant: ", "blocks.0.attn.q", "24", "16"}},
        {"{\"data\": {\"source\": \"text.txt\"}, " TINY
         ", \"quant\": {\"rules\": [{\"match\": \"blokcs.*\", \"weights\": \"none\"}]}}",
         {"bad.json: /quant/rules/0/match: ", "blokcs.*", "blocks.0.attn.q"}},
        {"{\"data\": {\"source\": \"text.txt\"}, " TINY
         ", \"quant\": {\"rules\": [{\"match\": \"*.ffn.down\", \"activations\": "
         "\"int8-hadamard-half\"}]}}",
         {"bad.json: /quant: blocks.0.ffn.down: transform: ", "activations are in the rotated",
          "hadamard-native"}},
        {"{\"data\": {\"source\": \"text.txt\"}, " TINY
         ", \"quant\": {\"rules\": [{\"match\": \"embed\", \"weights\": "
         "\"int8-hadamard-half\"}]}}",
         {"bad.json: /quant: embed: transform: ", "weights are in the rotated",
          "use hadamard, which rotates back"}},
        {"{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"context\": 100000}}",
         {"bad.json: /model/context: 100000", "100001", "1522"}},
        {"{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"vocab\": 100, \"context\": 16}}",
         {"bad.json: /model/vocab: found 100", "257"}},
        {"{\"data\": {\"source\": \"builtin:tails\"}}",
         {"bad.json: /data/source: ", "builtin:tails", "\"builtin:tales\""}},
        {"{\"data\": {\"source\": []}}", {"bad.json: /data/source: ", "builtin:tales"}},
        {"{\"comment\": \"\xff\"}", {"bad.json:1:14: ", "UTF-8"}},
        {"\xef\xbb\xbf{}", {"bad.json:1:1: ", "byte order mark"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spit("bad.json", cases[i].text);
        assert_exit(2, program_run("train bad.json --run made"), "trit: bad.json");
        for (int k = 0; k < 4 && cases[i].part[k]; k++) {
            if (!strstr(program_err.at, cases[i].part[k])) {
                fail_msg("%s\n\"%s\" is not in: %s", cases[i].text, cases[i].part[k],
                         program_err.at);
            }
        }
        assert_false(exists("made") || exists("runs"));
    }
}

static void huge_configs(void **state) {
    (void)state;
    FILE *f = fopen("bad.json", "w");
    assert_non_null(f);
    fputs("{\"$x\":", f);
    for (int i = 0; i < 32; i++) fputc('[', f);
    for (int i = 0; i < 32; i++) fputc(']', f);
    fputs("}", f);
    assert_int_equal(fclose(f), 0);
    assert_exit(2, program_run("train bad.json"), "bad.json:1:38: ");
    assert_non_null(strstr(program_err.at, "32"));
    f = fopen("bad.json", "w");
    assert_non_null(f);
    fputs("{", f);
    for (int i = 0; i < 1 << 20; i++) fputc(' ', f);
    fputs("}", f);
    assert_int_equal(fclose(f), 0);
    assert_exit(2, program_run("train bad.json"), "bad.json");
    assert_non_null(strstr(program_err.at, "1048576"));
}

/* Arguments and environment: exit code and parts of the message. */
static void commands(void **state) {
    (void)state;
    static const struct {
        int code;
        const char *before, *args;
        const char *part[3];
    } cases[] = {
        {2, "", "trian good.json", {"unknown verb \"trian\"", "\"train\""}},
        {2, "", "train", {"CONFIG is missing"}},
        {2, "", "train good.json --jsno", {"--jsno", "--json"}},
        {2, "", "train good.json --run", {"--run needs a value"}},
        {2, "", "train good.json more.json", {"\"more.json\"", "key=value"}},
        {2, "", "train train.steps=5 good.json", {"first argument is the CONFIG"}},
        {2, "", "train good.json train.stepz=5", {"train.stepz", "\"steps\""}},
        {2, "", "train good.json train.steps=x", {"train.steps=x: found \"x\"", "whole number"}},
        {2, "", "train good.json =5", {"\"=5\""}},
        {2, "", "train missing.json", {"missing.json", "No such file"}},
        {2, "", "train folder", {"folder", "directory"}},
        {65,
         "",
         "train good.json data.source=missing.txt",
         {"good.json: /data/source: missing.txt: no such file or folder"}},
        {65,
         "",
         "train good.json data.source=empty.txt",
         {"good.json: /data/source: empty.txt: the file is empty"}},
        {65,
         "",
         "train good.json data.source=folder",
         {"good.json: /data/source: folder: the folder holds no files"}},
        {65, "", "train good.json data.valid=missing.txt", {"good.json: /data/valid: missing.txt"}},
        {2, "export TRIT_CPU=sse9;", "train good.json", {"TRIT_CPU", "\"sse9\"", "avx2"}},
        {2, "export TRIT_GEMM=mkl;", "train good.json", {"TRIT_GEMM", "\"mkl\"", "openblas"}},
        {2, "export TRIT_THREADS=two;", "train good.json", {"TRIT_THREADS", "\"two\"", "1..1024"}},
        {2, "export TRIT_THREADS=0;", "train good.json", {"TRIT_THREADS", "\"0\"", "1..1024"}},
        {2, "", "train good.json run.threads=-1", {"run.threads=-1: found -1", "0..1024"}},
        {2, "", "eval", {"RUN"}},
        {2, "", "eval good good", {"found 2 arguments"}},
        {65, "", "eval missing", {"missing: no such run directory or checkpoint"}},
        {65, "", "eval folder", {"folder: holds no checkpoint"}},
        {65, "", "eval noise.h5", {"noise.h5"}},
        {65, "", "eval good.json", {"good.json", "not a checkpoint"}},
        {65, "", "eval empty.txt", {"empty.txt"}},
        {2, "", "eval good --which newest", {"--which", "\"newest\"", "latest, best"}},
        {2, "", "eval good --tokens -5", {"--tokens", "-5"}},
        {65, "", "eval good --data missing.txt", {"missing.txt: no such file or folder"}},
        {65, "", "eval good --data empty.txt", {"empty.txt: the file is empty"}},
        {65, "", "generate noise.h5", {"noise.h5"}},
        {65, "", "generate folder", {"folder: holds no checkpoint"}},
        {2, "", "generate good --temperature -1", {"--temperature", "-1"}},
        {2, "", "generate good --top-p 1.5", {"--top-p", "1.5"}},
        {2, "", "generate good --tokens 0", {"--tokens"}},
        {65, "", "inspect noise.h5", {"noise.h5"}},
        {65, "", "inspect missing.h5", {"missing.h5"}},
        {2, "", "explain", {"CONFIG is missing"}},
        {2, "", "explain good.json model.heads=5", {"/model/heads"}},
        {2, "", "config", {"CONFIG is missing"}},
        {2, "", "config missing.json", {"missing.json"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char args[512];
        bool train = strncmp(cases[i].args, "train ", 6) == 0 && !strstr(cases[i].args, "--run");
        snprintf(args, sizeof args, "%s%s", cases[i].args, train ? " --run made" : "");
        if (program_run_as(cases[i].before, args) != cases[i].code) {
            fail_msg("trit %s: not exit code %d; %s", args, cases[i].code,
                     trit_text_get(&program_err));
        }
        for (int k = 0; k < 3 && cases[i].part[k]; k++) {
            if (!strstr(trit_text_get(&program_err), cases[i].part[k])) {
                fail_msg("trit %s\n\"%s\" is not in: %s", args, cases[i].part[k],
                         trit_text_get(&program_err));
            }
        }
        assert_int_equal(program_out.len, 0);
        assert_false(exists("made") || exists("runs"));
    }
}

/* A checkpoint cut anywhere is refused, not crashed on. */
static void truncated_checkpoints(void **state) {
    (void)state;
    static const int sizes[] = {1, 8, 100, 2048, 30000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char line[200];
        snprintf(line, sizeof line, "head -c %d good/checkpoints/step-00000003.h5 >cut.h5",
                 sizes[i]);
        assert_int_equal(shell(line), 0);
        assert_exit(65, program_run("eval cut.h5"), "cut.h5");
        assert_exit(65, program_run("generate cut.h5"), "cut.h5");
        assert_exit(65, program_run("inspect cut.h5"), "cut.h5");
    }
}

static void unreadable_files(void **state) {
    (void)state;
    if (geteuid() == 0) skip(); /* nothing is forbidden to root */
    assert_int_equal(shell("cp good.json closed.json; cp text.txt closed.txt; chmod 0 closed.*"),
                     0);
    assert_exit(2, program_run("train closed.json --run made"), "closed.json: Permission denied");
    assert_exit(74, program_run("train good.json data.source=closed.txt --run made"),
                "/data/source: closed.txt: Permission denied");
    assert_false(exists("made"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configs),          cmocka_unit_test(huge_configs),
        cmocka_unit_test(commands),         cmocka_unit_test(truncated_checkpoints),
        cmocka_unit_test(unreadable_files),
    };
    return cmocka_run_group_tests(tests, setup, program_leave);
}
