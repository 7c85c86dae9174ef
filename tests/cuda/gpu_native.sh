# gpu_native.sh BUILD [COMMAND [NAME...]] - the tests of CUDA kernels on this machine's device, by COMMAND
# (a sanitizer with its options) where one is given, of all subjects or those named; skipped where there
# is no device. One that hangs is ended after
# TEST_SECONDS (60), and the others are run all the same.
set -u
build=$1 by=${2:-}
shift $(($# > 1 ? 2 : 1))
found=$("$build/bin/ingot" doctor 2>/dev/null | sed -n '/^cuda$/,/^$/p')
if ! grep -q '^ *cuda:0 ' <<<"$found" || grep -q emulated <<<"$found"; then
    echo "skipped: no NVIDIA device ($(sed -n 's/^ *problem *//p' <<<"$found"))"
    exit 77
fi
cmake --build "$build" --parallel --target ingot_native_tests >"$build/native.log" 2>&1 || {
    tail -n 30 "$build/native.log"
    exit 1
}
[ $# -gt 0 ] || set -- '*'
bad=0 skipped=0 n=0
# shellcheck disable=SC2086 # NAME may be a pattern
for test in $(for name; do ls "$build"/tests/cuda-native_$name; done); do
    # shellcheck disable=SC2086 # several words
    said=$(timeout -k 5 "${TEST_SECONDS:-60}" $by "$test" 2>&1)
    code=$?
    n=$((n + 1))
    [ $code -eq 77 ] && skipped=$((skipped + 1))
    [ $code -eq 0 ] || [ $code -eq 77 ] || bad=$((bad + 1))
    printf '%-32s exit %d  %s\n' "$(basename "$test")" $code "$(tail -n 1 <<<"$said")"
    [ $code -eq 0 ] || head -n 20 <<<"$said" | sed 's/^/    /'
done
[ $n -gt 0 ] && [ $skipped -eq $n ] && exit 77
echo "$n programs, $bad failed, $skipped skipped"
[ $n -gt 0 ] && [ $bad -eq 0 ]
