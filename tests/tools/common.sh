# common.sh - sourced by the scripts of this folder: a work folder, the example models converted once,
# and checks that count failures.
set -u
ingot=$INGOT_BIN/ingot
examples=examples/models
work=$(mktemp -d)
# only the script itself cleans up: a child that is interrupted before its exec runs the trap as well
trap '[ $BASHPID = $$ ] && rm -rf "$work"' EXIT
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

# expect CODE REGEX arguments... : that exit code, and the regex in the one stream that matters
# (standard output when CODE is 0, else standard error, whose lines begin with "ingot: ").
expect() {
    local code=$1 regex=$2 got stream=err
    shift 2
    "$ingot" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    [ "$code" -eq 0 ] && stream=out
    if [ "$got" -ne "$code" ] || ! grep -Eq -- "$regex" "$work/$stream"; then
        fail "ingot $*: exit $got (want $code), want /$regex/ in:"
        head -c 2000 "$work/$stream"
    fi
    if [ "$code" -ne 0 ] && ! grep -q '^ingot: ' "$work/err"; then
        fail "ingot $*: no line 'ingot: ...' on standard error"
    fi
}

# expect_json arguments... : exit 0 and JSON on standard output (read by Python where there is one).
expect_json() {
    expect 0 '^\{' "$@"
    if command -v python3 >/dev/null; then
        python3 -m json.tool "$work/out" >/dev/null || fail "ingot $*: not JSON"
    fi
}

# number KEY - the first number of that key in the JSON of the last expect_json.
number() { sed -n "s/^ *\"$1\": \([0-9.e+-]*\),\{0,1\}\$/\1/p" "$work/out" | head -n 1; }

# until_mapped PID FILE - waits until the child has mapped the file, or has ended.
until_mapped() { until grep -qsF -- "$2" "/proc/$1/maps" || ! kill -0 "$1" 2>/dev/null; do sleep 0.01; done; }
# until_said PID FILE - waits until something is in the file, or the child has ended.
until_said() { until [ -s "$2" ] || ! kill -0 "$1" 2>/dev/null; do sleep 0.01; done; }

absent() { [ ! -e "$1" ] || fail "$1 is there"; }
present() { [ -s "$1" ] || fail "$1 is missing or empty"; }

# model NAME - converts it on first use; prints its path.
model() {
    [ -e "$work/$1.ingot" ] || "$ingot" convert "$examples/$1.onnx" -o "$work/$1.ingot" -q \
        --golden "$examples/$1.golden.npz" >&2 || echo "FAIL: convert $1" >&2
    echo "$work/$1.ingot"
}

image=image=$examples/digits_cnn.golden.npz:in0.image
