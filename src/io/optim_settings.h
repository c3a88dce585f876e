/* The config section "optim": an optimizer, its schedule, and groups of parameters.
 *
 *     "optim": {"kind": "lion", "lr": 3e-4, "schedule": "wsd",
 *               "groups": [{"role": "norm", "weight_decay": 0.1},
 *                          {"match": "blocks.0.*", "lr": 0.1},
 *                          {"match": "embed.weight", "freeze": true}]}
 *
 * The words of kind and schedule bring values for keys that are not given. */
#ifndef TRIT_IO_OPTIM_SETTINGS_H
#define TRIT_IO_OPTIM_SETTINGS_H

#include "io/settings.h"
#include "optim/optim_cfg.h"

extern const trit_schema trit_optim_schema;

/* Puts these values into root's section "optim". Words that are unknown are left to the reader. */
trit_status trit_optim_settings_expand(cJSON *root, trit_error *e);
/* The section alone: an object, or the name of an optimizer. pointer: where v stands in file. */
trit_status trit_optim_settings_read(trit_optim_cfg *cfg, const cJSON *v, const char *file,
                                     const char *pointer, trit_arena *mem, trit_error *e);

/* Markdown: every optimizer and schedule, from the rows. */
void trit_optim_doc(trit_text *out);

#endif
