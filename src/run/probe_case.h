/* Cases of run/probe as they are read: inside of run/probe. */
#ifndef TRIT_RUN_PROBE_CASE_H
#define TRIT_RUN_PROBE_CASE_H

#include "autograd/graph.h"
#include "io/json.h"
#include "quant/spec.h"

/* Where something stands, for messages. */
typedef struct trit_probe_place {
    const char *file, *pointer;
    trit_error *e;
} trit_probe_place;

typedef struct trit_probe_case {
    trit_spec spec;
    trit_quant_kind kind;
    trit_mode mode;
    int64_t steps;
    trit_tensor x, g, noise; /* noise.data NULL: none */
    const cJSON *state;      /* object or NULL; borrowed */
    trit_probe_place state_place;
    char state_pointer[TRIT_JSON_POINTER_BYTES];
} trit_probe_case;

/* Reads a case (trit_probe_run says what it is); tensors are placed in mem. q is filled from zero
 * and must stay where it is. */
trit_status trit_probe_case_read(trit_probe_case *q, const cJSON *in, const trit_probe_place *p,
                                 trit_arena *mem);
/* Numbers in lists up to 4 deep; a number for all elements of a shape (v NULL: 1). */
trit_status trit_probe_read_list(trit_tensor *t, const cJSON *v, trit_arena *mem,
                                 const trit_probe_place *p);
trit_status trit_probe_spread(trit_tensor *t, const cJSON *v, const trit_tensor *shape,
                              trit_arena *mem, const trit_probe_place *p);
/* Numbers in lists like a shape of at least one dimension; null for what is not finite. */
void trit_probe_add_values(trit_text *out, const trit_tensor *shape, const double *v);

#endif
