/* `trit methods`, run as a program. */
#include "io/distill_settings.h"
#include "io/quant_settings.h"
#include "quant/form.h"
#include "quant/methods.h"
#include "testing.h"

#include <sys/wait.h>

static char out[1 << 18];

static int trit(const char *args) {
    char line[1024];
    snprintf(line, sizeof line, "exec 2>&1; '%s' methods %s", TRIT_CLI, args);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    out[fread(out, 1, sizeof out - 1, f)] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static cJSON *printed(void) {
    trit_error e = {0};
    cJSON *v = NULL;
    assert_ok(trit_json_parse(&v, out, strlen(out), "out", &e));
    return v;
}

static bool has(const cJSON *list, const char *axis, const char *name) {
    for (const cJSON *m = list->child; m; m = m->next) {
        if (strcmp(trit_json_get(m, "axis")->valuestring, axis) == 0 &&
            strcmp(trit_json_get(m, "name")->valuestring, name) == 0) {
            return true;
        }
    }
    return false;
}

static void every_row_is_listed(void **state) {
    (void)state;
    assert_int_equal(trit("--json"), 0);
    cJSON *v = printed();
    int n = TRIT_N_GRANULARITY;
    static const char *const axes[] = {"grid", "scale",      "estimator", "transform",
                                       "form", "controller", "loss",      "granularity"};
    const char *const *const names[] = {
        trit_grid_names,     trit_scale_names,      trit_estimator_names, trit_transform_names,
        trit_form_names + 1, trit_controller_names, trit_loss_names,      trit_granularity_names};
    for (int a = 0; a < 8; a++) {
        for (int i = 0; names[a][i]; i++) {
            assert_true(has(v, axes[a], names[a][i]));
            if (a < 7) n++;
        }
    }
    for (const trit_method_file *m = trit_method_files; m->name; m++, n++) {
        assert_true(has(v, "method", m->name));
    }
    assert_int_equal(cJSON_GetArraySize(v), n);
    cJSON_Delete(v);

    assert_int_equal(trit(""), 0);
    static const char *const lines[] = {"\ngranularity\n  tensor", "\nmethod\n",
                                        "\n  bitnet-b1.58 ", "  absmax  ", "  ste-clip  "};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(strstr(out, lines[i]));
}

static void one_row(void **state) {
    (void)state;
    assert_int_equal(trit("absmean"), 0);
    static const char *const lines[] = {
        "scale absmean\n  mean magnitude, held constant in the gradient\n",
        "\n  formula: s = mult * max(mean|x|, eps)\n",
        "\n  knob mult = 1, from 0.001 to 1000: factor on the mean magnitude\n",
        "\n  pitfall: on a grid of many levels the largest values are clipped\n",
        "\n  source: Ma et al. 2024, arXiv 2402.17764\n",
        "\nexample: \"quant\": {\"weights\": \"int8-absmean\"}\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(strstr(out, lines[i]));
    assert_int_equal(trit("int"), 0); /* lines of a formula stand below each other */
    assert_non_null(strstr(out, "  formula: q = clip(round(u), lo, hi)\n           signed: lo"));
    assert_non_null(strstr(out, "\n  bits: 8, from 2 to 8\n"));
    assert_int_equal(trit("twn"), 0);
    assert_non_null(strstr(out, "form twn\n"));
    assert_non_null(strstr(out, "\n  for weights; granularity of weights by default: row\n"));
    assert_non_null(strstr(out, "\n  bits: 2\n"));
    assert_int_equal(trit("--json absmean"), 0);
    cJSON *v = printed();
    assert_int_equal(cJSON_GetArraySize(v), 1);
    const cJSON *knob = cJSON_GetArrayItem(trit_json_get(v->child, "knobs"), 0);
    assert_string_equal(trit_json_get(knob, "name")->valuestring, "mult");
    assert_true(trit_json_get(knob, "default")->valuedouble == 1);
    assert_true(trit_json_get(knob, "lo")->valuedouble == 1e-3);
    assert_true(trit_json_get(knob, "hi")->valuedouble == 1e3);
    cJSON_Delete(v);
}

/* A named method is explained by the rows it consists of. */
static void one_method(void **state) {
    (void)state;
    assert_int_equal(trit("bwn"), 0);
    static const char *const lines[] = {
        "method bwn\n  binary weights with the mean magnitude of each row, activations in full",
        "\n  weights: binary-absmean-row ste\n    s = mult * max(mean|x|, eps)\n    q = -1 for",
        "\n  activations: none\n",
        "\n  source: Rastegari et al. 2016, arXiv 1603.05279\n",
        "\nexample: \"quant\": \"bwn\"\n\n{\n  \"comment\": \"binary",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(strstr(out, lines[i]));
    assert_int_equal(trit("lsq-w3a2"), 0);
    assert_non_null(strstr(out, "method lsq\n"));
    assert_int_equal(trit("--json bwn"), 0);
    cJSON *v = printed();
    assert_string_equal(trit_json_get(v->child, "cite")->valuestring,
                        "Rastegari et al. 2016, arXiv 1603.05279");
    cJSON_Delete(v);
}

/* Every row has a section, with its formula. */
static void page(void **state) {
    (void)state;
    assert_int_equal(trit("--doc"), 0);
    assert_true(strncmp(out, "# Quantizers\n\n", 14) == 0);
    const char *const *const names[] = {
        trit_grid_names,      trit_scale_names,    trit_granularity_names, trit_transform_names,
        trit_estimator_names, trit_form_names + 1, trit_controller_names,  trit_loss_names};
    const char *at = out;
    for (int a = 0; a < 8; a++) {
        for (int i = 0; names[a][i]; i++) {
            char head[64];
            snprintf(head, sizeof head, "\n### %s\n", names[a][i]);
            at = strstr(at, head);
            assert_non_null(at);
        }
    }
    assert_non_null(strstr(out, "```\ns = mult * max(max|x|, eps) / hi\n```\n"));
    assert_non_null(strstr(out, "\n### bwn\n\nbinary weights"));
    assert_null(strstr(out, "!["));
    char args[512], svg[512];
    char dir[] = "/tmp/trit_page_XXXXXX";
    assert_non_null(mkdtemp(dir));
    snprintf(svg, sizeof svg, "%s/form-twn.svg", dir);
    fclose(fopen(svg, "w"));
    snprintf(args, sizeof args, "--doc --images %s", dir);
    assert_int_equal(trit(args), 0);
    const char *image = strstr(out, "![form twn: output and slope](");
    assert_non_null(image);
    assert_null(strstr(image + 1, "!["));
    remove(svg);
    remove(dir);
    assert_int_equal(trit("--doc int"), 2);
}

/* What is printed as an example is a section that can be read. */
static void examples(void **state) {
    (void)state;
    const char *const *const names[] = {
        trit_grid_names,        trit_scale_names,    trit_estimator_names, trit_transform_names,
        trit_granularity_names, trit_form_names + 1, trit_controller_names};
    for (int a = 0; a < 7; a++) {
        for (int i = 0; names[a][i]; i++) {
            trit_error e = {0};
            assert_int_equal(trit(names[a][i]), 0);
            const char *example = strstr(out, "example: ");
            if (a == 6) example = strstr(strstr(out, "controller "), "example: "); /* biper */
            assert_non_null(example);
            char text[512];
            snprintf(text, sizeof text, "{%.*s}", (int)strcspn(example + 9, "\n"), example + 9);
            cJSON *v = NULL;
            trit_quant_cfg cfg;
            trit_arena mem;
            trit_arena_init(&mem, "settings");
            assert_ok(trit_json_parse(&v, text, strlen(text), "example", &e));
            assert_ok(trit_quant_settings_resolve(v, NULL, &e));
            assert_ok(trit_settings_read(&trit_quant_schema, trit_json_get(v, "quant"), NULL, "",
                                         &mem, &cfg, &e));
            assert_true(cfg.weights.on || cfg.activations.on);
            assert_true(a < 6 || cfg.controllers.at[0].type == i);
            trit_arena_free(&mem);
            cJSON_Delete(v);
        }
    }
}

static void examples_of_losses(void **state) {
    (void)state;
    for (int i = 0; trit_losses[i]; i++) {
        trit_error e = {0};
        assert_int_equal(trit(trit_losses[i]->name), 0);
        const char *example = strstr(out, "example: ");
        assert_non_null(strstr(out, "letters: z_s, z_t logits"));
        char text[512];
        snprintf(text, sizeof text, "{%.*s}", (int)strcspn(example + 9, "\n"), example + 9);
        cJSON *v = NULL;
        trit_distill_cfg cfg;
        trit_arena mem;
        trit_arena_init(&mem, "settings");
        assert_ok(trit_json_parse(&v, text, strlen(text), "example", &e));
        assert_ok(trit_settings_read(&trit_distill_schema, trit_json_get(v, "distill"), NULL, "",
                                     &mem, &cfg, &e));
        assert_int_equal(cfg.losses.at[0].loss, i);
        trit_arena_free(&mem);
        cJSON_Delete(v);
    }
}

static void mistakes(void **state) {
    (void)state;
    assert_int_equal(trit("absmaen"), 2);
    assert_string_equal(
        out, "trit: no row or method is called \"absmaen\"; did you mean \"absmean\"?\n");
    assert_int_equal(trit("xyzzyxyzzy"), 2);
    assert_non_null(strstr(out, "what \"trit methods\" lists"));
    assert_int_equal(trit("a b"), 2);
    assert_int_equal(trit("--jsno"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_listed),
        cmocka_unit_test(one_row),
        cmocka_unit_test(one_method),
        cmocka_unit_test(page),
        cmocka_unit_test(examples),
        cmocka_unit_test(examples_of_losses),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
