/* Fletcher-32 as HDF5's filter takes it: of 16-bit words, high byte first, modulo 65535. */
#ifndef TRIT_IO_FLETCHER_H
#define TRIT_IO_FLETCHER_H

#include <stddef.h>
#include <stdint.h>

/* Of data[n_bytes], then of n_zero bytes of zero. An odd last byte is a word's high one. */
uint32_t trit_fletcher32(const void *data, size_t n_bytes, size_t n_zero);

#endif
