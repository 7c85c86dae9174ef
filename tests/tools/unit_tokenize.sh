# unit_tokenize.sh - `ingot tokenize`, and tokenizers as sources of `ingot convert`.
. tests/tools/common.sh
"$INGOT_BIN/ingot" help | grep -q tokenize || { echo "skipped: built without tokenizers"; exit 77; }
data=tests/text/data
m=$work/bpe.ingot

expect 0 'MiB|KiB' convert $data/byte_level.json -o "$m"
expect 0 'tokenizer  BPE, [0-9]+ pieces' inspect "$m"
expect 0 'TOKN' verify "$m"
expect 0 "'.?Hello|'H'" tokenize "$m" 'Hello world'
expect 0 'tokens of 11 bytes' tokenize "$m" 'Hello world'
expect 0 '^[0-9 ]+$' tokenize "$m" 'Hello world' --ids
"$INGOT_BIN/ingot" tokenize "$m" ' back again' --ids --no-special >"$work/ids"
expect 0 '^ back again$' tokenize "$m" --decode -f "$work/ids"
expect 0 'tokens of 0 bytes' tokenize "$m" ''
printf 'line\n\n' >"$work/text"
expect 0 'tokens of 6 bytes' tokenize "$m" -f "$work/text"
expect_json tokenize "$m" 'Hello' --json
[ "$("$INGOT_BIN/ingot" tokenize "$m" '<s>' --ids --no-special | wc -w)" -eq 1 ] || fail "<s> is one special token"
[ "$("$INGOT_BIN/ingot" tokenize "$m" '<s>' --ids --no-special --plain | wc -w)" -gt 1 ] || fail "--plain: <s> is text"

for source in llama.gguf gpt2.gguf; do
    expect 0 'KiB' convert $data/$source -o "$work/g.ingot"
    expect 0 'tokens of' tokenize "$work/g.ingot" 'some text'
done
mkdir "$work/folder"
cp $data/wordpiece.json "$work/folder/tokenizer.json"
expect 0 'KiB' convert "$work/folder" -o "$work/w.ingot"
expect 0 'WordPiece' inspect "$work/w.ingot"
cp $data/bpe.model "$work/tokenizer.model"
expect 0 'KiB' convert "$work/tokenizer.model" -o "$work/w.ingot"

# What is wrong is said.
printf 'a\377b' >"$work/bad"
expect 4 'not UTF-8 at byte 1' tokenize "$m" -f "$work/bad"
expect 4 'vocabulary has' tokenize "$m" --decode '1 99999999'
expect 4 'no token id' tokenize "$m" --decode '1 x'
expect 2 'one of the two' tokenize "$m"
expect 2 'prints text' tokenize "$m" --decode '5 6' --json
expect 3 'only a tokenizer' run "$m"
expect 3 'only a tokenizer' plan "$m"
expect 3 'only a tokenizer' compare "$m" "$m"
expect 2 'one of the two' tokenize "$m" text -f "$work/text"
expect 4 'none' tokenize "$m" -f "$work/none"

# Beside an ONNX file the tokenizer is taken along; one that cannot be read is said.
mkdir "$work/net" && cp $examples/digits_cnn.onnx "$work/net/model.onnx" && cp $data/words.json "$work/net/tokenizer.json"
expect 0 'parameters' convert "$work/net" -o "$work/net.ingot"
expect 0 'tokens of' tokenize "$work/net.ingot" words
echo '{' >"$work/net/tokenizer.json"
expect 3 'tokenizer.json' convert "$work/net" -o "$work/net.ingot"
expect 0 'parameters' convert "$work/net/model.onnx" -o "$work/net.ingot"
expect 3 'no such file' tokenize "$work/none.ingot" text
expect 3 'no tokenizer' tokenize "$(model digits_cnn)" text
echo '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}' >"$work/tokenizer.json"
expect 3 'merge 0' convert "$work/tokenizer.json" -o "$work/x.ingot"
echo '{"pre_tokenizer": {"type": "Strange"}, "model": {"type": "WordLevel", "vocab": {"a": 0}}}' >"$work/tokenizer.json"
expect 3 "pre_tokenizer 'Strange' is not supported" convert "$work/tokenizer.json" -o "$work/x.ingot"
echo '{"model": ' >"$work/tokenizer.json"
expect 3 'line 2' convert "$work/tokenizer.json" -o "$work/x.ingot"
expect 3 'not a GGUF file' convert examples/models/digits_cnn.onnx -o "$work/x.ingot" --from gguf
head -c 300 $data/llama.gguf >"$work/x.gguf"
expect 3 'GGUF, byte' convert "$work/x.gguf" -o "$work/x.ingot"
[ ! -e "$work/x.ingot" ] || fail "a failed conversion left a file"
exit $failed
