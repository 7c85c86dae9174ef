/* paged_attention.c - paged_attention(q, k, v, table?, sinks?, slopes?) -> y: causal attention of the
 * step's tokens over the cache of keys and values (ig_run.kv, runtime/graph/kv_step.h).
 *
 *   q       f32 [T, heads * d] or [T, heads, d]
 *   k, v    f32 [T, kv_heads * d] and [T, kv_heads * dv], or of rank 3. Both omitted: q is
 *           [T, heads * d + kv_heads * (d + dv)], the three side by side (one product made them);
 *           then the attribute dv is needed where dv is not d
 *   table   f32 [T, 2, half], 2 half <= d, of rope_table: q and k are turned by it; the elements
 *           from 2 half on stay. Omitted: nothing is turned
 *   sinks   f32 [heads]: one more logit a head, without a value
 *   slopes  f32 [heads]: ALiBi, slope * (j - i) is added to the score of key j for query i
 *   y       f32 [T, heads * dv]
 *
 * attributes: layer (of the cache), heads, kv_heads; dv (0: told by v); scale (0: 1 / sqrt(d));
 * softcap (0: none); window (-1: none; else query i sees keys j with i - j <= window: the
 * sliding_window of a config minus 1); interleaved (0; 1: neighbours turn as pairs).
 *
 * Query head h reads key head h / (heads / kv_heads). Turned keys and values of the step's tokens
 * are first appended to their pages, rounded to the pages' type, and read back from there: so the
 * result of a token is bitwise the same however the tokens are spread over steps. A run without a
 * cache is E_ARG, and so is a cache that lacks the layer or has other sizes. */
