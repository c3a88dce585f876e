#!/bin/sh
# Format and static analysis of every source file; BUILD holds clang's compile_commands.json.
#
#   scripts/lint.sh BUILD
set -eu
build=${1:?usage: scripts/lint.sh BUILD}

find src tests -name '*.[ch]' -o -name '*.inc' | sort |
    xargs clang-format --dry-run -Werror || {
    echo "lint: format; remedy: make format" >&2
    exit 1
}

out=$(mktemp)
trap 'rm -f "$out"' EXIT
# One process a file: all cores stay busy, and a finding in one does not hide those of another.
# clang-tidy counts suppressed warnings on stderr; real errors of its own are on stdout too.
n=$(find src tests -name '*.c' | wc -l)
find src tests -name '*.c' | sort |
    xargs -P "$(nproc)" -n 1 clang-tidy -p "$build" --quiet --warnings-as-errors='*' \
        >"$out" 2>/dev/null || {
    cat "$out"
    echo "lint: $(grep -cE '(warning|error): ' "$out") findings; rules: .clang-tidy" >&2
    exit 1
}
echo "lint: $n files, no findings"
