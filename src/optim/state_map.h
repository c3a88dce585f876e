/* The maps of few-bit optimizer state, made by their rules: code -> value in [-1, 1], rising. */
#ifndef TRIT_OPTIM_STATE_MAP_H
#define TRIT_OPTIM_STATE_MAP_H

#include <stdbool.h>

/* map[1 << bits]. 8 bits: the dynamic tree map (Dettmers et al. 2022, arXiv 2110.02861): seven
 * decades below 1, each with twice as many magnitudes as the one below it (64 of each sign, or 128,
 * in the topmost), 0 and 1. -1 is not in it: the lowest value of the signed map is -0.99296875.
 * 4 bits, signed: the same with three decades; unsigned: k/16 for k = 1..16, without 0 (as in
 * torchao). Edges are computed in double. */
void trit_state_map(int bits, bool sign, float *map);

#endif
