#include "kernel/cpu.h"

#include "kernel/kernel.h"

#include <string.h>

/* The compilers' feature test covers the operating system's part (XGETBV) too. */
bool trit_cpu_has_avx2(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

bool trit_cpu_has_avx512(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

bool trit_cpu_has_vbmi(void) {
#if defined(__x86_64__)
    return trit_cpu_has_avx512() && __builtin_cpu_supports("avx512vbmi");
#else
    return false;
#endif
}

bool trit_cpu_has_lowp(void) {
#if defined(__x86_64__)
    return trit_cpu_has_avx512() && __builtin_cpu_supports("avx512vnni") &&
           __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

const char *const trit_act_names[TRIT_N_ACT + 1] = {
#define X(name) #name,
    TRIT_ACT_LIST(X)
#undef X
        NULL};

static const struct {
    const char *name;
    void (*fill)(trit_kernels *);
    bool (*allowed)(void);
} isas[] = {
    {"base", trit_kernels_base, NULL},
#if defined(__x86_64__) && !defined(TRIT_DOUBLE)
    {"avx2", trit_kernels_avx2, trit_cpu_has_avx2},
    {"avx512", trit_kernels_avx512, trit_cpu_has_avx512},
    {"avx512vbmi", trit_kernels_avx512vbmi, trit_cpu_has_vbmi},
#endif
};
enum { N_ISA = sizeof isas / sizeof *isas };

int trit_cpu_isas(const char *names[4]) {
    int n = 0;
    for (int i = 0; i < N_ISA; i++) {
        if (!isas[i].allowed || isas[i].allowed()) names[n++] = isas[i].name;
    }
    return n;
}

trit_status trit_kernels_pick(trit_kernels *k, const char *cap, trit_error *e) {
    static const char *const known[] = {"base", "avx2", "avx512", "avx512vbmi"};
    bool found = !cap || !*cap;
    for (int i = 0; i < 4; i++) found = found || strcmp(cap, known[i]) == 0;
    if (!found) {
        return TRIT_FAIL(e, E_CONFIG,
                         "CPU feature cap \"%s\": allowed are base, avx2, avx512, avx512vbmi", cap);
    }
    for (int i = 0; i < N_ISA; i++) {
        if (!isas[i].allowed || isas[i].allowed()) isas[i].fill(k);
        if (cap && *cap && strcmp(cap, isas[i].name) == 0) break;
    }
    return TRIT_OK;
}
