# cuda-emu_commands.sh - the command with the emulated plugin: what it says with and without a device,
# that models give the CPU's results there, and what it does when the device fails.
. tests/tools/common.sh
emu=$INGOT_BIN/../libingot_cuda_emu.so
m=$(model digits_cnn)
[ -e "$emu" ] || { echo "no $emu"; exit 77; }

# ---- without a device ----
export INGOT_CUDA_PLUGIN=none
expect 0 'no CUDA device: the CUDA plugin is turned off' doctor
expect 0 'device +cpu' plan "$m" --device auto
expect 0 'no CUDA device' plan "$m"
expect 5 'cuda:0 cannot be used: the CUDA plugin is turned off' run "$m" -i "$image" --device cuda:0
expect 2 "no device is called 'tpu'" run "$m" -i "$image" --device tpu
expect 2 'neither bytes' run "$m" -i "$image" --gpu-mem much
expect 2 'neither bytes' run "$m" -i "$image" --gpu-mem 0.0
expect 2 'neither bytes' run "$m" -i "$image" --gpu-mem 1.5
expect 2 'a name is missing' run "$m" -i "$image" --device cuda:0,
expect 2 'give one' run "$m" -i "$image" --device cuda:0,cuda:1
export INGOT_CUDA_PLUGIN=$work/none.so
expect 0 'none.so cannot be loaded' doctor
head -c 3000000 "$emu" >"$work/cut.so" # a copy that was broken off
INGOT_CUDA_PLUGIN=$work/cut.so expect 0 'cut.so is cut off' doctor
INGOT_CUDA_PLUGIN=$work/cut.so expect 0 . run "$m" -i "$image"
INGOT_CUDA_PLUGIN=libc.so.6 expect 0 'libc.so.6 is no CUDA plugin' doctor
echo text >"$work/text.so"
INGOT_CUDA_PLUGIN=$work/text.so expect 5 'text.so cannot be loaded' run "$m" -i "$image" --device cuda:0
export INGOT_CUDA_PLUGIN=$emu
for fault in driver:none=no.NVIDIA.driver driver:old='for.CUDA.11.4.*needs.13.0' devices:0='finds.no.device' cc:60='capability.6.0.*need.8.0'; do
    export INGOT_EMU_FAULT=${fault%%=*}
    expect 0 "${fault#*=}" doctor
    expect 0 'device +cpu' plan "$m" --device auto
    expect 0 . run "$m" -i "$image"
    expect 5 "${fault#*=}" run "$m" -i "$image" --device cuda:0
done
unset INGOT_EMU_FAULT

# ---- with one ----
expect 0 'emulated device 0, compute capability 9.0' doctor
expect_json doctor --json
grep -q '"emulated": true' "$work/out" || fail "doctor --json: no emulated device"
expect 0 'device +cuda:0, [1-9][0-9]* of [0-9]+ steps' plan "$m" --device cuda:0
expect 5 'there is no cuda:7.*--device auto or cpu' plan "$m" --device cuda:7
expect_json plan "$m" --device cuda:0 --json
grep -q '"device": "cuda:0"' "$work/out" || fail "plan --json: no step on the device"
expect 0 'cpu, cuda' inspect "$m" --devices
expect_json inspect "$m" --devices --json
expect 2 'a budget of 1048576.0 MiB is asked for' run "$m" -i "$image" --gpu-mem 1T
expect 5 'budget 0.0 MiB' run "$m" -i "$image" --device cuda:0 --gpu-mem 100
expect 0 . run "$m" -i "$image" --device auto --gpu-mem 100
grep -q 'the CPU goes on' "$work/err" || fail "a full device under auto: nobody says so"

# ---- every example model: the CPU's results ----
for file in "$examples"/*.onnx; do
    name=$(basename "$file" .onnx)
    one=$(model "$name")
    expect 0 . compare "$one" "$one" --device cpu --device-b cuda:0 --repeat 2 --max-error 1e-4
done

# ---- failures ----
for fault in launch:2 launch:9 lost:400; do # the run that it happens in ends, none before
    INGOT_EMU_FAULT=$fault expect 5 'is lost' run "$m" -i "$image" --device cuda:0 --repeat 200
    grep -q ':  ' "$work/err" && fail "$fault: a step without a name leaves a gap: $(cat "$work/err")"
    grep -q 'is not used any more, the CPU goes on' "$work/err" || fail "$fault: the log is silent"
done
for fault in launch:2,error:801='not supported' launch:9,error:209='no kernel image'; do # one run, and no other
    INGOT_EMU_FAULT=${fault%%=*} expect 5 "\([a-z_]+\): cuda:0 .* refuses: .*${fault#*=}" run "$m" -i "$image" --device cuda:0 --repeat 20
    grep -q 'the CPU goes on' "$work/err" && fail "$fault: the device is given up"
done
for fault in launch:2 lost:5 lost:30 lost:150 launch:9,error:209; do # under auto no run is lost
    INGOT_EMU_FAULT=$fault expect 0 . run "$m" -i "$image" --repeat 20
    grep -q 'is not used any more, the CPU goes on' "$work/err" || fail "$fault under auto: the log is silent"
done
INGOT_EMU_FAULT=record:1 expect 0 . run "$m" -i "$image" --device cuda:0 --repeat 5
grep -q 'cannot be recorded and is launched step by step' "$work/err" || fail "no recording: the log is silent"
INGOT_EMU_FAULT=lost:30 expect 0 . run "$m" -i "$image" --device cuda:0 # while planning: no run is lost
grep -q 'the CPU goes on' "$work/err" || fail "lost while planning: the log is silent"
INGOT_EMU_FAULT=memory:100000 expect 5 'no room for|is asked for' run "$m" -i "$image" --device cuda:0
INGOT_EMU_FAULT=memory:100000 expect 0 . run "$m" -i "$image" --device auto

# ---- the lists of ops in the documentation ----
tools/dev/cuda-ops --check || fail "docs/cuda.md lists other ops"
exit $failed
