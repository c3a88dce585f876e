#!/bin/sh
# A few quick test programs, and one short training run, under valgrind's memcheck.
#
#   scripts/valgrind.sh BUILD
#
# valgrind knows no AVX-512: kernels and OpenBLAS are told to do without. It runs one thread at a
# time: threads that wait must sleep, not spin.
set -eu
build=${1:?usage: scripts/valgrind.sh BUILD}
export TRIT_CPU=avx2 OPENBLAS_CORETYPE=HASWELL TRIT_THREADS=2 OMP_WAIT_POLICY=passive

# Everything reachable only through a library's own caches is its business: definite leaks count.
check() {
    echo "valgrind: $*"
    valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
        --show-leak-kinds=definite --suppressions=scripts/valgrind.supp "$@" >"$log" 2>&1 || {
        status=$?
        cat "$log"
        echo "valgrind: failed with status $status: $*" >&2
        exit 1
    }
}
log=$(mktemp)
run=$(mktemp -d)
trap 'rm -rf "$log" "$run"' EXIT

n=0
for program in "$build"/tests/base_test_* "$build"/tests/io_test_json \
    "$build"/tests/io_test_schema_* "$build"/tests/quant_test_spec "$build"/tests/cli_test_options \
    "$build"/tests/autograd_f64_op_add "$build"/tests/autograd_test_plan; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    check "$program"
    n=$((n + 1))
done
if [ "$n" -eq 0 ]; then
    echo "valgrind: no test programs in $build/tests; build first" >&2
    exit 1
fi
if [ -f configs/quickstart.json ]; then
    check "$build/trit" train configs/quickstart.json train.steps=2 train.batch=2 \
        train.eval_tokens=64 data.tales_bytes=20000 optim.warmup=0 \
        model.layers=2 model.width=32 model.heads=2 model.context=32 --run "$run/run"
    n=$((n + 1))
fi
echo "valgrind: $n programs, no errors"
