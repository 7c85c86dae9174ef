# cuda-emu_gpu_script.sh - bench/gpu.sh without a device: it runs nothing; with stand-ins for the tools
# and the device: a step that fails, hangs or lacks its tool hides no other one, and its limit holds.
. "$(dirname "$0")/../tools/common.sh"
"$INGOT_PYTHON" bench/gpu/bench.py --help >"$work/out" 2>&1 || fail "bench.py --help: $(cat "$work/out")"
if ! "$INGOT_PYTHON" -c 'import torch' 2>/dev/null; then
    "$INGOT_PYTHON" bench/gpu/bench.py none.so >"$work/out" 2>&1
    [ $? -eq 77 ] && grep -q 'no torch' "$work/out" || fail "bench.py without torch: $(cat "$work/out")"
fi
bash bench/gpu.sh --help | grep -q 'at most 8 minutes' || fail "gpu.sh --help"

mkdir -p "$work/path" "$work/build/bin" "$work/build/tests"
script() { # script FILE LINES...
    printf '%s\n' '#!/bin/sh' "${@:2}" >"$1"
    chmod +x "$1"
}
script "$work/path/nvidia-smi" 'exit 9'
gpu() { PATH=$work/path:$PATH OUT=$work/results BUILD=$work/build TMPDIR=$work CUDA_HOME=$work bash bench/gpu.sh >"$work/out" 2>&1; }
gpu
[ $? -eq 77 ] && grep -q 'no NVIDIA device' "$work/out" || fail "no device: $(cat "$work/out")"
[ -e "$work/results" ] && fail "no device: results"

script "$work/path/nvidia-smi" 'echo "Stand-in \"9\", 1.2, 3 MiB"'
script "$work/path/cmake" 'exit 0'
script "$work/path/python3" 'echo "skipped: no torch to compare with"; exit 77'
script "$work/build/bin/ingot" 'printf "cuda\n  cuda:0   a device\n\n"'
script "$work/build/tests/cuda-native_bad" 'echo "a wrong sum"; exit 1'
script "$work/build/tests/cuda-native_fine" 'echo "all right"'
script "$work/build/tests/cuda-native_slow" 'exec sleep 1000'
# came WANT-OF-TESTS - the results of all steps
came() {
"$INGOT_PYTHON" - "$work/results" "$1" <<'PY' || fail "results: $(cat "$work/out")"
import glob, json, sys
(report,) = [json.load(open(f)) for f in glob.glob(sys.argv[1] + "/*.json")]
steps = {s["step"]: s for s in report["steps"]}
assert list(steps) == ["configure", "build", "tests", "memcheck", "racecheck", "kernels", "decode"], steps
assert [s["exit"] for s in steps.values()] == [0, 0, int(sys.argv[2]), 77, 77, 77, 77], steps
assert report["device"].startswith("Stand-in 9,") and "no torch" in steps["kernels"]["said"], report
PY
}
TEST_SECONDS=1 gpu
[ $? -eq 1 ] || fail "a test fails: exit code"
came 1
grep -q 'cuda-native_slow .*exit 124' "$work/out" || fail "the test that hangs is not told: $(cat "$work/out")"
grep -q 'cuda-native_bad .*a wrong sum' "$work/out" || fail "the test that failed is not told: $(cat "$work/out")"
LIMIT=32 gpu # 8 seconds for the tests
[ $? -eq 1 ] || fail "no time: exit code"
came 124
LIMIT=0 gpu
[ $? -eq 1 ] && grep -q 'no time is left' "$work/out" || fail "no time: $(cat "$work/out")"
ls -d "$work"/ingot-gpu-* 2>/dev/null && fail "left behind"

# a build that fails ends it, with its log
script "$work/path/cmake" '[ "$1" = -B ] && exit 0; echo "kernel.cu: no good"; exit 3'
gpu
[ $? -eq 1 ] && grep -q 'kernel.cu: no good' "$work/out" || fail "a build that fails: $(cat "$work/out")"
exit $failed
