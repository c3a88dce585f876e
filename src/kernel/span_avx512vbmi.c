/* The kernels of span.inc for AVX512 with permutations of bytes (VBMI); CMakeLists.txt gives this
 * file its instruction-set flags. */
#include "kernel/kernel.h"

#if defined(__AVX512VBMI__) && !defined(TRIT_DOUBLE)
#define TRIT_ISA avx512vbmi
#include "kernel/span.inc"
#else
typedef int trit_not_for_this_machine;
#endif
