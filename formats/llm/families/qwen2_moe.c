/* qwen2_moe.c - Qwen 2 with experts, and one more that all tokens meet, behind a gate of its own.
 */
#include "formats/llm/families/families.h"

void ig_hub_qwen_expert_sizes(ig_hub *h, size_t experts, size_t chosen)
{
    ig_llm *m = h->m;
    m->n_experts =
        ig_hub_size_or(h, "num_experts", ig_hub_size_or(h, "num_local_experts", experts));
    m->top_k = ig_hub_size_or(h, "num_experts_per_tok", chosen);
    m->scores = IG_SCORES_SOFTMAX;
    m->renormalise = ig_hub_bool_or(h, "norm_topk_prob", false);
}

static bool is_sparse(ig_hub *h, size_t i)
{
    const size_t step = ig_hub_size_or(h, "decoder_sparse_step", 1);
    const json_t *dense = json_object_get(h->config, "mlp_only_layers");
    if (dense && !json_is_null(dense) && !json_is_array(dense))
        ig_hub_fail(h, "config.json: mlp_only_layers is no list");
    for (size_t k = 0; k < json_array_size(dense); k++)
        if (json_integer_value(json_array_get(dense, k)) == (json_int_t)i) return false;
    return h->m->n_experts && step && (i + 1) % step == 0;
}

bool ig_hub_qwen_experts(ig_hub *h, ig_llm_layer *l, size_t i)
{
    static const char *const products[] = {"gate_proj", "up_proj", "down_proj"};
    if (!is_sparse(h, i)) return false;
    l->router = ig_hub_linear(h, false, "mlp.gate");
    ig_hub_experts(h, l, "mlp.experts", products);
    return true;
}

/* The window of Qwen's MoE models: every second of the lower layers. */
static bool slides(const ig_hub *h, size_t layer)
{
    return layer % 2 == 0 && !ig_hub_slides_late(h, layer);
}

static void describe(ig_hub *h)
{
    ig_llm *m = h->m;
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, NULL);
    ig_hub_act(h, "hidden_act", "silu");
    ig_hub_qwen_expert_sizes(h, 60, 4);
    m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-6);
    const bool bias = ig_hub_bool_or(h, "qkv_bias", true);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000});
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        if (!l) return;
        l->rope = rope;
        ig_hub_attention(h, l, "self_attn", bias, false);
        l->attn_norm = ig_hub_norm(h, "input_layernorm");
        l->mlp_norm = ig_hub_norm(h, "post_attention_layernorm");
        const bool sparse = ig_hub_qwen_experts(h, l, i);
        ig_hub_mlp(h, &l->mlp, sparse ? "mlp.shared_expert" : "mlp", false);
        if (sparse) l->shared_gate = ig_hub_linear(h, false, "mlp.shared_expert_gate");
    }
    ig_hub_windows(h, ig_hub_window_if_used(h), slides);
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_qwen2_moe = {.names = {"qwen2_moe"}, .describe = describe};
