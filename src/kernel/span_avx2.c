/* The kernels of span.inc for AVX2; CMakeLists.txt gives this file its instruction-set flags. */
#include "kernel/kernel.h"

#if defined(__AVX2__) && !defined(TRIT_DOUBLE)
#define TRIT_ISA avx2
#include "kernel/span.inc"
#else
typedef int trit_not_for_this_machine;
#endif
