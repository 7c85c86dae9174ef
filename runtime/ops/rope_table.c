/* rope_table.c - rope_table(positions, divide?) -> y: cos and sin of each token, made once a step for
 * all layers that turn by the same rule.
 *
 *   positions  i32 or i64 [T], each >= 0
 *   divide     a constant f32 [half]: frequency i is divided by it (LongRoPE)
 *   y          f32 [T, 2, half]: y[t][0] cosines, y[t][1] sines
 *
 * attributes, those of ig_rope_rule (kernels/rope/rope.h): half; base (10000); scaling (plain,
 * linear, ntk, yarn or llama3); factor (1); context (0: of the old context; needed by yarn and
 * llama3); fast, slow (0: 32 and 1 for yarn, 4 and 1 for llama3); magnitude (0: 1, or for yarn what
 * the rule says). */
