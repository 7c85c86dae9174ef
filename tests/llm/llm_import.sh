# llm_import.sh - `ingot convert` of checkpoints that lack something, are damaged, or cannot be: an
# error that says what is wrong and where, and no file.
. "$(dirname "$0")/../tools/common.sh"
"$INGOT_BIN/ingot" help | grep -q tokenize || { echo "skipped: built without JSON"; exit 77; }
data=tests/llm/data
out=$work/m.ingot

# copy NAME - a checkpoint to damage, as $work/c
copy() {
    rm -rf "$work/c"
    cp -r "$data/$1" "$work/c"
}
# refused CODE REGEX [arguments] - converting $work/c fails so, and leaves no file
refused() {
    local code=$1 regex=$2
    shift 2
    expect "$code" "$regex" convert "$work/c" -o "$out" "$@"
    absent "$out"
}
# config SED - change config.json of the copy
config() { sed -i "$1" "$work/c/config.json"; }

# what is right converts, and says what it is
for dtype in keep f32 f16 bf16 q8 q4 fp8 fp8-block; do
    expect 0 'parameters' convert $data/qwen3-moe -o "$out" --dtype $dtype
    expect 0 'llm.family +qwen3_moe' inspect "$out"
    expect 0 'llm.eos +2,3' inspect "$out"
    rm "$out"
done
expect 0 'paged_attention' convert $data/llama-mqa -o "$out" --dump-after import
rm "$out"

# files
copy llama-mqa
rm "$work/c/model-00002-of-00003.safetensors"
refused 3 'model-00002-of-00003.safetensors'
copy llama-mqa
sed -i 's/"model.norm.weight": "[^"]*"/"model.norm.weight": "..\/x.safetensors"/' "$work/c/model.safetensors.index.json"
refused 3 "'../x.safetensors' is no name of a file beside it"
copy llama-mqa
sed -i 's/"model.norm.weight"/"model.extra.weight"/' "$work/c/model.safetensors.index.json"
refused 3 "'model.extra.weight' is not in"
copy llama-mqa
echo '{"weight_map": 3}' >"$work/c/model.safetensors.index.json"
refused 3 'no weight_map'
copy qwen3
head -c 20000 $data/qwen3/model.safetensors >"$work/c/model.safetensors"
refused 3 'cut off'
copy qwen3
head -c 100 $data/qwen3/model.safetensors >"$work/c/model.safetensors"
refused 3 'model.safetensors.*cut off'
copy qwen3
printf 'no weights' >"$work/c/model.safetensors"
refused 3 'not safetensors'
copy qwen3
mv "$work/c/model.safetensors" "$work/c/pytorch_model.bin"
refused 3 'pickle'
# .. bytes of no tensor: the header is of another file, or weights would be read a byte too early
copy qwen3
printf x >>"$work/c/model.safetensors"
refused 3 '1 bytes behind the last tensor belong to none'
copy qwen3
printf 'a\377' >"$work/c/chat_template.jinja"
refused 3 'chat template is not UTF-8 at byte 1'
for empty in model.safetensors config.json generation_config.json chat_template.jinja; do
    copy qwen3
    : >"$work/c/$empty"
    refused 3 "$empty: is empty"
done
copy qwen3
rm "$work/c/config.json"
refused 3 'config.json'

expect 3 'name the folder' convert $data/qwen3/model.safetensors -o "$out"
expect 3 'name the folder' convert $data/qwen3/config.json -o "$out"

# config.json
copy qwen3
config 's/"qwen3"/"qwen9"/'
refused 3 "model_type 'qwen9' is unknown; known:.* llama .*qwen3 .*stablelm"
copy qwen3
echo '{"model_type": ' >"$work/c/config.json"
refused 3 'config.json, line 2'
copy qwen3
config '/hidden_size/d'
refused 3 'config.json has no hidden_size'
copy qwen3
config 's/"num_attention_heads": 4/"num_attention_heads": 0/'
refused 3 'num_attention_heads is 0'
copy qwen3
config 's/"num_attention_heads": 4/"num_attention_heads": "four"/'
refused 3 'num_attention_heads is no whole number'
copy qwen3
config 's/"num_hidden_layers": 2/"num_hidden_layers": 1000000/'
refused 3 '1000000 layers'
copy qwen3
config 's/"num_hidden_layers": 2/"num_hidden_layers": 3/'
refused 3 'layer_types names 2 of 3 layers|no tensor .model.layers.2'
copy qwen3
config 's/"hidden_act": "silu"/"hidden_act": "snake"/'
refused 3 "'snake'"
copy llama-yarn
config 's/"yarn"/"spiral"/'
refused 3 "rope_type 'spiral'"
# .. rotary settings of a wrong kind, or a number past the floats, are no default
for value in 3 '[1]' false; do
    wrong="s/\"rope_type\": *\"[a-z0-9]*\"/\"rope_type\": $value/"
    copy llama-yarn
    config "$wrong"
    refused 3 'rope_type is no text'
done
copy qwen3
config 's/"model_type"/"rope_parameters": "x", "model_type"/'
refused 3 'rope_parameters is no object'
copy llama-rope3
config 's/"factor": 8.0/"factor": 1e308/'
refused 3 'factor is 1e\+308, more than a float holds'
copy llama-rope3
config 's/"factor": 8.0/"factor": -1/'
refused 3 "factor is -1"

# tensors
copy qwen3
config 's/"hidden_size": 20/"hidden_size": 24/'
refused 3 "is F32 \[53, 20\], but the model's token embedding is \[53, 24\]"
copy qwen3
config 's/"intermediate_size": 28/"intermediate_size": 28/; s/"head_dim": 6/"head_dim": 8/'
refused 3 "layer 0: tensor 'model.layers.0.self_attn.q_proj.weight' is F32 \[24, 20\], but the model's query projection is \[32, 20\]"
copy phi3-long
config 's/"intermediate_size": 28/"intermediate_size": 30/'
refused 3 'gate_up_proj.*feed-forward'
copy mixtral
config 's/"num_experts_per_tok": 2/"num_experts_per_tok": 9/'
refused 3 '9 of 5 experts'
copy llama-yarn
config 's/"tie_word_embeddings": false/"tie_word_embeddings": true/'
"$ingot" convert "$work/c" -o "$out" -q || fail "a second table of a tied model must not hurt"
rm -f "$out"

# what cannot be asked for, and a tokenizer that does not fit
copy qwen3
refused 3 'always packed' --layout plain
cp tests/text/data/byte_level.json "$work/c/tokenizer.json"
refused 3 "the tokenizer makes ids up to [0-9]+, the model's table has 53 rows"
echo '{"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"},
       "added_tokens": [{"id": 60, "content": "<image>", "special": true}]}' >"$work/c/tokenizer.json"
"$ingot" convert "$work/c" -o "$out" 2>"$work/err" >/dev/null || fail "an added token past the table is no error"
grep -q 'past the model.s table' "$work/err" || fail "an added token past the table is said"
rm -f "$out"

# chat templates: of several the default one; a file of its own wins
echo '{"chat_template": [{"name": "tools", "template": "T"}, {"name": "default", "template": "{{ D }}"}]}' \
    >"$work/c/tokenizer_config.json"
"$ingot" convert "$work/c" -o "$out" -q 2>/dev/null
grep -aq '{{ D }}' "$out" || fail "the default template is not in the file"
echo '{{ F }}' >"$work/c/chat_template.jinja"
"$ingot" convert "$work/c" -o "$out" -q 2>/dev/null
grep -aq '{{ F }}' "$out" || fail "chat_template.jinja is not in the file"

# a folder with a SentencePiece model alone: texts begin with bos, unless the config says no
mkdir "$work/sp"
cp tests/text/data/bpe.model "$work/sp/tokenizer.model"
"$ingot" convert "$work/sp" -o "$out" -q
expect 0 '^1 ' tokenize "$out" 'some text' --ids
echo '{"add_bos_token": false, "added_tokens_decoder": {"9000": {"content": "<new>", "special": true}}}' \
    >"$work/sp/tokenizer_config.json"
"$ingot" convert "$work/sp" -o "$out" -q
expect 0 '^9000' tokenize "$out" '<new>' --ids
rm "$out"

# tensors that nobody uses are said
copy gemma3-images
config 's/"num_hidden_layers": 3/"num_hidden_layers": 2/'
"$ingot" convert "$work/c" -o "$out" 2>"$work/err" >/dev/null
grep -Eq '[0-9]+ of [0-9]+ tensors are not used' "$work/err" || fail "unused tensors are not said"
exit $failed
