/* The list "controllers" of the section "quant":
 *
 *     [{"name": "freeze", "layers": "blocks.*", "knobs": {"threshold": 0.02}}, "clip"]
 *
 * A string stands for an object with that name. Knobs are numbers or schedules. */
#ifndef TRIT_IO_CONTROL_SETTINGS_H
#define TRIT_IO_CONTROL_SETTINGS_H

#include "io/settings.h"
#include "quant/control.h"

typedef struct trit_control_list {
    int n;
    const trit_control_cfg *at; /* [n], config's arena */
} trit_control_list;

extern const trit_custom trit_control_list_custom;

#endif
