/* bf16 in plain C: the upper half of a float, rounded half to even. */
#ifndef TRIT_KERNEL_BF16_H
#define TRIT_KERNEL_BF16_H

#include <stdint.h>
#include <string.h>

static inline uint16_t to_bf16(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (uint16_t)(v != v ? bits >> 16 | 0x40 : rounded); /* a NaN stays one */
}

static inline float from_bf16(uint16_t v) {
    uint32_t bits = (uint32_t)v << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

#endif
