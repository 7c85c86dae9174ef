#!/usr/bin/env bash
# tools/dev/check-spills sees sums that have no register, and those in an array whose loop stayed rolled up.
set -u
[ "$(uname -m)" = x86_64 ] && command -v objdump >/dev/null && command -v python3 >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
object=$work/CMakeFiles/ingot_objs.dir/kernels/gemm/gemm_stray_avx2.c.o
mkdir -p "$(dirname "$object")" "$work/generated"
echo "$object" >"$work/generated/objects.txt"

# verdict STATUS TEXT SUMS LOOP - a product with so many sums in a register each; LOOP: a pragma on their loop
verdict() {
    cat >"$work/stray.c" <<C
#include <immintrin.h>
#include <stddef.h>
void gemm_stray_avx2(float *c, const float *a, const float *b, size_t k)
{
    __m256 s[$3];
#pragma GCC unroll $3
    for (int j = 0; j < $3; j++) s[j] = _mm256_loadu_ps(c + 8 * j);
    for (size_t i = 0; i < k; i++) {
        const __m256 x = _mm256_loadu_ps(b + 8 * i);
#pragma GCC unroll $4
        for (int j = 0; j < $3; j++) s[j] = _mm256_fmadd_ps(x, _mm256_set1_ps(a[i * $3 + j]), s[j]);
    }
#pragma GCC unroll $3
    for (int j = 0; j < $3; j++) _mm256_storeu_ps(c + 8 * j, s[j]);
}
C
    gcc -O2 -mavx2 -mfma -c "$work/stray.c" -o "$object" || exit 77
    tools/dev/check-spills "$work" >"$work/out"
    local got=$?
    if [ $got -ne "$1" ] || ! grep -q "$2" "$work/out"; then
        echo "FAIL: exit $got, wanted $1 and '$2' of $3 sums, unrolled by $4:"
        cat "$work/out"
        failed=1
    fi
}

verdict 0 '1 hot loops, 0 complaints' 12 12
verdict 1 'vector accesses to the stack' 24 24
verdict 1 'sums in an array on the stack' 24 1
exit $failed
