# unit_compare.sh - `ingot compare`: a model with itself, with its quantized form, with a stranger.
. tests/tools/common.sh
a=$(model digits_cnn) b=$(model digits_cnn_int8) s=$(model sentence_encoder)

expect 0 'equal: 10 of 10' compare "$a" "$a"
expect 0 'cosine 1.0000' compare "$a" "$a" --batch 8 --max-error 0
expect_json compare "$a" "$b" --json --repeat 3
for key in speed_of_b worst_relative cosine max_abs; do [ -n "$(number $key)" ] || fail "no $key"; done
expect 1 'of their scale apart' compare "$a" "$b" --max-error 1e-9
expect 0 'same largest place' compare "$a" "$b" --batch 4 --seed 7
expect 4 "no input is called|expects|missing" compare "$a" "$s"
expect 2 'no such dimension' compare "$a" "$b" --dim nothing=3
expect 3 'no such file' compare "$a" "$work/none.ingot"
expect 3 'no such file' compare "$work/none.ingot" "$a"
expect 4 'No such file' compare "$a" "$b" --data "$work/none.npz"
expect 0 'equal' compare "$s" "$s" --dim batch=2 --dim seq=5
exit $failed
