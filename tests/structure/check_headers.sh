#!/bin/sh
# Every header opens with a comment that says what it is for, and has a guard made of its path:
# src/io/json.h has TRIT_IO_JSON_H. Lists of rows (*_list.h) are included to be expanded, some of
# them several times, and need no guard.

cd "${1:?usage: check_headers.sh ROOT}" || exit 2
find src -name '*.h' | sort | xargs awk '
    FNR == 1 {
        finish()
        file = FILENAME
        guard = toupper(substr(file, 5))
        gsub(/[^A-Z0-9]/, "_", guard)
        guard = "TRIT_" guard
        opened = defined = 0
        if ($0 !~ /^\/\*/)
            say("the first line is no comment; say in one sentence what the header offers")
    }
    $0 == "#ifndef " guard { opened = FNR }
    $0 == "#define " guard && opened == FNR - 1 { defined = 1 }
    function finish() {
        if (file != "" && file !~ /_list\.h$/ && !defined)
            say("no include guard; write #ifndef " guard ", #define " guard " and #endif")
    }
    function say(text) { print file ":1: " text; bad = 1 }
    END { finish(); exit bad }'
