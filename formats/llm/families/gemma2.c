/* gemma2.c - Gemma 2: Gemma with norms behind attention and feed-forward layer too, a window in
 * every second layer, and capped scores and logits. */
#include "formats/llm/families/families.h"

#include <math.h>

void ig_hub_gemma_layer(ig_hub *h, ig_llm_layer *l, bool bias)
{
    if (!l) return;
    ig_hub_attention(h, l, "self_attn", bias, bias);
    l->attn_norm = ig_hub_norm(h, "input_layernorm");
    l->attn_post = ig_hub_norm(h, "post_attention_layernorm");
    l->mlp_norm = ig_hub_norm(h, "pre_feedforward_layernorm");
    l->mlp_post = ig_hub_norm(h, "post_feedforward_layernorm");
    ig_hub_mlp(h, &l->mlp, "mlp", false);
}

void ig_hub_gemma_sizes(ig_hub *h)
{
    const ig_hub_heads *heads = &(ig_hub_heads){.heads = 8, .kv_heads = 4, .head_dim = 256};
    ig_llm *m = h->m;
    ig_hub_sizes(h, heads);
    ig_hub_act(h, "hidden_activation", "gelu_pytorch_tanh");
    m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-6);
    m->norm_add = 1;
    m->embed_scale = sqrt((double)m->width);
    m->attn_scale = 1 / sqrt(ig_hub_real_or(h, "query_pre_attn_scalar", 256));
    if (ig_hub_bool_or(h, "use_bidirectional_attention", false))
        ig_hub_lacks(h, "config.json: a Gemma that looks ahead (use_bidirectional_attention)");
}

static bool slides(const ig_hub *h, size_t layer)
{
    (void)h;
    return layer % 2 == 0;
}

static void describe(ig_hub *h)
{
    ig_llm *m = h->m;
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_gemma_sizes(h);
    m->attn_softcap = ig_hub_cap(h, "attn_logit_softcapping", 50);
    m->final_softcap = ig_hub_cap(h, "final_logit_softcapping", 30);
    const bool bias = ig_hub_bool_or(h, "attention_bias", false);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000});
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        m->layers[i].rope = rope;
        ig_hub_gemma_layer(h, ig_hub_layer(h, "layers", i), bias);
    }
    ig_hub_windows(h, ig_hub_window(h, 4096), slides);
    ig_hub_llama_ends(h, true);
}

const ig_family ig_family_gemma2 = {.names = {"gemma2"}, .describe = describe};
