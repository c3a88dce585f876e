#include "testing.h"

#include "io/file.h"
#include "io_faults.h"

#include <sys/stat.h>
#include <sys/wait.h>

static char dir[256], path[512];

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    scratch_path(path, dir, "file");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void assert_content(const char *at, const char *want) {
    trit_text got = {0};
    trit_error e = {0};
    assert_ok(trit_file_read(at, 1 << 20, &got, &e));
    assert_string_equal(trit_text_get(&got), want);
    trit_text_free(&got);
}

static void put(const char *text) {
    trit_error e = {0};
    assert_ok(trit_file_replace(NULL, path, text, strlen(text), &e));
}

static void read_limits(void **state) {
    (void)state;
    trit_text got = {0};
    trit_error e = {0};
    put("12345");
    assert_ok(trit_file_read(path, 5, &got, &e));
    assert_int_equal(got.len, 5);
    assert_string_equal(got.at, "12345");
    trit_text_free(&got);
    assert_int_equal(trit_file_read(path, 4, &got, &e), TRIT_E_DATA);
    assert_error_has(e, path);
    put("");
    e = (trit_error){0};
    assert_ok(trit_file_read(path, 0, &got, &e));
    assert_int_equal(got.len, 0);
    assert_string_equal(got.at, "");
    trit_text_free(&got);
}

/* Files of /proc have size 0 and much to say. */
static void read_grows(void **state) {
    (void)state;
    trit_text got = {0};
    trit_error e = {0};
    assert_ok(trit_file_read("/proc/self/maps", 1 << 20, &got, &e));
    assert_true(got.len > 1000);
    assert_int_equal(strlen(got.at), got.len);
    trit_text_free(&got);
    assert_int_equal(trit_file_read("/proc/self/maps", 100, &got, &e), TRIT_E_DATA);
    assert_null(got.at);
}

static void read_refuses(void **state) {
    (void)state;
    trit_text got = {0};
    trit_error e = {0};
    assert_int_equal(trit_file_read(dir, 100, &got, &e), TRIT_E_IO);
    assert_error_has(e, "directory");
    e = (trit_error){0};
    assert_int_equal(trit_file_read("/dev/zero", 100, &got, &e), TRIT_E_IO);
    assert_error_has(e, "regular file");
    e = (trit_error){0};
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_int_equal(trit_file_read(path, 100, &got, &e), TRIT_E_IO); /* and does not wait */
    e = (trit_error){0};
    assert_int_equal(trit_file_read("/proc/self/mem", 100, &got, &e), TRIT_E_IO); /* EIO */
    assert_error_has(e, strerror(EIO));
    e = (trit_error){0};
    assert_int_equal(trit_file_read("no/such", 100, &got, &e), TRIT_E_IO);
    assert_error_has(e, "no/such");
    assert_error_has(e, strerror(ENOENT));
}

/* Every call of a save fails in turn, once and for good: the old file stays, nothing is left. */
static void replace_faults(void **state) {
    (void)state;
    static const int errors[] = {ENOSPC, EIO, EDQUOT, EROFS};
    const char *old = "the old content", *new = "something new and longer";
    int n_calls = 0;
    for (int forever = 0; forever < 2; forever++) {
        for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) {
            for (int at = 1;; at++) {
                faults f = {.at = at, .err = errors[k], .forever = forever, .at_most = 10};
                trit_io io = faults_io(&f);
                trit_error e = {0};
                put(old);
                trit_status status = trit_file_replace(&io, path, new, strlen(new), &e);
                if (f.n < at) {
                    assert_int_equal(status, TRIT_OK);
                    n_calls = f.n;
                    break;
                }
                assert_int_equal(status, TRIT_E_IO);
                assert_error_has(e, path);
                assert_error_has(e, strerror(errors[k]));
                assert_error_has(e, "24 bytes");
                bool after_rename = strstr(e.text, "may not survive a power loss");
                assert_content(path, after_rename ? new : old);
                assert_int_equal(scratch_count(dir), 1);
            }
        }
    }
    /* open, 3 writes, fsync, close, rename, fsync of the directory */
    assert_int_equal(n_calls, 8);
}

static void replace_interrupted(void **state) {
    (void)state;
    for (int at = 1; at <= 10; at++) {
        faults f = {.at = at, .err = EINTR, .at_most = 1};
        trit_io io = faults_io(&f);
        trit_error e = {0};
        put("old");
        assert_ok(trit_file_replace(&io, path, "new!", 4, &e));
        assert_content(path, "new!");
        assert_int_equal(scratch_count(dir), 1);
    }
}

/* The process dies before any of the calls: old or new, never something else. */
static void replace_killed(void **state) {
    (void)state;
    int n_old = 0, n_new = 0;
    for (int at = 1; at <= 8; at++) {
        put("old");
        fflush(NULL);
        pid_t child = fork();
        if (!child) {
            faults f = {.at = at, .die = true, .at_most = 10};
            trit_io io = faults_io(&f);
            trit_file_replace(&io, path, "something new and longer", 24, NULL);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        assert_int_equal(WEXITSTATUS(status), 9);
        trit_text got = {0};
        trit_error e = {0};
        assert_ok(trit_file_read(path, 100, &got, &e));
        n_old += !strcmp(got.at, "old");
        n_new += !strcmp(got.at, "something new and longer");
        trit_text_free(&got);
    }
    assert_int_equal(n_old, 7);
    assert_int_equal(n_new, 1);
}

/* Content that is made while it is written. */
typedef struct counter {
    size_t at; /* bytes asked for so far */
    int n_call;
} counter;

static void count_on(void *self, void *to, size_t n) {
    counter *c = self;
    assert_true(n && n <= TRIT_FILE_PIECE_BYTES && c->at % TRIT_FILE_PIECE_BYTES == 0);
    for (size_t i = 0; i < n; i++) ((unsigned char *)to)[i] = (unsigned char)((c->at + i) * 7 / 5);
    c->at += n;
    c->n_call++;
}

static void replace_from_pieces(void **state) {
    (void)state;
    const size_t sizes[] = {0, 1, TRIT_FILE_PIECE_BYTES, 2 * TRIT_FILE_PIECE_BYTES + 77};
    trit_error e = {0};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        counter c = {0};
        trit_text got = {0};
        assert_ok(trit_file_replace_from(NULL, path, count_on, &c, sizes[k], &e));
        assert_int_equal(c.at, sizes[k]);
        assert_int_equal(c.n_call, k < 3 ? (k > 0) : 3);
        assert_ok(trit_file_read(path, 1 << 20, &got, &e));
        assert_int_equal(got.len, sizes[k]);
        for (size_t i = 0; i < got.len; i++)
            assert_int_equal((unsigned char)got.at[i], i * 7 / 5 % 256);
        trit_text_free(&got);
    }
    /* A piece that is written bit by bit is asked for once; a failure leaves what was there. */
    for (int at = 1;; at++) {
        counter c = {0};
        faults f = {.at = at, .err = ENOSPC, .at_most = TRIT_FILE_PIECE_BYTES / 2 + 1};
        trit_io io = faults_io(&f);
        e = (trit_error){0};
        put("old");
        trit_status status = trit_file_replace_from(&io, path, count_on, &c, sizes[3], &e);
        if (f.n < at) {
            assert_int_equal(status, TRIT_OK);
            assert_int_equal(c.at, sizes[3]);
            assert_int_equal(f.n, 10); /* open, 5 writes, fsync, close, rename, fsync */
            break;
        }
        assert_int_equal(status, TRIT_E_IO);
        assert_int_equal(scratch_count(dir), 1);
        if (!strstr(e.text, "may not survive")) assert_content(path, "old");
    }
}

static void replace_stale_temp(void **state) {
    (void)state;
    char name[64], temp[512];
    snprintf(name, sizeof name, ".file.tmp-%ld", (long)getpid());
    FILE *f = fopen(scratch_path(temp, dir, name), "w");
    assert_non_null(f);
    fclose(f);
    put("new");
    assert_content(path, "new");
    assert_int_equal(scratch_count(dir), 1);
}

static void replace_places(void **state) {
    (void)state;
    trit_error e = {0};
    assert_int_equal(trit_file_replace(NULL, "/proc/none/file", "x", 1, &e), TRIT_E_IO);
    e = (trit_error){0};
    assert_int_equal(trit_file_replace(NULL, dir, "x", 1, &e), TRIT_E_IO); /* a directory */
    e = (trit_error){0};
    char here[256];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(dir), 0);
    assert_ok(trit_file_replace(NULL, "file", "plain", 5, &e)); /* no directory in the path */
    assert_int_equal(chdir(here), 0);
    assert_content(path, "plain");
}

static void append_lines(void **state) {
    (void)state;
    trit_error e = {0};
    assert_ok(trit_file_append(NULL, path, "one\n", 4, &e));
    assert_ok(trit_file_append(NULL, path, "two\n", 4, &e));
    assert_content(path, "one\ntwo\n");
    /* The disk is full in the middle of a line: the part is cut off. */
    faults f = {.at = 3, .err = ENOSPC, .forever = true, .at_most = 2};
    trit_io io = faults_io(&f);
    assert_int_equal(trit_file_append(&io, path, "three\n", 6, &e), TRIT_E_IO);
    assert_error_has(e, path);
    assert_content(path, "one\ntwo\n");
    e = (trit_error){0};
    for (int at = 1; at <= 5; at++) {
        f = (faults){.at = at, .err = EINTR, .at_most = 2};
        assert_ok(trit_file_append(&io, path, "4\n", 2, &e));
    }
    assert_content(path, "one\ntwo\n4\n4\n4\n4\n4\n");
}

static void truncate_file(void **state) {
    (void)state;
    trit_error e = {0};
    int64_t n = -1;
    put("123456");
    assert_ok(trit_file_truncate(NULL, path, 4, &e));
    assert_content(path, "1234");
    assert_ok(trit_file_size(path, &n, &e));
    assert_int_equal(n, 4);
    assert_int_equal(trit_file_truncate(NULL, path, 5, &e), TRIT_E_DATA);
    assert_error_has(e, "at least 5");
    assert_content(path, "1234");
    e = (trit_error){0};
    unlink(path);
    assert_ok(trit_file_truncate(NULL, path, 0, &e));
    assert_int_equal(trit_file_truncate(NULL, path, 1, &e), TRIT_E_DATA);
}

static void make_dirs(void **state) {
    (void)state;
    trit_error e = {0};
    char deep[512];
    scratch_path(deep, dir, "a//b/c/");
    assert_ok(trit_file_make_dir(NULL, deep, &e));
    assert_ok(trit_file_make_dir(NULL, deep, &e));
    assert_ok(trit_file_make_dir(NULL, "/", &e));
    struct stat st;
    assert_int_equal(stat(scratch_path(deep, dir, "a/b/c"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    put("in the way");
    assert_int_equal(trit_file_make_dir(NULL, scratch_path(deep, dir, "file/x"), &e), TRIT_E_IO);
    assert_error_has(e, path);
    assert_error_has(e, strerror(ENOTDIR));
    e = (trit_error){0};
    faults f = {.at = 2, .err = ENOSPC};
    trit_io io = faults_io(&f);
    /* fails at a directory which exists: no harm; at a new one: an error */
    assert_ok(trit_file_make_dir(&io, scratch_path(deep, dir, "a/b"), &e));
    f = (faults){.at = 1, .err = ENOSPC, .forever = true};
    assert_int_equal(trit_file_make_dir(&io, scratch_path(deep, dir, "z"), &e), TRIT_E_IO);
    assert_error_has(e, strerror(ENOSPC));
    /* A new one is not there for good until the one above it is flushed. */
    e = (trit_error){0};
    f = (faults){0};
    assert_ok(trit_file_make_dir(&io, scratch_path(deep, dir, "a/b/new"), &e));
    int n = f.n;
    e = (trit_error){0};
    f = (faults){.at = n, .err = EIO};
    assert_int_equal(trit_file_make_dir(&io, scratch_path(deep, dir, "a/b/now"), &e), TRIT_E_IO);
    assert_error_has(e, strerror(EIO));
}

/* A flush is of the file and of its name; each failing call is reported. */
static void sync_file(void **state) {
    (void)state;
    trit_error e = {0};
    put("text");
    faults f = {0};
    trit_io io = faults_io(&f);
    assert_ok(trit_file_sync(&io, path, &e));
    assert_int_equal(f.n, 4); /* open, sync, close, sync_dir */
    for (int at = 1; at <= 4; at++) {
        e = (trit_error){0};
        f = (faults){.at = at, .err = EIO};
        assert_int_equal(trit_file_sync(&io, path, &e), TRIT_E_IO);
        assert_error_has(e, path);
        assert_error_has(e, strerror(EIO));
        e = (trit_error){0};
        f = (faults){.at = at, .err = EINTR};
        assert_ok(trit_file_sync(&io, path, &e));
    }
}

static void clean_leftovers(void **state) {
    (void)state;
    static const char *const keep[] = {"a.tmp-1", ".a.tmp-", ".a.tmp-1x", ".hidden", ".a.tmp1"},
                             *const go[] = {".a.tmp-1", ".step-7.h5.tmp-123", ".a.tmp-x.tmp-9"};
    char sub[300], name[512];
    trit_error e = {0};
    snprintf(sub, sizeof sub, "%s/litter", dir);
    assert_ok(trit_file_make_dir(NULL, sub, &e));
    for (size_t i = 0; i < 5; i++) {
        assert_ok(trit_file_append(NULL, scratch_path(name, sub, keep[i]), "x", 1, &e));
    }
    for (size_t i = 0; i < 3; i++) {
        assert_ok(trit_file_append(NULL, scratch_path(name, sub, go[i]), "x", 1, &e));
    }
    faults f = {.at = 1, .err = EIO};
    trit_io io = faults_io(&f);
    trit_file_clean(&io, sub);
    assert_int_equal(scratch_count(sub), 6); /* one unlink failed */
    trit_file_clean(NULL, sub);
    assert_int_equal(scratch_count(sub), 5);
    for (size_t i = 0; i < 5; i++) assert_int_equal(access(scratch_path(name, sub, keep[i]), 0), 0);
    trit_file_clean(NULL, scratch_path(name, dir, "no such"));
}

static void lock_once(void **state) {
    (void)state;
    trit_lock a = {0}, b = {0};
    trit_error e = {0};
    char pid[32];
    assert_ok(trit_lock_take(dir, &a, &e));
    assert_int_equal(trit_lock_take(dir, &b, &e), TRIT_E_STATE);
    snprintf(pid, sizeof pid, " %ld)", (long)getpid());
    assert_error_has(e, pid);
    assert_error_has(e, dir);
    assert_false(b.held);
    trit_lock_release(&b);
    trit_lock_release(&a);
    e = (trit_error){0};
    assert_ok(trit_lock_take(dir, &b, &e));
    trit_lock_release(&b);
    assert_int_equal(trit_lock_take("no/such", &b, &e), TRIT_E_IO);
}

/* The kernel takes the lock from a process that dies. */
static void lock_dies_with_owner(void **state) {
    (void)state;
    int up[2], down[2];
    assert_int_equal(pipe(up) || pipe(down), 0);
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        trit_lock mine = {0};
        char c = trit_lock_take(dir, &mine, NULL) ? 'n' : 'y';
        if (write(up[1], &c, 1) != 1 || read(down[0], &c, 1) != 1) _exit(1);
        _exit(0); /* without releasing */
    }
    char c = '?';
    assert_int_equal(read(up[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    trit_lock mine = {0};
    trit_error e = {0};
    char pid[32];
    assert_int_equal(trit_lock_take(dir, &mine, &e), TRIT_E_STATE);
    snprintf(pid, sizeof pid, " %ld)", (long)child);
    assert_error_has(e, pid);
    assert_int_equal(write(down[1], &c, 1), 1);
    int status;
    waitpid(child, &status, 0);
    e = (trit_error){0};
    assert_ok(trit_lock_take(dir, &mine, &e));
    trit_lock_release(&mine);
    for (int i = 0; i < 2; i++) close(up[i]), close(down[i]);
}

/* With stdout closed, a file must not become descriptor 1, where the next printf would land. */
static void not_a_standard_stream(void **state) {
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        close(0), close(1), close(2);
        int fd = trit_io_real.open(NULL, path, O_WRONLY | O_CREAT, 0666);
        _exit(fd > 2 ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(read_limits),
        T(read_grows),
        T(read_refuses),
        T(replace_faults),
        T(replace_interrupted),
        T(replace_killed),
        T(replace_from_pieces),
        T(replace_stale_temp),
        T(replace_places),
        T(append_lines),
        T(truncate_file),
        T(make_dirs),
        T(sync_file),
        T(clean_leftovers),
        T(lock_once),
        T(lock_dies_with_owner),
        T(not_a_standard_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
