#!/usr/bin/env bash
# Everything that wants a GPU, in one call of at most 8 minutes: builds, runs the kernels' tests on the
# device, some of them under compute-sanitizer, times kernels beside torch in the same run, decodes with
# a random model of 7B's shape. Leaves in OUT (bench/results by default) DATE-DEVICE.json with what each
# step came to, written after every step, DATE-DEVICE-kernels.json with the timings, and logs; prints a
# table. Wants nvcc 12.3 or newer, cmake, ninja and a python3 with numpy; steps whose tools are missing
# (torch, compute-sanitizer) are told and skipped, and a step that fails ends no other one but what is
# made of its results. Exit code: 0, 1 (a step failed), 77 (there is no device).
#   OUT=folder  BUILD=folder (build-gpu)  LIMIT=seconds (480)  bench/gpu.sh
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
if [ $# -gt 0 ]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
    [[ $1 == -h || $1 == --help ]] && exit 0
    exit 2
fi
out=${OUT:-bench/results} build=${BUILD:-build-gpu} limit=${LIMIT:-480}
began=$SECONDS bad=0 running='' steps=''
device=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -n 1)
[ -n "$device" ] || {
    echo "no NVIDIA device: nothing is run"
    exit 77
}
echo "$device"
mkdir -p "$out" || exit 1
name=$(date +%F)-$(cut -d, -f1 <<<"$device" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9-')
work=$(mktemp -d "${TMPDIR:-/tmp}/ingot-gpu-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap '[ -z "$running" ] || kill -TERM "$running" 2>/dev/null; exit 130' INT TERM

# room MOST KEEP - seconds for a step: at most MOST hundredths of the limit, and KEEP hundredths stay
# for the later ones.
room() {
    local most=$((limit * $1 / 100)) left=$((limit - (SECONDS - began) - limit * $2 / 100))
    echo $((left < most ? left : most))
}

plain() { tr -cd '[:print:]' <<<"$1" | tr -d '"\\' | cut -c1-120; }

# note NAME CODE SECONDS TEXT - a step's line, and the JSON of all until now.
note() {
    case $2 in 0 | 77) ;; *) bad=1 ;; esac
    printf '== %-11s exit %d, %d s: %s\n' "$1" "$2" "$3" "$4"
    steps+="${steps:+,}
  {\"step\": \"$1\", \"exit\": $2, \"seconds\": $3, \"said\": \"$(plain "$4")\"}"
    printf '{"device": "%s", "commit": "%s", "seconds": %d, "steps": [%s\n]}\n' "$(plain "$device")" \
        "$(git rev-parse HEAD 2>/dev/null)" $((SECONDS - began)) "$steps" >"$work/json"
    mv "$work/json" "$out/$name.json"
}

# step MOST KEEP NAME COMMAND... - its output in a log. 124: it took too long, or there was no time.
step() {
    local seconds code=124 said t0=$SECONDS log=$out/$name-$3.log what=$3
    seconds=$(room "$1" "$2")
    shift 3
    said="no time is left"
    if [ "$seconds" -ge 1 ]; then
        timeout -k 5 "$seconds" "$@" >"$log" 2>&1 </dev/null &
        running=$!
        wait $running
        code=$?
        running=''
        said=$(tail -n 1 "$log")
        [ $code -eq 124 ] && said="ended after its $seconds s: $said"
    fi
    note "$what" $code $((SECONDS - t0)) "$said"
    return $code
}

# ---- build ----
step 12 60 configure cmake -B "$build" -S . -G Ninja -DINGOT_CUDA=ON &&
    step 50 40 build cmake --build "$build" --parallel --target ingot_command ingot_cuda ingot_bench_gpu || {
    tail -n 40 "$out/$name-configure.log" "$out/$name-build.log" 2>/dev/null
    exit 1
}

# ---- the kernels' tests ----
step 25 52 tests bash tests/cuda/gpu_native.sh "$build" ||
    grep -v ' exit 0 ' "$out/$name-tests.log" 2>/dev/null | head -n 40
sanitizer=$(command -v compute-sanitizer || ls "${CUDA_HOME:-/usr/local/cuda}/bin/compute-sanitizer" 2>/dev/null)
for tool in memcheck racecheck; do
    if [ -n "$sanitizer" ]; then
        step 8 42 $tool bash tests/cuda/gpu_native.sh "$build" "$sanitizer --tool $tool --error-exitcode 9" \
            gemv sample decode svm gemm_q
    else
        note $tool 77 0 "skipped: no compute-sanitizer"
    fi
done

# ---- timings ----
step 50 8 kernels python3 bench/gpu/bench.py "$build/libingot_bench_gpu.so" \
    --json "$out/$name-kernels.json" --seconds $(($(room 50 8) - 20))
cat "$out/$name-kernels.log" 2>/dev/null
step 42 0 decode bash -c "python3 bench/gguf_model.py 7B bf16 '$work/m.gguf' &&
    '$build/bin/ingot' convert '$work/m.gguf' -o '$work/m.ingot' -q && rm '$work/m.gguf' &&
    '$build/bin/ingot' generate '$work/m.ingot' --ids 1,2,3 -n 128 --temp 0 --ignore-eos --device cuda:0 \
        --max-context 4096 --stats"
cat "$out/$name-decode.log" 2>/dev/null
echo "all of it took $((SECONDS - began)) s; $out/$name.json"
exit $bad
