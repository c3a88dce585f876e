#include "quant/control.h"

#include "quant/quant_list.h"

#include <stddef.h>

#define X(row, word) extern const trit_controller trit_controller_##row;
TRIT_CONTROLLER_LIST(X)
#undef X
const trit_controller *const trit_controllers[] = {
#define X(row, word) &trit_controller_##row,
    TRIT_CONTROLLER_LIST(X)
#undef X
        NULL};
#define X(row, word) word,
const char *const trit_controller_names[] = {TRIT_CONTROLLER_LIST(X) NULL};
#undef X
