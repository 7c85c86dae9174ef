/* olmo2.c - OLMo 2 (OLMo Team 2024): norms behind attention and feed-forward layer instead of
 * before, and norms of queries and keys over all heads together. */
#include "formats/llm/families/families.h"

static void describe(ig_hub *h)
{
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, NULL);
    ig_hub_act(h, "hidden_act", "silu");
    h->m->qk_norm = IG_QK_WHOLE;
    h->m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-5);
    const bool bias = ig_hub_bool_or(h, "attention_bias", false);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000});
    for (size_t i = 0; !h->failed && i < h->m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        if (!l) return;
        l->rope = rope;
        ig_hub_attention(h, l, "self_attn", bias, bias);
        l->q_norm = ig_hub_norm(h, "self_attn.q_norm");
        l->k_norm = ig_hub_norm(h, "self_attn.k_norm");
        l->attn_post = ig_hub_norm(h, "post_attention_layernorm");
        l->mlp_post = ig_hub_norm(h, "post_feedforward_layernorm");
        ig_hub_mlp(h, &l->mlp, "mlp", false);
    }
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_olmo2 = {.names = {"olmo2"}, .describe = describe};
