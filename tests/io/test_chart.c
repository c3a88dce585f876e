#include "testing.h"

#include "io/chart.h"
#include "io_faults.h"

#include <png.h>

enum { W = 640, H = 400 };

static uint8_t image[H][W][3];

/* Decodes a PNG with libpng's simplified reader. */
static void decode(const trit_text *png) {
    png_image reader = {.version = PNG_IMAGE_VERSION};
    assert_memory_equal(png->at, "\x89PNG\r\n\x1a\n", 8);
    assert_true(png_image_begin_read_from_memory(&reader, png->at, png->len));
    assert_int_equal(reader.width, W);
    assert_int_equal(reader.height, H);
    reader.format = PNG_FORMAT_RGB;
    assert_true(png_image_finish_read(&reader, NULL, image, 0, NULL));
}

/* Pixels of exactly that colour. */
static int count_color(uint32_t rgb) {
    int n = 0;
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            const uint8_t *p = image[y][x];
            n += (uint32_t)(p[0] << 16 | p[1] << 8 | p[2]) == rgb;
        }
    }
    return n;
}

static void render(const trit_chart *c) {
    trit_text png = {0};
    trit_error e = {0};
    assert_ok(trit_chart_png(c, W, H, &png, &e));
    decode(&png);
    trit_text_free(&png);
}

/* Ink in the outermost pixels: something was cut off. */
static void assert_clean_border(void) {
    for (int y = 0; y < H; y++) {
        for (int x = 0; x < W; x++) {
            if (x >= 3 && x < W - 3 && y >= 3 && y < H - 3) continue;
            for (int k = 0; k < 3; k++) assert_int_equal(image[y][x][k], 255);
        }
    }
}

static const double up[] = {1, 2, 3, 4, 5, 6}, down[] = {6, 5, 4, 3, 2, 1},
                    steps[] = {0, 20000, 40000, 60000, 80000, 100000};

static void png_shows_series(void **state) {
    (void)state;
    trit_chart_series s[] = {{"one", 6, steps, up, .style = TRIT_CHART_LINE, .color = 0},
                             {"two", 6, steps, down, .style = TRIT_CHART_POINTS, .color = 0}};
    trit_chart_mark m[] = {{.y = 4.5, .label = "baseline"}};
    trit_chart c = {"title", "step", "loss (nats)", false, false, s, 2, m, 1, .below = NULL};
    render(&c);
    assert_int_equal(count_color(0xFFFFFF) > W * H / 2, 1);
    assert_true(count_color(0x0072B2) > 300);
    assert_true(count_color(0xD55E00) > 300);
    assert_int_equal(count_color(0x009E73), 0);
    assert_clean_border();
    /* Up from the lower left, and in the lower right there is none of it. */
    int left_low = 0, right_low = 0;
    for (int y = H / 2; y < H; y++) {
        for (int x = 0; x < W / 2; x++) {
            left_low += image[y][x][0] == 0 && image[y][x][2] == 0xB2;
            right_low += image[y][W / 2 + x][0] == 0 && image[y][W / 2 + x][2] == 0xB2;
        }
    }
    assert_true(left_low > 100);
    assert_true(right_low < left_low / 5);
}

static void gaps_and_single_values(void **state) {
    (void)state;
    double gap[] = {1, NAN, 1, NAN, INFINITY, 1};
    trit_chart_series s = {NULL, 6, NULL, gap, .style = TRIT_CHART_LINE, .color = 0};
    trit_chart c = {.series = &s, .n_series = 1};
    render(&c);
    int dots = count_color(0x0072B2); /* three lonely values are dots, no lines between them */
    assert_in_range(dots, 30, 300);
    s.n = 1;
    render(&c);
    assert_in_range(count_color(0x0072B2), 10, 100);
    s.n = 6;
    s.y = up;
    render(&c);
    assert_true(count_color(0x0072B2) > 2 * dots);
}

/* A hundred thousand values per pixel keep their extremes. */
static void dense_series(void **state) {
    (void)state;
    enum { N = 1000000 };
    double *y = calloc(N, sizeof *y);
    y[N / 2] = 1;
    y[N / 2 + 1] = -1;
    trit_chart_series s = {NULL, N, NULL, y, .style = TRIT_CHART_LINE, .color = 0};
    trit_chart c = {.series = &s, .n_series = 1};
    trit_text svg = {0};
    trit_error e = {0};
    render(&c);
    int top = 0, bottom = 0;
    for (int x = 0; x < W; x++) {
        for (int k = 0; k < H / 3; k++) {
            top += image[k][x][0] < 200 && image[k][x][2] > 150;
            bottom += image[H - 1 - k][x][0] < 200 && image[H - 1 - k][x][2] > 150;
        }
    }
    assert_true(top > 50 && bottom > 50);
    assert_ok(trit_chart_svg(&c, W, H, &svg, &e));
    assert_true(svg.len < 200000);
    trit_text_free(&svg);
    free(y);
}

static void svg_holds_words(void **state) {
    (void)state;
    trit_chart_series s[] = {{"a < b & c", 6, steps, up, .style = TRIT_CHART_LINE, .color = 0}};
    trit_chart_mark m[] = {{.y = 4.5, .label = "baseline"}};
    trit_chart c = {"Loss, ternary", "step", "loss (nats)", false, true, s, 1, m, 1, .below = NULL};
    trit_text one = {0}, two = {0};
    trit_error e = {0};
    assert_ok(trit_chart_svg(&c, W, H, &one, &e));
    assert_non_null(strstr(one.at, "<svg "));
    assert_non_null(strstr(one.at, "width=\"640px\""));
    assert_non_null(strstr(one.at, "<title>Loss, ternary</title>"));
    assert_non_null(strstr(one.at, "x: step."));
    assert_non_null(strstr(one.at, "y: loss (nats)."));
    assert_non_null(strstr(one.at, "a &lt; b &amp; c"));
    assert_non_null(strstr(one.at, "baseline"));
    assert_non_null(strstr(one.at, "</svg>"));
    assert_ok(trit_chart_svg(&c, W, H, &two, &e));
    assert_string_equal(one.at, two.at); /* whatever was drawn before */
    trit_text_free(&one);
    trit_text_free(&two);
}

static void odd_ranges(void **state) {
    (void)state;
    static const double ranges[][2] = {{0.98, 1.02},      {3, 3},          {0, 0},
                                       {1e-7, 3e-7},      {1e9, 2e9},      {-40, -10},
                                       {1e9, 1e9 + 2e-6}, {-1e299, 1e299}, {1e-299, 1e-298}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        for (int log_y = 0; log_y < 2; log_y++) {
            if (log_y && ranges[i][0] <= 0) continue;
            trit_chart_series s = {"series",  2, ranges[i], ranges[i], .style = TRIT_CHART_POINTS,
                                   .color = 0};
            trit_chart c = {"title", "x", "y", log_y, log_y, &s, 1, NULL, 0, .below = NULL};
            render(&c);
            assert_true(count_color(0x0072B2) > 20);
            assert_clean_border();
        }
    }
}

static void long_words(void **state) {
    (void)state;
    char words[1200];
    for (size_t i = 0; i < 400; i++) memcpy(words + 3 * i, "\xE2\x82\xAC", 3);
    words[1199 - 1199 % 3] = '\0';
    trit_chart_series s[60];
    for (int k = 0; k < 60; k++) {
        s[k] = (trit_chart_series){words, 6, NULL, up, .style = TRIT_CHART_FAINT, .color = 0};
    }
    trit_chart_mark m[] = {{.y = 3, .label = words},
                           {.y = 3, .label = words, .label_left = true},
                           {.y = 3.1, .label = words}};
    trit_chart c = {words, words, words, false, false, s, 60, m, 3, .below = NULL};
    render(&c);
    assert_clean_border();
}

static void refusals(void **state) {
    (void)state;
    double none[] = {NAN, NAN}, negative[] = {-1, 0};
    trit_chart_series s = {"s", 2, NULL, none, .style = TRIT_CHART_LINE, .color = 0};
    trit_chart c = {"empty", NULL, NULL, false, false, &s, 0, NULL, 0, .below = NULL};
    trit_text out = {0};
    trit_error e = {0};
    assert_int_equal(trit_chart_png(&c, W, H, &out, &e), TRIT_E_DATA);
    assert_error_has(e, "'empty'");
    c.n_series = 1;
    assert_int_equal(trit_chart_svg(&c, W, H, &out, NULL), TRIT_E_DATA);
    s.y = negative;
    c.log_y = true;
    e = (trit_error){0};
    assert_int_equal(trit_chart_png(&c, W, H, &out, &e), TRIT_E_DATA);
    assert_error_has(e, "logarithmic");
    c.log_y = false;
    assert_int_equal(trit_chart_png(&c, 0, H, &out, NULL), TRIT_E_USAGE);
    assert_int_equal(trit_chart_png(&c, W, 100000, &out, NULL), TRIT_E_USAGE);
    c.title = "not UTF-8: \xFF";
    assert_int_equal(trit_chart_png(&c, W, H, &out, NULL), TRIT_E_DATA);
    assert_null(out.at);
}

static void save_by_name(void **state) {
    (void)state;
    char dir[256], path[512];
    trit_chart_series s = {"s", 6, NULL, up, .style = TRIT_CHART_LINE, .color = 0};
    trit_chart c = {"t", "x", "y", false, false, &s, 1, NULL, 0, .below = NULL};
    trit_text got = {0};
    trit_error e = {0};
    scratch_make(dir);
    assert_ok(trit_chart_save(&c, scratch_path(path, dir, "a.png"), &e));
    assert_ok(trit_file_read(path, 1 << 20, &got, &e));
    assert_memory_equal(got.at, "\x89PNG", 4);
    trit_text_free(&got);
    assert_ok(trit_chart_save(&c, scratch_path(path, dir, "a.svg"), &e));
    assert_ok(trit_file_read(path, 1 << 20, &got, &e));
    assert_memory_equal(got.at, "<?xml", 5);
    trit_text_free(&got);
    assert_int_equal(trit_chart_save(&c, scratch_path(path, dir, "a.gif"), &e), TRIT_E_USAGE);
    assert_error_has(e, ".png or .svg");
    scratch_remove(dir);
}

/* Panels stand below each other, with their edges and their stretch of x in common. */
static void panels(void **state) {
    (void)state;
    static const double far[] = {0, 120000}, big[] = {1e6, 123456};
    trit_chart_series upper = {NULL, 6, steps, up, .style = TRIT_CHART_LINE, .color = 1};
    trit_chart_series lower = {NULL, 2, far, big, .style = TRIT_CHART_LINE, .color = 2};
    trit_chart below = {.x_label = "step", .series = &lower, .n_series = 1};
    trit_chart c = {.title = "title", .series = &upper, .n_series = 1, .below = &below};
    render(&c);
    assert_clean_border();
    int n[2][2] = {{0}}, edge[2] = {0}, last[2] = {0};
    for (int y = 0; y < H; y++) {
        int half = y >= H / 2;
        for (int x = 0; x < W; x++) {
            const uint8_t *p = image[y][x];
            bool blue = p[0] == 0 && p[1] == 0x72 && p[2] == 0xB2;
            bool red = p[0] == 0xD5 && p[1] == 0x5E && p[2] == 0;
            n[half][0] += blue;
            n[half][1] += red;
            if ((blue || red) && x > last[half]) last[half] = x;
            if (!edge[half] && p[0] == 0x88 && p[1] == 0x88) edge[half] = x;
        }
    }
    assert_true(n[0][0] > 200 && n[0][1] == 0);
    assert_true(n[1][1] > 200 && n[1][0] == 0);
    assert_true(edge[0] > 0 && edge[0] == edge[1]);
    assert_true(last[0] < last[1] - 50); /* 100000 and 120000 on one axis */
}

/* Names in place of numbers, intervals about dots, a line at zero, and what dots say. */
static void words_and_intervals(void **state) {
    (void)state;
    static const double x[] = {-1, 2}, y[] = {0, 1}, lo[] = {-3, 1}, hi[] = {1, 4};
    static const char *const rows[] = {"first row", "a name that is far too long for its place"};
    static const char *const says[] = {"one & only", "two"};
    trit_chart_series s = {.name = "dots",
                           .n = 2,
                           .x = x,
                           .y = y,
                           .style = TRIT_CHART_DOTS,
                           .lo = lo,
                           .hi = hi,
                           .words = says};
    trit_chart_mark zero = {.y = 0, .vertical = true};
    trit_chart c = {
        .series = &s, .n_series = 1, .mark = &zero, .n_mark = 1, .y_words = rows, .n_y_word = 2};
    trit_text svg = {0};
    trit_error e = {0};
    render(&c);
    assert_clean_border();
    assert_true(count_color(0x0072B2) > 200);
    assert_ok(trit_chart_svg(&c, W, H, &svg, &e));
    assert_non_null(strstr(svg.at, ">first row</text>"));
    assert_non_null(strstr(svg.at, "…</text>"));
    assert_non_null(strstr(svg.at, "<title>dots\none &amp; only</title></circle>"));
    assert_null(strstr(svg.at, ">0.5</text>")); /* no numbers between rows */
    trit_text_free(&svg);
}

static void bars_stand_on_zero(void **state) {
    (void)state;
    static const double y[] = {5, 6, 5};
    trit_chart_series s = {.n = 3, .y = y, .style = TRIT_CHART_BARS};
    trit_chart c = {.series = &s, .n_series = 1};
    render(&c);
    assert_true(count_color(0x0072B2) > W * H / 5);
    assert_clean_border();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_shows_series),
        cmocka_unit_test(gaps_and_single_values),
        cmocka_unit_test(dense_series),
        cmocka_unit_test(svg_holds_words),
        cmocka_unit_test(odd_ranges),
        cmocka_unit_test(long_words),
        cmocka_unit_test(refusals),
        cmocka_unit_test(save_by_name),
        cmocka_unit_test(panels),
        cmocka_unit_test(words_and_intervals),
        cmocka_unit_test(bars_stand_on_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
