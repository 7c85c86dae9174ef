#!/usr/bin/env bash
# cmake/registered.cmake, which the build runs, finds a variant in no list and a list without a check.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
mkdir -p "$work/kernels/stray" "$work/tests/kernels"

# verdict STATUS TEXT - runs it over the scratch folder
verdict() {
    cmake -DNM=nm -DSOURCE="$work" -DOBJECTS="$work/objects" -P cmake/registered.cmake >"$work/out" 2>&1
    local got=$?
    [ $got -ne 0 ] && got=1
    if [ $got -ne "$1" ] || { [ -n "$2" ] && ! grep -q "$2" "$work/out"; }; then
        echo "FAIL: exit $got, wanted $1 and '$2':"
        cat "$work/out"
        failed=1
    fi
}

echo 'void stray_f32_ref(void); void stray_f32_ref(void) {}' >"$work/kernels/stray/stray_ref.c"
cc -c "$work/kernels/stray/stray_ref.c" -o "$work/kernels/stray/stray_ref.c.o" || exit 77
echo "$work/kernels/stray/stray_ref.c.o" >"$work/objects"
verdict 1 'stray_ref.c: stray_f32_ref is in no .kern list'

echo 'K(stray_f32, stray_f32_ref, IG_CPU_REF)' >"$work/kernels/stray/stray.kern"
verdict 1 'kernels/stray/stray.kern: no tests/kernels/check_<op>.c includes it'

echo '// #include "kernels/stray/stray.kern"' >"$work/tests/kernels/check_stray.c"
verdict 1 'no tests/kernels/check_<op>.c includes it'

echo '#include "kernels/stray/stray.kern"' >"$work/tests/kernels/check_stray.c"
verdict 0 ''
exit $failed
