#!/bin/sh
# How much of training should be quantized, see README.md.
#
#   run.sh          trains what is missing; can be stopped (Ctrl-C) and called again
#   run.sh table    results.md and fraction.svg from the runs that are there
#
# STEPS=100,200 and SEEDS=1 make it smaller (further cells of the same sweep), JOBS=N trains N at a
# time, RUNS=DIR is another place for the runs, TRIT is the program.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
trit=$(realpath "${TRIT:-$here/../../build/trit}")
runs=${RUNS:-$here/runs}
export OMP_WAIT_POLICY=passive

train() {
    set -- "$here/sweep.json" ${STEPS:+"train.steps=$STEPS"} ${SEEDS:+"seed=$SEEDS"}
    "$trit" sweep "$@" --run "$runs" --jobs "${JOBS:-2}"
}

# The share that the rule gives to each width and budget.
rule() {
    awk -F , 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        { print $at["quant.weights"], $at["steps"] }' "$1" | sort -u | while read -r weights steps; do
        "$trit" explain "$here/base.json" "quant.weights=$weights" "train.steps=$steps" \
            quant.start=auto |
            sed -n "s/.*S = \([0-9.]*\) tokens.*share .* = \([0-9.]*\))\$/$weights $steps \1 \2/p"
    done
}

table() {
    "$trit" report "$runs" --out "$runs/report" >/dev/null
    rule "$runs/report/cells.csv" >"$runs/rule.txt"
    awk -f "$here/report.awk" -v md="$here/results.md" -v svg="$here/fraction.svg" \
        "$runs/rule.txt" "$runs/report/cells.csv"
}

case ${1:-train} in
train)
    train
    table
    ;;
table) table ;;
*)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
