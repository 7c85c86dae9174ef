#!/usr/bin/env bash
# unit_isa.sh - the choice of instruction sets, lowered by the environment and shown by the doctor.
. "$(dirname "$0")/common.sh"
unset INGOT_CPU_ISA INGOT_CPU_DISABLE # of whoever runs this

has() { "$ingot" doctor --json | tr -d '\n ' | grep -q "\"detected\":\[[^]]*\"$1\""; }
# none REGEX: the last output has no such line
none() { ! grep -Eq "$1" "$work/out" || fail "'$1' in:" "$(grep -E "$1" "$work/out" | head -n 3)"; }

INGOT_CPU_ISA=ref expect 0 '"level": "ref"' doctor --json
none '_(avx2|avx512|neon|dotprod)'
if has avx2; then
    INGOT_CPU_ISA=avx2 expect 0 '"level": "avx2"' doctor --json
    none '_avx512'
    INGOT_CPU_DISABLE=avx2 expect 0 '"level": "ref"' doctor --json
fi
if has avx512vnni; then
    INGOT_CPU_DISABLE=bf16,vnni expect 0 '"level": "avx512"' doctor --json
    none ': ".*_avx512(vnni|bf16)"'
    INGOT_CPU_ISA=avx512vnni INGOT_CPU_DISABLE=avx512 expect 0 '_avx2"' doctor --json
    none ': ".*_avx512'
fi
INGOT_CPU_DISABLE=vnni,sse9 expect 0 'sse9 is no instruction set' doctor

# A level above the machine is an error wherever kernels would run, never a crash.
for level in avx2 avxvnni avx512 avx512vnni avx512bf16 dotprod i8mm bf16; do
    has "$level" && continue
    INGOT_CPU_ISA=$level expect 2 "INGOT_CPU_ISA=$level: (this CPU does not have it|unknown level)" \
        convert "$examples/digits_cnn.onnx" -o "$work/x.ingot"
done
INGOT_CPU_DISABLE=sse9 expect 2 'sse9' convert "$examples/digits_cnn.onnx" -o "$work/x.ingot"
exit $failed
