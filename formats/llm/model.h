/* model.h - what a decoder is, in neutral words: importers fill an ig_llm (sizes, switches, and
 * references to a checkpoint's tensors), ig_llm_decoder makes the graph.
 *
 *     h = embed_scale * embedding[token]  (+ positions[position])
 *     each layer:
 *       a = attention(norm(h, attn_norm));            a = norm(a, attn_post)
 *       sequential:  h += residual_scale * a
 *                    m = mlp(norm(h, mlp_norm));      m = norm(m, mlp_post);  h += residual_scale *
 * m parallel:    h += residual_scale * (a + mlp(norm(h, mlp_norm or attn_norm))) logits =
 * softcap(logit_scale * output(norm(h, final_norm)))
 *
 * A norm without tensor is the identity. */
#ifndef IG_LLM_MODEL_H
#define IG_LLM_MODEL_H

#include "formats/import.h"
#include "formats/llm/weights.h"
#include "kernels/rope/rope.h"

typedef struct {
    ig_rows gamma, beta;   /* beta: layer norms only, may be none */
    const ig_rows *gammas; /* IG_QK_HEADS instead: of each head */
} ig_llm_norm;

typedef struct {
    ig_rows w, bias; /* bias may be none */
} ig_llm_linear;

/* down(act(gate(x)) * up(x)); without a gate down(act(up(x))). */
typedef struct {
    ig_llm_linear gate, up, down;
} ig_llm_mlp;

typedef struct {
    ig_llm_norm attn_norm, attn_post, mlp_norm, mlp_post;
    ig_llm_norm q_norm, k_norm; /* see qk_norm */
    ig_llm_linear q, k, v, o;
    int rope;          /* which of ropes turns q and k; -1: none */
    int64_t window;    /* tokens that one sees, itself included; 0: all before it */
    double attn_scale; /* 0: the model's */
    ig_llm_mlp mlp;    /* without experts: the layer's; with them: the one that all tokens meet */
    ig_llm_linear router;      /* [experts, width]; none: no experts */
    ig_llm_mlp *experts;       /* [n_experts] */
    ig_llm_linear shared_gate; /* [1, width]: sigmoid(it) * mlp, beside experts */
} ig_llm_layer;

typedef enum { IG_NORM_RMS, IG_NORM_LAYER } ig_llm_norm_kind;

typedef enum {
    IG_QK_NONE,
    IG_QK_HEAD,  /* over each head, weights [head_dim] for all (Qwen 3, Gemma 3) */
    IG_QK_HEADS, /* over each head, each with its own weights, `gammas` (StableLM) */
    IG_QK_WHOLE  /* over all heads together (OLMo 2) */
} ig_llm_qk_norm;

typedef enum {
    IG_SCORES_SOFTMAX,     /* over all experts, before the choice */
    IG_SCORES_TOP_SOFTMAX, /* over those chosen (Mixtral) */
    IG_SCORES_SIGMOID
} ig_llm_scores;

enum { IG_LLM_ROPES = 4, IG_LLM_STOPS = 8 };

typedef struct {
    const char *family;
    size_t vocab, width, heads, kv_heads, head_dim, v_dim; /* v_dim 0: head_dim */
    size_t context; /* positions the model was made for; 0: unknown */

    ig_llm_layer *layers;
    size_t n_layers;

    ig_llm_norm_kind norm;
    double norm_eps;
    double norm_add; /* to every gamma (Gemma: 1) */
    ig_llm_qk_norm qk_norm;
    bool parallel;

    ig_rope_rule ropes[IG_LLM_ROPES];
    size_t n_ropes;
    bool interleaved; /* neighbours turn as pairs (llama2.c, GGUF's llama) */

    double attn_scale;   /* 0: 1 / sqrt(head_dim) */
    double attn_softcap; /* 0: none */
    double final_softcap;
    double embed_scale, residual_scale, logit_scale; /* 0: 1 */

    const char *act; /* of the MLP: a name of runtime/ops/act.def */

    size_t n_experts, top_k;
    ig_llm_scores scores;
    bool renormalise;    /* the chosen scores are divided by their sum */
    double expert_scale; /* 0: 1 */

    ig_rows embedding; /* [vocab, width] */
    ig_rows positions; /* [context, width], learned; none: rotary or nothing */
    ig_llm_norm final_norm;
    ig_llm_linear output; /* w none: the embedding (tied) */

    /* What goes to META as llm.*; -1 and 0: not known. */
    int64_t bos, pad, eos[IG_LLM_STOPS];
    size_t n_eos;
    int add_bos;                                   /* 1, 0, or -1: not known */
    double temperature, top_p, repetition_penalty; /* defaults for sampling; 0: none */
    int64_t top_k_tokens;
} ig_llm;

enum { IG_LLM_LAYERS_MOST = 4096, IG_LLM_EXPERTS_MOST = 4096 };

/* ig_llm_init - all zero, ids -1. */
void ig_llm_init(ig_llm *m);

/* ig_llm_check - sizes that can be: E_FORMAT names the one that is not, and each tensor whose shape
 * does not fit them. Importers call it when the description is complete. */
ingot_status ig_llm_check(const ig_llm *m, ingot_error *err);

/* ig_llm_decoder - the graph of the description, final (im->finished), into im->graph, which is
 * open and empty. */
ingot_status ig_llm_decoder(ig_import *im, const ig_llm *m, const ig_weights *c, ingot_error *err);

/* ig_llm_meta - the keys llm.*; texts go to im->graph's arena. */
ingot_status ig_llm_meta(ig_import *im, const ig_llm *m, ingot_error *err);

#endif
