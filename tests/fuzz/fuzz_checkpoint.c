/* The first byte says what the others are.
 *   'f'  a file: refused with its name, unless a save made it
 *   'e'  edits of a whole checkpoint, 3 bytes each (where, and what): refused unless it is as it
 * was 'c'  contents, 4 bytes a tensor and a path behind them: refused, or read back as written
 * Files that are damaged under a checksum that fits are not made: libhdf5 crashes over them. */
#include "fuzz/fuzz.h"
#include "io/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_TENSOR = 8, MAX_BYTES = 1 << 16 };

static void must(bool ok) {
    if (!ok) abort();
}

/* A file in memory; path gets its name. */
static int new_file(char path[64], const void *data, size_t n) {
    int fd = memfd_create("fuzz", 0);
    must(fd >= 0 && (!n || write(fd, data, n) == (ssize_t)n));
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* Opens the bytes; NULL when they are refused. */
static trit_checkpoint *open_bytes(const void *data, size_t n) {
    char path[64];
    trit_checkpoint *c = NULL;
    trit_error e = {0};
    int fd = new_file(path, data, n);
    bool refused = trit_checkpoint_open(&c, path, &e) != TRIT_OK;
    must(!refused || strstr(e.text, path));
    must(refused == (trit_checkpoint_verify(path, NULL) != TRIT_OK) || refused);
    close(fd);
    return refused ? NULL : c;
}

static size_t bytes_of(const trit_ckpt_tensor *t) {
    trit_tensor x = trit_tensor_make(t->dtype, t->ndim, t->dim);
    return trit_tensor_bytes(&x);
}

/* Every tensor, as `trit inspect` reads it. */
static void read_tensors(trit_checkpoint *c) {
    for (int i = 0; i < trit_checkpoint_n_tensors(c); i++) {
        trit_ckpt_tensor t = *trit_checkpoint_tensor(c, i);
        trit_error e = {0};
        must((int64_t)bytes_of(&t) <= trit_checkpoint_bytes(c));
        t.data = malloc(bytes_of(&t) + 1);
        must(t.data && (!trit_checkpoint_read_one(c, &t, &e) || strstr(e.text, t.path)));
        free(t.data);
    }
}

static void try_file(const uint8_t *data, size_t n) {
    trit_checkpoint *c = open_bytes(data, n);
    if (c) read_tensors(c);
    trit_checkpoint_close(c);
}

/* Saves into a directory of its own and takes the file's bytes away. */
static trit_status save(const trit_ckpt_tensor *t, int n, trit_text *out) {
    char dir[] = "/dev/shm/trit-fuzz-XXXXXX", path[64];
    static const trit_ckpt_attr a[] = {{"step", TRIT_ATTR_INT, 3, 0, NULL},
                                       {"loss", TRIT_ATTR_REAL, 0, 0.5, NULL},
                                       {"config", TRIT_ATTR_TEXT, 0, 0, "{}"}};
    must(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/a.h5", dir);
    trit_error e = {0};
    trit_status status = trit_checkpoint_write(NULL, path, t, n, a, 3, &e);
    must(!status || strstr(e.text, path));
    must(status || !trit_file_read(path, 1 << 24, out, NULL));
    unlink(path);
    must(!rmdir(dir));
    return status;
}

static void try_edits(const uint8_t *data, size_t n) {
    static trit_text whole;
    static float v[600];
    const trit_ckpt_tensor t[] = {
        {.path = "param/a", .ndim = 2, .dim = {20, 30}, .data = v, .unit = "weight"},
        {.path = "param/b", .ndim = 1, .dim = {3}, .data = v}};
    if (!whole.len) must(!save(t, 2, &whole));
    char *edited = malloc(whole.len);
    must(edited != NULL);
    memcpy(edited, whole.at, whole.len);
    for (size_t i = 0; i + 2 < n; i += 3) {
        edited[(data[i] * 256u + data[i + 1]) % whole.len] ^= (char)data[i + 2];
    }
    /* An odd byte cuts the file. */
    size_t len = n % 3 == 1 ? whole.len * data[n - 1] / 256 : whole.len;
    trit_checkpoint *c = open_bytes(edited, len);
    bool same = len == whole.len && !memcmp(edited, whole.at, len);
    must(same == (c != NULL));
    trit_checkpoint_close(c);
    free(edited);
}

static void read_back(const trit_text *file, const trit_ckpt_tensor *t, int n) {
    static char got[MAX_TENSOR][MAX_BYTES];
    trit_ckpt_tensor want[MAX_TENSOR];
    trit_error e = {0};
    trit_checkpoint *c = open_bytes(file->at, file->len);
    must(c && trit_checkpoint_n_tensors(c) == n);
    for (int i = 0; i < n; i++) {
        want[i] = t[i];
        want[i].data = got[i];
    }
    must(!trit_checkpoint_load(c, want, n, &e));
    for (int i = 0; i < n; i++) must(!memcmp(got[i], t[i].data, bytes_of(&t[i])));
    /* One less, or of another shape, is named. */
    if (n) must(trit_checkpoint_load(c, want, n - 1, &e) && strstr(e.text, t[n - 1].path));
    trit_checkpoint_close(c);
}

static void try_contents(const uint8_t *data, size_t n) {
    static char path[MAX_TENSOR][256], values[MAX_BYTES];
    trit_ckpt_tensor t[MAX_TENSOR];
    trit_text file = {0};
    int n_t = 0;
    for (int i = 0; i < MAX_BYTES; i++) values[i] = (char)(i * 7);
    while (n_t < MAX_TENSOR && n >= 4) {
        size_t len = data[3] < n - 4 ? data[3] : n - 4;
        memcpy(path[n_t], data + 4, len);
        path[n_t][len] = '\0';
        trit_ckpt_tensor *x = &t[n_t];
        *x = (trit_ckpt_tensor){.path = path[n_t],
                                .dtype = (trit_dtype)(data[0] % TRIT_N_DTYPE),
                                .ndim = data[0] / 16 % 5,
                                .dim = {data[1] % 32, data[2] % 16, data[1] / 64 + 1, 2},
                                .data = values};
        data += 4 + len;
        n -= 4 + len;
        n_t++;
    }
    if (!save(t, n_t, &file)) read_back(&file, t, n_t);
    trit_text_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!n) return 0;
    if (*data == 'f') try_file(data + 1, n - 1);
    if (*data == 'e') try_edits(data + 1, n - 1);
    if (*data == 'c') try_contents(data + 1, n - 1);
    return 0;
}
