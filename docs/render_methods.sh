#!/bin/sh
# Draws output and slope of the rows and named methods into docs/methods/, and writes docs/methods.md
# with these pictures. With --check it changes nothing and fails where they are not up to date.
#
#   docs/render_methods.sh [--check] [TRIT]      TRIT: the program, else build/trit
set -eu
check=
if [ "${1:-}" = --check ]; then
    check=yes
    shift
fi
trit=$(realpath "${1:-build/trit}")
docs=$(cd "$(dirname "$0")" && pwd)
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
mkdir "$new/methods"
cd "$new"

# draw FILE SPEC [KIND]: names a picture to be drawn.
draw() {
    printf '%s\n' "$1" "$2" "${3:-}"
}

# A spec in which a row can be seen; scale rules and granularities make no picture of their own.
draw_row() {
    case $1 in
    grid)
        case $2 in
        int) draw "$1-$2" int4 ;;
        *) draw "$1-$2" "$2" ;;
        esac
        ;;
    estimator)
        case $2 in
        approx-sign | ede | reste | fourier-sign) grid='"binary"' ;;
        *-ternary) grid='"ternary"' ;;
        *) grid='"int", "bits": 3' ;;
        esac
        draw "$1-$2" "{\"grid\": $grid, \"estimator\": \"$2\"}"
        ;;
    form) draw "$1-$2" "{\"form\": \"$2\"}" ;;
    method)
        "$trit" methods "$2" | sed -n '/: none$/d; s/^  \(weights\|activations\): .*/\1/p' |
            sort -u | while read -r kind; do draw "$1-$2-$kind" "$2" "$kind"; done
        ;;
    esac
}

"$trit" methods --json | sed -n 's/^[[ ]*{"axis":"\([a-z]*\)","name":"\([^"]*\)".*/\1 \2/p' |
    while read -r axis name; do draw_row "$axis" "$name"; done | tr '\n' '\0' |
    xargs -0 -P 2 -n 3 sh -c '"$0" probe "$2" ${3:+--kind "$3"} --plot "methods/$1.svg"' "$trit" || {
    echo "$0: not every picture could be drawn" >&2
    exit 1
}
"$trit" methods --doc --images methods >methods.md

if [ -n "$check" ]; then
    diff -rq "$new/methods" "$docs/methods" && diff -q "$new/methods.md" "$docs/methods.md" || {
        echo "docs/methods.md is not up to date; remedy: docs/render_methods.sh $trit" >&2
        exit 1
    }
else
    rm -rf "$docs/methods"
    cp -r methods methods.md "$docs"
fi
