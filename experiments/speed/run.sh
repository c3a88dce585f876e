#!/bin/sh
# Tokens a second over model sizes, contexts and threads, full precision and bitnet-b1.58 in turn.
#
#   run.sh [TRIT [REPEATS]]      TRIT: the program (build/trit), REPEATS: steps timed (7)
#
# Each cell leaves runs/SIZE-CONTEXT-THREADS-MODE.json and is not measured again; remove the file to do
# so. Cells whose model does not fit a third of the memory are left out. runs/scaling.tsv is the table,
# runs/scaling.svg (where there is a python3) draws it.
# SIZES, CONTEXTS and THREADS may be set to measure fewer cells, TOKENS (4096) to make a step smaller.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
trit=${1:-$here/../../build/trit}
repeats=${2:-7}
sizes=${SIZES:-1M 10M 50M 125M 350M}
contexts=${CONTEXTS:-128 256 512 1024 2048 4096}
threads=${THREADS:-1 2}
tokens=${TOKENS:-4096} # of a step
mkdir -p "$here/runs"

# layers, width and heads of a size
shape() {
    case $1 in
        1M) echo 5 128 4 ;;
        10M) echo 6 384 6 ;;
        50M) echo 8 704 11 ;;
        125M) echo 12 928 29 ;;
        350M) echo 24 1088 17 ;;
        *) echo "run.sh: unknown size $1; there are 1M 10M 50M 125M 350M" >&2; exit 2 ;;
    esac
}

# mode MODE: the keys of it
mode() {
    case $1 in
        fp32) echo quant=none compute=fp32 ;;
        b1.58) echo quant=bitnet-b1.58 compute.linear=int8 compute.attention=bf16 compute.head=bf16 ;;
    esac
}

# Values, gradients and state beyond a third of the memory would measure the disk.
fits() {
    planned=$("$trit" explain "$here/scaling.json" "$@" | sed -n 's/.*planned peak \([0-9.]*\) *\([kMG]\?\)B,.*/\1 \2/p')
    all=$(awk '/MemTotal/ { print $2 * 1024 }' /proc/meminfo)
    echo "$planned $all" | awk '{ f["k"] = 1e3; f["M"] = 1e6; f["G"] = 1e9
        unit = NF == 3 ? f[$2] : 1; exit !($1 * unit < $NF / 3) }'
}

for size in $sizes; do
    # shellcheck disable=SC2046 # three words
    set -- $(shape "$size")
    layers=$1 width=$2 heads=$3
    for context in $contexts; do
        for n in $threads; do
            for m in fp32 b1.58; do
                out=$here/runs/$size-$context-$n-$m.json
                [ ! -s "$out" ] || continue
                # shellcheck disable=SC2046 # several words
                set -- $(mode $m) model.layers="$layers" model.width="$width" model.heads="$heads" \
                    model.context="$context" train.batch=$((tokens / context)) run.threads="$n"
                fits "$@" || { echo "$size, context $context: left out, too large" >&2; continue; }
                "$trit" bench step "$here/scaling.json" "$@" --repeats "$repeats" --json >"$out.tmp"
                mv "$out.tmp" "$out"
                echo "$size $context $n $m: $(cat "$out")"
            done
        done
    done
done

# One row a cell: size, context, threads, tokens/s in full precision and b1.58, quotient of the times.
{
    printf 'size\tcontext\tthreads\tfp32\tb1.58\tstep ratio\n'
    for size in $sizes; do
        for context in $contexts; do
            for n in $threads; do
                a=$here/runs/$size-$context-$n-fp32.json b=$here/runs/$size-$context-$n-b1.58.json
                if [ ! -s "$a" ] || [ ! -s "$b" ]; then continue; fi
                cat "$a" "$b" | sed 's/.*"tokens_per_second":\([0-9.]*\).*/\1/' | tr '\n' ' ' |
                    awk -v row="$size	$context	$n" \
                        '{ printf "%s\t%.0f\t%.0f\t%.3f\n", row, $1, $2, $1 / $2 }'
            done
        done
    done
} >"$here/runs/scaling.tsv"
cat "$here/runs/scaling.tsv"
if command -v python3 >/dev/null && [ "$(wc -l <"$here/runs/scaling.tsv")" -gt 1 ]; then
    python3 "$here/plot.py" "$here/runs/scaling.tsv" "$here/runs/scaling.svg"
fi
