/* Work on input that may crash or hang the library that reads it: done by a child process. */
#ifndef TRIT_RUN_CHILD_H
#define TRIT_RUN_CHILD_H

#include "base/status.h"
#include "base/text.h"

/* Calls work in a child, and moves what it put into its text to *out, which must be empty; the
 * caller frees it. The child may take `seconds`, and max_bytes of memory beyond what this process
 * has (address sanitizers know no such limit); it writes no files. E_DATA when it crashed or was
 * ended for taking more: *out then holds what had come. No other thread may be at work. */
trit_status trit_child_run(void (*work)(void *self, trit_text *out), void *self, double seconds,
                           size_t max_bytes, trit_text *out, trit_error *e);

#endif
