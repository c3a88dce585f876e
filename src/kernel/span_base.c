/* The kernels of span.inc for the baseline of the architecture: the reference for every other one.
 */
#define TRIT_ISA base
#include "kernel/span.inc"
