#!/bin/sh
# A ternary student from nothing, from full precision, and with a teacher, see README.md.
#
#   run.sh          trains what is missing; can be stopped (Ctrl-C) and called again
#   run.sh report   reports of the runs that are there: tales/ and shakespeare/, or beside the runs
#                   with other STEPS, SEEDS or TEACHER
#
# STEPS=60, SEEDS=1 and TEXTS=tales make it smaller, TEACHER=N trains the teacher N times as long as a
# student, JOBS=N trains N at a time, RUNS=DIR is another place for the runs, TRIT is the program,
# SHAKESPEARE the text of tiny shakespeare.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
trit=$(realpath "${TRIT:-$root/build/trit}")
steps=${STEPS:-300}
teacher=${TEACHER:-4}
runs=${RUNS:-$here/runs}/$steps-steps-$teacher
out=$here
[ -z "${STEPS:-}${SEEDS:-}${TEACHER:-}" ] || out=$runs
texts=${TEXTS:-tales shakespeare}
shakespeare=${SHAKESPEARE:-$root/../shared/data/tiny-shakespeare/input.txt}
export OMP_WAIT_POLICY=passive

source_of() {
    case $1 in
    tales) echo builtin:tales ;;
    shakespeare) realpath "$shakespeare" ;;
    esac
}

# The teacher stands where the recipes name it: in the folder from which the sweep is started.
train() {
    mkdir -p "$runs/$1"
    cd "$runs/$1"
    set -- "train.steps=$steps" "optim.warmup=$((steps / 10))" "data.source=$(source_of "$1")"
    "$trit" train "$here/base.json" "$@" "train.steps=$((teacher * steps))" quant=none \
        model.sub_norm=false --run teacher
    "$trit" sweep "$here/sweep.json" "$@" ${SEEDS:+"seed=$SEEDS"} --run sweep --jobs "${JOBS:-2}"
}

report() {
    "$trit" report "$runs/$1/sweep" --baseline recipe=full --out "$out/$1"
}

case ${1:-train} in
train)
    [ -r "$shakespeare" ] || {
        echo "run.sh: no text at $shakespeare; remedy: SHAKESPEARE=FILE (its input.txt)" >&2
        exit 1
    }
    for text in $texts; do
        train "$text"
        report "$text"
    done
    ;;
report) for text in $texts; do report "$text"; done ;;
*)
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
