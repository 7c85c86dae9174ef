# cuda-emu_answers.sh - what a user asks of `ingot generate` on an emulated device, which draws the
# tokens itself: the CPU's answers for seeds, cuts, penalties, biases, grammars and stop strings, log
# probabilities, Ctrl-C.
set -m # without it the shell starts background jobs with SIGINT ignored
. "$(dirname "$0")/../tools/common.sh"
export INGOT_CUDA_PLUGIN=$INGOT_BIN/../libingot_cuda_emu.so
[ -e "$INGOT_CUDA_PLUGIN" ] || { echo "skipped: no emulated plugin"; exit 77; }
"$ingot" help | grep -q tokenize || { echo "skipped: built without tokenizers"; exit 77; }
m=$work/m.ingot
"$ingot" convert tests/data/tiny_lm -o "$m" --dtype f32 -q || exit 1

# same ARGUMENTS... : both devices print the same.
same() {
    for device in cpu cuda:0; do
        "$ingot" generate "$m" -p Hello --device $device "$@" >"$work/$device" 2>"$work/err" || fail "$device, $*: $(cat "$work/err")"
    done
    cmp -s "$work/cpu" "$work/cuda:0" || fail "$*: '$(tail -n 1 "$work/cuda:0")', the CPU '$(tail -n 1 "$work/cpu")'"
}
ids='--print-ids -n 12 --ignore-eos'
# shellcheck disable=SC2086 # several words
{
    same $ids --temp 0
    same $ids --seed 5
    same $ids --seed 5 --lookup 3
    same $ids --seed 5 --draft "$m"
    same $ids --seed 6 --temp 2 --top-k 30 --top-p 0.9 --min-p 0.01
    same $ids --seed 7 --temp 1.5 --typical-p 0.6
    same $ids --seed 8 --repetition-penalty 1.3 --penalty-window 4
    same $ids --seed 8 --frequency-penalty 0.7 --presence-penalty 0.2 --bias 42=1 --bias 42=2
}
same -n 60 --temp 0 --ignore-eos
stop=$(grep -ao '[A-Za-z0-9]' "$work/cpu" | sed -n 3p)
same -n 60 --temp 0 --ignore-eos --stop "$stop"
printf 'root ::= ("yes" | "no") "!"+\n' >"$work/gbnf"
same --grammar "$work/gbnf" --seed 1 -n 9 --print-ids
same --grammar "$work/gbnf" --seed 1 -n 9 --print-ids --lookup 3
echo '{"type": "object", "properties": {"name": {"enum": ["Ann", "Bo"]}}, "required": ["name"]}' >"$work/schema"
same --json-schema "$work/schema" --seed 3 -n 60 --temp 0.5

# log probabilities: the same tokens, numbers as near as the logits
for device in cpu cuda:0; do
    expect_json generate "$m" -p Hello -n 8 --seed 2 --json --logprobs 4 --device $device
    cp "$work/out" "$work/$device"
done
"$INGOT_PYTHON" - "$work/cpu" "$work/cuda:0" <<'PY' || fail "log probabilities"
import json, sys
cpu, cuda = (json.load(open(f))["tokens"] for f in sys.argv[1:])
near = lambda a, b: a["id"] == b["id"] and abs(a["logprob"] - b["logprob"]) < 1e-4
assert len(cpu) == len(cuda) == 8
for a, b in zip(cpu, cuda):
    assert near(a, b) and len(a["top"]) == 4 and all(map(near, a["top"], b["top"])), (a, b)
PY

# Ctrl-C ends an answer: 130, and what was said until then stays.
"$ingot" generate "$m" -p Hello -n 100000000 --ignore-eos --shift --device cuda:0 >"$work/endless" 2>"$work/err" &
pid=$!
until_said $pid "$work/endless"
kill -INT $pid
wait $pid
code=$?
[ $code -eq 130 ] && grep -q 'interrupted after' "$work/err" && [ -s "$work/endless" ] || fail "Ctrl-C: exit $code, $(cat "$work/err")"
exit $failed
