# results.md and fraction.svg: awk -f report.awk -v md=FILE -v svg=FILE rule.txt cells.csv
# rule.txt: weights, steps, S, share. cells.csv: of trit report, with the axes of sweep.json.
BEGIN {
    split("fused restart", modes, " ")
    split("#0072B2 #D55E00", colors, " ")
}

FILENAME ~ /rule\.txt$/ {
    statistic[$1, $2] = $3
    rule[$1, $2] = $4
    next
}
FNR == 1 {
    n = split($0, head, ",")
    for (i = 1; i <= n; i++) column[head[i]] = i
    next
}
{
    split($0, f, ",")
    loss = f[column["val_loss"]]
    if (loss == "") next
    weights = f[column["quant.weights"]]; steps = f[column["steps"]]
    mode = f[column["optim.at_quant"]]; start = f[column["quant.start"]]
    if (!((weights, steps) in seen)) { seen[weights, steps]; width[++n_case] = weights; budget[n_case] = steps }
    if (start != "auto" && !(start in known)) { known[start]; starts[++n_start] = start }
    sum[weights, steps, mode, start] += loss
    count[weights, steps, mode, start]++
}

# Mean over seeds; quantized from the first step there is no moment to meet.
function mean(c, mode, start,    key) {
    if (start == 0 && start != "auto") mode = "fused"
    key = width[c] SUBSEP budget[c] SUBSEP mode SUBSEP start
    return count[key] ? sum[key] / count[key] : ""
}

function best(c, mode,    i, v, least) {
    least = ""
    for (i = 1; i <= n_start; i++) {
        v = mean(c, mode, starts[i])
        if (v != "" && (least == "" || v < least)) { least = v; at = starts[i] }
    }
    return least
}

function table(    c, m, i, v, b) {
    printf "| weights | steps | schedule |" >md
    for (i = 1; i <= n_start; i++) printf " %g |", 1 - starts[i] >md
    print " best share | S | rule's share | loss there | above the best |" >md
    printf "|---|---|---|" >md
    for (i = 1; i <= n_start + 5; i++) printf "---|" >md
    print "" >md
    for (c = 1; c <= n_case; c++) {
        for (m = 1; m <= 2; m++) {
            b = best(c, modes[m])
            if (b == "") continue
            printf "| %s | %s | %s |", width[c], budget[c], modes[m] >md
            for (i = 1; i <= n_start; i++) {
                v = mean(c, modes[m], starts[i])
                printf v == "" ? "  |" : v == b ? " **%.4f** |" : " %.4f |", v >md
            }
            v = mean(c, modes[m], "auto")
            printf " %g | %s | %s |", 1 - at, statistic[width[c], budget[c]], rule[width[c], budget[c]] >md
            printf v == "" ? "  |  |\n" : " %.4f | %+.4f |\n", v, v - b >md
        }
    }
}

function text(x, y, anchor, what, more) {
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, more, what >svg
}
function x_of(share) { return left + share * 250 }
function y_of(loss) { return top + (hi - loss) / (hi - lo) * 150 }

# A small chart for each width and budget: loss over the quantized share; the dashed line is the rule.
function panel(c,    m, i, v, path) {
    lo = hi = ""; dark = " fill=\"#222222\""
    for (m = 1; m <= 2; m++) {
        for (i = 1; i <= n_start; i++) {
            v = mean(c, modes[m], starts[i])
            if (v == "") continue
            if (lo == "" || v < lo) lo = v
            if (hi == "" || v > hi) hi = v
        }
    }
    if (hi <= lo) hi = lo + 1e-3
    left = 60 + 330 * ((c - 1) % 3); top = 80 + 230 * int((c - 1) / 3)
    printf "<path d=\"M%.1f %.1fv150h250\" stroke=\"#888888\"/>\n", left, top >svg
    text(left + 125, top - 10, "middle", width[c] ", " budget[c] " steps", dark)
    text(left - 6, top + 8, "end", sprintf("%.3f", hi), dark)
    text(left - 6, top + 150, "end", sprintf("%.3f", lo), dark)
    for (v = 0; v <= 1; v += 0.25) text(x_of(v), top + 166, "middle", v, dark)
    v = rule[width[c], budget[c]]
    if (v != "") printf "<path d=\"M%.1f %.1fv150\" stroke=\"#888888\" stroke-dasharray=\"4 3\"/>\n", x_of(v), top >svg
    for (m = 1; m <= 2; m++) {
        path = ""
        for (i = 1; i <= n_start; i++) {
            v = mean(c, modes[m], starts[i])
            if (v == "") continue
            path = path sprintf("%s%.1f %.1f", path == "" ? "M" : "L", x_of(1 - starts[i]), y_of(v))
        }
        if (path != "") printf "<path d=\"%s\" stroke=\"%s\" stroke-width=\"2\"/>\n", path, colors[m] >svg
    }
}

function picture(    c, m) {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1040\" height=\"%d\" " \
        "font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"11\" fill=\"none\">\n", 110 + 230 * int((n_case + 2) / 3) >svg
    print "<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n<g>\n<g fill=\"#222222\">" >svg
    text(60, 26, "start", "Validation loss over the share of training that is quantized", " font-size=\"16\" font-weight=\"bold\"")
    for (m = 1; m <= 2; m++) text(60 + 110 * (m - 1), 48, "start", modes[m], " fill=\"" colors[m] "\"")
    text(280, 48, "start", "nats per token; dashed: the rule of Compute-Optimal QAT")
    print "</g>\n<g fill=\"none\">" >svg
    for (c = 1; c <= n_case; c++) panel(c)
    print "</g>\n</g>\n</svg>" >svg
}

END {
    for (i = 2; i <= n_start; i++) { # few enough to insert one by one
        v = starts[i]
        for (k = i - 1; k >= 1 && starts[k] + 0 > v + 0; k--) starts[k + 1] = starts[k]
        starts[k + 1] = v
    }
    table()
    picture()
}
