#!/bin/sh
# Each check of this folder must find what it is there for: a small tree is made that passes all of
# them, one fault is planted at a time, and the check must name its file and line.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

fresh() {
    rm -rf "$dir/tree"
    mkdir -p "$dir/tree/src/base" "$dir/tree/src/io" "$dir/tree/src/cli" "$dir/tree/tests/base" \
        "$dir/tree/tests/structure" "$dir/tree/cmake"
    cd "$dir/tree"
    echo 'project(trit VERSION 9.8.7 LANGUAGES C) # no -ffast-math' >CMakeLists.txt
    printf '%s\n' '/* A header. */' '#ifndef TRIT_BASE_A_H' '#define TRIT_BASE_A_H' '#endif' \
        >src/base/a.h
    # Words that are harmless in comments, strings and longer names.
    printf '%s\n' '#include "base/a.h"' '/* printf("x");' ' * exit(1) */' \
        'int a(char *s) { return snprintf(s, 9, "abort()") + s->time(0); } // rand()' \
        'char quote = 0x22, c[] = { '"'\"'"', STDOUT_FILENO };' >src/base/a.c
    printf '%s\n' '#include "base/a.h"' 'void b(void) { printf("x"); exit(1); }' >src/cli/b.c
    printf '%s\n' '#include "base/a.h"' >src/io/c.c
    printf '%s\n' '#include "testing.h"' >tests/base/test_a.c
}

# plant CHECK PLACE: the tree that stands must be refused at PLACE ("file:line").
plant() {
    if out=$(sh "$here/$1.sh" "$dir/tree" 2>&1); then
        echo "$1 overlooked $2: $3"
        status=1
    elif ! printf '%s\n' "$out" | grep -q "^$2: "; then
        echo "$1 refused, but not at $2: $out"
        status=1
    fi
    fresh
}

fresh
for check in "$here"/check_*.sh; do
    sh "$check" "$dir/tree" || { echo "$check refuses a tree without faults"; status=1; }
done

echo '#include "io/c.h"' >>src/base/a.c
plant check_includes src/base/a.c:6 "a folder above"
echo '#include "a.h"' >>src/base/a.c
plant check_includes src/base/a.c:6 "a name without a folder"
mkdir src/new && echo '#include "base/a.h"' >src/new/d.c
plant check_includes src/new/d.c:1 "a folder outside the order"

for call in 'printf("x")' 'puts("x")' 'fprintf(stderr, "x")' 'exit(1)' '_exit(1)' 'abort()' \
    'rand()' 'srand(1)' 'time(NULL)' 'clock_gettime(0, &t)' 'assert(x)'; do
    echo "void f(void) { /* */ $call; }" >>src/io/c.c
    plant check_calls src/io/c.c:2 "$call"
done
echo 'set(CMAKE_C_FLAGS "-O3 -ffast-math")' >cmake/x.cmake
plant check_calls cmake/x.cmake:1 "a fast-math flag"
echo '#pragma STDC FP_CONTRACT ON' >>src/io/c.c
plant check_calls src/io/c.c:2 "a contraction pragma"

mv tests/base/test_a.c tests/base/test_z.c
plant check_mirror tests/base/test_z.c:1 "a test of nothing"
echo 'tests/base/test_a.c tests many files' >tests/structure/mirror_exceptions.txt
plant check_mirror tests/structure/mirror_exceptions.txt:1 "an exception that is none"
echo 'tests/base/test_gone.c tests many files' >tests/structure/mirror_exceptions.txt
plant check_mirror tests/structure/mirror_exceptions.txt:1 "an exception for a test that is gone"

printf '/* %s: later */\n' TO''DO >>src/io/c.c
plant check_words src/io/c.c:2 "a promise"
printf '# see /%s/main\n' wor''k >>cmake/x.cmake
plant check_words cmake/x.cmake:1 "a path of a machine"

sed -i 1d src/base/a.h
plant check_headers src/base/a.h:1 "a header without a comment"
sed -i s/_A_H/_B_H/ src/base/a.h
plant check_headers src/base/a.h:1 "a guard of another name"

echo 'version 9.8.7' >README.md
plant check_version README.md:1 "a second place for the version"
echo 'project(trit)' >CMakeLists.txt
plant check_version CMakeLists.txt:1 "no version at all"
exit $status
