#!/bin/sh
# A job that `trit slurm` wrote is preempted by a job of a higher partition, and warned once more; it
# ends with the bits of a run that nobody disturbed. Then the workers of a sweep are preempted, too.
# Exit code 77: skipped, Slurm cannot run here.
#
#   test_slurm.sh TRIT
set -eu
trit=$(realpath "${1:?usage: test_slurm.sh TRIT}")
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
finish() {
    sh "$here/one_node.sh" stop "$dir/slurm" || :
    rm -rf "$dir"
}

code=0
sh "$here/one_node.sh" start "$dir/slurm" || code=$?
[ "$code" = 0 ] || { rm -rf "$dir"; exit "$code"; }
trap finish EXIT
export SLURM_CONF="$dir/slurm/slurm.conf"
cd "$dir"

fail() {
    echo "test_slurm: $*"
    cat job-*.out 2>/dev/null || :
    squeue || :
    exit 1
}

# until_holds FILE TEXT SECONDS
until_holds() {
    n=0
    until grep -q "$2" "$1" 2>/dev/null; do
        n=$((n + 1))
        [ "$n" -lt $((5 * $3)) ] || fail "$1 never held \"$2\""
        sleep 0.2
    done
}

cat >job.json <<'EOF'
{"name": "job", "data": {"tales_bytes": 20000},
 "model": {"layers": 1, "width": 32, "heads": 2, "context": 32}, "quant": "bitnet-b1.58",
 "train": {"steps": 4000, "batch": 4, "eval_every": 1000, "eval_tokens": 2000},
 "run": {"save_every": 500, "log_every": 50, "plot": false, "threads": 1}}
EOF
"$trit" train job.json --run straight >/dev/null 2>&1 || fail "the undisturbed run fails"
"$trit" slurm job.json --partition low --time 60 --run job >job.sh || fail "no script"
id=$(sbatch --parsable job.sh) || fail "sbatch refuses the script"
log=job-$id.out

until_holds "$log" '^step  *50/' 120
sbatch --partition=high --ntasks=1 --output=/dev/null --wrap=true >/dev/null
until_holds "$log" 'saved; the same command continues' 60
until_holds "$log" 'continues job at step' 120
# The second time by hand; a restarted job may not be known yet.
timeout 5 scancel -s USR1 -b "$id" || timeout 5 scancel -s USR1 -b "$id" || fail "no signal"
n=0
until [ "$(grep -c 'saved; the same command continues' "$log")" -ge 2 ]; do
    n=$((n + 1))
    grep -q '^validation loss' "$log" && fail "it was done before it was stopped twice"
    [ "$n" -lt 600 ] || fail "it was not stopped a second time"
    sleep 0.2
done
until_holds "$log" '^validation loss' 240
for file in checkpoints/step-00004000.h5 checkpoints/best metrics.jsonl config.json; do
    cmp "straight/$file" "job/$file" || fail "$file differs from the undisturbed run"
done
echo "test_slurm: stopped twice, the same bits"

axes="optim.lr=1e-3,2e-3,3e-3 seed=1 train.steps=1000"
# shellcheck disable=SC2086 # words of their own
"$trit" sweep job.json $axes --run alone >/dev/null 2>&1 || fail "the undisturbed sweep fails"
# shellcheck disable=SC2086
id=$("$trit" sweep job.json $axes --run swept --slurm --partition low --time 60 --parallel 2 |
    sed -n 's/^Submitted batch job //p')
[ -n "$id" ] || fail "the sweep was not submitted"
until_holds "job-${id}_0.out" '1/3' 240
sbatch --partition=high --ntasks=1 --output=/dev/null --wrap=true >/dev/null
until_holds "job-${id}_0.out" 'the same command continues' 120
n=0
until [ "$(find swept/cells -name result.json | wc -l)" = 3 ]; do
    n=$((n + 1))
    [ "$n" -lt 1200 ] || fail "the sweep does not end"
    sleep 0.2
done
for metrics in alone/cells/*/run/metrics.jsonl; do
    cmp "$metrics" "swept/${metrics#alone/}" || fail "$metrics differs from the undisturbed sweep"
done
echo "test_slurm: a sweep's worker was stopped, the same results"
