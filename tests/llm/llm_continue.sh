# llm_continue.sh - an answer goes on where its prompt ends: SentencePiece's first space belongs to it.
set -eu
shared=../shared/models/llm/stories260K
[ -d "$shared" ] || { echo "skipped: no $shared"; exit 77; }
"$INGOT_BIN/ingot" help | grep -q tokenize || { echo "skipped: built without tokenizers"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$INGOT_BIN/ingot" convert --quiet "$shared/stories260K.bin" --tokenizer "$shared/tok512.bin" -o "$work/m.ingot"
answer=$("$INGOT_BIN/ingot" generate "$work/m.ingot" -p "Once upon" -n 4 --temp 0)
case $answer in " a time"*) ;; *) echo "FAIL: 'Once upon' goes on with '$answer'"; exit 1 ;; esac
answer=$("$INGOT_BIN/ingot" generate "$work/m.ingot" -p "" -n 4 --temp 0)
case $answer in " "*) echo "FAIL: a text begins with a space: '$answer'"; exit 1 ;; esac
