/* moe.c - moe(x, logits, w_glu, w_down, bias_glu?, bias_down?) -> y: a mixture of experts, each a
 * gated product (as glu) and a product down, of which a token meets the top_k best.
 *
 *   x          f32 [T, k]
 *   logits     f32 [T, E], of the router (an ordinary matmul)
 *   w_glu      E weights as glu has them, one after the other:
 *                floats  [E, k, N] of f32, f16 or bf16 in IG_P16, N = 16 ceil(n / 8)
 *                low     format set: u8 [E, N / 16, bytes of a panel], from W [N, k] of each expert
 *   w_down     E weights as matmul and matmul_q have them:
 *                floats  [E, n, k] of f32, f16 or bf16 in IG_P16
 *                low     down_format set: u8 [E, ceil(k / 16), bytes of a panel], from W [k, n]
 *   bias_glu   f32 [E, N] in glu's order        bias_down  f32 [E, k]
 *   y          f32 [T, k]: the sum of weight * expert(x) over the token's experts, best first
 *
 * attributes: n (inner columns), k; top_k; scores: softmax (over all experts, before the choice),
 * top_softmax (over the chosen ones' logits: Mixtral) or sigmoid; renormalise (0; 1: the chosen
 * weights are divided by their sum); scale (1: multiplies the weights); format, down_format, acts
 * (f32 or a8), act, act_a (1), act_b as glu's.
 *
 * Of equal scores the expert with the lower index wins. A token's result does not depend on the
 * tokens beside it. An expert that all tokens meet is expressed by ordinary nodes beside this one. */
