/* The difference of two checkpoints, for `trit inspect A B`. */
#ifndef TRIT_CLI_INSPECT_DIFF_H
#define TRIT_CLI_INSPECT_DIFF_H

#include "base/tensor.h"
#include "base/text.h"

/* A table of all tensors of checkpoint files a and b: largest and mean change, and codes flipped.
 */
trit_status trit_inspect_diff(const char *a, const char *b, trit_text *out, trit_error *e);
/* Element i of a tensor of any type. */
double trit_inspect_value(const trit_tensor *t, int64_t i);

#endif
