/* Whatever is accepted must print to a text that is accepted and prints to itself, in all forms. */
#include "fuzz/fuzz.h"
#include "io/json.h"

#include <stdlib.h>
#include <string.h>

enum { COMPACT, PRETTY, SORTED, N_FORM };

static void print_form(const cJSON *v, int form, trit_text *out) {
    if (form == SORTED) {
        trit_json_print_sorted(v, out);
    } else {
        trit_json_print(v, form == PRETTY, out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    cJSON *v = NULL;
    trit_error e = {0};
    if (trit_json_parse(&v, (const char *)data, n, "fuzz", &e)) {
        if (!strstr(e.text, "fuzz:")) abort();
        return 0;
    }
    for (int form = 0; form < N_FORM; form++) {
        trit_text first = {0}, second = {0};
        cJSON *again = NULL;
        print_form(v, form, &first);
        /* "1e15" grows when printed, so the printed text may pass the limit of size. */
        if (first.len <= TRIT_JSON_MAX_BYTES) {
            if (trit_json_parse(&again, first.at, first.len, "printed", &e)) abort();
            print_form(again, form, &second);
            if (first.len != second.len || memcmp(first.at, second.at, first.len)) abort();
            if (form != SORTED && !cJSON_Compare(v, again, true)) abort();
            cJSON_Delete(again);
        }
        trit_text_free(&first);
        trit_text_free(&second);
    }
    cJSON_Delete(v);
    return 0;
}
