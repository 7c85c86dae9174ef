# llm_ranks.sh - ranks that share a model give its logits but for the order of sums, and the same
# bits for every chunk; what cannot be shared is refused.
. "$(dirname "$0")/../tools/common.sh"
"$INGOT_BIN/ingot" help | grep -q tokenize || { echo "skipped: built without JSON"; exit 77; }
"$INGOT_PYTHON" -c 'import numpy' 2>/dev/null || { echo "skipped: no NumPy"; exit 77; }
data=tests/llm/data
ids=1,5,7,9,2,33,21,8,40,11

# does ARGUMENTS - exit code 0
does() { "$ingot" "$@" >"$work/out" 2>"$work/err" </dev/null || fail "ingot $*: $(cat "$work/err")"; }
# logits RANKS FILE [arguments]
logits() {
    does generate "$work/m.ingot" --ids $ids -n 0 --tensor-parallel "$1" --logits "$work/$2.npy" "${@:3}"
}
# near MODEL DTYPE RANKS... - within 2e-6 of the largest logit of one rank
near() {
    does convert "$data/$1" -o "$work/m.ingot" --dtype "$2" -q
    logits 1 one
    for n in "${@:3}"; do
        logits "$n" many
        logits "$n" chunks --prefill-chunk 3 --threads 1
        "$INGOT_PYTHON" - "$work" "$1 $2 $n" <<'PY' || fail "$1 $2: $n ranks"
import sys, numpy as np
one, many, chunks = (np.load(f"{sys.argv[1]}/{f}.npy") for f in ("one", "many", "chunks"))
error = np.abs(one - many).max() / np.abs(one).max()
print(sys.argv[2], f"{error:.1e}")
sys.exit(not (0 <= error < 2e-6 and np.array_equal(many, chunks)))
PY
    done
    rm "$work/m.ingot"
}
near qwen3 f32 2 4
near qwen3 bf16 2
near llama-yarn q8 2
near llama-yarn q4 2
near gemma3-images keep 2
near gpt2 keep 2 4
near mixtral f16 2
near qwen2-moe keep 2
near stablelm-parallel keep 2

# the whole way: an answer of sampled tokens
does convert $data/qwen3 -o "$work/m.ingot" -q
does generate "$work/m.ingot" --ids $ids -n 20 --temp 0 --ignore-eos --print-ids --raw --tensor-parallel 2 --draft "$work/m.ingot"

# refusals
expect 3 '3 ranks cannot share it: they must divide its [0-9]+ key heads and [0-9]+ heads' generate "$work/m.ingot" --ids 1 -n 1 --tensor-parallel 3
expect 2 'tensor-parallel' generate "$work/m.ingot" --ids 1 -n 1 --tensor-parallel 0
does convert $data/olmo2 -o "$work/o.ingot" -q
expect 3 'normed as whole rows' generate "$work/o.ingot" --ids 1 -n 1 --tensor-parallel 2
exit $failed
