/* Any text as a config: it is refused with a message, or what it resolves to is a config with the
 * same meaning and the same hash. */
#include "fuzz/fuzz.h"
#include "run/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    trit_experiment x = {0}, again = {0};
    trit_error e = {0};
    char *text = malloc(n + 1);
    if (!text) abort();
    memcpy(text, data, n);
    text[n] = '\0';
    if (trit_experiment_parse(&x, text, "fuzz", &e)) {
        if (!*e.text) abort();
    } else {
        trit_text resolved = {0};
        trit_json_print(x.resolved, false, &resolved);
        if (trit_experiment_parse(&again, trit_text_get(&resolved), "again", &e)) abort();
        if (strcmp(x.hash, again.hash) != 0) abort();
        if (!cJSON_Compare(x.resolved, again.resolved, true)) abort();
        trit_text_free(&resolved);
    }
    trit_experiment_close(&again);
    trit_experiment_close(&x);
    free(text);
    return 0;
}
