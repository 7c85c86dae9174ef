/* glu.c - glu(x, w, bias?) -> y = up * act(gate): gated products (SwiGLU, GeGLU) with both factors
 * in one weight, whose wide results never lie in memory.
 *
 *   x     f32 [.., k]
 *   w     up and gate interleaved in panels of 16 columns: 8 of up, then the same 8 of gate, as
 *         kernels/gemm/glu.h says. With P = ceil(n / 8) panels and N = 16 P, column ig_glu_up(j) =
 *         j / 8 * 16 + j % 8 is up's column j, ig_glu_up(j) + 8 gate's, others are zero; one of
 *           floats  [k, N] of f32, f16 or bf16 in IG_P16
 *           low     format set: u8 [P, bytes of a panel], packed (kernels/gemm_q) from W [N, k] with
 *                   rows in that order
 *   bias  f32 [N] in that order
 *   y     f32 [.., n]
 *
 * attributes: n (of y), k; format (none), acts (f32 or a8, as matmul_q's; only with format); act
 * (silu, gelu_tanh, gelu_erf, relu ..: a name of act.def, applied to the gate), act_a (1: silu needs
 * it), act_b. y has the bits of product, activation and multiplication made one after the other. */
