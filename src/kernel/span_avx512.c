/* The kernels of span.inc for AVX512; CMakeLists.txt gives this file its instruction-set flags. */
#include "kernel/kernel.h"

#if defined(__AVX512F__) && !defined(TRIT_DOUBLE)
#define TRIT_ISA avx512
#include "kernel/span.inc"
#else
typedef int trit_not_for_this_machine;
#endif
