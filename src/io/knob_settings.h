/* The knobs of a row in a config: {"temperature": 2, "beta": {"shape": ...}}. */
#ifndef TRIT_IO_KNOB_SETTINGS_H
#define TRIT_IO_KNOB_SETTINGS_H

#include "io/schedule_settings.h"
#include "quant/spec.h"

/* The schedules of knob[] (ends with name NULL) into out, as the object `knobs` says (NULL: {});
 * knobs that it lacks have their defaults. owner: "controller freeze", for the message about one
 * that the row does not know. file, pointer: where `knobs` stands. */
trit_status trit_knobs_read(const trit_knob *knob, const char *owner, const cJSON *knobs,
                            const char *file, const char *pointer, trit_schedule *out,
                            trit_error *e);
/* Adds every knob to obj, such that reading gives the same; false: no memory. */
bool trit_knobs_write(const trit_knob *knob, const trit_schedule *in, cJSON *obj);
/* Adds `"name": schema` to the properties of a JSON Schema for each knob whose name is not among
 * those in `seen`, where it is put then. */
void trit_knobs_add_schema(trit_text *t, const trit_knob *knob, trit_text *seen);

#endif
