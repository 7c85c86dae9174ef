# cuda-emu_generate.sh - language models on emulated devices: the CPU's logits, answers that do not
# depend on how the work is cut, devices that fail or are too small, several that share a model.
. "$(dirname "$0")/../tools/common.sh"
export INGOT_CUDA_PLUGIN=$INGOT_BIN/../libingot_cuda_emu.so
[ -e "$INGOT_CUDA_PLUGIN" ] || { echo "skipped: no emulated plugin"; exit 77; }
"$ingot" help | grep -q tokenize || { echo "skipped: built without JSON"; exit 77; }
"$INGOT_PYTHON" -c 'import numpy' 2>/dev/null || { echo "skipped: no NumPy"; exit 77; }
data=tests/llm/data
ids=1,5,7,9,2,33,21,8,12,40,31

# does ARGUMENTS - exit code 0
does() { "$ingot" "$@" >"$work/out" 2>"$work/err" </dev/null || fail "ingot $*: $(cat "$work/err")"; }

# near MODEL DTYPE BOUND - the logits of the device are within so much of the largest of the CPU's
near() {
    does convert "$data/$1" -o "$work/m.ingot" --dtype "$2" -q
    does generate "$work/m.ingot" --ids $ids -n 0 --device cpu --logits "$work/cpu.npy"
    does generate "$work/m.ingot" --ids $ids -n 0 --device cuda:0 --logits "$work/cuda.npy"
    "$INGOT_PYTHON" - "$work" "$3" "$1 $2" <<'PY' || fail "$1 $2: other logits"
import sys, numpy as np
cpu, cuda = (np.load(f"{sys.argv[1]}/{f}.npy") for f in ("cpu", "cuda"))
error = np.abs(cpu - cuda).max() / np.abs(cpu).max()
print(sys.argv[3], f"{error:.1e}")
sys.exit(not error < float(sys.argv[2]))
PY
    rm "$work/m.ingot"
}
near qwen3 f32 2e-6
near qwen3 bf16 1e-2
near qwen3 f16 5e-3
near llama-yarn q8 4e-2 # the CPU rounds activations to 8 bits, the device does not
near llama-yarn q4 4e-2
near gemma2 f32 2e-6    # soft caps, windows
near gpt2 f32 2e-6      # biases, learned positions
near mixtral f32 2e-6
near qwen2-moe q4 4e-2
near stablelm-parallel f32 2e-6

# answers
does convert $data/qwen3 -o "$work/m.ingot" --dtype f32 -q
answer() { "$ingot" generate "$work/m.ingot" --ids 1,5,7,9,2,33 -n 24 --temp 0 --ignore-eos --raw --print-ids "$@" 2>"$work/err" </dev/null | tail -n 1; }
want=$(answer --device cpu)
[ -n "$want" ] || fail "no answer on the CPU"
same() { # same WHAT ARGUMENTS... : the CPU's answer
    local what=$1 got
    shift
    got=$(answer "$@")
    [ "$got" = "$want" ] || fail "$what: '$got', want '$want': $(cat "$work/err")"
}
said() { grep -Eq -- "$1" "$work/err" || fail "want /$1/ on standard error: $(cat "$work/err")"; }
same "whole" --device cuda:0
same "chunks" --device cuda:0 --prefill-chunk 2
same "guesses" --device cuda:0 --lookup 3
same "draft" --device cuda:0 --draft "$work/m.ingot"
for kind in f16 bf16 i8 fp8; do same "pages of $kind" --device cuda:0 --kv-dtype $kind; done
expect 2 'fp8 are for devices' generate "$work/m.ingot" --ids 1 -n 1 --device cpu --kv-dtype fp8

# a device that fails: what was under way is computed again
for n in 200 600 1000; do
    INGOT_EMU_FAULT=lost:$n same "lost at call $n" --device cuda:0
    said 'is lost: .*computed again on the CPU'
done
INGOT_EMU_FAULT=launch:50 same "a kernel that fails" --device auto
said 'computed again on the CPU'
for n in 130 150; do # while it computes what a session lacks
    INGOT_EMU_FAULT=launch:$n same "a session of a device that is lost" --device cuda:0 --session "$work/lost"
    said 'is lost: .*computed again on the CPU'
    [ -s "$work/lost" ] || fail "launch:$n: no session"
    rm "$work/lost"
done
for n in $(seq 2 12); do # while it is opened
    INGOT_EMU_FAULT=lost:$n expect 5 'is lost: .*--device auto' generate "$work/m.ingot" --ids 1 -n 1 --device cuda:0
    INGOT_EMU_FAULT=lost:$n same "lost at call $n" --device auto
done
# one that is too small
INGOT_EMU_FAULT=memory:60000 same "too small" --device auto
said 'computed on the CPU'
INGOT_EMU_FAULT=memory:60000 expect 5 'no room for keys and values: .*--gpu-mem' generate "$work/m.ingot" --ids 1 -n 1 --device cuda:0
for n in 1 2 3 4; do INGOT_EMU_FAULT=alloc:$n same "allocation $n" --device auto; done
INGOT_EMU_FAULT=driver:none same "no driver" --device auto
INGOT_EMU_FAULT=driver:none expect 5 'driver' generate "$work/m.ingot" --ids 1 -n 1 --device cuda:0

# several
export INGOT_EMU_FAULT=devices:2
same "two devices" --device cuda:0,cuda:1
same "two devices, chunks" --device cuda:0,cuda:1 --prefill-chunk 2 --kv-dtype bf16
INGOT_EMU_FAULT=devices:2,lost:700 same "one of two fails" --device cuda:0,cuda:1
said 'computed again on the CPU'
INGOT_EMU_FAULT=devices:2,sum:9 same "a sum of two fails" --device cuda:0,cuda:1
said 'NCCL: internal error.*computed again on the CPU'
INGOT_EMU_NO_COMM=1 expect 3 'cannot work together: libnccl' generate "$work/m.ingot" --ids 1 -n 1 --device cuda:0,cuda:1
expect 2 'given twice' generate "$work/m.ingot" --ids 1 -n 1 --device cuda:0,cuda:0
expect 2 'only CUDA devices share' generate "$work/m.ingot" --ids 1 -n 1 --device cuda:0,cpu
expect 2 'need as many devices' generate "$work/m.ingot" --ids 1 -n 1 --device cuda:0,cuda:1 --tensor-parallel 4
expect 5 'no cuda:7' generate "$work/m.ingot" --ids 1 -n 1 --device cuda:7
expect 2 "no device is called 'gpu'" generate "$work/m.ingot" --ids 1 -n 1 --device gpu

# a session goes on on the same kind of device alone, one or two of them
first=$(answer --device cuda:0 --session "$work/s" -n 4)
[ -s "$work/s" ] || fail "no session"
second=$(answer --device cuda:0,cuda:1 --session "$work/s" -n 4)
[ "$first,$second" = "$(cut -d, -f1-8 <<<"$want")" ] || fail "a session: '$first' and '$second'"
expect 2 'has device f32 pages' generate "$work/m.ingot" --ids 1 -n 1 --device cpu --session "$work/s"
exit $failed
