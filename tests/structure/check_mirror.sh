#!/bin/sh
# Tests mirror the source: tests/<folder>/test_<name>.c or f64_<name>.c tests src/<folder>/<name>.c
# (or .h, .inc), or verb_<name>.c, op_<name>.c; test_<name>_<part>.c tests a part of it. A test of
# several files at once is listed in mirror_exceptions.txt with its reason.

cd "${1:?usage: check_mirror.sh ROOT}" || exit 2
exceptions=tests/structure/mirror_exceptions.txt
status=0

# mirrored FOLDER NAME: whether src/FOLDER has a file for NAME, or for NAME less its last words.
mirrored() {
    name=$2
    while :; do
        for file in "src/$1/$name".* "src/$1/verb_$name".c "src/$1/op_$name".c; do
            [ ! -f "$file" ] || return 0
        done
        case $name in *_*) name=${name%_*} ;; *) return 1 ;; esac
    done
}

for test in $(find tests -name 'test_*.c' -o -name 'f64_*.c' | sort); do
    folder=${test#tests/}
    folder=${folder%/*}
    [ -d "src/$folder" ] || [ "$folder" != fuzz ] || continue
    name=$(basename "$test" .c)
    name=${name#test_}
    name=${name#f64_}
    listed=$(grep -n "^$test[ 	]" "$exceptions" 2>/dev/null | cut -d : -f 1)
    whole=$name
    if mirrored "$folder" "$name"; then
        [ -z "$listed" ] || {
            echo "$exceptions:$listed: $test has a counterpart by now; remove the line"
            status=1
        }
    elif [ -z "$listed" ]; then
        echo "$test:1: there is no src/$folder/$whole.c; name the test after the file it tests," \
            "or list it with its reason in $exceptions"
        status=1
    fi
done
if [ -f "$exceptions" ]; then
    # A line that explains nothing, or excuses a test that is gone, is itself a fault.
    n=0
    while read -r test reason; do
        n=$((n + 1))
        case $test in '' | '#'*) continue ;; esac
        [ -f "$test" ] || { echo "$exceptions:$n: $test is gone; remove the line"; status=1; }
        [ -n "$reason" ] || { echo "$exceptions:$n: say why after the name"; status=1; }
    done <"$exceptions"
fi
exit $status
