# The chat template travels from a folder into the file, and inspect says that it is there.
set -eu
ingot=$INGOT_BIN/ingot
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r tests/llm/data/qwen3 "$work/model"
chmod -R u+w "$work/model"
rm -f "$work/model/chat_template.jinja"
"$ingot" convert "$work/model" -o "$work/without.ingot" --quiet
if "$ingot" inspect "$work/without.ingot" | grep 'chat template'; then
    echo 'a template where there is none'
    exit 1
fi
printf '{%% for m in messages %%}{{ m.content }}{%% endfor %%}' >"$work/model/chat_template.jinja"
"$ingot" convert "$work/model" -o "$work/with.ingot" --quiet
"$ingot" inspect "$work/with.ingot" | grep -q 'chat template  50 bytes'
"$ingot" inspect --json "$work/with.ingot" | grep -q '"chat_template_bytes": 50'
"$ingot" verify "$work/with.ingot" >/dev/null
echo 'the template is in the file'
