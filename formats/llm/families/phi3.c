/* phi3.c - Phi-3 and Phi-4 (Abdin et al. 2024): Llama with queries, keys and values in one tensor,
 * gate and up in another, and LongRoPE. */
#include "formats/llm/families/families.h"

static void describe_layer(ig_hub *h, ig_llm_layer *l)
{
    const ig_llm *m = h->m;
    const size_t q = m->heads * m->head_dim, k = m->kv_heads * m->head_dim;
    const ig_llm_linear qkv = ig_hub_linear(h, false, "self_attn.qkv_proj");
    const ig_llm_linear both = ig_hub_linear(h, false, "mlp.gate_up_proj");
    const size_t inner = ig_hub_size(h, "intermediate_size");
    l->q = ig_hub_cut(qkv, 0, q);
    l->k = ig_hub_cut(qkv, q, k);
    l->v = ig_hub_cut(qkv, q + k, k);
    l->o = ig_hub_linear(h, false, "self_attn.o_proj");
    l->mlp.gate = ig_hub_cut(both, 0, inner);
    l->mlp.up = ig_hub_cut(both, inner, inner);
    l->mlp.down = ig_hub_linear(h, false, "mlp.down_proj");
    l->attn_norm = ig_hub_norm(h, "input_layernorm");
    l->mlp_norm = ig_hub_norm(h, "post_attention_layernorm");
}

static void describe(ig_hub *h)
{
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, NULL);
    ig_hub_act(h, "hidden_act", "silu");
    h->m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-5);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000, .original = 4096});
    for (size_t i = 0; !h->failed && i < h->m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        if (!l) return;
        l->rope = rope;
        describe_layer(h, l);
    }
    ig_hub_windows(h, ig_hub_window(h, 0), ig_hub_slides_always);
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_phi3 = {.names = {"phi3"}, .describe = describe};
