#!/bin/sh
# Draws output and slope of every row and named method into docs/methods/, and writes docs/methods.md
# with these pictures. Usage: docs/render_methods.sh [path of trit]; from any folder.
set -eu
trit=$(realpath "${1:-build/trit}")
cd "$(dirname "$0")"
mkdir -p methods

# A spec in which a row can be seen; nothing for what makes no picture of its own.
spec_of() {
    case $1 in
    scale) echo "int4-$2" ;;
    estimator)
        case $2 in
        approx-sign | ede | reste | fourier-sign) grid='"binary"' ;;
        *-ternary) grid='"ternary"' ;;
        *) grid='"int", "bits": 3' ;;
        esac
        echo "{\"grid\": $grid, \"estimator\": \"$2\"}" ;;
    granularity) ;;
    *) echo "$2" ;;
    esac
}

"$trit" methods --json | sed -n 's/^[[ ]*{"axis":"\([a-z]*\)","name":"\([^"]*\)".*/\1 \2/p' |
    while read -r axis name; do
        spec=$(spec_of "$axis" "$name")
        [ -n "$spec" ] || continue
        "$trit" probe "$spec" --plot "methods/$axis-$name.png" ||
            echo "no picture of $axis $name" >&2
    done
"$trit" methods --doc --images methods >methods.md
