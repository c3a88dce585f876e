#!/bin/sh
# Whether gpt.py is the model that trit trains: as many parameters, products in the type that is asked for,
# the quantizers of BitNet b1.58.
#
#   peers/check.sh [TRIT]

set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
trit=${1:-$here/../../build/trit}
python=${PYTHON:-python3}
layers=${LAYERS:-2} width=${WIDTH:-64} heads=${HEADS:-2} context=${CONTEXT:-32}

# Parameters of trit's model: listed layers (the tied head once) and the others.
ours=$("$trit" explain "$here/scaling.json" model.layers="$layers" model.width="$width" \
    model.heads="$heads" model.context="$context" train.batch=2 quant=none | awk '
        /^  other / { sum += $(NF - 1) }
        /^  [a-z].*\[[0-9,]*\]/ && !/tied to/ { sum += $3 }
        END { print sum }')
for precision in fp32 bf16; do
    for quant in none b1.58; do
        found=$("$python" "$here/peers/gpt.py" --check --layers "$layers" --width "$width" \
            --heads "$heads" --context "$context" --precision $precision --quant $quant)
        echo "$precision $quant: $found"
        theirs=$(echo "$found" | sed 's/.*"parameters": \([0-9]*\).*/\1/')
        [ "$theirs" = "$ours" ] ||
            { echo "check.sh: gpt.py has $theirs parameters, trit $ours" >&2; exit 1; }
    done
done
