#!/usr/bin/env bash
# Everything that wants a GPU, in one call of at most 8 minutes: builds, runs the kernels' tests on the
# device, small ones under compute-sanitizer, times kernels beside torch in the same run, decodes with a
# random model of 7B's shape. Leaves logs and JSON in OUT (bench/results by default) and a table at the
# end. Wants nvcc 12.3 or newer, cmake, ninja and a python3 with torch.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${OUT:-bench/results}
build=${BUILD:-build-gpu}
mkdir -p "$out"
began=$SECONDS bad=0
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || {
    echo "no NVIDIA device: nothing is run"
    exit 77
}
name=$(date +%F)-$(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1 | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9-')

step() { # step SECONDS NAME COMMAND... : its output in a log; what it came to on a line
    local limit=$1 what=$2 t0=$SECONDS
    shift 2
    timeout "$limit" "$@" >"$out/$name-$what.log" 2>&1
    local code=$?
    case $code in 0) ;; 77) echo "== $what: skipped" ;; *) bad=1 ;; esac
    printf '== %-10s exit %d, %d s: %s\n' "$what" $code $((SECONDS - t0)) "$(tail -n 1 "$out/$name-$what.log" | cut -c1-120)"
    return $code
}

step 60 configure cmake -B "$build" -S . -G Ninja -DINGOT_CUDA=ON || exit 1
step 240 build cmake --build "$build" --parallel --target ingot_command ingot_cuda ingot_native_tests ingot_bench_gpu || {
    tail -n 40 "$out/$name-build.log"
    exit 1
}
step 90 tests bash tests/cuda/gpu_native.sh "$build"
grep -v 'exit 0' "$out/$name-tests.log" | head -n 40
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do
        step 40 "$tool" compute-sanitizer --tool $tool --error-exitcode 9 "$build/tests/cuda-native_gemv"
    done
fi
left=$((460 - (SECONDS - began)))
step $((left > 240 ? 240 : left)) kernels python3 bench/gpu/bench.py "$build/libingot_bench_gpu.so" --json "$out/$name-kernels.json" --minutes 3
cat "$out/$name-kernels.log"
left=$((480 - (SECONDS - began)))
if [ $left -gt 60 ]; then
    model=${TMPDIR:-/tmp}/ingot-7b
    step $left decode bash -c "python3 bench/gguf_model.py 7B bf16 $model.gguf && '$build/bin/ingot' convert $model.gguf -o $model.ingot -q && '$build/bin/ingot' generate $model.ingot --ids 1,2,3 -n 128 --temp 0 --ignore-eos --device cuda:0 --max-context 4096 --stats"
    cat "$out/$name-decode.log"
    rm -f "$model.gguf" "$model.ingot"
fi
echo "all of it took $((SECONDS - began)) s"
exit $bad
