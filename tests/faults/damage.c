/* Checkpoints that are cut, flipped, emptied, foreign, hostile, or not where they belong. */
#include "faults/faults.h"

#include "io/checkpoint.h"
#include "run/child.h"

#include <dirent.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { TRAILER = 32, PAGE = 4096 };

/* The newest checkpoint of the directory `hurt`, which is a copy of the finished run. */
static char newest[PATH_ROOM], before[PATH_ROOM];
static trit_text whole;

/* Puts bytes in place of the newest checkpoint: it must be refused without a crash, and the run go
 * on from the one before. */
static void try_bytes(suite *u, const void *data, size_t n, bool with_run, const char *what) {
    trit_checkpoint *c = NULL;
    trit_error e = {0};
    if (with_run) copy_tree("straight", "hurt");
    write_all(newest, data, n);
    trit_status status = trit_checkpoint_open(&c, newest, &e);
    trit_checkpoint_close(c);
    bool refused = status == TRIT_E_FORMAT || status == TRIT_E_DATA;
    if (!with_run || !refused) {
        judged(u, refused, what);
    } else {
        judge(u, "hurt", -1, what);
    }
}

static void cuts_and_flips(suite *u) {
    char what[96];
    for (int i = 0; i < 100; i++) {
        snprintf(what, sizeof what, "cut to %d %%", i);
        try_bytes(u, whole.at, whole.len * (size_t)i / 100, i % (u->smoke ? 50 : 5) == 0, what);
    }
    int64_t n_flip = u->smoke ? 300 : 10000;
    for (int64_t i = 0; i < n_flip; i++) {
        size_t bit = (size_t)draw(8, (uint64_t)i, 8 * (int64_t)whole.len);
        whole.at[bit / 8] ^= (char)(1 << bit % 8);
        snprintf(what, sizeof what, "bit %zu flipped", bit);
        try_bytes(u, whole.at, whole.len, i % (u->smoke ? 250 : 200) == 0, what);
        whole.at[bit / 8] ^= (char)(1 << bit % 8);
    }
    char *copy = malloc(whole.len);
    for (size_t at = 0; copy && at < whole.len; at += PAGE) {
        size_t n = whole.len - at < PAGE ? whole.len - at : PAGE;
        memcpy(copy, whole.at, whole.len);
        memset(copy + at, 0, n);
        if (!memcmp(copy, whole.at, whole.len)) continue;
        snprintf(what, sizeof what, "page at %zu is zero", at);
        try_bytes(u, copy, whole.len, !u->smoke, what);
    }
    free(copy);
}

/* Adds a trailer that fits: what a forger, or a faulty program, would write. */
static void seal(const char *path) {
    trit_text file = {0};
    read_all(path, &file);
    XXH128_canonical_t sum;
    XXH128_canonicalFromHash(&sum, XXH3_128bits(file.at, file.len));
    uint64_t n = file.len;
    trit_text_add(&file, "TRITSUM1");
    trit_text_add_bytes(&file, (const char *)&n, sizeof n);
    trit_text_add_bytes(&file, (const char *)&sum, sizeof sum);
    write_all(path, file.at, file.len);
    trit_text_free(&file);
}

static hid_t open_image(void) {
    copy_tree("straight", "hurt");
    write_all(newest, whole.at, whole.len - TRAILER);
    return H5Fopen(newest, H5F_ACC_RDWR, H5P_DEFAULT);
}

static trit_status resume_hurt(trit_error *e) {
    rig g = {0};
    trit_status status = rig_open(&g, "hurt", NULL, e);
    rig_close(&g);
    return status;
}

/* What was edited inside of the newest checkpoint, sealed again, must be named. */
static void edited(suite *u, hid_t file, trit_status want, const char *part, const char *what) {
    trit_error e = {0};
    bool ok = H5Fclose(file) >= 0;
    seal(newest);
    unlink(before); /* no way back: the message is that of the newest */
    DIR *d = opendir("hurt/checkpoints");
    for (struct dirent *f; d && (f = readdir(d));) {
        char path[PATH_ROOM];
        snprintf(path, sizeof path, "hurt/checkpoints/%.64s", f->d_name);
        if (strncmp(f->d_name, "step-", 5) == 0 && strcmp(path, newest) != 0) unlink(path);
    }
    if (d) closedir(d);
    trit_status found = resume_hurt(&e);
    ok = ok && found == want && strstr(e.text, part);
    if (!ok) fprintf(stderr, "faults: %s: \"%s\"\n", what, e.text);
    judged(u, ok, what);
}

static void put_int(hid_t file, const char *name, int64_t value) {
    hid_t a = H5Aopen(file, name, H5P_DEFAULT);
    H5Awrite(a, H5T_NATIVE_INT64, &value);
    H5Aclose(a);
}

/* A dataset of another kind under a name; rank 0: none. */
static void put_data(hid_t file, const char *path, hid_t type, int rank) {
    hsize_t dim[2] = {3, 5};
    H5Ldelete(file, path, H5P_DEFAULT);
    if (!rank) return;
    hid_t space = H5Screate_simple(rank, dim, NULL);
    hid_t data = H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t text = H5Tcopy(H5T_C_S1), one = H5Screate(H5S_SCALAR);
    H5Tset_size(text, 17);
    hid_t a = H5Acreate2(data, "xxh3_64", text, one, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, text, "0123456789abcdef");
    static const float zero[15];
    H5Dwrite(data, rank == 1 && H5Tequal(type, H5T_STD_I32LE) ? H5T_NATIVE_INT : H5T_NATIVE_FLOAT,
             H5S_ALL, H5S_ALL, H5P_DEFAULT, zero);
    H5Aclose(a);
    H5Sclose(one);
    H5Tclose(text);
    H5Dclose(data);
    H5Sclose(space);
}

static void edits(suite *u) {
    static const char path[] = "param/final_norm.weight";
    hid_t f = open_image();
    put_int(f, "trit_format", 99);
    edited(u, f, TRIT_E_DATA, "checkpoint format 99", "a future version");
    f = open_image();
    put_int(f, "step", 7);
    edited(u, f, TRIT_E_FORMAT, "holds step 7", "a step that its name denies");
    f = open_image();
    put_data(f, path, H5T_IEEE_F32BE, 1);
    edited(u, f, TRIT_E_FORMAT, path, "the wrong endianness");
    f = open_image();
    put_data(f, path, H5T_IEEE_F32LE, 2);
    edited(u, f, TRIT_E_SHAPE, path, "another shape");
    f = open_image();
    put_data(f, path, H5T_STD_I32LE, 1);
    edited(u, f, TRIT_E_SHAPE, path, "another type");
    f = open_image();
    put_data(f, path, -1, 0);
    edited(u, f, TRIT_E_FORMAT, path, "a missing tensor");
    f = open_image();
    put_data(f, "param/one_more", H5T_IEEE_F32LE, 1);
    edited(u, f, TRIT_E_FORMAT, "param/one_more", "a tensor too many");
    f = open_image();
    H5Ldelete(f, "param", H5P_DEFAULT);
    H5Lcreate_external("elsewhere.h5", "/", f, "param", H5P_DEFAULT, H5P_DEFAULT);
    edited(u, f, TRIT_E_FORMAT, "param", "an external link");
    /* One flipped value, under a whole-file checksum that fits. */
    f = open_image();
    hid_t d = H5Dopen2(f, path, H5P_DEFAULT);
    float v[64] = {0};
    H5Dread(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
    v[3] += 1;
    H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
    H5Dclose(d);
    edited(u, f, TRIT_E_FORMAT, path, "a tensor that differs from its checksum");
    copy_tree("straight", "hurt");
    f = H5Fcreate(newest, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    edited(u, f, TRIT_E_FORMAT, "trit_format", "a foreign file that is sealed");
}

/* Things that lie about in a run directory. */
static void litter(suite *u) {
    static const struct {
        const char *what, *line;
        int64_t at_least;
    } cases[] = {
        {"leftover temporaries",
         "echo x >hurt/.config.json.tmp-1; "
         "cp hurt/checkpoints/latest hurt/checkpoints/.step-99.h5.tmp-7",
         N_STEP},
        {"latest names nothing", "echo step-00000099.h5 >hurt/checkpoints/latest", N_STEP},
        {"latest is empty", ": >hurt/checkpoints/latest", N_STEP},
        {"no pointers", "rm hurt/checkpoints/latest hurt/checkpoints/best", N_STEP},
        {"generations exchanged",
         "cd hurt/checkpoints; mv step-00000012.h5 x; "
         "mv step-00000010.h5 step-00000012.h5; mv x step-00000010.h5",
         PLANTED},
        {"clocks that jumped",
         "touch -d '1980-01-01' hurt/checkpoints/step-00000012.h5; "
         "touch -d '2100-01-01' hurt/checkpoints/step-00000010.h5",
         N_STEP},
        {"a directory for a checkpoint", "mkdir hurt/checkpoints/step-00000012.h5.d", N_STEP},
        {"metrics with a torn line", "printf '{\"step\":' >>hurt/metrics.jsonl", N_STEP},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        copy_tree("straight", "hurt");
        if (system(cases[i].line)) abort();
        judge(u, "hurt", cases[i].at_least, cases[i].what);
    }
    /* The newest is flipped, the one before cut: the third generation, while there is one. */
    copy_tree("straight", "hurt");
    char kept[PATH_ROOM], third[PATH_ROOM];
    trit_text file = {0};
    read_all(in_suite(u, kept, "kept-6.h5"), &file);
    write_all(checkpoint_of(third, "hurt", 6), file.at, file.len);
    whole.at[5000] ^= 1;
    write_all(newest, whole.at, whole.len);
    whole.at[5000] ^= 1;
    if (truncate(before, 700)) abort();
    judge(u, "hurt", 6, "the two newest are damaged");
    trit_text_free(&file);
    /* All are: nothing is made anew over them. */
    trit_error e = {0};
    copy_tree("straight", "hurt");
    if (system("truncate -s 900 hurt/checkpoints/step-*")) abort();
    judged(u, resume_hurt(&e) == TRIT_E_FORMAT, "all are damaged");
}

void scenario_damage(suite *u) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    checkpoint_of(newest, "hurt", N_STEP);
    checkpoint_of(before, "hurt", 10);
    char path[PATH_ROOM];
    read_all(checkpoint_of(path, "straight", N_STEP), &whole);
    copy_tree("straight", "hurt");
    cuts_and_flips(u);
    edits(u);
    litter(u);
    trit_text_free(&whole);
    remove_tree("hurt");
}

/* ---- files that crash libhdf5 ---- */

static void survey(void *path, trit_text *out) {
    trit_checkpoint_survey(path, out);
}

static void try_hostile(suite *u, const char *path, const char *name) {
    trit_checkpoint *c = NULL;
    trit_error e = {0};
    trit_status status = trit_checkpoint_open(&c, path, &e);
    trit_checkpoint_close(c);
    judged(u, status == TRIT_E_FORMAT, name);
    trit_text out = {0};
    /* Whatever libhdf5 does with it, it does it to a child. */
    trit_error why = {0};
    status = trit_child_run(survey, (void *)path, 5, (size_t)1 << 28, &out, &why);
    judged(u, status == TRIT_OK || status == TRIT_E_DATA, name);
    trit_text_free(&out);
}

void scenario_hostile(suite *u) {
    static const char corpus[] = TRIT_SOURCE_DIR "/../shared/data/hdf5-cve-corpus/cvefiles.tar.gz";
    struct stat st;
    if (stat(corpus, &st)) {
        printf("hostile: skipped, there is no corpus of hostile files\n");
        return;
    }
    if (system(
            "mkdir hostile && tar -xzf '" TRIT_SOURCE_DIR
            "/../shared/data/hdf5-cve-corpus/cvefiles.tar.gz' -C hostile --strip-components=1")) {
        abort();
    }
    DIR *d = opendir("hostile");
    int n = 0;
    for (struct dirent *f; d && (f = readdir(d));) {
        char path[PATH_ROOM];
        if (f->d_name[0] == '.' || (u->smoke && n++ % 5)) continue;
        snprintf(path, sizeof path, "hostile/%s", f->d_name);
        try_hostile(u, path, f->d_name);
    }
    if (d) closedir(d);
    remove_tree("hostile");
}
