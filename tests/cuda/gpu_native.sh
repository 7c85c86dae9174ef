# gpu_native.sh BUILD - the tests of CUDA kernels on this machine's device; skipped where there is none.
set -u
build=$1
found=$("$build/bin/ingot" doctor 2>/dev/null | grep -i cuda || true)
if [ ! -e /dev/nvidia0 ]; then
    echo "skipped: no NVIDIA device (${found:-no CUDA plugin})"
    exit 77
fi
cmake --build "$build" --parallel --target ingot_native_tests >"$build/native.log" 2>&1 || {
    tail -n 30 "$build/native.log"
    exit 1
}
bad=0 skipped=0 n=0
for test in "$build"/tests/cuda-native_*; do
    said=$("$test" 2>&1)
    code=$?
    n=$((n + 1))
    [ $code -eq 77 ] && skipped=$((skipped + 1))
    [ $code -eq 0 ] || [ $code -eq 77 ] || bad=$((bad + 1))
    printf '%-32s exit %d  %s\n' "$(basename "$test")" $code "$(tail -n 1 <<<"$said")"
    [ $code -eq 0 ] || head -n 20 <<<"$said" | sed 's/^/    /'
done
[ $n -gt 0 ] && [ $skipped -eq $n ] && exit 77
[ $bad -eq 0 ]
