#!/bin/sh
# The version is said once, in CMakeLists.txt; everything else is told by the build. A change log
# names versions of the past and is left alone.

cd "${1:?usage: check_version.sh ROOT}" || exit 2
version=$(sed -nE 's/^project\(trit VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
if [ -z "$version" ]; then
    echo "CMakeLists.txt:1: found no line \"project(trit VERSION x.y.z\"; the version is said there"
    exit 1
fi
pattern="(^|[^0-9.])$(printf %s "$version" | sed 's/\./\\./g')([^0-9]|\$)"
find . \( -name .git -o -path './build*' -o -path ./runs -o -path './experiments/*/runs' \
    -o -path ./.cache -o -path ./tests/fuzz/corpus \) -prune \
    -o -type f ! -path ./CMakeLists.txt ! -name 'CHANGELOG*' ! -name compile_commands.json -print |
    sed 's|^\./||' | sort | tr '\n' '\0' | xargs -0 grep -InE -e "$pattern" /dev/null |
    awk -v version="$version" -F : '{
        print $1 ":" $2 ": says the version " version " again; take it from the build (TRIT_VERSION" \
            ", PROJECT_VERSION), or leave it out"
    } END { exit NR > 0 }'
