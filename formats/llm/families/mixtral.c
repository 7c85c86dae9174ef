/* mixtral.c - Mixtral (Jiang et al. 2024): Mistral's attention, and two of several experts for each
 * token, weighted by the softmax over the two. */
#include "formats/llm/families/families.h"

static void describe(ig_hub *h)
{
    static const char *const products[] = {"w1", "w3", "w2"};
    ig_llm *m = h->m;
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, NULL);
    ig_hub_act(h, "hidden_act", "silu");
    m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-5);
    m->n_experts = ig_hub_size_or(h, "num_local_experts", 8);
    m->top_k = ig_hub_size_or(h, "num_experts_per_tok", 2);
    m->scores = IG_SCORES_TOP_SOFTMAX;
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 1e6});
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        if (!l) return;
        l->rope = rope;
        ig_hub_attention(h, l, "self_attn", false, false);
        l->attn_norm = ig_hub_norm(h, "input_layernorm");
        l->mlp_norm = ig_hub_norm(h, "post_attention_layernorm");
        const bool old = ig_hub_rows_maybe(h, "block_sparse_moe.gate.weight").tensor != NULL;
        const char *name = old ? "block_sparse_moe" : "mlp";
        l->router = ig_hub_linear(h, false, "%s.gate", name);
        ig_hub_experts(h, l, old ? "block_sparse_moe.experts" : "mlp.experts", products);
    }
    ig_hub_windows(h, ig_hub_window(h, 0), ig_hub_slides_always);
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_mixtral = {.names = {"mixtral"}, .describe = describe};
