/* Known answers of weights with learned scales: seq, dlt, lmb, fdb. */
#include "form_bench.h"

static void seq(void **state) {
    (void)state;
    static const float third = 2.0f / 3;
    const float ternary[] = {-third, -third, 0, 0, 0, third, third, third};
    static const float two[] = {-.75f, -.25f, -.25f, .25f, .25f, .75f, .75f, .75f};
    static const float one[] = {-.7f, -.7f, -.7f, 0, .7f, .7f, .7f, .7f};
    static const float gx[] = {0, -.2f, .3f, -.4f, .5f, -.6f, .7f, 0};
    static const float gx1[] = {0, -.2f, .3f, -.4f, .5f, -.6f, 0, 0};
    form_expect(&(form_answer){.text = "seq2",
                               .knob = {{"ternary", 1}},
                               .learn = {{"alpha", 2.1, 1, -1.16, -.41012193}},
                               .y = ternary,
                               .gx = gx,
                               .codes = (const int[]){-1, -1, 0, 0, 0, 1, 1, 1},
                               .scale = 2.0 / 3});
    form_expect(&(form_answer){.text = "seq",
                               .learn = {{"alpha", 2.1, 1, -1.06, -.37476659}},
                               .y = two,
                               .gx = gx,
                               .codes = (const int[]){-2, -1, -1, 0, 0, 1, 1, 1},
                               .scale = .5,
                               .zero = -.5});
    form_expect(&(form_answer){.text = "seq1",
                               .learn = {{"alpha", .7, NAN, -.4, -.14142136}},
                               .y = one,
                               .gx = gx1,
                               .codes = (const int[]){-1, -1, -1, 0, 1, 1, 1, 1},
                               .scale = .7});
    /* At its first value the largest weight is beyond the bound: gx 0, da = Q = 3/4; thresholds
     * of 2 bits are multiples of a/2, where the even code wins. */
    static const float x[] = {2, 1, -1, .5f}, g[] = {1, 10, 100, 1000};
    static const float y[] = {1.5f, .5f, -1.5f, .5f}, inside[] = {0, 10, 100, 1000};
    form_expect(&(form_answer){.text = "seq",
                               .learn = {{"alpha", 2, NAN, .75 - 10 * .25 - 100 * .25, NAN}},
                               .n = 4,
                               .x = x,
                               .g = g,
                               .y = y,
                               .gx = inside});
}

static void dlt(void **state) {
    (void)state;
    static const float y[] = {-.9f, -.4f, .1f, .1f, .1f, .6f, .6f, .6f};
    static const float gx[] = {0, -.2f, .3f, -.4f, .5f, 0, 0, 0};
    form_expect(
        &(form_answer){.text = "dlt",
                       .knob = {{"ternary", 0}},
                       .learn = {{"step", 1.4, .5, -1.02, -.36062446}, {"gamma", 0, .1, -.4, -.4}},
                       .y = y,
                       .gx = gx,
                       .codes = (const int[]){-2, -1, 0, 0, 0, 1, 1, 1},
                       .scale = .5,
                       .zero = -.2});
    /* Ternary: the lowest level is gone. u = -2.6, -.9, -.2, 0, .4, 1.1, 1.8, 4.2: da = -1 for the
     * first, then -.1, .2, 0, -.4, and 1 from there. */
    static const float y3[] = {-.4f, -.4f, .1f, .1f, .1f, .6f, .6f, .6f};
    form_expect(
        &(form_answer){.text = "dlt",
                       .learn = {{"step", 1.4, .5, -.1 + .02 + .06 - .2 - .6 + .7 - .8, NAN},
                                 {"gamma", 0, .1, -.4, -.4}},
                       .y = y3,
                       .gx = gx,
                       .codes = (const int[]){-1, -1, 0, 0, 0, 1, 1, 1},
                       .scale = .5,
                       .zero = -.2});
    static const float y1[] = {-.6f, -.6f, -.6f, .1f, .8f, .8f, .8f, .8f};
    static const float gx1[] = {0, -.2f, .3f, -.4f, .5f, -.6f, 0, 0};
    form_expect(
        &(form_answer){.text = "dlt1",
                       .learn = {{"step", .7, .7, -.4, -.14142136}, {"gamma", 0, .1, -.4, -.4}},
                       .y = y1,
                       .gx = gx1});
    /* 3 bits: -4..3, both bounds inside. */
    static const float x[] = {-4.4f, -4, 3, 3.4f}, g[] = {1, 1, 1, 1};
    static const float y4[] = {-4, -4, 3, 3}, in[] = {0, 1, 1, 0};
    form_expect(&(form_answer){
        .text = "dlt3",
        .learn = {{"step", 7.4 / sqrt(3), 1, -1, -1 / sqrt(12)}, {"gamma", 0, NAN, 4, 4}},
        .n = 4,
        .x = x,
        .g = g,
        .y = y4,
        .gx = in});
}

static void lmb(void **state) {
    (void)state;
    static const float y[] = {-1.1625f, -.2375f, -.2375f, 0, .2375f, .2375f, 1.1625f, 1.1625f};
    static const float gx[] = {.04625f,  -.16775f, .251625f, -.3355f,
                               .419375f, -.50325f, .587125f, 0};
    form_expect(&(form_answer){.text = "lmb",
                               .learn = {{"s1", .7, NAN, -.585, -.585}, {"s2", .4625, NAN, 0, 0}},
                               .y = y,
                               .gx = gx});
    static const float y1[] = {-.7f, -.7f, -.7f, 0, .7f, .7f, .7f, .7f};
    static const float gx1[] = {0, -.14f, .21f, -.28f, .35f, -.42f, .49f, 0};
    form_expect(&(form_answer){.text = "lmb1",
                               .learn = {{"s1", .7, NAN, -.4, -.4}, {"s2", .4625, NAN, 0, 0}},
                               .y = y1,
                               .gx = gx1});
    /* Codes count the four levels -s1-s2, -s1+s2, s1-s2, s1+s2 in rising order. */
    form_expect(&(form_answer){
        .text = "lmb", .knob = {{"zero", 1}}, .codes = (const int[]){0, 1, 1, 2, 2, 2, 3, 3}});
    form_expect(&(form_answer){.text = "lmb", /* s2 > s1: the middle two change places */
                               .knob = {{"zero", 1}},
                               .learn = {{"s1", .7, .5, NAN, NAN}, {"s2", NAN, 1, NAN, NAN}},
                               .codes = (const int[]){0, 2, 2, 1, 1, 3, 3, 3}});
}

static void fdb(void **state) {
    (void)state;
    static const float y[] = {-.5f, -.5f, 0, 0, 0, .5f, 1, 1};
    form_expect(
        &(form_answer){.text = "fdb-group8",
                       .learn = {{"a1", 6.8 / 3, 1, -.7, -.7}, {"a2", -3.4 / 3, -.5, -.7, -.7}},
                       .y = y,
                       .gx = FORM_G,
                       .codes = (const int[]){0, 0, 1, 1, 1, 2, 3, 3}});
    /* Thresholds belong to the upper level of the first bit and to the lower one of the second. */
    static const float x[] = {.25f, .75f, -.25f, .24f}, g[] = {1, 2, 4, 8};
    static const float at[] = {.5f, .5f, -.5f, 0};
    form_expect(&(form_answer){.text = "fdb-group4",
                               .learn = {{"a1", NAN, 1, 3, 3}, {"a2", NAN, -.5, 7, 7}},
                               .n = 4,
                               .x = x,
                               .g = g,
                               .y = at});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seq),
        cmocka_unit_test(dlt),
        cmocka_unit_test(lmb),
        cmocka_unit_test(fdb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
