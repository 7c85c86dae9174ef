/* qwen3.c - Qwen 3: Llama with norms of each head's queries and keys. */
#include "formats/llm/families/families.h"

static void describe(ig_hub *h)
{
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, &(ig_hub_heads){.head_dim = 128});
    ig_hub_act(h, "hidden_act", "silu");
    h->m->qk_norm = IG_QK_HEAD;
    h->m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-6);
    const bool bias = ig_hub_bool_or(h, "attention_bias", false);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000});
    for (size_t i = 0; !h->failed && i < h->m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        if (!l) return;
        l->rope = rope;
        ig_hub_llama_layer(h, l, bias, false);
        l->q_norm = ig_hub_norm(h, "self_attn.q_norm");
        l->k_norm = ig_hub_norm(h, "self_attn.k_norm");
    }
    ig_hub_windows(h, ig_hub_window_if_used(h), ig_hub_slides_late);
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_qwen3 = {.names = {"qwen3"}, .describe = describe};
