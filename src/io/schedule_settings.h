/* Numbers that a config may give a schedule: knobs, strengths; and schemas of sections that are
 * parts of others. */
#ifndef TRIT_IO_SCHEDULE_SETTINGS_H
#define TRIT_IO_SCHEDULE_SETTINGS_H

#include "base/schedule.h"
#include "base/text.h"
#include "io/settings.h"

/* A number in lo..hi, or a schedule {"shape", "from", "to", "begin", "end", "k"} between such
 * numbers. file, pointer: where v stands. *out is zeroed first, padding too. */
trit_status trit_schedule_read(trit_schedule *out, const cJSON *v, double lo, double hi,
                               const char *file, const char *pointer, trit_error *e);
/* Such that reading it gives the same. Owned by the caller; NULL: no memory. */
cJSON *trit_schedule_write(const trit_schedule *s);
/* The JSON Schema of either, by reference to a definition that the whole document must have: there
 * are so many numbers with schedules that a copy for each would take a megabyte. */
void trit_schedule_add_schema(trit_text *t);
/* Gives a document that definition; false: no memory. */
bool trit_schedule_define(cJSON *document);

/* A section's JSON Schema without what belongs to a whole document. Owned by the caller; NULL: no
 * memory. */
cJSON *trit_part_schema(const trit_schema *s);
void trit_part_schema_add(trit_text *t, const trit_schema *s);

#endif
