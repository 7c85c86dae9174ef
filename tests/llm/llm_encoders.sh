# llm_encoders.sh - random checkpoints of every family of encoders, in sizes of all kinds and with every head, against a
# reference in NumPy.
set -eu
"$INGOT_BIN/ingot" help | grep -q tokenize || { echo "skipped: built without checkpoints"; exit 77; }
"$INGOT_PYTHON" -c 'import numpy' 2>/dev/null || { echo "skipped: $INGOT_PYTHON has no NumPy"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$INGOT_PYTHON" tests/llm/encoder_reference.py "$INGOT_BIN/ingot" "$work"
