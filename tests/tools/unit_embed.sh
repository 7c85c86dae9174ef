# unit_embed.sh - `ingot embed` and `ingot rerank`.
. tests/tools/common.sh
"$INGOT_BIN/ingot" help | grep -q embed || { echo "skipped: built without tokenizers"; exit 77; }
for m in encoder reranker; do
    expect 0 'KiB' convert tests/llm/data/$m -o "$work/$m.ingot" --tokenizer tests/text/data/wordpiece.json
done
e=$work/encoder.ingot r=$work/reranker.ingot

# a vector a line, the same from a file and from standard input
expect 0 '^(-?[0-9.e-]+ ){15}-?[0-9.e-]+$' embed "$e" 'the options of convert'
"$ingot" embed "$e" 'how fast' 'compare data' >"$work/words"
printf 'how fast\r\ncompare data' >"$work/lines"
"$ingot" embed "$e" -f "$work/lines" >"$work/from_file"
"$ingot" embed "$e" -f - <"$work/lines" >"$work/from_stdin"
cmp "$work/words" "$work/from_file" || fail "lines of a file"
cmp "$work/words" "$work/from_stdin" || fail "lines of standard input"
"$ingot" embed "$e" --prompt-prefix 'how ' 'fast' >"$work/prefixed"
cmp "$work/prefixed" <(head -1 "$work/words") || fail "--prompt-prefix"
expect 0 'float32 \[2, 16\]' embed "$e" 'how fast' 'compare data' --npy "$work/e.npy"
present "$work/e.npy"
expect_json embed "$e" 'how fast' --json --pooling mean --no-normalize
grep -q '"pooling": *"mean"' "$work/out" || fail "--pooling"

# an ONNX export whose output is a vector a text; a classifier of tokens has none
expect 0 "MiB" convert $examples/sentence_encoder.onnx -o "$work/onnx.ingot" --tokenizer tests/text/data/wordpiece.json
expect 0 '^(-?[0-9.e-]+ ){63}-?[0-9.e-]+$' embed "$work/onnx.ingot" 'the options of convert'
expect 0 'KiB' convert tests/llm/data/roberta-tokens -o "$work/tokens.ingot"
expect 3 'neither vectors' embed "$work/tokens.ingot" data

# an input that is left out leaves the plan exact
expect_json plan "$e" --batch 2 --context 7 --json
grep -q '"exact": true' "$work/out" || fail "the plan of an encoder is exact"

# nothing is cut in silence
expect 0 '.' embed "$e" "$(printf 'data %.0s' {1..30})"
grep -q '^ingot: text 0: 12 tokens were cut (at most 20 are taken)$' "$work/err" || fail "what is cut is said"
expect 0 '.' embed "$e" data
[ ! -s "$work/err" ] || fail "nothing was cut"

expect 0 'score *index *document' rerank "$r" 'how fast' 'the weights are first' 'compare' 'data'
[ "$(tail -n +2 "$work/out" | sort -s -rn -k1,1 | cmp - <(tail -n +2 "$work/out") && echo sorted)" = sorted ] || fail "best first"
expect_json rerank "$r" 'how fast' -f "$work/lines" data --top 2 --json
[ "$(grep -c '"index"' "$work/out")" -eq 2 ] || fail "--top"
expect 0 '.' rerank "$r" 'how fast' "$(printf 'data %.0s' {1..30})"
grep -q 'tokens were cut' "$work/err" || fail "what is cut of a pair is said"

# What is wrong is said.
expect 2 'no text' embed "$e"
expect 2 'at most 20' embed "$e" data --max-tokens 50
expect 3 'ingot rerank' embed "$r" data
expect 3 'ingot embed' rerank "$e" how fast
expect 3 'no such file' embed "$work/none.ingot" data
expect 3 'input_ids' embed "$(model digits_cnn)" data
expect 4 'none' embed "$e" -f "$work/none"
printf 'fine\n\377\n' >"$work/bad"
expect 4 'text 1.*UTF-8' embed "$e" -f "$work/bad"
exit $failed
