# fault_tools.sh - full disks, interrupts and files that shrink: always a clean end, never a part of a file.
. tests/tools/common.sh
set -m # without it the shell starts background jobs with SIGINT ignored
m=$(model digits_cnn)
src=$examples/sentence_encoder.onnx

# A disk that is full after 64 KiB, for every command that writes.
mkdir "$work/full"
full() {
    (trap '' XFSZ; ulimit -f 64; "$ingot" "$@" >"$work/out" 2>"$work/err")
    local code=$?
    [ $code -eq 1 ] && grep -q '^ingot: ' "$work/err" || fail "full disk, ingot $1: exit $code: $(cat "$work/err")"
    [ -z "$(ls -A "$work/full")" ] || fail "full disk, ingot $1 left $(ls -A "$work/full")"
}
full convert $src -o "$work/full/x.ingot"
(trap '' XFSZ; ulimit -f 4; "$ingot" run "$m" -i image=$examples/digits_test.npz:images -o "$work/full/o.npz" 2>"$work/err") && fail "run on a full disk"
(trap '' XFSZ; ulimit -f 4; "$ingot" run "$m" -i image=$examples/digits_test.npz:images --output-dir "$work/full/d" 2>"$work/err") && fail "run on a full disk"
(trap '' XFSZ; ulimit -f 1; "$ingot" run "$m" -i $image --profile "$work/full/t.json" >/dev/null 2>"$work/err") && fail "a trace on a full disk"
(trap '' XFSZ; ulimit -f 1; "$ingot" inspect "$m" --graph "$work/full/g.svg" >/dev/null 2>"$work/err") && fail "a picture on a full disk"
[ -z "$(ls -A "$work/full")" ] || fail "a full disk left $(ls -A "$work/full")"

# An old output survives a failed new one.
echo precious >"$work/keep.ingot"
(trap '' XFSZ; ulimit -f 64; "$ingot" convert $src -o "$work/keep.ingot" 2>/dev/null) && fail "convert over a full disk"
[ "$(cat "$work/keep.ingot")" = precious ] || fail "the old output is gone"

# Ctrl-C in the middle of a long run: 130, soon, and nothing is left.
"$ingot" run "$m" -i image=$examples/digits_test.npz:images --repeat 1000000 -o "$work/full/o.npz" 2>"$work/err" &
pid=$!
until_mapped $pid "$m"
sleep 0.2
kill -INT $pid
wait $pid
code=$?
[ $code -eq 130 ] || fail "Ctrl-C: exit $code: $(cat "$work/err")"
[ -z "$(ls -A "$work/full")" ] || fail "Ctrl-C left $(ls -A "$work/full")"

# A shell that has forked but not yet become the command would run this script's own clean-up.
started() {
    while [ -d /proc/$1 ] && [ "$(readlink /proc/$1/exe)" = "$(readlink /proc/$$/exe)" ]; do :; done
}

# The same at every stage of a conversion.
for pause in 0.001 0.003 0.006 0.01; do
    "$ingot" convert $src -o "$work/full/x.ingot" -q 2>/dev/null &
    pid=$!
    started $pid
    sleep $pause
    kill -INT $pid 2>/dev/null
    wait $pid
    code=$?
    [ $code -eq 0 ] || [ $code -eq 130 ] || fail "Ctrl-C in convert: exit $code"
    # it may have come after the file got its name: then the file is whole
    if [ -e "$work/full/x.ingot" ]; then
        "$ingot" verify "$work/full/x.ingot" >/dev/null || fail "Ctrl-C left a part of a file"
        rm -f "$work/full/x.ingot"
    fi
    [ -z "$(ls -A "$work/full")" ] || fail "Ctrl-C in convert left $(ls -A "$work/full")"
done

# A model that is cut off, or written to, while it runs.
for how in 'truncate -s 4096' 'touch -d yesterday'; do
    cp "$m" "$work/live.ingot"
    "$ingot" run "$work/live.ingot" -i image=$examples/digits_test.npz:images --repeat 1000000 -o "$work/full/o.npz" 2>"$work/err" &
    pid=$!
    until_mapped $pid "$work/live.ingot"
    sleep 0.2
    $how "$work/live.ingot"
    wait $pid
    code=$?
    [ $code -eq 3 ] && grep -q '^ingot: ' "$work/err" || fail "$how while it runs: exit $code: $(cat "$work/err")"
    absent "$work/full/o.npz"
done

# Little memory is an error, not a crash. A sanitizer maps terabytes of its own: not with one.
if ! ldd "$ingot" | grep -q 'lib[at]san'; then
    encoder=$(model sentence_encoder)
    (ulimit -v 300000; "$ingot" run "$encoder" -i "input_ids=[1,2]" -i "attention_mask=[1,1]" >/dev/null 2>"$work/err")
    code=$?
    [ $code -eq 0 ] || [ $code -eq 5 ] || [ $code -eq 3 ] || fail "little memory: exit $code"
fi
"$ingot" plan "$m" --batch 2000000000 >/dev/null 2>"$work/err"
code=$?
[ $code -eq 5 ] || [ $code -eq 4 ] || fail "a batch that no memory holds: exit $code: $(cat "$work/err")"
exit $failed
