# cuda-emu_embed.sh - encoders behind `ingot embed` and `ingot rerank` on the emulated device: the
# CPU's vectors and scores, and what is said when the device cannot be had.
. "$(dirname "$0")/../tools/common.sh"
export INGOT_CUDA_PLUGIN=$INGOT_BIN/../libingot_cuda_emu.so
[ -e "$INGOT_CUDA_PLUGIN" ] || { echo "skipped: no emulated plugin"; exit 77; }
"$ingot" help | grep -q embed || { echo "skipped: built without tokenizers"; exit 77; }
"$INGOT_PYTHON" -c 'import numpy' 2>/dev/null || { echo "skipped: no NumPy"; exit 77; }
for m in encoder mpnet modernbert distilbert reranker; do
    expect 0 . convert tests/llm/data/$m -o "$work/$m.ingot" --tokenizer tests/text/data/wordpiece.json
done

# The numbers of both devices, and how far they may be apart.
near() {
    "$INGOT_PYTHON" - "$work/cpu.json" "$work/cuda.json" "$1" "$2" <<'PY' || fail "$2: not the CPU's"
import json, sys, numpy as np
cpu, cuda = (json.load(open(f)) for f in sys.argv[1:3])
assert cpu["device"] == "cpu" and cuda["device"] == "cuda:0", (cpu["device"], cuda["device"])
take = lambda j: np.array([r["embedding"] for r in j["embeddings"]] if "embeddings" in j
                          else [r["score"] for r in sorted(j["results"], key=lambda r: r["index"])])
error = np.abs(take(cpu) - take(cuda)).max()
print(sys.argv[4], f"{error:.1e}")
sys.exit(not error < float(sys.argv[3]))
PY
}
for m in encoder mpnet modernbert distilbert; do
    for device in cpu cuda:0; do
        expect_json embed "$work/$m.ingot" 'how fast' 'compare the data of all models' data \
            --device $device --json
        cp "$work/out" "$work/${device%:0}.json"
    done
    near 2e-6 "$m"
done
for device in cpu cuda:0; do
    expect_json rerank "$work/reranker.ingot" 'how fast' 'the weights are first' compare data \
        --device $device --json
    cp "$work/out" "$work/${device%:0}.json"
done
near 2e-5 reranker

e=$work/encoder.ingot
expect 5 'there is no cuda:3' embed "$e" data --device cuda:3
expect 2 "no device is called 'gpu'" embed "$e" data --device gpu
expect 5 'budget 0.0 MiB' embed "$e" data --device cuda:0 --gpu-mem 100
expect_json embed "$e" data --gpu-mem 100 --json
grep -q '"device": *"cpu"' "$work/out" || fail "auto, a full device: the CPU goes on"
for fault in launch:5 launch:40 lost:5 launch:40,error:801; do # under auto the CPU goes on, and it is said
    INGOT_EMU_FAULT=$fault expect_json embed "$e" data --device auto --json
    grep -q '"device": *"cpu"' "$work/out" || fail "$fault: another device"
    grep -q 'is not used any more, the CPU goes on' "$work/err" || fail "$fault: the log is silent"
done
INGOT_EMU_FAULT=launch:40 expect_json rerank "$work/reranker.ingot" 'how fast' compare --device auto --json
grep -q '"device": *"cpu"' "$work/out" || fail "rerank: another device"
INGOT_EMU_FAULT=lost:20 expect 5 'emulated' embed "$e" data --device cuda:0
