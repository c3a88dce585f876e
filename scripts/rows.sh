#!/bin/sh
# Trains a tiny byte model with every named method (configs/quant): the loss must be finite and fall,
# and a run that was killed and continued must have the bytes of one that was never stopped.
#
#   scripts/rows.sh TRIT [METHOD...]
#
# One line a method. Two train at a time, on one thread each (JOBS=N: another number of them). Rows of
# the weights are multiples of 128, so that every method finds its groups.
set -eu
steps=150 save=90 # the killed run continues at step `save`

# Integers frozen before there was any training are noise for good. Weights of these forms stay in
# full precision for `wait` steps, and are frozen as they are then.
frozen_forms='peqa' wait=60

config() {
    cat <<EOF
{"name": "rows", "data": {"source": "builtin:tales", "tales_bytes": 400000},
 "model": {"preset": "bitnet", "layers": 2, "width": 128, "ffn_width": 384, "heads": 2,
           "context": 32},
 "optim": {"lr": 2e-3, "min_lr": 2e-4, "schedule": "cosine", "warmup": 10},
 "train": {"steps": $steps, "batch": 4, "seed": 1, "eval_every": 0, "eval_tokens": 4096},
 "run": {"threads": 1, "save_every": $save, "plot": false}}
EOF
}

# The loss of the first step, and the mean of the last ten and the validation loss below it.
falls() {
    awk -F '[:,}]' -v steps=$steps '
        /"train_loss"/ { last[n++ % 10] = $4; if (n == 1) first = $4 }
        /"val_loss"/ { valid = $4 }
        END {
            for (i in last) mean += last[i] / 10
            printf "loss %.4f -> %.4f, validation %.4f\n", first, mean, valid
            exit !(n == steps && mean < first && 0 < valid && valid < first)
        }' "$1/metrics.jsonl"
}

# train METHOD RUN: trains or continues; prints the error when it fails.
train() {
    delay=
    # In a resolved config the weights stand before the activations.
    form=$("$trit" config config.json "quant.method=$1" |
        sed -n '/"activations"/,$d; s/^ *"form": "\(.*\)",$/\1/p')
    case " $frozen_forms " in *" ${form:-axes} "*) delay=quant.weights.start=$wait ;; esac
    "$trit" train config.json "quant.method=$1" $delay --run "$2" >"$2.log" 2>&1 || {
        grep '^trit: ' "$2.log"
        return 1
    }
}

check() {
    train "$1" "$1" || return 1
    falls "$1" || return 1
    # What a process leaves that dies before its last checkpoint: an old one, and newer metrics.
    cp -r "$1" "$1.killed"
    rm "$1.killed/checkpoints/$(printf 'step-%08d.h5' $steps)"
    train "$1" "$1.killed" || return 1
    grep -q "^continues .* at step $save\$" "$1.killed.log" || {
        echo "the killed run did not continue at step $save"
        return 1
    }
    diff -rq "$1" "$1.killed"
}

if [ "${1:-}" = --one ]; then
    trit=$2
    cd "$3"
    if said=$(check "$4"); then word=ok; else word=FAILED; fi
    printf '%-6s  %-24s %s\n' $word "$4" "$said"
    rm -rf "$4" "$4.killed"
    exit
fi

trit=$(realpath "${1:?usage: scripts/rows.sh TRIT [METHOD...]}")
script=$(realpath "$0")
shift
[ $# -gt 0 ] || set -- $("$trit" methods --json |
    sed -n 's/^[[ ]*{"axis":"method","name":"\([^"]*\)".*/\1/p')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
config >"$dir/config.json"
export OMP_WAIT_POLICY=passive
printf '%s\n' "$@" | xargs -P "${JOBS:-2}" -n 1 sh "$script" --one "$trit" "$dir" | tee "$dir/said"
n=$(grep -c '^ok ' "$dir/said" || true)
if [ $# -eq 0 ] || [ "$n" -ne $# ]; then
    echo "rows: $(($# - n)) of $# methods failed" >&2
    exit 1
fi
echo "rows: all $n methods train, and continue exactly"
