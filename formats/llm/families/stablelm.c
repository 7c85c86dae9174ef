/* stablelm.c - StableLM: layer norms, a quarter of each head turns, and as options a norm of its
 * own for each head and both branches from one norm. */
#include "formats/llm/families/families.h"

static const ig_rows *head_norms(ig_hub *h, const char *name, size_t heads)
{
    ig_rows *v = h->failed ? NULL : ig_new_n(h->arena, ig_rows, heads);
    for (size_t i = 0; v && i < heads; i++)
        v[i] = ig_hub_rows(h, "self_attn.%s.norms.%zu.weight", name, i);
    return v;
}

static void describe(ig_hub *h)
{
    ig_llm *m = h->m;
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, NULL);
    ig_hub_act(h, "hidden_act", "silu");
    m->norm = IG_NORM_LAYER;
    m->norm_eps = ig_hub_real_or(h, "layer_norm_eps", 1e-5);
    m->parallel = ig_hub_bool_or(h, "use_parallel_residual", false);
    if (ig_hub_bool_or(h, "qk_layernorm", false)) m->qk_norm = IG_QK_HEADS;
    const bool bias = ig_hub_bool_or(h, "use_qkv_bias", false);
    const int rope =
        ig_hub_rope(h, &(ig_hub_rope_rule){.partial = 0.25, .old_partial_key = "rope_pct"});
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        if (!l) return;
        l->rope = rope;
        ig_hub_attention(h, l, "self_attn", bias, false);
        ig_hub_mlp(h, &l->mlp, "mlp", false);
        l->attn_norm = ig_hub_norm(h, "input_layernorm");
        if (!m->parallel) l->mlp_norm = ig_hub_norm(h, "post_attention_layernorm");
        if (m->qk_norm == IG_QK_NONE) continue;
        l->q_norm.gammas = head_norms(h, "q_layernorm", m->heads);
        l->k_norm.gammas = head_norms(h, "k_layernorm", m->kv_heads);
    }
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_stablelm = {.names = {"stablelm", "stablelm_epoch"},
                                      .describe = describe};
