#include "quant/spec.h"
#include "testing.h"

#define W TRIT_QUANT_WEIGHT
#define A TRIT_QUANT_ACTIVATION

static void words(void **state) {
    (void)state;
    static const struct {
        trit_quant_kind kind;
        const char *text, *grid, *scale, *granularity;
        int bits, group;
        bool is_signed;
    } cases[] = {
        {W, "int", "int", "absmax", "tensor", 8, 128, true},
        {W, "int2", "int", "absmax", "tensor", 2, 128, true},
        {W, "ternary", "ternary", "absmean", "tensor", 2, 128, true},
        {W, "ternary2-absmedian-row", "ternary", "absmedian", "row", 2, 128, true},
        {W, "binary", "binary", "absmean", "tensor", 1, 128, true},
        {W, "int4-learned-group64", "int", "learned", "group", 4, 64, true},
        {W, "int4-group64-learned", "int", "learned", "group", 4, 64, true},
        {W, "int4-group", "int", "absmax", "group", 4, 128, true},
        {W, "int4-learned", "int", "learned", "tensor", 4, 128, true},
        {A, "int8", "int", "absmax", "token", 8, 128, true},
        {A, "uint4-absmax", "int", "absmax", "token", 4, 128, false},
        {A, "uint", "int", "absmax", "token", 8, 128, false},
        {A, "uint8-learned", "int", "learned", "tensor", 8, 128, false},
        {A, "int8-fixed-tensor", "int", "fixed", "tensor", 8, 128, true},
        {A, "int8-group32", "int", "absmax", "group", 8, 32, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_error e = {0};
        trit_spec sp;
        memset(&sp, 0xa5, sizeof sp);
        assert_ok(trit_spec_parse(&sp, cases[i].kind, cases[i].text, &e));
        assert_true(sp.on && sp.start == 0 && sp.eps == 1e-5 && !sp.narrow);
        assert_string_equal(trit_grid_names[sp.grid], cases[i].grid);
        assert_string_equal(trit_scale_names[sp.scale], cases[i].scale);
        assert_string_equal(trit_granularity_names[sp.granularity], cases[i].granularity);
        assert_string_equal(trit_estimator_names[sp.estimator], "ste");
        assert_int_equal(sp.bits, cases[i].bits);
        assert_int_equal(sp.group, cases[i].group);
        assert_int_equal(sp.is_signed, cases[i].is_signed);
        assert_true(sp.lambda.shape == TRIT_SHAPE_hold && sp.lambda.from == 1);
    }
    trit_error e = {0};
    trit_spec off, sp;
    memset(&sp, 0xa5, sizeof sp);
    memset(&off, 0, sizeof off);
    assert_ok(trit_spec_parse(&sp, W, "none", &e));
    assert_memory_equal(&sp, &off, sizeof sp);
}

static void bad_words(void **state) {
    (void)state;
    static const struct {
        trit_quant_kind kind;
        const char *text, *part;
    } bad[] = {
        {W, "", "quantizer \"\": unknown word \"\""},
        {W, "trnary",
         "quantizer \"trnary\": unknown word \"trnary\"; did you mean \"ternary\"? (a "
         "quantizer is \"none\", or a grid"},
        {W, "absmean", "unknown word \"absmean\" (a quantizer"},
        {W, "hadamard", "unknown word \"hadamard\" (a quantizer"},
        {W, "int8-ternary", "unknown word \"ternary\" (a quantizer"},
        {W, "None", "unknown word \"None\""},
        {W, "int8-", "unknown word \"\""},
        {W, "int8--row", "unknown word \"\""},
        {W, "int8-absmaen", "unknown word \"absmaen\"; did you mean \"absmean\"?"},
        {W, "int8x", "unknown word \"int8x\""},
        {W, "int-8", "unknown word \"8\""},
        {W, "uternary", "unknown word \"uternary\""},
        {W, "int12345678901234567890", "unknown word \"int12345678901234567890\""},
        {W, "int4-group64x", "unknown word \"group64x\""},
        {W, "int4-row64", "unknown word \"row64\""},
        {W, "int8-absmax-absmean", "\"absmean\" is a second scale rule"},
        {W, "int8-absmax-absmax", "\"absmax\" is a second scale rule"},
        {W, "int8-row-tensor", "\"tensor\" is a second granularity"},
        {W, "int8-group64-group32", "\"group32\" is a second granularity"},
        {W,
         "int8-absmax-"
         "rowxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         "too long"},
        {W, "int0", "bits: found 0, but grid int has 2..8"},
        {W, "int1", "bits: found 1, but grid int has 2..8"},
        {W, "int9", "bits: found 9, but grid int has 2..8"},
        {W, "ternary3", "bits: found 3, but grid ternary has 2..2"},
        {W, "binary2", "bits: found 2, but grid binary has 1..1"},
        {W, "uint4", "signed: weights have both signs"},
        {W, "int8-token", "granularity: weights have no tokens"},
        {W, "int8-group0", "group: found 0, expected at least 1"},
        {A, "int8-row", "granularity: activations have tokens where weights have rows"},
        {A, "int8-learned-token", "granularity: a learned step per token"},
        {A, "int8-token-learned", "granularity: a learned step per token"},
        {A, "int8-learned-group64", "granularity: a learned step per group"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        trit_error e = {0};
        trit_spec sp;
        if (trit_spec_parse(&sp, bad[i].kind, bad[i].text, &e) != TRIT_E_CONFIG) {
            print_error("\"%s\" was taken\n", bad[i].text);
            fail();
        }
        assert_error_has(e, bad[i].part);
        assert_int_equal(trit_spec_parse(&sp, bad[i].kind, bad[i].text, NULL), TRIT_E_CONFIG);
    }
}

/* What no short form can say. */
static void checks(void **state) {
    (void)state;
    trit_error e = {0};
    trit_spec sp;
    assert_ok(trit_spec_parse(&sp, A, "uint8", &e));
    sp.narrow = true;
    assert_int_equal(trit_spec_check(&sp, A, &e), TRIT_E_CONFIG);
    assert_error_has(e, "narrow: only the signed integer grid");
    e = (trit_error){0};
    assert_ok(trit_spec_parse(&sp, A, "ternary", &e));
    sp.narrow = true;
    assert_int_equal(trit_spec_check(&sp, A, &e), TRIT_E_CONFIG);
    e = (trit_error){0};
    sp.narrow = false;
    sp.is_signed = false;
    assert_int_equal(trit_spec_check(&sp, A, &e), TRIT_E_CONFIG);
    assert_error_has(e, "signed: grid ternary is symmetric");
    e = (trit_error){0};
    assert_ok(trit_spec_parse(&sp, W, "int8", &e));
    sp.narrow = true;
    assert_ok(trit_spec_check(&sp, W, &e));
    sp.group = 0; /* matters for groups only */
    assert_ok(trit_spec_check(&sp, W, &e));
    trit_spec off = trit_spec_off();
    off.bits = 99;
    assert_ok(trit_spec_check(&off, W, &e));
}

static void one_word_for_people(void **state) {
    (void)state;
    static const struct {
        trit_quant_kind kind;
        const char *text, *want;
        int bits;
    } cases[] = {
        {W, "none", "none", 32},
        {W, "ternary", "ternary-absmean-tensor ste", 2},
        {W, "binary-row", "binary-absmean-row ste", 1},
        {W, "int4-group64", "int4-absmax-group64 ste", 4},
        {A, "uint8", "uint8-absmax-token ste", 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_error e = {0};
        trit_spec sp;
        char text[96];
        assert_ok(trit_spec_parse(&sp, cases[i].kind, cases[i].text, &e));
        assert_string_equal(trit_spec_text(&sp, text), cases[i].want);
        assert_int_equal(trit_spec_storage_bits(&sp), cases[i].bits);
    }
}

static int count(const char *const *names) {
    int n = 0;
    while (names[n]) n++;
    return n;
}

static void check_knobs(const trit_knob *k) {
    int n = 0;
    for (; k && k->name; k++, n++) {
        assert_true(*k->name && k->doc && *k->doc);
        assert_true(k->lo <= k->dflt && k->dflt <= k->hi);
    }
    assert_true(n <= TRIT_MAX_KNOB);
}

/* A row of a short form: its name is a word of its own and splits at no dash. */
static void check_word(const char *name, const char *doc) {
    assert_true(*name && doc && *doc);
    assert_null(strpbrk(name, "- "));
}

static void rows_are_complete(void **state) {
    (void)state;
    for (int i = 0; i < count(trit_grid_names); i++) {
        const trit_grid *g = trit_grids[i];
        assert_string_equal(g->name, trit_grid_names[i]);
        check_word(g->name, g->doc);
        check_knobs(g->knob);
        assert_true(g->bits_min <= g->bits_default && g->bits_default <= g->bits_max);
        assert_true(g->bounds && g->project && g->levels);
    }
    assert_null(trit_grids[count(trit_grid_names)]);
    for (int i = 0; i < count(trit_scale_names); i++) {
        const trit_scale_rule *s = trit_scales[i];
        assert_string_equal(s->name, trit_scale_names[i]);
        check_word(s->name, s->doc);
        check_knobs(s->knob);
        assert_non_null(s->finish);
        assert_true((s->combine == TRIT_MEASURE_NONE) == !s->measure);
        assert_true(s->learned == (s->grad_scale != NULL));
    }
    assert_null(trit_scales[count(trit_scale_names)]);
    for (int i = 0; i < count(trit_estimator_names); i++) {
        const trit_estimator *t = trit_estimators[i];
        assert_string_equal(t->name, trit_estimator_names[i]);
        assert_true(*t->name && t->doc && *t->doc && t->cite && *t->cite);
        check_knobs(t->knob);
        assert_non_null(t->slope);
        assert_int_not_equal(t->check, TRIT_CHECK_NONE);
        assert_true((t->check == TRIT_CHECK_SURROGATE) <= (t->soft != NULL));
    }
    assert_null(trit_estimators[count(trit_estimator_names)]);
    for (int i = 0; i < TRIT_N_GRANULARITY; i++) {
        check_word(trit_granularity_names[i], trit_granularity_docs[i]);
    }
    assert_null(trit_granularity_names[TRIT_N_GRANULARITY]);
}

static bool owns(const trit_knob *k, const char *name) {
    for (; k && k->name; k++) {
        if (strcmp(k->name, name) == 0) return true;
    }
    return false;
}

/* Configs name a knob without its axis, and short forms a word without its. */
static void names_are_unambiguous(void **state) {
    (void)state;
    trit_spec sp = trit_spec_make(W, 0);
    for (sp.grid = 0; trit_grids[sp.grid]; sp.grid++) {
        for (sp.scale = 0; trit_scales[sp.scale]; sp.scale++) {
            for (sp.estimator = 0; trit_estimators[sp.estimator]; sp.estimator++) {
                for (int a = 0; a < TRIT_N_KNOB_AXIS; a++) {
                    const trit_knob *k = trit_spec_knobs(&sp, (trit_knob_axis)a);
                    for (; k && k->name; k++) {
                        for (int b = 0; b < a; b++) {
                            assert_false(owns(trit_spec_knobs(&sp, (trit_knob_axis)b), k->name));
                        }
                    }
                }
            }
        }
    }
    for (int i = 0; trit_scale_names[i]; i++) {
        for (int k = 0; k < TRIT_N_GRANULARITY; k++) {
            assert_string_not_equal(trit_scale_names[i], trit_granularity_names[k]);
        }
    }
}

/* Levels rise, lie in the bounds, are as few as the bits allow, and each is its own projection. */
static void levels_of_grids(void **state) {
    (void)state;
    for (int i = 0; trit_grids[i]; i++) {
        const trit_grid *g = trit_grids[i];
        for (int bits = g->bits_min; bits <= g->bits_max; bits++) {
            for (int form = 0; form < 3; form++) { /* signed, narrow, unsigned */
                trit_spec sp = trit_spec_make(A, i);
                sp.bits = bits;
                sp.narrow = form == 1;
                sp.is_signed = form != 2;
                if (trit_spec_check(&sp, A, NULL)) continue;
                trit_real level[300], q[300], lo, hi, knob[TRIT_MAX_KNOB];
                for (int k = 0; k < TRIT_MAX_KNOB; k++) {
                    knob[k] = TRIT_R(sp.knob[TRIT_KNOB_GRID][k].from);
                }
                int n = g->levels(&sp, level, 300);
                g->bounds(&sp, &lo, &hi);
                bool one_more = strcmp(g->name, "log") == 0; /* zero, beside 2^bits powers */
                assert_true(n >= 2 && n <= (1 << bits) + one_more && hi > 0);
                assert_true(n <= TRIT_MAX_LEVEL);
                assert_true(level[0] == lo && level[n - 1] == hi);
                assert_true(lo == (form == 2 ? 0 : -hi) || (lo == -hi - 1 && form == 0));
                for (int k = 1; k < n; k++) assert_true(level[k - 1] < level[k]);
                trit_span span = {.spec = &sp,
                                  .n = n,
                                  .x = level,
                                  .u = level,
                                  .s = 1,
                                  .lo = lo,
                                  .hi = hi,
                                  .level = level,
                                  .n_level = n,
                                  .knob = knob};
                g->project(&span, q);
                assert_memory_equal(q, level, (size_t)n * sizeof *q);
            }
        }
    }
    trit_spec sp = trit_spec_make(A, 0);
    trit_real few[2];
    assert_int_equal(trit_grids[0]->levels(&sp, few, 2), 256); /* counts beyond the cap */
    assert_true(few[0] == -128 && few[1] == -127);
}

/* A spec's bytes are its value. */
static void bytes(void **state) {
    (void)state;
    trit_error e = {0};
    trit_spec a, b;
    memset(&a, 0xff, sizeof a);
    memset(&b, 0x11, sizeof b);
    assert_ok(trit_spec_parse(&a, W, "ternary", &e));
    assert_ok(trit_spec_parse(&b, W, "ternary-absmean-tensor", &e));
    assert_memory_equal(&a, &b, sizeof a);
    b = trit_spec_make(W, a.grid);
    assert_memory_equal(&a, &b, sizeof a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(bad_words),
        cmocka_unit_test(checks),
        cmocka_unit_test(one_word_for_people),
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(names_are_unambiguous),
        cmocka_unit_test(levels_of_grids),
        cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
