#!/bin/sh
# The report of a made-up sweep of 2 000 cells: written within 10 s, at most 10 MB, open in a browser
# within 2 s (where chromium is). The limits are for a quiet machine with two cores.
#
#   big_report.sh TRIT
set -eu
trit=$(realpath "${1:?usage: big_report.sh TRIT}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# Five estimators, eight learning rates, five widths, ten seeds; 1 000 steps each, of which every one
# left a line, and ten evaluations with statistics of 24 quantizers.
awk 'BEGIN {
    split("ste ste-clip ewgs rdfs trust", word, " ")
    n[1] = 5; n[2] = 8; n[3] = 5; n[4] = 10
    name[1] = "quant.estimator"; name[2] = "optim.lr"; name[3] = "model.width"; name[4] = "seed"
    printf "{\"version\":1,\"name\":\"big\",\"metric\":\"val_loss\",\"axes\":["
    for (a = 1; a <= 4; a++) {
        printf "%s{\"values\":[", a == 1 ? "" : ","
        for (i = 0; i < n[a]; i++) {
            v = a == 1 ? word[i + 1] : a == 2 ? (i + 1) / 1000 : a == 3 ? 64 * (i + 1) : i
            printf "%s{\"set\":[\"%s=%s\"],\"label\":\"%s\"}", i ? "," : "", name[a], v, v
        }
        printf "],\"name\":\"%s\",\"baseline\":\"%s\"}", name[a], a == 1 ? "ste" : a == 2 ? "0.001" : a == 3 ? "64" : "0"
    }
    printf "],\"cells\":["
    for (c = 0; c < 2000; c++) {
        printf "%s\n{\"hash\":\"%016x\",\"values\":[%d,%d,%d,%d],\"deploy_bytes\":%d}", c ? "," : "", c,
            c / 400, c / 50 % 8, c / 10 % 5, c % 10, 100000 * (1 + int(c / 10) % 5)
    }
    printf "],\"left_out\":[],\"base\":{}}\n"
}' >sweep.json
awk 'BEGIN {
    for (step = 1; step <= 1000; step++) {
        printf "{\"step\":%d,\"train_loss\":%.9g,\"lr\":0.00123456789,\"grad_norm\":0.987654321}\n", step, 1 + 3 / step
        if (step % 100) continue
        print "VALID", step
        printf "{\"step\":%d,\"quantizers\":{", step
        for (q = 0; q < 24; q++) printf "%s\"blocks.%d.attn.w%d.weight_quant\":{\"clip\":0.0123456789,\"zero\":0.312345678,\"entropy\":1.51234567,\"sqnr\":7.12345678,\"flip\":0.00123456789}", q ? "," : "", q / 6, q % 6
        print "}}"
    }
}' >template
for c in $(seq 0 1999); do printf 'cells/%016x/run\n' "$c"; done | xargs mkdir -p
awk 'FNR == NR { line[++n] = $0; next }
END {
    srand(1)
    for (c = 0; c < 2000; c++) {
        base = 1 + int(c / 400) / 50 + (int(c / 50) % 8 - 3) ^ 2 / 40 - int(c / 10) % 5 / 30 + (c % 10) / 100 + rand() / 50
        d = sprintf("cells/%016x", c)
        out = d "/run/metrics.jsonl"
        for (i = 1; i <= n; i++) {
            if (line[i] ~ /^VALID/) {
                split(line[i], v, " ")
                loss = base + 50 / v[2]
                printf "{\"step\":%d,\"val_loss\":%.9g,\"bits_per_byte\":%.9g,\"gap_to_source\":null}\n", v[2], loss, loss * 1.4427 >out
            } else print line[i] >out
        }
        close(out)
        out = d "/result.json"
        printf "{\"step\":1000,\"train_loss\":%.9g,\"val_loss\":%.9g,\"bits_per_byte\":%.9g,\"gap_to_source\":null,\"best_val_loss\":%.9g,\"best_step\":1000,\"parameters\":1000000,\"tokens_per_second\":%d,\"peak_rss_bytes\":100000000}\n", base, loss, loss * 1.4427, loss, 10000 + c >out
        close(out)
    }
}' template - </dev/null

limit() { # limit WHAT FOUND MOST
    echo "$1: $2 (at most $3)"
    [ -n "$2" ] && [ "$(printf '%s\n' "$2" "$3" | sort -g | tail -n 1)" = "$3" ] || {
        echo "big_report.sh: too much" >&2
        exit 1
    }
}
begin=$(date +%s.%N)
"$trit" report . >words
limit "2000 cells: seconds to write the report" "$(echo "$(date +%s.%N) $begin" | awk '{printf "%.2f", $1 - $2}')" 10
limit "bytes of report.html" "$(wc -c <report/report.html)" 10000000
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || exit 0
cat >after <<'END'
<script>onload = () => setTimeout(() => {
const t = performance.getEntriesByType('navigation')[0]; document.title = 'MS ' + Math.round(t.loadEventEnd); });</script>
END
sed '/<\/body>/r after' report/report.html >page.html
"$browser" --headless --no-sandbox --disable-gpu --virtual-time-budget=20000 --window-size=500,900 \
    --dump-dom "file://$dir/page.html" 2>log >dom || { cat log; exit 1; }
limit "milliseconds to open it" "$(sed -n 's/.*<title>MS \([0-9]*\).*/\1/p' dom | head -n 1)" 2000
