#!/bin/sh
# Trains one small model with the weights of every named method, see README.md.
#
#   run.sh                trains what is missing; can be stopped (Ctrl-C) and called again
#   run.sh time           steps a second of every method beside full precision; on a quiet machine
#   run.sh table          results.tsv, results.md and gaps.svg from the runs that are there
#
# METHODS="twn lsq-w4", SEEDS="1 2 3", STEPS=300 make it smaller; RUNS=DIR is another place for the
# runs, JOBS=N trains N at a time, TRIT is the program, SHAKESPEARE the text of tiny shakespeare.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
trit=$(realpath "${TRIT:-$root/build/trit}")
runs=${RUNS:-$here/runs}/${STEPS:-300}-steps
steps=${STEPS:-300}
seeds=${SEEDS:-1 2 3}
shakespeare=${SHAKESPEARE:-$root/../shared/data/tiny-shakespeare/input.txt}
export OMP_WAIT_POLICY=passive

# Integers frozen before there was any training are noise for good: weights of these forms stay in
# full precision for half of the steps, and are frozen as they are then.
frozen_forms='peqa'

# Settings that make a method's cell: its weights, activations in full precision. Those then stay in
# their own basis, and weights that would meet them in a rotated one are rotated back.
words() {
    echo "quant.method=$1 quant.activations=none train.steps=$steps optim.warmup=$((steps / 10))"
    ! "$trit" methods "$1" | grep -q '^  weights: .* hadamard-half' ||
        echo quant.weights.transform=hadamard
}
resolve() {
    # shellcheck disable=SC2046 # settings are words
    "$trit" config "$here/zoo.json" $(words "$1")
}
form_of() {
    sed -n 's/^      "form": "\(.*\)",$/\1/p'
}

# One line for each different quantizer of weights: the method, and the others that share it. Methods
# that quantize nothing else come first and give the name.
list() {
    names=${METHODS:-$("$trit" methods --json |
        sed -n 's/^[[ ]*{"axis":"method","name":"\([^"]*\)".*/\1/p')}
    for name in $names; do
        pure=1
        "$trit" methods "$name" | grep -q '^  activations: none$' && pure=0
        sum=$(resolve "$name" | grep -v '^    "method": ' | cksum | tr ' ' -)
        # Full precision is the base line, and not a method here.
        [ "$sum" = "$base" ] || echo "$sum $pure $name"
    done | sort -k1,1 -k2,2n -k3,3 | awk '
        $1 != last { if (line) print line; line = $3; last = $1; next }
        { line = line " " $3 }
        END { if (line) print line }' | sort
}

# Settings of a method's runs: a residual path is back at 0 when training ends.
settings() {
    words "$1"
    ! resolve "$1" | grep -q '"residual": {' || echo "quant.weights.knobs.residual.end=$steps"
    case " $frozen_forms " in
    *" $(resolve "$1" | form_of || true) "*) echo "quant.weights.start=$((steps / 2))" ;;
    esac
}

source_of() {
    case $1 in
    tales) echo builtin:tales ;;
    shakespeare) echo "$shakespeare" ;;
    esac
}

# cell DATA SEED METHOD: trains or continues. 255 tells xargs to stop.
cell() {
    run=$runs/$1-$2/$3
    mkdir -p "$run"
    [ ! -f "$run/done" ] || return 0
    status=0
    # shellcheck disable=SC2046 # settings are words
    "$trit" train "$here/zoo.json" $(settings "$3") "data.source=$(source_of "$1")" \
        "train.seed=$2" --run "$run/run" --json >"$run/out" 2>"$run/log" || status=$?
    case $status in
    0) ;;
    76) grep '^trit: ' "$run/log" >&2 ;; # no number came out of it: that is a result
    *)
        [ $status -eq 75 ] || cat "$run/log" >&2
        exit 255
        ;;
    esac
    tail -n 1 "$run/out" >"$run/done"
    rm -rf "$run/run/checkpoints"
    echo "$1, seed $2: $3"
}

cells() {
    for seed in $seeds; do
        for data in tales shakespeare; do
            for method in none $(list | cut -d ' ' -f 1); do echo "$data $seed $method"; done
        done
    done
}

train() {
    [ -r "$shakespeare" ] || {
        echo "run.sh: no text at $shakespeare; remedy: SHAKESPEARE=FILE (its input.txt)" >&2
        exit 1
    }
    cells | xargs -P "${JOBS:-2}" -n 3 sh "$0" --cell
    table
}

# Full precision before and behind every method: a machine that gets slower slows both.
time_steps() {
    mkdir -p "$runs"
    bench() {
        # shellcheck disable=SC2046
        "$trit" bench step "$here/zoo.json" $(settings "$1" | sed '/start/d') --repeats 9 --json |
            sed -n 's/.*"step_seconds":\([0-9.e-]*\).*/\1/p'
    }
    before=$(bench none)
    for method in $(list | cut -d ' ' -f 1); do
        its=$(bench "$method")
        behind=$(bench none)
        echo "$method $its $before $behind" |
            awk '{ printf "%s\t%.4f\t%.3f\n", $1, $2, 2 * $2 / ($3 + $4) }'
        before=$behind
    done | tee "$runs/time.new"
    mv "$runs/time.new" "$here/times.tsv"
}

# Means over a run's quantizers: zeros at its end, flips (codes that changed) through it. Runs of a
# program that does not count them have none.
counts() {
    awk '
        function mean(key,    s, n, sum) {
            s = $0
            while (match(s, "\"" key "\":[0-9.e+-]+")) {
                sum += substr(s, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
                s = substr(s, RSTART + RLENGTH)
                n++
            }
            return n ? sum / n : ""
        }
        /"quantizers"/ {
            zero = mean("zero")
            flip = mean("flip")
            if (flip != "") { flips += flip; n++ }
        }
        END {
            printf "%s\t%s\n", zero == "" ? "" : sprintf("%.4f", zero), n ? sprintf("%.6f", flips / n) : ""
        }' "$1"
}

table() {
    printf 'method\talso\tweights\tdata\tseed\tloss\tzero\tflip\n' >"$here/results.tsv"
    { echo none && list; } | while read -r method also; do
        weights=$("$trit" methods "$method" | sed -n 's/^  weights: //p')
        case $(settings "$method") in *weights.start*) weights="$weights, frozen half way" ;; esac
        for data in tales shakespeare; do
            for seed in $seeds; do
                run=$runs/$data-$seed/$method
                [ -f "$run/done" ] || continue
                loss=$(sed -n 's/.*"val_loss":\([0-9.]*\).*/\1/p' "$run/done")
                printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$method" "$also" "$weights" "$data" "$seed" \
                    "${loss:-failed}" "$(counts "$run/run/metrics.jsonl")"
            done
        done
    done >>"$here/results.tsv"
    [ -f "$here/times.tsv" ] || : >"$here/times.tsv"
    cd "$here"
    awk -f report.awk times.tsv results.tsv
}

[ "${1:-}" = --cell ] || base=$(resolve none | grep -v '^    "method": ' | cksum | tr ' ' -)
case ${1:-train} in
--cell) cell "$2" "$3" "$4" ;;
train) train ;;
time) time_steps ;;
table) table ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
