# cuda-emu_tune_commands.sh - measured choices of variants as a user sees them: INGOT_AUTOTUNE, the
# file, what `ingot plan` says, results. INGOT_EMU_TIMES makes the second or third variant win.
. "$(dirname "$0")/../tools/common.sh"
export INGOT_CUDA_PLUGIN=$INGOT_BIN/../libingot_cuda_emu.so XDG_CACHE_HOME=$work/cache
[ -e "$INGOT_CUDA_PLUGIN" ] || { echo "skipped: no emulated plugin"; exit 77; }
"$ingot" help | grep -q tokenize || { echo "skipped: built without JSON"; exit 77; }
data=tests/llm/data
file=$XDG_CACHE_HOME/ingot/cuda-tune.tsv

# does ARGUMENTS - exit code 0
does() { "$ingot" "$@" >"$work/out" 2>"$work/err" </dev/null || fail "ingot $*: $(cat "$work/err")"; }

# kernels DTYPE - the kernels of the model's products
kernels() {
    expect 0 . plan "$work/$1.ingot" --device cuda:0 --dim tokens=20
    sed -nE 's/^(matmul|matmul_q|glu) +[^ ]+ +(.*[^ ]) +cuda:0 .*/\2/p' "$work/out" | sort | uniq -c
}
answer() {
    does generate "$work/$1.ingot" --ids 1,5,7,9,2,33,21,8,12,40,31 -n 3 --device cuda:0 --logits "$work/$2.npy"
}

for dtype in bf16 q4; do
    case $dtype in # three variants, two
    bf16) slow_to_fast=30,20,10 fast_to_slow=10,20,30 ;;
    q4) slow_to_fast=30,20 fast_to_slow=20,30 ;;
    esac
    does convert $data/qwen3 -o "$work/$dtype.ingot" --dtype $dtype -q
    model=$(INGOT_AUTOTUNE=off kernels $dtype)
    [ "$(kernels $dtype)" = "$model" ] || fail "$dtype: an empty cache changes the plan"
    [ -e "$file" ] && fail "$dtype: cached wrote a file"
    answer $dtype model
    full=$(INGOT_AUTOTUNE=full INGOT_EMU_TIMES=$slow_to_fast kernels $dtype)
    echo "$full" | grep -q tuned || fail "$dtype: nothing is tuned: $full"
    [ "$(echo "$full" | sed 's/, tuned//')" = "$model" ] && fail "$dtype: the model's variants won: $full"
    [ -s "$file" ] || fail "$dtype: no file"
    cp "$file" "$work/before"
    [ "$(kernels $dtype)" = "$full" ] || fail "$dtype: cached does not use the file"
    [ "$(INGOT_AUTOTUNE=full INGOT_EMU_TIMES=$fast_to_slow kernels $dtype)" = "$full" ] ||
        fail "$dtype: full measures again what the file has"
    [ "$(INGOT_AUTOTUNE=off kernels $dtype)" = "$model" ] || fail "$dtype: off reads the file"
    cmp -s "$file" "$work/before" || fail "$dtype: the file changed"
    answer $dtype one
    answer $dtype two
    cmp -s "$work/one.npy" "$work/two.npy" || fail "$dtype: the same file, other bits"
    rm "$file"
done

INGOT_AUTOTUNE=maybe expect 2 "INGOT_AUTOTUNE is 'maybe': off, cached or full" plan "$work/bf16.ingot" --device cuda:0
# a file that is none: said, and not read to an end that it has not
rm -rf "$XDG_CACHE_HOME"
mkdir -p "${file%/*}"
for what in "mkfifo" "ln -s /dev/zero"; do
    $what "$file"
    timeout 100 "$ingot" generate "$work/bf16.ingot" --ids 1 -n 0 --device cuda:0 2>"$work/err" || fail "$what: $(cat "$work/err")"
    grep -q 'is no file of measured choices' "$work/err" || fail "$what: the log is silent: $(cat "$work/err")"
    rm "$file"
done
exit $failed
