/* embed.c - embed(ids, table) -> y: rows of a table of vectors, times `scale`, in f32.
 *
 *   ids    i32 or i64 [T..]; each 0 <= id < V
 *   table  one of
 *            plain  [V, D] of f32, f16 or bf16
 *            tied   turned = 1: [D, V] of f32, f16 or bf16, plain or in panels (IG_P16): the output
 *                   projection as matmul has it
 *            low    format, n = V and k = D set: u8 [panels, bytes of a panel], the weights of a
 *                   matmul_q of n by k with that format (also when nothing is tied: an embedding of
 *                   4 or 8 bits is packed so)
 *   y      f32 [T.., D]
 *
 * attributes: turned (0), format (none), n, k (0; only with format), scale (1).
 *
 * An id outside the table is E_DATA. A row of 4 or 8 bits has the values that gemm_q_f32 multiplies
 * by. */
