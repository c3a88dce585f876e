#!/bin/sh
# trit and PyTorch on the same shape and text, in turn.
#
#   peers/run.sh [TRIT [REPEATS [STEPS]]]     5 repeats of 60 steps each
#
# PyTorch is Debian's python3-torch, or what PYTHON has; it is measured, never needed. LAYERS, WIDTH,
# HEADS, CONTEXT, BATCH and VOCAB set another shape (then set OUT too), MODES measures fewer. A repeat
# leaves OUT/MODE-K.json (runs/peers) and is not run again. Prints medians of tokens/s, loss and memory.

set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
trit=${1:-$here/../../build/trit}
repeats=${2:-5}
steps=${3:-60}
python=${PYTHON:-python3}
threads=${THREADS:-2}
out=${OUT:-$here/runs/peers}
modes=${MODES:-trit-fp32 trit-b1.58 torch-fp32-none torch-fp32-b1.58 torch-bf16-none \
    torch-bf16-b1.58}
layers=${LAYERS:-6} width=${WIDTH:-384} heads=${HEADS:-6} context=${CONTEXT:-256} batch=${BATCH:-16}
vocab=${VOCAB:-257}
mkdir -p "$out"
"$python" -c 'import torch' 2>/dev/null ||
    { echo "peers/run.sh: $python has no torch; install python3-torch or set PYTHON" >&2; exit 2; }
[ -s "$out/text" ] || { "$trit" data tales >"$out/text.tmp" && mv "$out/text.tmp" "$out/text"; }

# PyTorch's best on this kind of machine: the core type said, memory kept.
torch() {
    OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-SKYLAKEX} MALLOC_TOP_PAD_=1000000000 \
        MALLOC_MMAP_THRESHOLD_=10000000000 "$python" "$here/peers/gpt.py" "$out/text" \
        --layers "$layers" --width "$width" --heads "$heads" --context "$context" --batch "$batch" \
        --vocab "$vocab" \
        --steps "$steps" --threads "$threads" --precision "$1" --quant "$2"
}

ours() {
    dir=$(mktemp -d "$out/run-XXXXXX")
    mode=$1
    shift
    "$trit" train "$here/scaling.json" data.source="$out/text" model.layers="$layers" \
        model.width="$width" model.heads="$heads" model.context="$context" model.vocab="$vocab" \
        train.batch="$batch" \
        train.steps="$steps" train.eval_every=0 train.eval_tokens="$context" run.save_every=0 \
        run.plot=false run.threads="$threads" optim.lr=1e-3 optim.beta2=0.95 optim.schedule=constant \
        "$@" --run "$dir" --json >"$dir.json" 2>/dev/null
    # the mean of the last ten steps, as gpt.py has it
    loss=$(sed -n 's/.*"train_loss":\([0-9.]*\).*/\1/p' "$dir/metrics.jsonl" | tail -n 10 |
        awk '{ s += $1 } END { printf "%.4f", s / NR }')
    sed "s/^{/{\"mode\":\"$mode\",\"loss\":$loss,/" "$dir.json"
    rm -rf "$dir" "$dir.json"
}

for k in $(seq "$repeats"); do
    for mode in $modes; do
        file=$out/$mode-$k.json
        [ ! -s "$file" ] || continue
        case $mode in
            trit-fp32) ours $mode quant=none compute=fp32 ;;
            trit-b1.58) ours $mode quant=bitnet-b1.58 compute.linear=int8 compute.attention=bf16 \
                compute.head=bf16 ;;
            torch-*) rest=${mode#torch-} && torch "${rest%%-*}" "${rest#*-}" ;;
        esac >"$file.tmp"
        mv "$file.tmp" "$file"
        echo "$mode $k: $(cat "$file")"
    done
done

"$python" - "$out" <<'END'
import glob, json, os, re, statistics, sys
cells = {}
for path in sorted(glob.glob(os.path.join(sys.argv[1], "*-*.json"))):
    mode = re.sub(r"-\d+\.json$", "", os.path.basename(path))
    cells.setdefault(mode, []).append(json.load(open(path)))
print("mode\ttokens/s\tloss\tpeak MB\trepeats")
for mode, runs in cells.items():
    m = lambda key: statistics.median(r[key] for r in runs)
    print(f"{mode}\t{m('tokens_per_second'):.0f}\t{m('loss'):.4f}\t{m('peak_rss_bytes') / 1e6:.0f}\t{len(runs)}")
END
