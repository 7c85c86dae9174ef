# unit_docs.sh - every command that the README and docs/ show is run; programs shown there are built.
set -eu
if grep -q '^INGOT_SANITIZE:[A-Z]*=.\+' "$INGOT_BIN/../CMakeCache.txt"; then
    echo "skipped: sanitizers need the whole program built with them"
    exit 77
fi
"$INGOT_BIN/ingot" help | grep -q tokenize || { echo "skipped: the pages show tokenizers, which this build leaves out"; exit 77; }
for tool in cmake pkg-config cc c++; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
tools/dev/check-docs "$INGOT_BIN/.."
