# llm_fp8.sh - weights of 8-bit floats: checkpoints of the hub with every layout of scales, conversion
# to them, activations rounded or not; logits against a forward pass in double. See fp8_checkpoints.py.
. "$(dirname "$0")/../tools/common.sh"
"$ingot" help | grep -q tokenize || { echo "skipped: built without JSON"; exit 77; }
"$INGOT_PYTHON" -c 'import numpy' 2>/dev/null || { echo "skipped: no NumPy"; exit 77; }
PYTHONDONTWRITEBYTECODE=1 "$INGOT_PYTHON" tests/llm/fp8_checkpoints.py "$work/c" || fail "no checkpoints"
ids=1,5,7,9,2,33,21,8,12,40,31

# off WANT.npy BOUND WHAT - logits.npy is within so much of WANT's largest value
off() {
    "$INGOT_PYTHON" - "$1" "$work/logits.npy" "$2" "$3" <<'PY' || fail "$3: other logits"
import sys, numpy as np
want, got = np.load(sys.argv[1]), np.load(sys.argv[2])
error = np.abs(want - got).max() / np.abs(want).max()
print(sys.argv[4], f"{error:.1e}")
sys.exit(not error < float(sys.argv[3]))
PY
}
# is FOLDER WANT BOUND ARGUMENTS... - converted so, the logits are those
is() {
    local folder=$1 want=$2 bound=$3
    shift 3
    "$ingot" convert "$folder" -o "$work/m.ingot" -q "$@" || fail "convert $folder $*"
    "$ingot" generate "$work/m.ingot" --ids $ids -n 0 --device cpu --kv-dtype f32 --logits "$work/logits.npy" >/dev/null || fail "generate $*"
    off "$want" "$bound" "$(basename "$folder") $*"
}

# as they are: the values that codes and scales make, nothing more is lost
for kind in block channel vector tensor plain e8m0 moe; do
    is "$work/c/$kind" "$work/c/$kind/logits.npy" 2e-6
    is "$work/c/$kind" "$work/c/$kind/logits.npy" 2e-6 --dtype f32
done
for kind in block channel moe; do # no activation lies where f32 and double round it to either side
    is "$work/c/$kind" "$work/c/$kind/rounded.npy" 2e-6 --activations fp8
done
expect 0 'f8g128' inspect "$work/m.ingot"
"$ingot" convert "$work/c/channel" -o "$work/m.ingot" -q
expect 0 'f8c' inspect "$work/m.ingot"
grep -q 'bf16' "$work/out" || fail "embedding and output keep their type"

# other weights become fp8: near what they were, smaller than bf16; a checkpoint of fp8 stays as it is
for dtype in fp8 fp8-block; do
    is "$work/c/exact" "$work/c/exact/logits.npy" 8e-2 --dtype $dtype
    expect 0 "f8" inspect "$work/m.ingot"
done
is "$work/c/block" "$work/c/block/logits.npy" 2e-6 --dtype fp8-block
is "$work/c/channel" "$work/c/channel/logits.npy" 2e-6 --dtype fp8

# what cannot be
rm "$work/m.ingot"
refused() { # refused KIND REGEX [CODE]
    expect "${3:-3}" "$2" convert "$work/c/bad-$1" -o "$work/m.ingot"
    absent "$work/m.ingot"
}
refused nan "down_proj.weight' holds NaN in row 3" 4
refused endless "down_proj.weight_scale': scale 0 is inf" 4
refused shape 'its 12 scales are neither one, nor one a row, nor one for each block of 128 by 128'
refused silent 'neither one nor one a row, and config.json has no weight_block_size'
refused narrow 'blocks of 64 columns; multiples of 128'
refused e5m2 'is of type F8_E5M2'
refused number 'is of type F8_E5M2; scales must be floats'
expect 3 'needs weights of fp8' convert tests/llm/data/mixtral -o "$work/m.ingot" --activations fp8
expect 2 'activations' convert tests/llm/data/mixtral -o "$work/m.ingot" --activations f8
exit $failed
