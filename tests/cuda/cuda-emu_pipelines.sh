# cuda-emu_pipelines.sh - classical pipelines of numbers on the emulated device: every step lies there,
# and results are the CPU's.
. tests/tools/common.sh
export INGOT_CUDA_PLUGIN=$INGOT_BIN/../libingot_cuda_emu.so
[ -e "$INGOT_CUDA_PLUGIN" ] || { echo "skipped: no emulated plugin"; exit 77; }
"$INGOT_PYTHON" -c 'import numpy, onnx' 2>/dev/null || { echo "skipped: no NumPy or no onnx"; exit 77; }
"$INGOT_PYTHON" tests/cuda/make_pipelines.py "$work" || fail "no models"
for m in "$work"/*.onnx; do
    name=$(basename "$m" .onnx)
    expect 0 . convert "$m" -o "$work/m.ingot"
    expect_json plan "$work/m.ingot" --device cuda:0 --dim rows=40 --json
    ! grep -q '"device": "cpu"' "$work/out" || fail "$name: $(grep -B4 -A9 '"device": "cpu"' "$work/out")"
    expect 0 . compare "$work/m.ingot" "$work/m.ingot" --data "$work/$name.npz" -n 1 \
        --device cpu --device-b cuda:0 --max-error 1e-6
done
exit $failed
