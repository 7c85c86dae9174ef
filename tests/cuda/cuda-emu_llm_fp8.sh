# cuda-emu_llm_fp8.sh - language models with weights of 8-bit floats on the emulated device: logits
# against a forward pass in double (tests/llm/fp8_checkpoints.py) and against the CPU's.
. "$(dirname "$0")/../tools/common.sh"
export INGOT_CUDA_PLUGIN=$INGOT_BIN/../libingot_cuda_emu.so
[ -e "$INGOT_CUDA_PLUGIN" ] || { echo "skipped: no emulated plugin"; exit 77; }
"$ingot" help | grep -q tokenize || { echo "skipped: built without JSON"; exit 77; }
"$INGOT_PYTHON" -c 'import numpy' 2>/dev/null || { echo "skipped: no NumPy"; exit 77; }
PYTHONDONTWRITEBYTECODE=1 "$INGOT_PYTHON" tests/llm/fp8_checkpoints.py "$work/c" || fail "no checkpoints"
ids=1,5,7,9,2,33,21,8,12,40,31

# near KIND WANT ARGUMENTS... - converted so, the CPU and the device compute WANT.npy
near() {
    local folder=$work/c/$1 want=$2
    shift 2
    "$ingot" convert "$folder" -o "$work/m.ingot" -q "$@" || fail "convert $folder"
    for device in cpu cuda:0; do
        "$ingot" generate "$work/m.ingot" --ids $ids -n 0 --device $device --kv-dtype f32 \
            --logits "$work/$device.npy" >/dev/null || fail "generate on $device"
    done
    "$INGOT_PYTHON" - "$folder/$want.npy" "$work" "$(basename "$folder") $want $*" <<'PY' || fail "$folder: other logits"
import sys, numpy as np
want, cpu, cuda = (np.load(f) for f in (sys.argv[1], sys.argv[2] + "/cpu.npy", sys.argv[2] + "/cuda:0.npy"))
# of the token in the middle: where x is rounded, one may meet another expert
off = [np.median(np.sqrt(np.mean((x - want) ** 2, 1) / np.mean(want ** 2, 1))) for x in (cpu, cuda)]
print(sys.argv[3], *(f"{x:.1e}" for x in off))
# the device rounds its operands to 2^-12 of themselves; rounded to e4m3, some of them fall the other way
sys.exit(not (off[0] < 1e-6 and off[1] < (4e-2 if "rounded" in sys.argv[3] else 2e-3)))
PY
}
near block logits
near channel logits
near moe logits
near block rounded --activations fp8
near channel rounded --activations fp8
near moe rounded --activations fp8
# more rows than the tensor cores of 16 bits are taken for
many=$(seq -s, 3 43),$(seq -s, 4 44)
for device in cpu cuda:0; do
    "$ingot" generate "$work/m.ingot" --ids $many -n 0 --device $device --logits "$work/$device.npy" >/dev/null || fail "generate on $device"
done
"$INGOT_PYTHON" - "$work" <<'PY' || fail "many rows: other logits"
import sys, numpy as np
cpu, cuda = (np.load(f"{sys.argv[1]}/{f}.npy") for f in ("cpu", "cuda:0"))
off = np.median(np.sqrt(np.mean((cpu - cuda) ** 2, 1) / np.mean(cpu ** 2, 1)))
print(f"many rows {off:.1e}")
sys.exit(not off < 4e-2)
PY
expect 0 'matmul_q .*gemm_f8 .*cuda:0' plan "$work/m.ingot" --device cuda:0 --dim tokens=82
expect 0 'matmul_q .*gemm_q[a-z0-9_]*, fp8 .*cuda:0' plan "$work/m.ingot" --device cuda:0
expect 0 'moe .*grouped gemm_q .*cuda:0' plan "$work/m.ingot" --device cuda:0
expect 0 'moe .*grouped gemm_f8 .*cuda:0' plan "$work/m.ingot" --device cuda:0 --dim tokens=900
exit $failed
