# results.tsv -> a table of means over seeds (md) and a plot of the differences to fp32 (svg).
BEGIN { FS = "\t"; n = 0; print "| data | weights | state | bytes | seeds | validation loss | to fp32 |" >md
    print "|---|---|---|---|---|---|---|" >md }
NR == 1 || $5 == "failed" { next }
{
    key = $1 "\t" $2 "\t" $4
    if (!(key in count)) order[n++] = key
    count[key]++
    sum[key] += $5
    bytes[key] = $6
}
END {
    for (i = 0; i < n; i++) {
        split(order[i], k, "\t")
        base = k[1] "\t" k[2] "\tfp32"
        mean = sum[order[i]] / count[order[i]]
        diff[i] = base in count ? 100 * (mean / (sum[base] / count[base]) - 1) : 0
        size = diff[i] < 0 ? -diff[i] : diff[i]
        if (size > most) most = size
        printf "| %s | %s | %s | %s | %d | %.4f | %+.2f %% |\n", k[1], k[2], k[3],
            bytes[order[i]], count[order[i]], mean, diff[i] >md
    }
    if (most == 0) most = 1
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"%d\" " \
        "font-family=\"sans-serif\" font-size=\"12\">\n", 40 + 20 * n >svg
    print "<text x=\"10\" y=\"16\">validation loss, difference to fp32 state in %</text>" >svg
    for (i = 0; i < n; i++) {
        split(order[i], k, "\t")
        y = 26 + 20 * i
        w = 150 * (diff[i] < 0 ? -diff[i] : diff[i]) / most
        printf "<text x=\"10\" y=\"%d\">%s, %s, %s</text>", y + 12, k[1], k[2], k[3] >svg
        printf "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"14\" fill=\"%s\"/>",
            diff[i] < 0 ? 400 - w : 400, y, w, k[3] == "4bit" ? "#c60" : "#06c" >svg
        printf "<text x=\"570\" y=\"%d\">%+.2f</text>\n", y + 12, diff[i] >svg
    }
    printf "<line x1=\"400\" x2=\"400\" y1=\"22\" y2=\"%d\" stroke=\"#888\"/>\n</svg>\n", 30 + 20 * n >svg
}
