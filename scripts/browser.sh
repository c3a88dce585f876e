#!/bin/sh
# The report of a sweep in a real browser: tables sort, dots tell their values, nothing is fetched, no
# error is logged, and the page is no wider than a phone. Needs chromium.
#
#   browser.sh TRIT
set -eu
trit=$(realpath "${1:?usage: browser.sh TRIT}")
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "browser.sh: no chromium; remedy: install it, or leave this check out" >&2
    exit 1
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >base.json <<'END'
{"data": {"tales_bytes": 20000}, "model": {"layers": 1, "width": 16, "heads": 2, "context": 16},
 "quant": "bitnet-b1.58", "optim": {"warmup": 0},
 "train": {"steps": 20, "batch": 2, "eval_every": 5, "eval_tokens": 500},
 "run": {"threads": 1, "plot": false}}
END
"$trit" sweep base.json quant.estimator=ste,ewgs,trust 'seed=range(3)' --run s 2>/dev/null
"$trit" report s >/dev/null
cat >before <<'END'
<script>const errors = []; window.onerror = m => { errors.push(String(m)); };</script>
END
cat >after <<'END'
<script>{
const say = (name, good) => { if (!good) errors.push(name); };
const table = document.querySelector('table'), heads = [...table.querySelectorAll('thead button')];
const column = k => [...table.tBodies[0].rows].map(r => r.children[k].textContent);
const mean = heads.findIndex(h => h.textContent === 'mean');
const sorted = [...column(mean)].sort();
heads[mean].click(); say('does not sort', column(mean).join() === sorted.join());
heads[mean].click(); say('does not sort back', column(mean).join() === sorted.reverse().join());
const dot = document.querySelector('.chart circle'), tip = document.getElementById('tip');
dot.dispatchEvent(new PointerEvent('pointerenter', {clientX: 50, clientY: 80}));
say('no words at a dot', tip.textContent.length > 5 && getComputedStyle(tip).display === 'block');
dot.dispatchEvent(new PointerEvent('pointerleave'));
say('words stay', getComputedStyle(tip).display === 'none');
say('fetches something', performance.getEntriesByType('resource').length === 0);
say('too wide', document.documentElement.scrollWidth <= innerWidth);
document.title = errors.length ? 'BAD ' + errors.join('; ') : 'GOOD';
}</script>
END
sed -e '/<head>/r before' s/report/report.html | sed -e '/<\/body>/{
r after
}' >page.html
"$browser" --headless --no-sandbox --disable-gpu --window-size=500,900 --dump-dom \
    "file://$dir/page.html" 2>log >dom || { cat log; exit 1; }
found=$(sed -n 's/.*<title>\(GOOD\|BAD[^<]*\).*/\1/p' dom | head -n 1)
[ "$found" = GOOD ] || {
    echo "browser.sh: the report's page: ${found:-its script did not run}" >&2
    exit 1
}
echo "the report's page works in $("$browser" --version 2>/dev/null)"
