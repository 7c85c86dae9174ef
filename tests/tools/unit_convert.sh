# unit_convert.sh - `ingot convert`: what it makes, what it refuses, and that it leaves nothing behind.
. tests/tools/common.sh
src=$examples/digits_cnn.onnx
out=$work/o.ingot

expect 0 'parameters' convert $src -o "$out"
expect 0 'input +image +f32\[batch,1,8,8\]' convert $src -o "$out"
expect_json convert $src -o "$out" --json
[ "$(number parameters)" -gt 10000 ] || fail "parameters: $(number parameters)"
"$ingot" convert $src -o "$out" --name wonder --version 2.1 --quiet || fail "convert with a name"
"$ingot" inspect "$out" | grep -q '^  name  *wonder$' || fail "--name is not in the file"
"$ingot" inspect "$out" | grep -q '^  version  *2.1$' || fail "--version is not in the file"

# A folder stands for its model.onnx, and gives the name.
mkdir "$work/net" && cp $src "$work/net/model.onnx"
expect 0 'parameters' convert "$work/net" -o "$out"
"$ingot" inspect "$out" | grep -q '^  name  *net$' || fail "the folder's name is not the model's"

# Sources that are none.
rm -f "$out"
mkdir "$work/empty" && : >"$work/zero.onnx" && echo 'this is text, not a model' >"$work/text.onnx"
head -c 20000 $src >"$work/cut.onnx"
expect 3 'no such file' convert "$work/none.onnx" -o "$out"
expect 3 'without a model.onnx' convert "$work/empty" -o "$out"
expect 3 'empty' convert "$work/zero.onnx" -o "$out"
expect 3 'text.onnx' convert "$work/text.onnx" -o "$out"
expect 3 'cut.onnx' convert "$work/cut.onnx" -o "$out"
expect 3 'ingot file already' convert "$(model digits_cnn)" -o "$out"
absent "$out"

# Outputs that cannot be.
expect 1 'not a regular file' convert $src -o /dev/null
[ -c /dev/null ] || fail "/dev/null was replaced"
expect 1 'not a regular file' convert $src -o "$work/empty"
mkfifo "$work/pipe"
expect 1 'not a regular file' convert $src -o "$work/pipe"
expect 1 'none/o.ingot' convert $src -o "$work/none/o.ingot"
cp $src "$work/same.onnx"
expect 2 'the same file' convert "$work/same.onnx" -o "$work/same.onnx"
cmp -s $src "$work/same.onnx" || fail "the source was overwritten"

# Options.
expect 2 'output' convert $src
expect 2 'caffe' convert $src -o "$out" --from caffe
expect 2 'f12' convert $src -o "$out" --dtype f12
expect 3 'weights of language models' convert $src -o "$out" --dtype f16
expect 2 'no such pass' convert $src -o "$out" --dump-after nonsense
expect 0 '^# after import' convert $src -o "$out" --dump-after all
expect 0 'graph .*image' convert $src -o "$out" --dump-after=import
[ "$(grep -c '^# after' "$work/out")" -eq 1 ] || fail "--dump-after=import printed more than one graph"

# Recorded runs: one file, a pair of files, wrong ones.
rm -f "$out"
expect 0 '1 recorded run' convert $src -o "$out" --golden $examples/digits_cnn.golden.npz
"$ingot" run "$out" -i $image -o "$work/r.npz" || fail "run"
expect 4 'off by|differs' convert $examples/digits_cnn.onnx -o "$work/g.ingot" --golden $examples/digits_cnn.golden.npz --golden-tolerance 0
absent "$work/g.ingot"
expect 4 'neither inK.NAME nor outK.NAME' convert $src -o "$work/g.ingot" --golden $examples/digits_test.npz
expect 4 'No such file' convert $src -o "$work/g.ingot" --golden "$work/none.npz"
expect 4 'no input or output called' convert $examples/sentence_encoder.onnx -o "$work/g.ingot" --golden $examples/digits_cnn.golden.npz
absent "$work/g.ingot"

# Plain weights are converted when they are used: the same bits.
expect 0 'parameters' convert $src -o "$work/plain.ingot" --layout plain
expect 0 'f32, plain' inspect "$work/plain.ingot"
expect 0 'equal: 40 of 40' compare "$(model digits_cnn)" "$work/plain.ingot" --batch 4 --max-error 1e-6

# The same source gives the same bytes.
"$ingot" convert $src -o "$work/1.ingot" -q && "$ingot" convert $src -o "$work/2.ingot" -q
cmp -s "$work/1.ingot" "$work/2.ingot" || fail "two conversions differ"
[ -z "$(find "$work" -name '*.tmp*' -o -name '.*ingot*' | head -n 1)" ] || fail "temporary files are left"
exit $failed
