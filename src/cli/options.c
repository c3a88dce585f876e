#include "base/number.h"
#include "base/text.h"
#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const trit_option *option_find(const trit_option *options, int n, const char *arg,
                                      size_t len) {
    for (int i = 0; i < n; i++) {
        TRIT_ASSERT(strncmp(options[i].name, "--", 2) == 0);
        if (strlen(options[i].name) == len && memcmp(options[i].name, arg, len) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static trit_status unknown_option(const trit_option *options, int n, const char *arg, size_t len,
                                  trit_error *e) {
    enum { MAX = 64 };
    const char *words[MAX];
    int n_words = 0;
    for (int i = 0; i < n && n_words < MAX; i++) words[n_words++] = options[i].name;
    char word[64], all[512];
    snprintf(word, sizeof word, "%s%.*s", arg[1] == '-' ? "" : "-", (int)len, arg);
    const char *near = trit_text_nearest(word, words, n_words);
    if (near) {
        return TRIT_FAIL(e, E_USAGE, "%.*s: unknown option; did you mean %s?", (int)len, arg, near);
    }
    if (n == 0) return TRIT_FAIL(e, E_USAGE, "%.*s: no options are known here", (int)len, arg);
    return TRIT_FAIL(e, E_USAGE, "%.*s: unknown option (allowed: %s)", (int)len, arg,
                     trit_text_join(all, sizeof all, words, n_words));
}

static trit_status number_set(const trit_option *o, const char *text, trit_error *e) {
    bool is_int = o->kind == TRIT_OPT_INT;
    double v = 0;
    bool good = trit_number_read(text, &v) && v >= o->lo && v <= o->hi;
    if (is_int && (v != trunc(v) || fabs(v) > TRIT_NUMBER_MAX_WHOLE)) good = false;
    if (!good) {
        char range[80];
        return TRIT_FAIL(e, E_USAGE, "%s: found \"%s\", expected a %snumber %s", o->name, text,
                         is_int ? "whole " : "", trit_number_range(range, o->lo, o->hi));
    }
    if (is_int) {
        *(int64_t *)o->value = (int64_t)v;
    } else {
        *(double *)o->value = v;
    }
    return TRIT_OK;
}

/* "-3" and "-" are arguments, "--" is handled before. */
static bool is_option(const char *arg) {
    return arg[0] == '-' && arg[1] && !(arg[1] >= '0' && arg[1] <= '9');
}

trit_status trit_options_read(const trit_option *options, int n_options, int argc, char **argv,
                              int *n_left, trit_error *e) {
    int n = 0;
    bool ended = false;
    for (int i = 0; i < argc; i++) {
        char *arg = argv[i];
        if (!ended && strcmp(arg, "--") == 0) {
            ended = true;
            continue;
        }
        if (ended || !is_option(arg)) {
            argv[n++] = arg;
            continue;
        }
        size_t len = strcspn(arg, "=");
        const trit_option *o = option_find(options, n_options, arg, len);
        if (!o) return unknown_option(options, n_options, arg, len, e);
        const char *text = arg[len] ? arg + len + 1 : NULL;
        if (o->kind == TRIT_OPT_FLAG) {
            if (text)
                return TRIT_FAIL(e, E_USAGE, "%s takes no value, found \"%s\"", o->name, text);
            *(bool *)o->value = true;
            continue;
        }
        /* A forgotten value must not swallow the next option. */
        if (!text && i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0) text = argv[++i];
        if (!text) {
            return TRIT_FAIL(e, E_USAGE,
                             "%s needs a value (one that begins with \"--\" as %s=VALUE)", o->name,
                             o->name);
        }
        if (o->kind == TRIT_OPT_TEXT) {
            *(const char **)o->value = text;
        } else {
            TRIT_TRY(number_set(o, text, e));
        }
    }
    *n_left = n;
    return TRIT_OK;
}

int trit_exit_of(trit_status status) {
    switch (status) {
    case TRIT_OK:
        return TRIT_EXIT_OK;
    case TRIT_E_CONFIG:
    case TRIT_E_USAGE:
        return TRIT_EXIT_USAGE;
    case TRIT_E_DATA:
    case TRIT_E_FORMAT:
    case TRIT_E_SHAPE: /* of a tensor in a file: graphs are checked with the configuration */
        return TRIT_EXIT_DATA;
    case TRIT_E_IO:
        return TRIT_EXIT_IO;
    case TRIT_E_STOPPED:
        return TRIT_EXIT_STOPPED;
    case TRIT_E_NUMERIC:
        return TRIT_EXIT_DIVERGED;
    case TRIT_E_NOMEM:
    case TRIT_E_STATE:
    case TRIT_E_UNSUPPORTED:
        break;
    }
    return TRIT_EXIT_FAILED;
}

int trit_report(const trit_error *e) {
    fprintf(stderr, "trit: %s\n", e->text[0] ? e->text : trit_status_text(e->code));
    return trit_exit_of(e->code);
}

static void stderr_line(void *self, trit_log_level level, const char *text) {
    (void)self;
    fprintf(stderr, "%s%s\n", level == TRIT_LOG_WARN ? "warning: " : "", text);
}

const trit_log trit_stderr_log = {stderr_line, NULL};
