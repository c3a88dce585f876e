#include "run/tune.h"

#include "io/file.h"
#include "io/json.h"
#include "run/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, MACHINE_BYTES = 160 };

/* "DIR/trit", DIR as the XDG base directory specification says; false when there is none. */
static bool cache_dir(char *path, size_t cap) {
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (xdg && *xdg == '/') {
        n = snprintf(path, cap, "%s/trit", xdg);
    } else if (home && *home == '/') {
        n = snprintf(path, cap, "%s/.cache/trit", home);
    }
    return n > 0 && (size_t)n + sizeof "/gemm.json" < cap;
}

/* What a choice is kept for: a processor. A home directory may be that of many machines. Not for a
 * number of threads, on which no result may depend. */
static void name_machine(char text[MACHINE_BYTES]) {
    char line[256], model[96] = "unknown processor";
    const char *isa[4];
    int n_isa = trit_cpu_isas(isa);
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        snprintf(model, sizeof model, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (f) fclose(f);
    snprintf(text, MACHINE_BYTES, "%s, %s", model, isa[n_isa - 1]);
}

trit_status trit_tune_measure(const trit_exec *x, trit_tuning t[4], int *n, int *best,
                              trit_error *e) {
    const char *names[4];
    *n = trit_blas_names(names);
    *best = 0;
    for (int i = 0; i < *n; i++) {
        trit_gemm_timing shape[] = {{256, 384, 384, 0}, {256, 1536, 384, 0}, {384, 384, 256, 0}};
        enum { N = sizeof shape / sizeof *shape };
        trit_exec other = *x;
        t[i] = (trit_tuning){names[i], 0};
        /* A library that is not there is no candidate. */
        if (trit_blas_open(&other.blas, names[i], NULL)) continue;
        TRIT_TRY(trit_bench_gemm(&other, shape, N, 0.3, e));
        double operations = 0, seconds = 0;
        for (int s = 0; s < N; s++) {
            double some = 2e-9 * (double)shape[s].m * (double)shape[s].n * (double)shape[s].k;
            operations += some;
            seconds += some / shape[s].gflops;
        }
        t[i].gflops = operations / seconds;
        if (t[i].gflops > t[*best].gflops) *best = i;
    }
    return TRIT_OK;
}

/* An object of machines; empty where there is none that can be read. */
static cJSON *read_cache(const char *path) {
    cJSON *all = NULL;
    if (trit_json_load(&all, path, NULL) || !cJSON_IsObject(all)) {
        cJSON_Delete(all);
        all = cJSON_CreateObject();
    }
    return all;
}

trit_status trit_tune_write(const char *name, char *path, size_t cap, trit_error *e) {
    char machine[MACHINE_BYTES];
    if (!cache_dir(path, cap)) {
        return TRIT_FAIL(e, E_IO,
                         "no cache directory for the choice: neither XDG_CACHE_HOME nor HOME is an "
                         "absolute path");
    }
    TRIT_TRY(trit_file_make_dir(NULL, path, e));
    snprintf(path + strlen(path), cap - strlen(path), "/gemm.json");
    name_machine(machine);
    cJSON *all = read_cache(path);
    cJSON_DeleteItemFromObjectCaseSensitive(all, machine);
    bool made = cJSON_AddStringToObject(all, machine, name);
    trit_text text = {0};
    trit_json_print(all, true, &text);
    trit_text_add(&text, "\n");
    cJSON_Delete(all);
    trit_status status = made && !text.failed ? trit_file_replace(NULL, path, text.at, text.len, e)
                                              : TRIT_FAIL(e, E_NOMEM, "no memory for %s", path);
    trit_text_free(&text);
    return status;
}

void trit_tune_apply(trit_runtime_options *o, char name[32]) {
    char path[PATH_BYTES], machine[MACHINE_BYTES];
    const char *names[4];
    if (o->gemm || !cache_dir(path, sizeof path)) return;
    snprintf(path + strlen(path), sizeof path - strlen(path), "/gemm.json");
    name_machine(machine);
    cJSON *all = read_cache(path);
    const cJSON *kept = trit_json_get(all, machine);
    for (int i = trit_blas_names(names) - 1; i >= 0; i--) {
        if (!cJSON_IsString(kept) || strcmp(kept->valuestring, names[i]) != 0) continue;
        snprintf(name, 32, "%s", names[i]);
        o->gemm = name;
        o->gemm_by = "trit bench gemm --tune";
    }
    cJSON_Delete(all);
}
