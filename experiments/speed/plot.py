#!/usr/bin/env python3
"""Draws runs/scaling.tsv: tokens/s over model sizes and over contexts, one line a mode and thread count.

    plot.py TABLE OUT.svg

Needs nothing but Python.
"""
import csv
import math
import sys

WIDTH, HEIGHT, GAP = 560, 340, 70
COLORS = {"fp32": "#8a8f98", "b1.58": "#1565c0"}


def size_of(word):
    return float(word[:-1]) * {"k": 1e3, "M": 1e6, "G": 1e9}[word[-1]]


def rows_of(path):
    with open(path, newline="") as f:
        for r in csv.DictReader(f, delimiter="\t"):
            for mode in COLORS:
                yield {"size": r["size"], "context": int(r["context"]), "threads": int(r["threads"]),
                       "mode": mode, "speed": float(r[mode])}


def busiest(rows, key):
    """The value at which most was measured."""
    values = [r[key] for r in rows]
    return max(sorted(set(values), key=str), key=values.count)


def nice(speed):
    return f"{speed / 1000:g}k" if speed >= 1000 else f"{speed:g}"


def panel(rows, key, title, x0):
    """One chart, both axes logarithmic. rows: those of the panel; key: "size" or "context"."""
    number = size_of if key == "size" else float
    marks = sorted({r[key] for r in rows}, key=number)
    xs = [math.log(number(m)) for m in marks]
    ys = [math.log10(r["speed"]) for r in rows]
    left, right = xs[0], xs[-1] if xs[-1] > xs[0] else xs[0] + 1
    low, high = math.floor(min(ys)), math.ceil(max(ys))
    high = high if high > low else low + 1

    def at(x, y):
        return (x0 + (x - left) / (right - left) * WIDTH,
                GAP + (high - y) / (high - low) * HEIGHT)

    out = [f'<text x="{x0}" y="{GAP - 32}" font-size="15" font-weight="600">{title}</text>']
    for power in range(low, high + 1):
        _, y = at(left, power)
        out.append(f'<line x1="{x0}" y1="{y:.1f}" x2="{x0 + WIDTH}" y2="{y:.1f}" stroke="#e0e0e0"/>'
                   f'<text x="{x0 - 8}" y="{y + 4:.1f}" text-anchor="end">{nice(10.0 ** power)}</text>')
    for mark, x in zip(marks, xs):
        px, _ = at(x, low)
        out.append(f'<text x="{px:.1f}" y="{GAP + HEIGHT + 20}" text-anchor="middle">{mark}</text>')
    legend = x0
    for mode, color in COLORS.items():
        for threads in sorted({r["threads"] for r in rows}):
            line = sorted(((number(r[key]), r["speed"]) for r in rows
                           if r["mode"] == mode and r["threads"] == threads))
            if not line:
                continue
            points = [at(math.log(x), math.log10(y)) for x, y in line]
            dash = ' stroke-dasharray="5 4"' if threads == 1 else ""
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
            out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in points]
            out.append(f'<line x1="{legend}" y1="{GAP - 14}" x2="{legend + 26}" y2="{GAP - 14}" '
                       f'stroke="{color}" stroke-width="2"{dash}/><text x="{legend + 32}" '
                       f'y="{GAP - 10}">{mode}, {threads} thread{"s" if threads > 1 else ""}</text>')
            legend += 142
    return out


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: plot.py TABLE OUT.svg")
    rows = list(rows_of(sys.argv[1]))
    if not rows:
        sys.exit(f"plot.py: {sys.argv[1]} has no rows")
    context, size = busiest(rows, "context"), busiest(rows, "size")
    second = 2 * GAP + WIDTH + 20
    body = panel([r for r in rows if r["context"] == context], "size",
                 f"tokens/s over parameters, context {context}", GAP)
    body += panel([r for r in rows if r["size"] == size], "context",
                  f"tokens/s over contexts, {size} parameters", second)
    with open(sys.argv[2], "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{second + WIDTH + GAP}" '
                f'height="{HEIGHT + 2 * GAP}" font-family="sans-serif" font-size="12">\n'
                '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")


if __name__ == "__main__":
    main()
