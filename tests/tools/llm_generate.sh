# llm_generate.sh - `ingot generate` on a tiny model of noise: what is asked, what is shown, what is refused.
set -m # without it the shell starts background jobs with SIGINT ignored
. tests/tools/common.sh
"$INGOT_BIN/ingot" help | grep -q tokenize || { echo "skipped: built without tokenizers"; exit 77; }
m=$work/m.ingot
"$ingot" convert tests/data/tiny_lm -o "$m" -q || exit 1

# same FILE COMMAND... : its standard output is what FILE holds.
same() {
    local want=$1
    shift
    "$ingot" "$@" >"$work/got" 2>"$work/err" || fail "ingot $*: exit $?"
    cmp -s "$want" "$work/got" || fail "ingot $*: another output than in $want"
}
last() { tail -n 1 "$work/out"; }

# The same ids for every chunk, page, thread count and guess.
ids=72,101,108,108,111,32,119,111,114,108,100,33,10,72,101,108,108,111
expect 0 '^[0-9]+(,[0-9]+){29}$' generate "$m" --ids $ids -n 30 --temp 0 --ignore-eos --print-ids
last >"$work/ids"
for o in '--prefill-chunk 1' '--prefill-chunk 7' '--prefill-chunk 0' '--page-tokens 32' '--threads 1' \
    '--lookup 4' "--draft $m --draft-tokens 3" '--max-context 100'; do
    # shellcheck disable=SC2086 # several words
    expect 0 . generate "$m" --ids $ids -n 30 --temp 0 --ignore-eos --print-ids $o
    last | cmp -s - "$work/ids" || fail "$o: other ids"
done
for t in f16 bf16 i8; do expect 0 ',' generate "$m" --ids $ids -n 30 --print-ids --kv-dtype $t; done

# Seeds, logits, text from a file.
expect 0 . generate "$m" -p Hello -n 20 --seed 5 --print-ids && cp "$work/out" "$work/seed5"
same "$work/seed5" generate "$m" -p Hello -n 20 --seed 5 --print-ids
same "$work/seed5" generate "$m" -p Hello -n 20 --seed 5 --print-ids --lookup 3
same "$work/seed5" generate "$m" -p Hello -n 20 --seed 5 --print-ids --draft "$m"
printf 'Hello\n' >"$work/hello"
same "$work/seed5" generate "$m" -f "$work/hello" -n 20 --seed 5 --print-ids
for c in 0 1 5; do
    "$ingot" generate "$m" --ids $ids -n 0 --prefill-chunk $c --logits "$work/l$c.npy" || fail "logits"
    cmp -s "$work/l0.npy" "$work/l$c.npy" || fail "--prefill-chunk $c: other logits"
done
[ "$(wc -c <"$work/l0.npy")" -eq $((128 + 18 * 261 * 4)) ] || fail "logits are not [18, 261]"
same /dev/null generate "$m" --ids $ids -n 0

# Whole characters only, whatever the bytes.
"$ingot" generate "$m" -p Hello -n 100 --seed 1 | iconv -f UTF-8 -t UTF-8 >/dev/null || fail "broken UTF-8"

# Stop strings: the answer ends before the text, which is not shown.
"$ingot" generate "$m" -p Hello -n 60 --temp 0 --ignore-eos >"$work/long"
stop=$(grep -ao '[A-Za-z0-9]' "$work/long" | sed -n 3p)
expect 0 '"finish": "stop"' generate "$m" -p Hello -n 60 --temp 0 --stop "$stop" --json
! grep -qF -- "\"text\": \".*$stop" "$work/out" || fail "the stop string is shown"

# JSON, statistics, log probabilities.
expect_json generate "$m" -p Hello -n 6 --seed 2 --json --logprobs 3
grep -q '"truncated": 0' "$work/out" && [ "$(number prompt_tokens)" = 6 ] || fail "JSON of a prompt of 6 tokens"
python3 - "$work/out" <<'PY' || fail "JSON: times or log probabilities"
import json, sys
d = json.load(open(sys.argv[1]))
assert len(d["tokens"]) == d["answer_tokens"] == 6, d
assert all(len(t["top"]) == 3 and t["top"][0]["logprob"] >= t["logprob"] for t in d["tokens"])
assert abs(d["queue_s"] + d["prefill_s"] + d["decode_s"] - d["total_s"]) < 1e-6
PY
expect 0 . generate "$m" -p Hello -n 6 --stats
grep -q 'prompt .*tok/s' "$work/err" && grep -q 'memory' "$work/err" || fail "--stats"
expect 0 '^ *[0-9]+ +-[0-9.]+ +[0-9]+ -[0-9.]+' generate "$m" --ids 1 -n 3 --logprobs 2
expect 0 '^42(,42){4}$' generate "$m" --ids 1,2 -n 5 --bias 42=100 --print-ids

# Answers of a schema or grammar, from a model of noise.
cat >"$work/schema" <<'JSON'
{"type": "object", "properties": {"age": {"type": "integer"}, "name": {"enum": ["Ann", "Bo"]}},
 "required": ["age", "name"], "additionalProperties": false}
JSON
for seed in 1 2 3; do
    expect 0 '"name"' generate "$m" -p Hello --json-schema "$work/schema" --seed $seed -n 200 --temp 0.5 --bias 57=-3
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert d["name"] in ("Ann", "Bo") and int(d["age"]) == d["age"]' \
        "$work/out" || fail "seed $seed: $(cat "$work/out")"
done
printf 'root ::= ("yes" | "no") "!"+\n' >"$work/gbnf"
expect 0 '^(yes|no)!+$' generate "$m" -p Hello --grammar "$work/gbnf" --seed 1 -n 9
"$ingot" generate "$m" -p Hello --grammar "$work/gbnf" --seed 1 -n 9 --print-ids >"$work/plain"
same "$work/plain" generate "$m" -p Hello --grammar "$work/gbnf" --seed 1 -n 9 --print-ids --draft "$m" --lookup 3
echo 'root ::= (' >"$work/gbnf"
expect 4 'line 1' generate "$m" -p Hello --grammar "$work/gbnf"
expect 2 'one of the two' generate "$m" -p Hello --grammar "$work/gbnf" --json-schema "$work/schema"
expect 2 'ignore_eos' generate "$m" -p Hello --ignore-eos --json-schema "$work/schema"

# Conversations by the model's template; too long ones lose their oldest turns, never the system message.
printf 'Hello\nAnd you?\n' >"$work/turns"
"$ingot" generate "$m" --chat --system Short. -n 12 --temp 0 --stats <"$work/turns" >"$work/out" 2>"$work/err" || fail "--chat"
grep -q 'prompt   15 tokens' "$work/err" || fail "a conversation's first turn: $(cat "$work/err")"
[ "$(grep -c '^answer' "$work/err")" -eq 2 ] || fail "two turns, two answers"
"$ingot" generate "$m" --ids 256,258,83,104,111,114,116,46,259,72,101,108,108,111,260 -n 12 --temp 0 >"$work/ids"
"$ingot" generate "$m" --chat --system Short. -p Hello -n 12 --temp 0 </dev/null >"$work/chat"
cmp -s "$work/ids" "$work/chat" || fail "the template gives other tokens"
for i in $(seq 12); do echo "This is turn number $i of them"; done >"$work/turns"
"$ingot" generate "$m" --chat --system Short. -n 10 --temp 0 --truncate <"$work/turns" >"$work/out" 2>"$work/err" || fail "--chat --truncate"
grep -q 'truncated: ' "$work/err" || fail "a long conversation does not say that it was cut"
"$ingot" generate "$m" --chat -n 10 --temp 0 <"$work/turns" >"$work/out" 2>"$work/err"
[ $? -eq 4 ] && grep -q 'context of 256' "$work/err" || fail "a conversation that is too long: $(cat "$work/err")"
printf 'a\377b\n' >"$work/turns"
"$ingot" generate "$m" --chat -n 10 <"$work/turns" >"$work/out" 2>"$work/err"
[ $? -eq 4 ] && grep -q 'message 0: not UTF-8 at byte 1' "$work/err" || fail "a turn that is not UTF-8: $(cat "$work/err")"

# Sessions: two calls are one.
expect 0 . generate "$m" --ids $ids -n 10 --temp 0 --ignore-eos --print-ids --session "$work/s"
last >"$work/ten"
expect 0 . generate "$m" --ids 7,8,9 -n 10 --temp 0 --ignore-eos --json --session "$work/s"
[ "$(number prompt_tokens)" = 31 ] && [ "$(number cached_tokens)" -ge 16 ] || fail "a session goes on"
sed -n 's/^ *"id": \([0-9]*\).*/\1/p' "$work/out" | paste -sd, >"$work/second"
expect 0 . generate "$m" --ids "$ids,$(cat "$work/ten"),7,8,9" -n 10 --temp 0 --ignore-eos --print-ids
last | cmp -s - "$work/second" || fail "a session gives other ids than the whole text"
expect 3 'session' generate "$m" --ids 1 --session "$m"

# Prompts that are too long: an error, or a cut that is said.
long=$(printf 'x%.0s' $(seq 300))
expect 4 '301 tokens.*context of 256' generate "$m" -p "$long"
expect 0 . generate "$m" -p "$long" -n 5 --truncate --seed 1
grep -q 'truncated: .* 50 tokens' "$work/err" || fail "--truncate does not say what it cut: $(cat "$work/err")"
expect_json generate "$m" -p "$long" -n 5 --truncate --json
[ "$(number truncated)" = 50 ] && [ "$(number prompt_tokens)" = 251 ] || fail "truncated in JSON"
expect_json generate "$m" -p "$long" -n -1 --truncate --json --ignore-eos
grep -q '"finish": "length"' "$work/out" || fail "a full context ends with length"
expect_json generate "$m" -p Hello -n 600 --ignore-eos --shift --json
[ "$(number answer_tokens)" = 600 ] && [ "$(number shifted)" -ge 300 ] || fail "--shift"
expect 4 '31 tokens.*context here is 20' generate "$m" --ids "$ids,$(cat "$work/ten"),7,8,9" --max-context 20

# What cannot be is said.
expect 2 'one of -p, -f' generate "$m" -p a --ids 1
expect 2 'give a prompt' generate "$m"
expect 2 'goes with --ids' generate "$m" -p a --logits "$work/x.npy"
expect 2 'knows 256' generate "$m" --ids 1 --max-context 1000
expect 2 'temperature|temp' generate "$m" --ids 1 --temp 1000
expect 2 'ID=VALUE' generate "$m" --ids 1 --bias 5
expect 2 'bytes' generate "$m" --ids 1 --kv-bytes 1K
expect 4 'is 261, the vocabulary' generate "$m" --ids 5,261
expect 4 "byte 2: 'x' is no token id" generate "$m" --ids 5,x
expect 4 'no token id' generate "$m" --ids ''
expect 4 "byte 2: ',6' is no token id" generate "$m" --ids 5,,6
expect 4 'ends in a comma' generate "$m" --ids 5,6,
printf 'a\377b' >"$work/bad"
expect 4 'UTF-8 at byte 1' generate "$m" -f "$work/bad"
expect 4 'no such|none' generate "$m" -f "$work/none"
expect 3 'no such file' generate "$work/none.ingot" -p a
expect 3 'no such file' generate "$m" -p a --draft "$work/none.ingot"
expect 3 'no language model' generate "$(model digits_cnn)" -p a
"$ingot" convert tests/text/data/byte_level.json -o "$work/words.ingot" -q
expect 3 'only a tokenizer' generate "$work/words.ingot" -p a
mkdir "$work/bare" && cp tests/data/tiny_lm/config.json tests/data/tiny_lm/model.safetensors "$work/bare"
"$ingot" convert "$work/bare" -o "$work/bare.ingot" -q || fail "a folder without tokenizer"
expect 3 'no tokenizer' generate "$work/bare.ingot" -p a
sed 's/, "chat_template".*,/,/; /chat_template/d' tests/data/tiny_lm/tokenizer_config.json >"$work/bare/tokenizer_config.json"
cp tests/data/tiny_lm/tokenizer.json "$work/bare"
"$ingot" convert "$work/bare" -o "$work/bare.ingot" -q || fail "a folder without template"
expect 3 'no chat template' generate "$work/bare.ingot" --chat -p a
expect 0 '^[0-9]+,[0-9]+$' generate "$work/bare.ingot" --ids 72 -n 2 --print-ids --ignore-eos

# Ctrl-C ends an answer: 130, and what was said until then stays.
"$ingot" generate "$m" -p Hello -n 100000000 --ignore-eos --shift >"$work/endless" 2>"$work/err" &
pid=$!
until_said $pid "$work/endless"
kill -INT $pid
wait $pid
code=$?
[ $code -eq 130 ] && grep -q 'interrupted after' "$work/err" && [ -s "$work/endless" ] || fail "Ctrl-C: exit $code, $(cat "$work/err")"
exit $failed
