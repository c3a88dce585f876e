#include "io/checkpoint_file.h"
#include "io/h5.h"

#include <stdlib.h>
#include <string.h>

typedef struct survey {
    trit_h5 *h;
    trit_text *out;
    char sum[TRIT_CKPT_SUM_BYTES]; /* of the tensor at hand, as the file says; "" = none */
} survey;

static trit_status find_sum(void *self, const char *name, const trit_h5_value *value,
                            trit_error *e) {
    survey *s = self;
    (void)e;
    bool found = value->kind == TRIT_H5_TEXT && !strcmp(name, trit_ckpt_sum_attr);
    if (found && strlen(value->text) < sizeof s->sum) strcpy(s->sum, value->text);
    return TRIT_OK;
}

static const char *state_of(survey *s, const char *path, trit_tensor *x, trit_error *why) {
    char sum[TRIT_CKPT_SUM_BYTES];
    size_t n_bytes = trit_tensor_bytes(x); /* no more than the file has */
    s->sum[0] = '\0';
    if (trit_h5_each_attr(s->h, path, find_sum, s, why)) return why->text;
    if (!s->sum[0]) return "no checksum";
    x->data = malloc(n_bytes ? n_bytes : 1);
    if (!x->data) return "no memory";
    bool read = !trit_h5_read(s->h, path, x, why);
    if (read) trit_ckpt_sum(x->data, n_bytes, sum);
    free(x->data);
    return !read ? why->text : strcmp(sum, s->sum) != 0 ? "damaged" : "whole";
}

static trit_status one_tensor(void *self, const char *path, const trit_tensor *t, trit_error *e) {
    survey *s = self;
    trit_error why = {0};
    trit_tensor x = *t;
    char shape[96];
    (void)e;
    trit_text_add(s->out, "  %s %s%s: %s\n", path, trit_dtype_name(x.dtype),
                  trit_tensor_shape_text(&x, shape), state_of(s, path, &x, &why));
    return TRIT_OK;
}

void trit_checkpoint_survey(const char *path, trit_text *out) {
    trit_text file = {0};
    trit_error e = {0};
    survey s = {.out = out};
    trit_status status = trit_file_read(path, SIZE_MAX / 4, &file, &e);
    if (!status) status = trit_h5_open(&s.h, file.at, file.len, &e);
    if (!status) status = trit_h5_each(s.h, one_tensor, &s, &e);
    if (status && out->len) trit_text_add(out, "  %s\n", e.text);
    trit_h5_free(s.h);
    trit_text_free(&file);
}
