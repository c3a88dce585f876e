#!/bin/sh
# Runs every fuzzer of a build folder in turn: fuzz.sh BUILD SECONDS (of all of them together).
# What is new goes to BUILD/corpus, what fails to BUILD/findings; the committed corpus stays as it is.
set -eu
build=${1:?usage: fuzz.sh BUILD SECONDS}
seconds=${2:?usage: fuzz.sh BUILD SECONDS}
sources=$(ls tests/fuzz/fuzz_*.c)
n=$(echo "$sources" | wc -l)
mkdir -p "$build/findings"
for source in $sources; do
    target=$(basename "$source" .c)
    name=${target#fuzz_}
    cmake --build "$build" --target "$target"
    mkdir -p "$build/corpus/$name"
    ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0 \
        nice -n 10 "$build/tests/$target" -max_total_time=$((seconds / n)) -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$build/findings/$name-" \
        "$build/corpus/$name" "tests/fuzz/corpus/$name" 2>"$build/findings/$name.log" ||
        { tail -n 40 "$build/findings/$name.log"; exit 1; }
    grep -E 'number_of_executed_units|^Done' "$build/findings/$name.log"
    echo "fuzz: $name: nothing found"
done
