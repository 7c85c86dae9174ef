# unit_verify.sh - `ingot verify`: whole files, damaged ones, recorded runs.
. tests/tools/common.sh
fixhash=$INGOT_BIN/ingot-fixhash
m=$(model digits_cnn)

expect 0 'golden +ok: 1 case' verify "$m"
expect 0 'digest +ok: DATA' verify "$m"
expect_json verify "$m" --json
[ "$(number cases)" -eq 1 ] || fail "cases"
"$ingot" convert $examples/digits_cnn.onnx -o "$work/bare.ingot" -q
expect 0 'golden +none' verify "$work/bare.ingot"
expect 3 'no such file' verify "$work/none.ingot"

# One byte of the weights: only a full check sees it; with the digests put right, the recorded run does.
size=$(stat -c %s "$m")
cp "$m" "$work/bad.ingot"
printf '\x7f' | dd of="$work/bad.ingot" bs=1 seek=$((size - 61)) conv=notrunc status=none
for at in 4093 8189 16381; do printf '\x7f' | dd of="$work/bad.ingot" bs=1 seek=$((size - at)) conv=notrunc status=none; done
expect 0 'ops' inspect "$work/bad.ingot"
expect 3 'digest' verify "$work/bad.ingot"
"$fixhash" "$work/bad.ingot" || fail "ingot-fixhash"
expect 3 'golden' verify "$work/bad.ingot"

head -c $((size - 5000)) "$m" >"$work/cut.ingot"
expect 3 'cut.ingot' verify "$work/cut.ingot"
printf '\x02' | dd of="$work/bad.ingot" bs=1 seek=8 conv=notrunc status=none
expect 3 'newer|version' verify "$work/bad.ingot"
exit $failed
