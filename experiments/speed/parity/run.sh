#!/bin/sh
# Does backward in bf16 cost anything? Pairs of runs that differ in compute.backward alone.
#
#   parity/run.sh [TRIT [STEPS]]      2000 steps
#
# Forward is the same (int8 on codes, attention and head in fp32). SIZES (1M 10M), SEEDS (1 to 5),
# BATCH (8) and SOURCES (builtin:tales and, where it is given, a text file such as tiny-shakespeare) may be set. A run
# that was stopped continues; one that is done is not run again. Prints, for each size and source, the
# mean difference of validation losses bf16 - fp32 over the seeds, its standard error and t.

set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
trit=${1:-$here/../../build/trit}
steps=${2:-2000}
out=$here/runs/parity
mkdir -p "$out"
for source in ${SOURCES:-builtin:tales}; do
    for size in ${SIZES:-1M 10M}; do
        case $size in
            1M) shape="model.layers=5 model.width=128 model.heads=4" ;;
            10M) shape="model.layers=6 model.width=384 model.heads=6" ;;
            *) echo "parity/run.sh: unknown size $size; there are 1M 10M" >&2; exit 2 ;;
        esac
        name=$(basename "$source" | tr -c 'A-Za-z0-9\n' -)
        for seed in ${SEEDS:-1 2 3 4 5}; do
            for backward in bf16 fp32; do
                file=$out/$name-$size-$seed-$backward.json
                [ ! -s "$file" ] || continue
                # shellcheck disable=SC2086 # several words
                "$trit" train "$here/scaling.json" data.source="$source" $shape model.context=256 \
                    train.batch="${BATCH:-8}" train.steps="$steps" train.seed="$seed" train.eval_every=0 \
                    train.eval_tokens=65536 quant=bitnet-b1.58 compute.linear=int8 \
                    compute.backward=$backward optim.lr=1e-3 optim.warmup=$((steps / 20)) \
                    --run "$out/$name-$size-$seed-$backward" --json >"$file.tmp"
                mv "$file.tmp" "$file"
            done
            a=$(sed 's/.*"val_loss":\([0-9.e+-]*\).*/\1/' "$out/$name-$size-$seed-bf16.json")
            b=$(sed 's/.*"val_loss":\([0-9.e+-]*\).*/\1/' "$out/$name-$size-$seed-fp32.json")
            echo "$name $size $seed $a $b"
        done
    done
done | tee "$out/pairs.txt"
awk '{ k = $1 " " $2; d = $4 - $5; n[k]++; s[k] += d; q[k] += d * d }
    END { for (k in n) { m = s[k] / n[k]; v = n[k] > 1 ? (q[k] - n[k] * m * m) / (n[k] - 1) : 0
        e = sqrt(v > 0 ? v / n[k] : 0)
        t = e > 0 ? sprintf("%.2f", m / e) : "-"
        printf "%s: bf16 - fp32 = %+.5f +- %.5f nats, t = %s, %d seeds\n", k, m, e, t, n[k] } }' "$out/pairs.txt"
