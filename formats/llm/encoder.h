/* encoder.h - what a text encoder is, in neutral words, and the graph that is made of it.
 *
 *     h = norm(word[id] + position[..] + type[..], embed_norm)
 *     each layer, norms behind (BERT):
 *       h = norm(h + attention(h), attn_post);    h = norm(h + mlp(h), mlp_post)
 *     or before (ModernBERT):
 *       h = h + attention(norm(h, attn_norm));    h = h + mlp(norm(h, mlp_norm))
 *     last_hidden_state = norm(h, final_norm)
 *     logits = classifier(norm(act(dense(pooled last_hidden_state)), head_norm))
 *
 * Every token sees all others that the mask shows, or those of a window to both sides. Inputs:
 * `input_ids` and `attention_mask` i64 [batch, seq] and, where the model has token types,
 * `token_type_ids` likewise, which may be left out (zeros). Output: `last_hidden_state` f32
 * [batch, seq, width], or `logits` [batch, labels] or [batch, seq, labels].
 *
 * Sizes, layers, tables and rotary rules are those of an ig_llm; a layer's window is a radius + 1:
 * itself and so many less one to either side; 0: all. */
#ifndef IG_LLM_ENCODER_H
#define IG_LLM_ENCODER_H

#include "formats/llm/model.h"

typedef enum {
    IG_HEAD_NONE,  /* last_hidden_state */
    IG_HEAD_FIRST, /* logits of the first token */
    IG_HEAD_MEAN,  /* .. of the mean over the tokens that the mask shows */
    IG_HEAD_TOKENS /* .. of every token */
} ig_encoder_head;

/* How a text's embedding comes of its tokens; what sentence-transformers say beside the weights. */
typedef enum { IG_POOLING_UNKNOWN, IG_POOLING_MEAN, IG_POOLING_CLS, IG_POOLING_LAST } ig_pooling;

typedef struct ig_encoder {
    ig_llm base;
    bool norm_behind;
    int64_t position_pad; /* -1: positions 0, 1, ..; else as op token_positions counts */
    ig_rows types;        /* [type_vocab, width], or none */
    ig_llm_norm embed_norm;
    ig_rows distances; /* [IG_ENCODER_BUCKETS or more, heads]: op relative_bias; or none */

    ig_encoder_head head;
    ig_llm_linear dense;   /* may be none */
    const char *dense_act; /* of act.def; NULL: none */
    ig_llm_norm head_norm;
    ig_llm_linear classifier;

    /* For META. */
    ig_pooling pooling;
    bool normalize;
    size_t most_tokens; /* of a text, special ones included; 0: base.context */
    const char *labels; /* of the classes, a line each; NULL: not known */
} ig_encoder;

enum { IG_ENCODER_BUCKETS = 32, IG_ENCODER_FAR = 128 };
enum { IG_ENCODER_TURNS = 1 << 24 /* pairs of all positions in a table of cos and sin */ };

/* ig_encoder_init - all zero, ids and position_pad -1. */
void ig_encoder_init(ig_encoder *e);

/* ig_encoder_check - can it be? E_FORMAT names what cannot, E_UNSUPPORTED what this builder lacks.
 */
ingot_status ig_encoder_check(const ig_encoder *e, ingot_error *err);

/* ig_llm_encoder - check the description and make its graph, final, into im->graph, which is open
 * and empty. Errors: E_FORMAT (a size that cannot be, a tensor that does not fit), E_NOMEM. */
ingot_status ig_llm_encoder(ig_import *im, const ig_encoder *e, const ig_weights *c,
                            ingot_error *err);

/* ig_encoder_meta - the keys llm.*. */
ingot_status ig_encoder_meta(ig_import *im, const ig_encoder *e, ingot_error *err);

#endif
