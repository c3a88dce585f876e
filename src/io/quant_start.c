#include "io/quant_start.h"

#include <math.h>
#include <string.h>

static trit_status read(void *member, const cJSON *v, const char *file, const char *pointer,
                        trit_arena *mem, trit_error *e) {
    (void)mem;
    double *out = member;
    char found[80];
    *out = TRIT_QUANT_START_AUTO;
    if (cJSON_IsString(v) && strcmp(v->valuestring, "auto") == 0) return TRIT_OK;
    *out = cJSON_IsNumber(v) ? v->valuedouble : NAN;
    if (*out >= 0 && *out <= 1e12 && (*out < 1 || *out == floor(*out))) return TRIT_OK;
    return trit_settings_fail(e, file, pointer,
                              "found %s, expected a share of training below 1, a whole number of "
                              "steps from 1 on, or \"auto\"",
                              trit_json_describe(found, v));
}

static cJSON *write(const void *member) {
    double start = *(const double *)member;
    return start < 0 ? cJSON_CreateString("auto") : cJSON_CreateNumber(start);
}

static cJSON *schema(void) {
    return cJSON_Parse("{\"anyOf\":[{\"const\":\"auto\"},{\"type\":\"number\",\"minimum\":0,"
                       "\"exclusiveMaximum\":1},{\"type\":\"integer\",\"minimum\":1,"
                       "\"maximum\":1e12}]}");
}

const trit_custom trit_quant_start_custom = {read, write, schema};

int64_t trit_quant_start_step(double start, int64_t steps) {
    if (start < 0) return 0;
    return llround(start < 1 ? start * (double)steps : start);
}
