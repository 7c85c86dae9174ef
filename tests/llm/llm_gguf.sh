# llm_gguf.sh - GGUF models of every tensor type, and of every family whose checkpoint lies below
# ../shared; see gguf_models.py. Needs a Python with numpy, or is skipped.
command -v "$INGOT_PYTHON" >/dev/null || exit 77
PYTHONDONTWRITEBYTECODE=1 exec "$INGOT_PYTHON" tests/llm/gguf_models.py "$INGOT_BIN/ingot" ../shared/models/llm/tiny
