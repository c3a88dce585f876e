# results.md and gaps.svg from times.tsv and results.tsv: awk -f report.awk times.tsv results.tsv
BEGIN {
    FS = "\t"
    split("tales shakespeare", datasets, " ")
    split("#0072B2 #D55E00", colors, " ")
}

FILENAME == "times.tsv" { ratio[$1] = $3; next }
FNR == 1 { next }
{
    if (!($1 in label)) names[++n_name] = $1
    label[$1] = $2 == "" ? $1 : $1 ", " $2
    gsub(" ", ", ", label[$1])
    gsub(",,", ",", label[$1])
    weights[$1] = $3
    loss[$1, $4, $5] = $6
    seeds[$4, $5]
    if ($7 != "") { zero[$1] += $7; n_zero[$1]++ }
    if ($8 != "") { flip[$1] += $8; n_flip[$1]++ }
}

# Over the seeds that both the method and full precision have: mean loss and gap, least and largest gap.
function summarize(name, data,    key, part, g, base) {
    n[name, data] = sum[name, data] = gap[name, data] = 0
    for (key in seeds) {
        split(key, part, SUBSEP)
        if (part[1] != data || !((name, data, part[2]) in loss)) continue
        if (loss[name, data, part[2]] == "failed") { failed[name, data]++; continue }
        if (!(("none", data, part[2]) in loss)) continue
        base = loss["none", data, part[2]]
        g = loss[name, data, part[2]] - base
        if (!n[name, data] || g < least[name, data]) least[name, data] = g
        if (!n[name, data] || g > most[name, data]) most[name, data] = g
        n[name, data]++
        sum[name, data] += loss[name, data, part[2]]
        gap[name, data] += g
    }
    if (n[name, data]) { sum[name, data] /= n[name, data]; gap[name, data] /= n[name, data] }
}

function rank(name,    i, s, k) {
    for (i = 1; i <= 2; i++) {
        if (failed[name, datasets[i]] || !n[name, datasets[i]]) return 1e9
        s += gap[name, datasets[i]]
    }
    return s / 2
}

function loss_cells(name, data) {
    if (failed[name, data]) return "diverged (" failed[name, data] ") | "
    if (!n[name, data]) return " | "
    if (name == "none") return sprintf("%.4f | ", sum[name, data])
    return sprintf("%.4f | %+.4f (%+.4f to %+.4f)", sum[name, data], gap[name, data],
        least[name, data], most[name, data])
}

function share(total, count, name) {
    return count[name] ? sprintf("%.2f %%", 100 * total[name] / count[name]) : ""
}

function write_table(    i, name) {
    print "| method | weights | tales | gap to fp32 (seeds) | shakespeare | gap to fp32 (seeds) " \
        "| time of a step / fp32 | zeros | flips in 10 steps |\n|---|---|---|---|---|---|---|---|---|" >"results.md"
    for (i = 1; i <= n_name; i++) {
        name = order[i]
        printf "| %s | %s | %s | %s | %s | %s | %s |\n", name == "none" ? "full precision" : label[name],
            name == "none" ? "" : weights[name], loss_cells(name, "tales"), loss_cells(name, "shakespeare"),
            name == "none" ? "1" : ratio[name] == "" ? "" : sprintf("%.2f", ratio[name]),
            share(zero, n_zero, name), share(flip, n_flip, name) >"results.md"
    }
}

# ---- the plot: a row a method, a dot a data set (mean), a line from the least to the largest gap ----

# Gaps of different size need different room: linear around zero, logarithmic beyond 0.05 or so.
function at(g) { return left + (bend(g) - bend(lo)) / (bend(hi) - bend(lo)) * (right - left) }
function bend(g) { return g < 0 ? -bend(-g) : log(20 * g + sqrt(400 * g * g + 1)) }

function text(x, y, anchor, what, more) {
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, more, what >svg
}
function line(x0, y0, x1, y1, color, width) {
    printf "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"%s\" stroke-width=\"%g\"/>\n", x0, y0, x1, y1, color,
        width >svg
}
function dot(x, y, color) { printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", x, y, color >svg }

function write_plot(    i, d, k, name, data, y, n_row, bottom, ticks, n_tick) {
    svg = "gaps.svg"
    for (i = 1; i <= n_name; i++) {
        for (d = 1; d <= 2; d++) {
            name = order[i]; data = datasets[d]
            if (name == "none" || !n[name, data]) continue
            if (least[name, data] < lo) lo = least[name, data]
            if (most[name, data] > hi) hi = most[name, data]
        }
        n_row += name != "none"
    }
    lo -= 0.001; hi = hi * 1.1 + 0.001
    left = 190; right = 860; top = 76; row = 17; bottom = top + n_row * row + 6
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"%d\" " \
        "font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"11\" fill=\"none\">\n", bottom + 56 >svg
    print "<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n<g fill=\"#222222\">" >svg
    text(left, 26, "start", "Quantized weights, everything else in full precision", " font-size=\"16\" font-weight=\"bold\"")
    for (d = 1; d <= 2; d++) {
        dot(left + 4 + 110 * (d - 1), 48, colors[d])
        text(left + 14 + 110 * (d - 1), 52, "start", datasets[d])
    }
    text(left + 230, 52, "start", "dot: mean over the seeds; line: least to largest")
    n_tick = split("-0.5 -0.2 -0.1 -0.05 -0.02 0 0.02 0.05 0.1 0.2 0.3 0.5 0.7 1 1.5 2 3 4", ticks, " ")
    for (k = 1; k <= n_tick; k++) {
        if (ticks[k] < lo || ticks[k] > hi) continue
        line(at(ticks[k]), top, at(ticks[k]), bottom, ticks[k] == 0 ? "#888888" : "#E2E2E2", 1)
        text(at(ticks[k]), bottom + 16, "middle", ticks[k])
    }
    text((left + right) / 2, bottom + 38, "middle", \
        "validation loss above full precision of the same seed (nats per byte; axis linear near 0, then logarithmic)", " font-size=\"12\"")
    for (i = k = 1; i <= n_name; i++) {
        name = order[i]
        if (name == "none") continue
        y = top + k++ * row - 5
        line(left, y, right, y, "#F2F2F2", 1)
        text(left - 8, y + 4, "end", name)
        for (d = 1; d <= 2; d++) {
            data = datasets[d]
            if (failed[name, data]) text(left + 14 + 90 * (d - 1), y + 4, "start", "diverged", " fill=\"" colors[d] "\"")
            if (!n[name, data] || failed[name, data]) continue
            line(at(least[name, data]), y + 4 * d - 6, at(most[name, data]), y + 4 * d - 6, colors[d], 1.5)
            dot(at(gap[name, data]), y + 4 * d - 6, colors[d])
        }
    }
    print "</g>\n</svg>" >svg
}

END {
    for (i = 1; i <= n_name; i++) {
        for (d = 1; d <= 2; d++) summarize(names[i], datasets[d])
        order[i] = names[i]
        place[names[i]] = names[i] == "none" ? -1e9 : rank(names[i])
    }
    for (i = 2; i <= n_name; i++) { # few enough to insert one by one
        name = order[i]
        for (k = i - 1; k >= 1 && place[order[k]] > place[name]; k--) order[k + 1] = order[k]
        order[k + 1] = name
    }
    write_table()
    write_plot()
}
