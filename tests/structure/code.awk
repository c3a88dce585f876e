# Prints FILE:LINE:CODE with comments removed and string and character literals emptied, so that
# the checks look at code only.
FNR == 1 { in_comment = 0 }
{
    line = $0
    code = ""
    while (line != "") {
        if (in_comment) {
            end = index(line, "*/")
            if (!end) break
            line = substr(line, end + 2)
            in_comment = 0
            code = code " "
        } else if (!match(line, /\/\*|\/\/|"|'/)) {
            code = code line
            break
        } else {
            code = code substr(line, 1, RSTART - 1)
            mark = substr(line, RSTART, RLENGTH)
            line = substr(line, RSTART + RLENGTH)
            if (mark == "//") break
            if (mark == "/*") {
                in_comment = 1
            } else {
                whole = mark == "'" ? match(line, /^([^'\\]|\\.)*'/) : match(line, /^([^"\\]|\\.)*"/)
                code = code mark mark
                line = whole ? substr(line, RLENGTH + 1) : ""
            }
        }
    }
    print FILENAME ":" FNR ":" code
}
