/* What this CPU and operating system allow. */
#ifndef TRIT_KERNEL_CPU_H
#define TRIT_KERNEL_CPU_H

#include <stdbool.h>

bool trit_cpu_has_avx2(void);
bool trit_cpu_has_avx512(void); /* F, BW, DQ and VL */
bool trit_cpu_has_vbmi(void);   /* those and VBMI */
bool trit_cpu_has_lowp(void);   /* those of AVX-512, VNNI and BF16 */

#endif
