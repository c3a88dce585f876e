#!/bin/sh
# A folder of src includes itself and the folders before it in this list, nothing above: so every
# part can be understood, tested and reused with only what stands below it.
order='base kernel autograd quant layers optim distill data io run sweep cli'

cd "${1:?usage: check_includes.sh ROOT}" || exit 2
find src -name '*.[ch]' -o -name '*.inc' | sort | xargs grep -nE '^[ 	]*#[ 	]*include[ 	]*"' |
    awk -F : -v order="$order" '
    BEGIN { n = split(order, name, " "); for (i = 1; i <= n; i++) level[name[i]] = i }
    {
        split($1, path, "/")
        split($0, quoted, "\"")
        n_part = split(quoted[2], target, "/")
        if ($1 == "src/trit.h") from = n
        else if (path[2] in level) from = level[path[2]]
        else {
            say("folder src/" path[2] " has no place in the order; add it to " \
                "tests/structure/check_includes.sh and ARCHITECTURE.md")
            next
        }
        if (n_part < 2 || !(target[1] in level)) {
            say("\"" quoted[2] "\" names no folder of src; write #include \"<folder>/" \
                target[n_part] "\", or <...> for what is outside")
        } else if (level[target[1]] > from) {
            say(path[2] " may not include " target[1] ", which stands above it (" order "); " \
                "move the shared part down, or pass what is needed as an argument")
        }
    }
    function say(text) { print $1 ":" $2 ": " text; bad = 1 }
    END { exit bad }'
