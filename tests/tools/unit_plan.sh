# unit_plan.sh - `ingot plan`: sizes from the command line, and a peak that runs reach exactly.
. tests/tools/common.sh
m=$(model digits_cnn) s=$(model sentence_encoder)

expect 0 'batch=4' plan "$m" --batch 4
expect 0 'taken as 1: batch=1' plan "$m"
expect 0 'batch=2, seq=7' plan "$s" --batch 2 --context 7
expect 0 'batch=3, seq=5' plan "$s" --dim batch=3 --dim seq=5
expect_json plan "$m" --json
expect 2 'no such dimension.*batch' plan "$m" --dim height=4
expect 2 'NAME=N' plan "$m" --dim height
expect 2 "sequence's length" plan "$m" --context 4
expect 2 '1 to' plan "$m" --batch 0
expect 5 'cuda' plan "$m" --device cuda:0
expect 3 'no such file' plan "$work/none.ingot"

# peak BATCH ARRAY threads: what plan promises is what run counts.
peak() {
    expect_json plan "$m" --json --batch "$1" --threads "$3"
    local planned
    planned=$(number peak_bytes)
    grep -q '"exact": true' "$work/out" || fail "the plan is not exact"
    expect_json run "$m" --json --threads "$3" -i "image=$2" --repeat 3
    [ -n "$planned" ] && [ "$planned" = "$(number peak_bytes)" ] ||
        fail "batch $1, $3 threads: planned $planned bytes, run took $(number peak_bytes)"
}
peak 360 $examples/digits_test.npz:images 1
peak 360 $examples/digits_test.npz:images 2
peak 1 "[$(printf '[[0,0,0,0,0,0,0,0],[0,0,0,0,0,0,0,0],[0,1,1,1,1,1,1,0],[0,0,0,0,0,0,0,0],[0,0,0,0,0,0,0,0],[0,0,0,0,0,0,0,0],[0,0,0,0,0,0,0,0],[0,0,0,0,0,0,0,0]]')]" 1

m=$s
expect_json plan "$s" --json --batch 10 --context 11 --threads 1
planned=$(number peak_bytes)
expect_json run "$s" --json --threads 1 -i input_ids=$examples/sentence_test.npz:input_ids -i attention_mask=$examples/sentence_test.npz:attention_mask
[ "$planned" = "$(number peak_bytes)" ] || fail "encoder: planned $planned bytes, run took $(number peak_bytes)"
exit $failed
