# tuned_op.sh OP TIMES - the test cuda-emu_<OP> on variants that the model does not choose: INGOT_EMU_TIMES makes
# the second or third one win, of ops that have so many.
. "$(dirname "$0")/../tools/common.sh"
export XDG_CACHE_HOME=$work/cache
file=$XDG_CACHE_HOME/ingot/cuda-tune.tsv
INGOT_AUTOTUNE=full INGOT_EMU_TIMES=$2 "$INGOT_BIN/../tests/cuda-emu_$1" >"$work/out" 2>&1 ||
    fail "$1 with the times $2: $(tail -n 5 "$work/out")"
[ "$(wc -l <"$file")" -gt 10 ] || fail "$1: nothing was measured"
exit $failed
