# unit_examples.sh - every example program runs on its model and says what it should.
set -u
bin=$INGOT_BIN/../examples
models=examples/models
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
export ASAN_OPTIONS=${ASAN_OPTIONS:-}

if [ ! -x "$bin/classify_digits" ]; then
    echo "skipped: built without examples (INGOT_EXAMPLES=OFF)"
    exit 77
fi

# expect REGEX program arguments...
expect() {
    local regex=$1
    shift
    if ! "$@" >"$work/out" 2>&1 || ! grep -Eq -- "$regex" "$work/out"; then
        echo "FAIL: $*: want /$regex/ in:"
        tail -n 20 "$work/out"
        failed=1
    fi
}

for m in digits_cnn digits_cnn_int8 digits_gru sentence_encoder wine_pipeline; do
    "$INGOT_BIN/ingot" convert $models/$m.onnx -o "$work/$m.ingot" -q --golden $models/$m.golden.npz || failed=1
done
expect 'accuracy +99\.17 %' "$bin/classify_digits" "$work/digits_cnn.ingot" $models/digits_test.npz
expect 'accuracy +9[89]\.[0-9]+ %' "$bin/classify_digits" "$work/digits_cnn_int8.ingot" $models/digits_test.npz
expect 'accuracy +97\.78 %' "$bin/classify_digits" "$work/digits_gru.ingot" $models/digits_test.npz
expect 'latency +median' "$bin/classify_digits" "$work/digits_cnn.ingot" $models/digits_test.npz 20
expect '^ +1\.00 +0\.8[0-9] +0\.0[0-9]' "$bin/sentence_embedding" "$work/sentence_encoder.ingot" \
    "Heavy showers are expected in London tonight." \
    "Wet weather with rain is coming to London this evening!" "My sister performs beautiful music"
expect '4 gave the same bits' "$bin/shared_model" "$work/digits_cnn.ingot" 4 50
expect 'asynchronous run: done' "$bin/shared_model" "$work/digits_cnn.ingot" 1 1
expect 'accuracy +97\.77' "$bin/classify" "$work/wine_pipeline.ingot" $models/wine_test.npz

# Conversations, with a model of noise; without tokenizers its tests are skipped.
if "$INGOT_BIN/ingot" help | grep -q tokenize; then
    "$INGOT_BIN/ingot" convert tests/data/tiny_lm -o "$work/tiny.ingot" -q || failed=1
    printf 'hello\nonce more\n' | "$bin/chat" "$work/tiny.ingot" --plain >"$work/out" 2>"$work/err" && [ "$(wc -c <"$work/out")" -gt 20 ] ||
        { echo "FAIL: chat --plain: $(cat "$work/err")"; failed=1; }
    expect '24 tokens, length|[0-9]+ tokens, stop' "$bin/chat_cpp" "$work/tiny.ingot" hello 'once upon'
fi

# Mistakes are told, not crashed on.
"$bin/classify_digits" "$work/none.ingot" $models/digits_test.npz >"$work/out" 2>&1
[ $? -eq 1 ] && grep -q 'none.ingot' "$work/out" || { echo "FAIL: a missing model"; failed=1; }
"$bin/classify" "$work/digits_cnn.ingot" $models/wine_test.npz >"$work/out" 2>&1
[ $? -eq 1 ] && grep -Eq 'expects|outputs' "$work/out" || { echo "FAIL: a wrong model"; failed=1; }
"$bin/shared_model" >"$work/out" 2>&1
[ $? -eq 2 ] || { echo "FAIL: usage"; failed=1; }
exit $failed
