#include "run/tensorboard.h"

#include "io/file.h"
#include "io/json.h"
#include "io/tfevents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, MAX_LEVEL = 256 };

/* Files of one second are told apart by their number. */
static trit_status make_file(trit_tensorboard *t, const char *run_dir, double wall, trit_error *e) {
    char path[PATH_BYTES], host[256];
    struct stat st;
    snprintf(path, sizeof path, "%s/tensorboard", run_dir);
    TRIT_TRY(trit_file_make_dir(NULL, path, e));
    if (gethostname(host, sizeof host)) snprintf(host, sizeof host, "unknown-host");
    host[sizeof host - 1] = '\0';
    for (int i = 0;; i++) {
        int n = snprintf(path, sizeof path, "%s/tensorboard/events.out.tfevents.%.0f.%s.%ld.%d",
                         run_dir, wall, host, (long)getpid(), i);
        if (n < 0 || n >= PATH_BYTES) return TRIT_FAIL(e, E_USAGE, "%s: path too long", run_dir);
        if (stat(path, &st) != 0) break;
    }
    t->path = strdup(path);
    return t->path ? TRIT_OK : TRIT_FAIL(e, E_NOMEM, "no memory for a path");
}

static void add_levels(trit_text *out, double wall, int64_t step, const char *tag,
                       const cJSON *list) {
    double share[MAX_LEVEL];
    int n = 0;
    for (const cJSON *v = list->child; v && n < MAX_LEVEL; v = v->next) {
        share[n++] = cJSON_IsNumber(v) ? v->valuedouble : 0;
    }
    if (n) trit_tfevents_levels(out, wall, step, tag, share, n);
}

/* Every number of a line by its path: "quantizers/blocks.0.attn.q.weight_quant/zero". */
static void add_values(trit_text *out, double wall, int64_t step, const char *path,
                       const cJSON *v) {
    for (const cJSON *one = v->child; one; one = one->next) {
        char tag[600];
        if (!strcmp(one->string, "step")) continue;
        snprintf(tag, sizeof tag, "%s%s%s", path, *path ? "/" : "", one->string);
        if (cJSON_IsNumber(one)) trit_tfevents_scalar(out, wall, step, tag, one->valuedouble);
        if (cJSON_IsArray(one)) add_levels(out, wall, step, tag, one);
        if (cJSON_IsObject(one)) add_values(out, wall, step, tag, one);
    }
}

trit_status trit_tensorboard_add(trit_tensorboard *t, const char *run_dir, int64_t step,
                                 const char *lines, trit_error *e) {
    double wall = (double)time(NULL);
    trit_text out = {0};
    if (!t->path) {
        TRIT_TRY(make_file(t, run_dir, wall, e));
        trit_tfevents_version(&out, wall);
        trit_tfevents_start(&out, wall, step);
    }
    trit_status status = TRIT_OK;
    for (const char *end; !status && (end = strchr(lines, '\n')); lines = end + 1) {
        cJSON *v = NULL;
        status = trit_json_parse(&v, lines, (size_t)(end - lines), "metrics", e);
        const cJSON *at = trit_json_get(v, "step");
        if (cJSON_IsNumber(at)) add_values(&out, wall, (int64_t)at->valuedouble, "", v);
        cJSON_Delete(v);
    }
    if (!status && out.failed) status = TRIT_FAIL(e, E_NOMEM, "no memory for events");
    if (!status) status = trit_file_append(NULL, t->path, out.at, out.len, e);
    trit_text_free(&out);
    return status;
}

/* Big-endian, as PNG's header has it. */
static int size_at(const char *at) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v = v << 8 | (unsigned char)at[i];
    return (int)v;
}

trit_status trit_tensorboard_image(trit_tensorboard *t, int64_t step, const char *tag,
                                   const char *path, trit_error *e) {
    enum { WIDTH_AT = 16, HEIGHT_AT = 20, HEADER_BYTES = 33 };
    trit_text png = {0}, out = {0};
    if (!t->path) return TRIT_OK;
    trit_status status = trit_file_read(path, (size_t)1 << 26, &png, e);
    if (!status && png.len < HEADER_BYTES) status = TRIT_FAIL(e, E_FORMAT, "%s: no PNG file", path);
    if (!status) {
        trit_tfevents_image(&out, (double)time(NULL), step, tag, size_at(png.at + WIDTH_AT),
                            size_at(png.at + HEIGHT_AT), png.at, png.len);
        status = out.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for events")
                            : trit_file_append(NULL, t->path, out.at, out.len, e);
    }
    trit_text_free(&png);
    trit_text_free(&out);
    return status;
}

trit_status trit_tensorboard_session(const char *run_dir, const char *group,
                                     const trit_tfevents_setting *setting, int n, trit_session how,
                                     trit_error *e) {
    char path[PATH_BYTES];
    double wall = (double)time(NULL);
    trit_text out = {0};
    trit_tfevents_version(&out, wall);
    trit_tfevents_session(&out, wall, group, setting, n);
    if (how != TRIT_SESSION_RUNNING) trit_tfevents_session_end(&out, wall, how);
    snprintf(path, sizeof path, "%s/tensorboard", run_dir);
    trit_status status = out.failed ? TRIT_FAIL(e, E_NOMEM, "no memory for events")
                                    : trit_file_make_dir(NULL, path, e);
    /* Its name sorts before those of the run's own files. */
    snprintf(path, sizeof path, "%s/tensorboard/events.out.tfevents.0.sweep", run_dir);
    if (!status) status = trit_file_replace(NULL, path, out.at, out.len, e);
    trit_text_free(&out);
    return status;
}

void trit_tensorboard_free(trit_tensorboard *t) {
    free(t->path);
    *t = (trit_tensorboard){0};
}
