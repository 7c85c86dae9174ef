# unit_bench.sh - `ingot bench kernels`: figures that agree with each other, a doctored regression
# that is found, and what is refused. Speeds themselves are not tested.
. tests/tools/common.sh
one=(bench kernels --quick --threads 1 --filter '^gemm_f32$' --shape 64,64,64 --vs '')

expect 0 'fma_f32_1t +[0-9.]+ +GFLOP/s' "${one[@]}" --json "$work/now.json" --svg "$work/roof.svg"
expect 0 'M=64,N=64,K=64' "${one[@]}"
grep -q '<svg .*viewBox' "$work/roof.svg" && grep -q '</svg>' "$work/roof.svg" || fail "no plot"

command -v "$INGOT_PYTHON" >/dev/null || INGOT_PYTHON=
# Every result: median = limit_pct of its limit, p10 <= median <= p90.
[ -z "$INGOT_PYTHON" ] || "$INGOT_PYTHON" - "$work/now.json" <<'P' || fail "figures disagree"
import json, sys
j = json.load(open(sys.argv[1]))
assert {"machine", "limits", "results"} == set(j), set(j)
for key in ("cpu", "isa", "cores", "l1d_bytes", "compiler", "date"): assert key in j["machine"], key
for key in ("fma_f32_1t", "mac_i8_1t", "l1_read_1t", "l2_read_1t", "dram_read_1t"): assert j["limits"][key] > 0
assert len(j["results"]) == 1
r = j["results"][0]
assert (r["bench"], r["shape"], r["threads"]) == ("gemm_f32", "M=64,N=64,K=64", 1), r
assert abs(r["limit_pct"] - 100 * r["median"] / j["limits"][r["limit"]]) < 0.01, r
assert 0 < r["p10"] <= r["median"] <= r["p90"] and r["seconds"] > 0, r
assert abs(r["flop"] / r["seconds"] * 1e-9 / r["median"] - 1) < 1e-6, r
P

# A million times as fast before: slower now, exit code 1. A millionth as fast: faster, 0. (So much no
# load on the machine makes of it. Smaller changes: unit_bench_parts.c.)
scaled() {
    "$INGOT_PYTHON" - "$work/now.json" "$work/then.json" "$1" <<'P'
import json, sys
j, by = json.load(open(sys.argv[1])), float(sys.argv[3])
for r in j["results"]:
    r["median"] *= by
    r["p10"] = r["p90"] = r["median"]
    r["limit_pct"] *= by
    r["seconds"] /= by
json.dump(j, open(sys.argv[2], "w"))
P
}
if [ -n "$INGOT_PYTHON" ]; then
    scaled 1e6
    "$ingot" "${one[@]}" --compare "$work/then.json" >"$work/out" 2>&1
    [ $? -eq 1 ] && grep -q SLOWER "$work/out" || fail "a regression is not seen: $(cat "$work/out")"
    scaled 1e-6
    expect 0 'faster' "${one[@]}" --compare "$work/then.json"
fi

expect 2 'filter .*: Unmatched' bench kernels --filter '('
expect 2 'no bench fits' bench kernels --filter nothing-has-this-name
expect 2 'unknown peer' bench kernels --vs atlas
expect 2 'there are kernels and generate' bench nonsense
expect 2 'needs a model' bench generate
expect 2 'takes no model' bench kernels some.ingot
expect 2 'svg' bench generate some.ingot --svg "$work/roof.svg"
expect 3 'no such file' bench generate "$work/none.ingot" --quick --quiet -t 1
expect 3 'no language model' bench generate "$(model digits_cnn)" --quick --quiet -t 1
expect 2 'unknown level' bench kernels --isa mmx
expect 4 'no such file' bench kernels --compare "$work/none.json"
echo '{"results": [' >"$work/bad.json"
expect 4 'JSON: .* in line 2' bench kernels --compare "$work/bad.json"
echo '{"results": 3}' >"$work/bad.json"
expect 4 'no results' bench kernels --compare "$work/bad.json"
echo '{"results": [{}]}' >"$work/bad.json"
expect 4 'nothing was compared' "${one[@]}" --compare "$work/bad.json"
expect 2 'no bench fits' bench kernels --shape 0,1,1
expect 2 'no bench fits' bench kernels --shape -1,5,5
expect 2 'same file' bench kernels --json "$work/x" --svg "$work/x"
expect 1 'folder does not exist' bench kernels --json "$work/none/k.json"
exit $failed
