# unit_inspect.sh - `ingot inspect`: text, JSON, pictures, and files that are no models.
. tests/tools/common.sh
m=$(model digits_cnn)

expect 0 'input +image +f32\[batch,1,8,8\]' inspect "$m"
expect 0 'softmax' inspect "$m"
expect 0 'section +DATA' inspect "$m"
expect 0 '^tensors' inspect "$m" --tensors
expect_json inspect "$m" --json
grep -q '"batch"' "$work/out" || fail "the symbol is not in the JSON"
[ "$(number golden_cases)" -eq 1 ] || fail "golden_cases"
expect_json inspect "$m" --json --tensors
grep -q '"layout": "p16"' "$work/out" || fail "no packed tensor"

expect 0 'ops' inspect "$m" --graph "$work/g.dot"
grep -q '^digraph' "$work/g.dot" || fail "not a digraph"
grep -q 'softmax' "$work/g.dot" || fail "no softmax in the .dot"
command -v dot >/dev/null && { dot -Tsvg "$work/g.dot" >/dev/null || fail "Graphviz refuses the .dot"; }
expect 0 'ops' inspect "$m" --graph "$work/g.svg"
head -c 4 "$work/g.svg" | grep -q '<svg' || fail "not an SVG"
for f in g.svg; do
    command -v python3 >/dev/null && { python3 -c "import sys, xml.dom.minidom as m; m.parse(sys.argv[1])" "$work/$f" || fail "$f is not XML"; }
done
[ "$(grep -c '<g class="node">' "$work/g.svg")" -eq "$(grep -c 'shape=box' "$work/g.dot")" ] || fail "the pictures have different nodes"
expect 2 '.svg or .dot' inspect "$m" --graph "$work/g.png"

expect 3 'no such file' inspect "$work/none.ingot"
echo text >"$work/x.ingot"
expect 3 'x.ingot' inspect "$work/x.ingot"
head -c 100 "$m" >"$work/x.ingot"
expect 3 'x.ingot' inspect "$work/x.ingot"
expect 3 'folder|directory' inspect "$work"
expect 2 'MODEL' inspect
exit $failed
