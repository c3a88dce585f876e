#!/bin/sh
# Trains one model with the optimizer's state in 32, 8 and 4 bits, see README.md.
#
#   run.sh          trains what is missing; can be stopped (Ctrl-C) and called again
#   run.sh table    results.tsv, results.md and results.svg from the runs that are there
#
# SEEDS="1 2 3", STATES="fp32 8bit 4bit", TEXTS="shakespeare tales", WEIGHTS="full ternary", STEPS=160
# make it smaller; RUNS=DIR is another place for the runs, TRIT is the program, SHAKESPEARE the text of
# tiny shakespeare.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
trit=$(realpath "${TRIT:-$root/build/trit}")
steps=${STEPS:-200}
runs=${RUNS:-$here/runs}/$steps-steps
seeds=${SEEDS:-1 2 3}
states=${STATES:-fp32 8bit 4bit}
texts=${TEXTS:-shakespeare tales}
kinds=${WEIGHTS:-full ternary}
shakespeare=${SHAKESPEARE:-$root/../shared/data/tiny-shakespeare/input.txt}
export OMP_WAIT_POLICY=passive

source_of() {
    case $1 in
    tales) echo builtin:tales ;;
    shakespeare) echo "$shakespeare" ;;
    esac
}

method_of() {
    case $1 in
    full) echo none ;;
    ternary) echo bitnet-b1.58 ;;
    esac
}

# cell DATA WEIGHTS SEED STATE: trains or continues. A run that diverged leaves no number.
cell() {
    run=$runs/$1-$2-$3/$4
    mkdir -p "$run"
    [ ! -f "$run/done" ] || return 0
    status=0
    "$trit" train "$here/state.json" "quant.method=$(method_of "$2")" "optim.state=$4" \
        "data.source=$(source_of "$1")" "train.seed=$3" "train.steps=$steps" \
        "optim.warmup=$((steps / 15))" --run "$run/run" --json >"$run/out" 2>"$run/log" || status=$?
    case $status in
    0) ;;
    76) grep '^trit: ' "$run/log" >&2 ;;
    *)
        [ $status -eq 75 ] || cat "$run/log" >&2
        exit $status
        ;;
    esac
    tail -n 1 "$run/out" >"$run/done"
    rm -rf "$run/run/checkpoints"
    echo "$1, $2, seed $3: $4"
}

each_cell() {
    for seed in $seeds; do
        for data in $texts; do
            for weights in $kinds; do
                for state in $states; do "$1" "$data" "$weights" "$seed" "$state"; done
            done
        done
    done
}

row() {
    run=$runs/$1-$2-$3/$4
    [ -f "$run/done" ] || return 0
    loss=$(sed -n 's/.*"val_loss":\([0-9.]*\).*/\1/p' "$run/done")
    bytes=$(sed -n 's/^optimizer state: .*, \(.*B\)$/\1/p' "$run/log" | head -n 1)
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "${loss:-failed}" "$bytes"
}

table() {
    printf 'data\tweights\tseed\tstate\tloss\tbytes\n' >"$here/results.tsv"
    each_cell row >>"$here/results.tsv"
    awk -f "$here/report.awk" -v md="$here/results.md" -v svg="$here/results.svg" \
        "$here/results.tsv"
}

case ${1:-train} in
train)
    [ -r "$shakespeare" ] || {
        echo "run.sh: no text at $shakespeare; remedy: SHAKESPEARE=FILE (its input.txt)" >&2
        exit 1
    }
    each_cell cell
    table
    ;;
table) table ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
