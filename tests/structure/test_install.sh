#!/bin/sh
# Installs into a folder of its own, moves it, and builds one program by pkg-config and one by
# find_package against it. Both must run.
#
#   test_install.sh BUILD VERSION
# CC and CFLAGS are those of the build.
set -eu
build=$1 version=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() {
    echo "test_install: $*" >&2
    exit 1
}

cmake --install "$build" --prefix "$dir/first" >"$dir/log" || { cat "$dir/log"; fail "install"; }
# An installed tree may be moved: nothing in it names the place where it was put first.
mv "$dir/first" "$dir/tree"

for file in bin/trit include/trit/trit.h include/trit/base/status.h \
    share/trit/configs/quant/bitnet-b1.58.json share/doc/trit/LICENSE; do
    [ -f "$dir/tree/$file" ] || fail "$file was not installed; see cmake/install.cmake"
done
"$dir/tree/bin/trit" --version | grep -qF "$version" ||
    fail "bin/trit --version does not say $version"
pc=$(find "$dir/tree" -name trit.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion trit)" = "$version" ] || fail "trit.pc does not say $version"

mkdir "$dir/user"
cat >"$dir/user/main.c" <<'END'
#include <stdio.h>
#include <trit.h>

int main(void) {
    trit_error e = {0};
    trit_spec spec;
    char text[96];
    if (trit_spec_parse(&spec, TRIT_QUANT_WEIGHT, "ternary-absmean", &e)) return 1;
    puts(trit_spec_text(&spec, text));
    return trit_method_files[0].name == NULL;
}
END
# The whole archive is linked, not only what main.c reaches: so every library it needs must be named.
libdir=$(pkg-config --variable=libdir trit)
# shellcheck disable=SC2086,SC2046
$CC $CFLAGS -std=c11 -Wall -Wextra -Wpedantic -Werror -o "$dir/user/by_pkg_config" \
    "$dir/user/main.c" -Wl,--whole-archive "$libdir/libtrit.a" -Wl,--no-whole-archive \
    $(pkg-config --cflags --libs trit) || fail "a program cannot be built by pkg-config"
"$dir/user/by_pkg_config" | grep -q ternary || fail "the program built by pkg-config does not work"

# Every header stands alone, and all of them together: no two give one name to different things.
mkdir "$dir/alone"
for header in $(cd "$dir/tree/include/trit" && find . -name '*.h' ! -name '*_list.h' | sort); do
    header=${header#./}
    echo "#include <$header>" | tee -a "$dir/alone/all.c" >"$dir/alone/$(echo "$header" | tr / _).c"
done
# shellcheck disable=SC2046
"$CC" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only "$dir"/alone/*.c \
    $(pkg-config --cflags trit) || fail "a header cannot be included alone, or with the others"

cat >"$dir/user/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(user C)
find_package(trit ${TRIT_WANTED} REQUIRED)
add_executable(by_find_package main.c)
target_link_libraries(by_find_package PRIVATE trit::trit)
END
{
    cmake -S "$dir/user" -B "$dir/user/build" -DCMAKE_PREFIX_PATH="$dir/tree" \
        -DTRIT_WANTED="$version" && cmake --build "$dir/user/build"
} >"$dir/log" 2>&1 || { cat "$dir/log"; fail "a program cannot be built by find_package"; }
"$dir/user/build/by_find_package" | grep -q ternary ||
    fail "the program built by find_package does not work"
