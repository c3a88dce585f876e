#!/bin/sh
# What library code must not do: print, end the process, draw unseeded random numbers, look at the
# clock; and no build may trade reproducible arithmetic for speed.

cd "${1:?usage: check_calls.sh ROOT}" || exit 2
here=$(dirname "$0")
case $here in /*) ;; *) here=$OLDPWD/$here ;; esac
status=0

# forbid WORDS ALLOWED REMEDY: calls of WORDS in src outside files that match ALLOWED.
forbid() {
    printf '%s\n' "$code" | grep -vE "^($2)" |
        awk -v words="(^|[^A-Za-z0-9_.>])($1)" -v remedy="$3" '{
            text = $0
            sub(/^[^:]*:[0-9]*:/, "", text)
            if (match(text, words)) {
                split($0, place, ":")
                word = substr(text, RSTART, RLENGTH)
                gsub(/^[^A-Za-z_]|[ (]*$/, "", word)
                print place[1] ":" place[2] ": " word " is not for this folder; " remedy
                bad = 1
            }
        } END { exit bad }' || status=1
}

code=$(find src -name '*.[ch]' -o -name '*.inc' | sort | xargs awk -f "$here/code.awk")

# status.c holds TRIT_ASSERT, the one place where a programmer's mistake ends the process.
forbid '(v?printf|puts|putchar|perror|psignal) *\(|(stdout|stderr)([^A-Za-z0-9_]|$)' \
    'src/cli/|src/base/status.c:' \
    'return a trit_status with a text, or hand a line to a trit_log; printing is for src/cli'
forbid '(exit|quick_exit|abort|assert) *\(' 'src/cli/|src/base/status.c:' \
    'return a trit_status; TRIT_ASSERT for what only a programmer can get wrong'
# A child process that could not exec has no other way out.
forbid '_[eE]xit *\(' 'src/cli/|src/run/|src/sweep/' 'return a trit_status'
forbid '(s?rand|rand_r|s?random|[dlm]rand48|arc4random|getrandom|getentropy) *\(' 'nowhere' \
    'draw from a trit_rng (base/rng.h): a pure function of seed, stream, step and element'
forbid '(time|clock|clock_gettime|gettimeofday|timespec_get|omp_get_wtime) *\(' \
    'src/run/|src/cli/' \
    'take the time as an argument; clocks belong to src/run and src/cli'

# Floating-point law: flags in the build, pragmas and attributes in the sources.
flags='-f(fast-math|unsafe-math-optimizations|associative-math|reciprocal-math|finite-math-only|no-signed-zeros)|-Ofast|-ffp-contract=(on|fast)'
files=$(find CMakeLists.txt Makefile cmake tests/CMakeLists.txt -type f 2>/dev/null)
# shellcheck disable=SC2086
found=$(awk '{ sub(/#.*/, ""); print FILENAME ":" FNR ":" $0 }' $files | grep -E -e "$flags" |
    sed -E 's/^([^:]*:[0-9]*):.*/\1/')
found="$found $(find src -name '*.[ch]' -o -name '*.inc' | sort |
    xargs grep -nE "FP_CONTRACT +(ON|DEFAULT)|fast-math|Ofast|float_control" /dev/null |
    sed -E 's/^([^:]*:[0-9]*):.*/\1/')"
for place in $found; do
    echo "$place: changes what floating-point code computes; remedy: build with" \
        "-ffp-contract=off and write the faster order of operations in C"
    status=1
done
exit $status
