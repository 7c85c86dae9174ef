# unit_run.sh - `ingot run`: inputs and outputs in all their forms, timing, traces, errors.
. tests/tools/common.sh
ok() { "$ingot" "$@" >"$work/out" 2>&1 || fail "ingot $*: $(cat "$work/out")"; }
m=$(model digits_cnn) s=$(model sentence_encoder)
zeros='[0,0,0,0,0,0,0,0]'
digit="[[[$zeros,$zeros,[0,1,1,1,1,1,1,0],$zeros,$zeros,$zeros,$zeros,$zeros]]]"

expect 0 'probabilities +f32 \[1, 10\]' run "$m" -i "image=$digit"
expect 0 'probabilities' run "$m" -i "$digit"
expect 0 'probabilities +f32 \[360, 10\]' run "$m" --input image=$examples/digits_test.npz:images
expect 0 'embedding +f32 \[1, 64\]' run "$s" -i 'input_ids=[1774,3999]' -i 'attention_mask=[1,1]'
expect_json run "$m" -i $image --json --repeat 3 --threads 1
for key in median_s p10_s p90_s peak_bytes runs; do [ -n "$(number $key)" ] || fail "no $key in the JSON"; done
[ "$(number runs)" -eq 3 ] || fail "runs"
expect 0 '5 runs: median' run "$m" -i $image --repeat 5 --warmup 1

# Files out and in again.
ok run "$m" -i $image --outputs "$work/o.npz"
present "$work/o.npz"
ok run "$m" -i $image --output-dir "$work/dir"
present "$work/dir/probabilities.npy"
"$ingot" run "$m" -i $image --outputs "$work/p.npz" --threads 1
cmp -s "$work/o.npz" "$work/p.npz" || fail "one thread and two give different files"
expect 1 'not a regular file' run "$m" -i $image --outputs /dev/null
expect 1 'none/o.npz' run "$m" -i $image --outputs "$work/none/o.npz"

# Traces.
ok run "$m" -i $image --outputs "$work/o.npz" --profile "$work/t.json"
grep -q '"traceEvents"' "$work/t.json" && grep -q 'percent_of_peak' "$work/t.json" || fail "no trace"
command -v python3 >/dev/null && { python3 - "$work/t.json" <<'P' || fail "the trace"; }
import json, sys
events = json.load(open(sys.argv[1]))["traceEvents"]
steps = [e for e in events if e["ph"] == "X" and e["tid"] == 1]
assert len(steps) > 3 and all(e["dur"] >= 0 and "flops" in e["args"] for e in steps), events[:3]
assert any(e["ph"] == "M" for e in events)
P
"$ingot" run "$m" -i $image --profile - 2>"$work/err" >/dev/null
grep -q 'of peak' "$work/err" || fail "--profile - prints no table"

# Wrong inputs: exit 4, and the message shows what would be right.
expect 4 'no such input.*image' run "$m" -i wrong=1
expect 4 "input 'image' .f32\[batch,1,8,8\]. is missing" run "$m"
expect 4 "f32\[1,1,1,3\], the model expects f32\[batch,1,8,8\]" run "$m" -i 'image=[1,2,3]'
expect 4 "i64\[360\], the model expects f32\[batch,1,8,8\]" run "$m" -i image=$examples/digits_test.npz:labels
expect 4 'there twice' run "$m" -i $image -i $image
expect 4 'no array' run "$m" -i image=$examples/digits_test.npz:nothing
expect 4 'No such file' run "$m" -i image="$work/none.npy"
expect 4 'No such file' run "$m" --inputs "$work/none.npz"
expect 4 'different lengths' run "$m" -i 'image=[[1,2],[3]]'
expect 4 'different depth' run "$m" -i 'image=[[1,2],3]'
expect 4 'not a number' run "$m" -i 'image=[1,x]'
expect 4 'left over' run "$m" -i 'image=[1]]'
expect 4 'not an integer' run "$s" -i 'input_ids=[1.5]' -i 'attention_mask=[1]'
expect 4 '' run "$s" -i 'input_ids=[5000000]' -i 'attention_mask=[1]'
expect 4 '' run "$s" -i 'input_ids=[1,2]' -i 'attention_mask=[1,1,1]'
echo text >"$work/x.npy"
expect 4 'x.npy' run "$m" -i "image=$work/x.npy"
expect 3 'no such file' run "$work/none.ingot"
expect 3 'no such file' run "$work/none.ingot" --inputs "$work/none.npz"
expect 2 'repeat' run "$m" -i $image --repeat 0
expect 2 'device' run "$m" -i $image --device tpu
INGOT_CPU_ISA=sse9 expect 2 'sse9' run "$m" -i $image
INGOT_CPU_ISA=ref expect 0 'probabilities' run "$m" -i $image

# NaN is data like any other.
expect 0 'not finite' run "$m" -i "image=${digit/0,1,1/0,nan,1}"
exit $failed
