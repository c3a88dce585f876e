/* trit config: what a config file means, in full. */
#include "cli/common.h"

#include <stdio.h>

static trit_status print_text(const trit_text *text, trit_error *e) {
    if (text->failed) return TRIT_FAIL(e, E_NOMEM, "no memory for the output");
    printf("%s\n", trit_text_get(text));
    return TRIT_OK;
}

static trit_status print_schema(trit_error *e) {
    cJSON *schema = trit_settings_schema(&trit_config_schema, "trit-config");
    if (!schema || !trit_config_schema_complete(schema)) {
        cJSON_Delete(schema);
        return TRIT_FAIL(e, E_NOMEM, "no memory for the schema");
    }
    trit_text text = {0};
    trit_json_print(schema, true, &text);
    cJSON_Delete(schema);
    trit_status status = print_text(&text, e);
    trit_text_free(&text);
    return status;
}

static trit_status print_doc(bool optimizers, trit_error *e) {
    trit_text text = {0};
    if (optimizers) {
        trit_optim_doc(&text);
    } else {
        trit_settings_doc(&trit_config_schema, &text);
    }
    trit_status status = print_text(&text, e);
    trit_text_free(&text);
    return status;
}

static trit_status print_resolved(int n, char **args, bool hash, trit_error *e) {
    trit_experiment x = {0};
    trit_status status = trit_cli_experiment(&x, n, args, e);
    if (!status && hash) {
        printf("%s\n", x.hash);
    } else if (!status) {
        trit_text text = {0};
        trit_json_print(x.resolved, true, &text);
        status = print_text(&text, e);
        trit_text_free(&text);
    }
    trit_experiment_close(&x);
    return status;
}

static int run_config(int argc, char **argv) {
    bool schema = false, doc = false, hash = false, optimizers = false;
    const trit_option options[] = {{"--schema", TRIT_OPT_FLAG, &schema, 0, 0},
                                   {"--doc", TRIT_OPT_FLAG, &doc, 0, 0},
                                   {"--optimizers", TRIT_OPT_FLAG, &optimizers, 0, 0},
                                   {"--hash", TRIT_OPT_FLAG, &hash, 0, 0}};
    int n;
    trit_error e = {0};
    trit_status status = trit_options_read(options, 4, argc, argv, &n, &e);
    if (!status) {
        status = schema              ? print_schema(&e)
                 : doc || optimizers ? print_doc(optimizers, &e)
                                     : print_resolved(n, argv, hash, &e);
    }
    return status ? trit_report(&e) : TRIT_EXIT_OK;
}

const trit_verb trit_verb_config = {
    "config", "CONFIG [key=value...] [--hash] | --schema | --doc | --optimizers",
    "prints a config with every default filled in, or the schema of configs",
    "  CONFIG         JSON file; it is checked as training would check it\n"
    "  key=value      overrides a setting\n"
    "  --hash         only the hash that names the run's numbers\n"
    "  --schema       JSON Schema of all settings, for editors\n"
    "  --doc          Markdown reference of all settings\n"
    "  --optimizers   Markdown page about optimizers and schedules, docs/optimizers.md\n",
    run_config};
