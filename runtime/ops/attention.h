/* attention.h - what the files of the attention op share; only they include it. */
#ifndef IG_OPS_ATTENTION_H
#define IG_OPS_ATTENTION_H

#include "runtime/graph/op.h"

typedef struct {
    int64_t q_heads, kv_heads, causal, left_window, right_window, softmax_precision;
    int64_t tokens_first, hidden_nan;
    double scale, softcap;
    int scores;
} attention_attrs;

enum { Q, K, V, MASK, PAST_K, PAST_V, KV_LEN, INPUTS };
enum { Y, PRESENT_K, PRESENT_V, SCORES };

/* Bits of tokens_first: that tensor, of rank 4, is [B, T, heads, size]. */
enum { Q_FIRST = 1 << Q, K_FIRST = 1 << K, V_FIRST = 1 << V, Y_FIRST = 1 << 3 };

static inline bool is_float(ingot_dtype d)
{
    return d == INGOT_F32 || d == INGOT_F16 || d == INGOT_BF16 || d == INGOT_F64;
}

ingot_status ig_attention_infer(ig_infer *c);

#endif
