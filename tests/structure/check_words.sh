#!/bin/sh
# No file names the machine it was written on, or promises work for later.

cd "${1:?usage: check_words.sh ROOT}" || exit 2
# What .gitignore leaves out is left out here. Brackets keep this file from finding itself.
find . \( -name .git -o -path './build*' -o -path ./runs -o -path './experiments/*/runs' \
    -o -path ./.cache \) -prune -o -type f ! -name compile_commands.json -print |
    sed 's|^\./||' | sort | tr '\n' '\0' | xargs -0 grep -InE \
    -e '(^|[^A-Za-z0-9_.~-])/(work|roo[t])/' \
    -e '(^|[^A-Za-z0-9_])(TOD[O]|FIXM[E]|XX[X])([^A-Za-z0-9_]|$)' /dev/null |
    awk '{
        split($0, place, ":")
        text = substr($0, length(place[1] place[2]) + 3)
        remedy = text ~ /(TOD[O]|FIXM[E]|XX[X])/ ? "do it, or open an issue and name it" \
                                                 : "write a path relative to the project"
        print place[1] ":" place[2] ": \"" substr(text, 1, 60) "\"; " remedy
    } END { exit NR > 0 }'
