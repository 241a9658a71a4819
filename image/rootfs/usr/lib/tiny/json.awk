# Flattens a JSON document: one line "path<TAB>value" for every leaf, the path
# with "." between the parts. Line ends within a string become the two
# characters \n. Enough for the cloud's documents, a few kilobytes long.
function skip() { match(text, /^[ \t\r\n]*/); text = substr(text, RLENGTH + 1) }
function token(re,    found) {
    if (!match(text, re) || RSTART != 1) { failed = 1; return "" }
    found = substr(text, 1, RLENGTH)
    text = substr(text, RLENGTH + 1)
    return found
}
function unescape(raw,    out, at, c) {
    raw = substr(raw, 2, length(raw) - 2)
    if (!index(raw, "\\")) return raw
    out = ""
    while (at = index(raw, "\\")) {
        c = substr(raw, at + 1, 1)
        out = out substr(raw, 1, at - 1)
        raw = substr(raw, at + 2)
        if (c == "n") out = out "\\n"
        else if (c == "t") out = out " "
        else if (c == "u") {
            # Only plain ASCII matters here; anything else shows as "?".
            out = out (substr(raw, 1, 2) == "00" ? ascii(substr(raw, 3, 2)) : "?")
            raw = substr(raw, 5)
        } else if (c != "r" && c != "b" && c != "f") out = out c
    }
    return out raw
}
function ascii(hex,    value) {
    value = (index(digits, tolower(substr(hex, 1, 1))) - 1) * 16 + index(digits, tolower(substr(hex, 2, 1))) - 1
    return value >= 32 && value < 127 ? sprintf("%c", value) : "?"
}
function value(path,    c, n, key) {
    skip()
    c = substr(text, 1, 1)
    if (c == "\"") { print path "\t" unescape(token("^\"([^\"\\\\]|\\\\.)*\"")); return }
    if (c != "{" && c != "[") { print path "\t" token("^[-+.0-9a-zA-Z]+"); return }
    text = substr(text, 2)
    skip()
    for (n = 0; !failed && substr(text, 1, 1) !~ /[]}]/; n++) {
        if (c == "{") { key = unescape(token("^\"([^\"\\\\]|\\\\.)*\"")); skip(); token("^:") } else key = n
        value(path == "" ? key : path "." key)
        skip()
        if (substr(text, 1, 1) == ",") { text = substr(text, 2); skip() }
        else if (substr(text, 1, 1) !~ /[]}]/) failed = 1
    }
    text = substr(text, 2)
}
BEGIN { digits = "0123456789abcdef" }
{ text = text $0 "\n" }
END { value(""); exit failed }
