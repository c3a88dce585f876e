#!/bin/sh
# Compares estimators, see README.md.
#
#   run.sh          both sweeps and their reports; can be stopped (Ctrl-C) and called again
#   run.sh report   the reports of what is there
#   run.sh jobs     12 cells one after the other, and two at a time, one thread each: how much faster
#
# JOBS=2 is how many cells run at a time, RUNS=DIR where they go, TRIT the program.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
trit=$(realpath "${TRIT:-$root/build/trit}")
runs=${RUNS:-$here/runs}
export OMP_WAIT_POLICY=passive
cd "$root" # where the paths of texts begin

report() {
    for sweep in ternary two-bit; do
        "$trit" report "$runs/$sweep" --out "$here/$sweep"
    done
}

# The same cells into a new directory; prints seconds.
timed() {
    rm -rf "$runs/jobs-$1"
    begin=$(date +%s.%N)
    "$trit" sweep "$here/base.json" quant.weights=ternary,none 'seed=range(6)' train.steps=100 \
        optim.warmup=10 train.eval_every=0 --jobs "$1" --run "$runs/jobs-$1" >/dev/null
    echo "$(date +%s.%N) $begin" | awk '{print $1 - $2}'
}

case ${1:-sweeps} in
sweeps)
    for sweep in ternary two-bit; do
        "$trit" sweep "$here/$sweep.json" --run "$runs/$sweep" --jobs "${JOBS:-2}"
    done
    report
    ;;
report) report ;;
jobs)
    one=$(timed 1)
    two=$(timed 2)
    for n in 1 2; do "$trit" report "$runs/jobs-$n" >/dev/null; done
    cmp "$runs/jobs-1/report/cells.csv" "$runs/jobs-2/report/cells.csv"
    awk -v one="$one" -v two="$two" 'BEGIN {
        printf "12 cells: %.1f s one after the other, %.1f s two at a time: %.2f times as fast\n", one, two, one / two
        exit one / two < 1.7
    }'
    ;;
*)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
