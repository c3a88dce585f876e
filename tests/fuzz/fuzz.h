/* A fuzz entry: libFuzzer calls it with made-up bytes, replay.c with the files of a corpus. */
#ifndef TRIT_TESTS_FUZZ_H
#define TRIT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Aborts when a property does not hold; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif
