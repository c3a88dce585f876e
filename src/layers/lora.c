#include "layers/lora.h"

static const trit_field fields[] = {
#define F(...) TRIT_FIELD(trit_lora_cfg, __VA_ARGS__)
    TRIT_LORA_FIELDS(F)
#undef F
};
const trit_schema trit_lora_schema =
    TRIT_SCHEMA("lora", "low-rank adapters of quantized layers", trit_lora_cfg, fields, NULL);
