/* What files with AVX-512 intrinsics share; empty where the compiler may not use them. */
#ifndef TRIT_KERNEL_AVX512_H
#define TRIT_KERNEL_AVX512_H

#ifdef __AVX512BF16__
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

/* The lowest n lanes of 16. */
static inline __mmask16 mask_of(int n) {
    return n >= 16 ? (__mmask16)0xffff : n <= 0 ? (__mmask16)0 : (__mmask16)((1u << n) - 1);
}

/* 16 numbers of one row and 16 of the next, rounded: one after the other. */
static inline __m512i two_rows(__m512 a, __m512 b) {
    return (__m512i)_mm512_cvtne2ps_pbh(b, a);
}

/* The same, in pairs side by side. */
static inline __m512i side_by_side(__m512i rows) {
    const __m512i order =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, rows);
}

#endif
#endif
