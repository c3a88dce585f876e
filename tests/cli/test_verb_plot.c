/* Pictures of runs with the real program. */
#include "program.h"

static int setup(void **state) {
    int rc = program_enter(state);
    if (rc) return rc;
    FILE *f = fopen("text.txt", "w");
    for (int i = 0; f && i < 200; i++) fprintf(f, "line %d\n", i);
    if (!f || fclose(f)) return -1;
    spit("tiny.json",
         "{\"data\": {\"source\": \"text.txt\"}, \"model\": {\"layers\": 1, \"width\": "
         "16, \"heads\": 2, \"context\": 16}, \"quant\": \"bitnet-b1.58\", \"optim\": "
         "{\"warmup\": 0}, \"train\": {\"steps\": 6, \"batch\": 1, \"eval_every\": 2}, "
         "\"run\": {\"threads\": 1, \"plot\": false}}");
    rc = program_run("train tiny.json --run one");
    return rc ? rc : program_run("train tiny.json train.seed=2 name=second --run two");
}

static bool holds(const char *path, const char *part) {
    trit_text text = {0};
    slurp(path, &text);
    bool found = strstr(text.at, part) != NULL;
    trit_text_free(&text);
    return found;
}

static void curves(void **state) {
    (void)state;
    assert_exit(0, program_run("plot one two -o a.svg"), "");
    assert_true(holds("a.svg", ">second</text>"));
    assert_true(holds("a.svg", ">tiny</text>"));
    assert_true(holds("a.svg", "training loss (nats per token)"));
    assert_exit(
        0, program_run("plot one two --metric val_loss --log-y --title 'Two runs' -o b.png"), "");
    assert_int_equal(shell("head -c 4 b.png | grep -q PNG"), 0);
    /* Two runs of one name are told apart by their folders. */
    assert_int_equal(shell("cp -r one copy"), 0);
    assert_exit(0, program_run("plot one copy --metric lr -o c.svg"), "");
    assert_true(holds("c.svg", ">copy</text>"));
}

static void quantizers(void **state) {
    (void)state;
    assert_exit(0, program_run("plot one --metric zero --layers '*.q.weight_quant' -o z.svg"), "");
    assert_true(holds("z.svg", "share of zeros"));
    assert_false(holds("z.svg", "attn.k"));
    assert_exit(0, program_run("plot one --metric sqnr -o s.svg"), "");
    assert_true(holds("s.svg", ">blocks.0.attn.k.weight_quant</text>"));
    assert_exit(0, program_run("plot one --histogram '*attn.v.weight_quant' -o h.svg"), "");
    assert_true(holds("h.svg", "blocks.0.attn.v.weight"));
    assert_true(holds("h.svg", "the levels it is quantized to"));
    assert_exit(0, program_run("plot one --histogram '*attn.o.input_quant' -o i.svg"), "");
    assert_true(holds("i.svg", "blocks.0.attn.o.input_quant") && holds("i.svg", "share of inputs"));
    assert_true(holds("i.svg", "input / scale of its group; dashed: the outermost levels"));
    assert_exit(0, program_run("plot one --metric scale -o t.svg"), "");
    assert_true(holds("t.svg", "mean step size"));
}

static void sizes(void **state) {
    (void)state;
    assert_exit(0, program_run("sweep tiny.json quant.weights=ternary,int4 --run sweep"), "");
    assert_exit(0, program_run("plot sweep --pareto bytes -o p.svg"), "");
    assert_true(holds("p.svg", "deployed model (bytes)") && holds("p.svg", "val_loss (nats"));
    assert_exit(0, program_run("plot sweep --pareto bits --metric bits_per_byte -o q.svg"), "");
    assert_true(holds("q.svg", "bits a parameter") && holds("q.svg", "(bits per byte)"));
    assert_exit(2, program_run("plot sweep --pareto loss -o x.png"), "expected bits or bytes");
    assert_exit(2, program_run("plot one --pareto bits -o x.png"), "holds no sweep.json");
    assert_exit(2, program_run("plot sweep --pareto bits --metric lr -o x.png"), "unknown metric");
    assert_exit(2, program_run("plot sweep sweep --pareto bits -o x.png"), "shows one sweep");
    assert_exit(2, program_run("plot sweep --pareto bits --histogram '*' -o x.png"),
                "two pictures");
}

static void mistakes(void **state) {
    (void)state;
    assert_exit(2, program_run("plot"), "a RUN is missing");
    assert_exit(2, program_run("plot one"), "-o FILE is missing");
    assert_exit(2, program_run("plot nowhere -o a.png"), "holds no metrics.jsonl");
    assert_exit(2, program_run("plot one -o a.jpg"), "must end in .png or .svg");
    assert_exit(65, program_run("plot one --metric foo -o x.png"), "no run has values of \"foo\"");
    assert_exit(65, program_run("plot one --metric zero --layers none* -o x.png"), "for none*");
    assert_exit(65, program_run("plot one --histogram 'q*' -o x.png"),
                "blocks.0.attn.q.weight_quant");
    assert_exit(2, program_run("plot one two --histogram '*' -o x.png"), "shows one RUN");
    assert_false(exists("x.png"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves),
        cmocka_unit_test(quantizers),
        cmocka_unit_test(sizes),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, setup, program_leave);
}
