/* qwen3_moe.c - Qwen 3 with experts. */
#include "formats/llm/families/families.h"

static void describe(ig_hub *h)
{
    ig_llm *m = h->m;
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, NULL);
    ig_hub_act(h, "hidden_act", "silu");
    ig_hub_qwen_expert_sizes(h, 128, 8);
    m->qk_norm = IG_QK_HEAD;
    m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-6);
    const bool bias = ig_hub_bool_or(h, "attention_bias", false);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000});
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        if (!l) return;
        l->rope = rope;
        ig_hub_attention(h, l, "self_attn", bias, bias);
        l->attn_norm = ig_hub_norm(h, "input_layernorm");
        l->mlp_norm = ig_hub_norm(h, "post_attention_layernorm");
        l->q_norm = ig_hub_norm(h, "self_attn.q_norm");
        l->k_norm = ig_hub_norm(h, "self_attn.k_norm");
        if (!ig_hub_qwen_experts(h, l, i)) ig_hub_mlp(h, &l->mlp, "mlp", false);
    }
    ig_hub_windows(h, ig_hub_window_if_used(h), ig_hub_slides_always);
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_qwen3_moe = {.names = {"qwen3_moe"}, .describe = describe};
