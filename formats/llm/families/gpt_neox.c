/* gpt_neox.c - GPT-NeoX and Pythia (Black et al. 2022): layer norms, both branches side by side,
 * and one tensor in which each head has its query, key and value after each other. */
#include "formats/llm/families/families.h"

/* Part `i` of three of every head. */
static ig_rows third(ig_rows all, size_t i, const ig_llm *m)
{
    if (!all.tensor) return all;
    all.first = i * m->head_dim;
    all.block = m->head_dim;
    all.stride = 3 * m->head_dim;
    all.count = m->heads;
    return all;
}

static void describe_layer(ig_hub *h, ig_llm_layer *l, bool bias)
{
    const ig_llm_linear qkv = ig_hub_linear(h, bias, "attention.query_key_value");
    ig_llm_linear *const to[] = {&l->q, &l->k, &l->v};
    for (size_t i = 0; i < 3; i++)
        *to[i] = (ig_llm_linear){third(qkv.w, i, h->m), third(qkv.bias, i, h->m)};
    l->o = ig_hub_linear(h, bias, "attention.dense");
    l->attn_norm = ig_hub_norm(h, "input_layernorm");
    l->mlp_norm = ig_hub_norm(h, "post_attention_layernorm");
    l->mlp.up = ig_hub_linear(h, true, "mlp.dense_h_to_4h");
    l->mlp.down = ig_hub_linear(h, true, "mlp.dense_4h_to_h");
}

static void describe(ig_hub *h)
{
    static const char *const roots[] = {"gpt_neox.", "", NULL};
    ig_llm *m = h->m;
    ig_hub_root(h, roots, "embed_in.weight");
    ig_hub_sizes(h, NULL);
    m->kv_heads = m->heads; /* whatever num_key_value_heads says */
    ig_hub_act(h, "hidden_act", "gelu");
    m->norm = IG_NORM_LAYER;
    m->norm_eps = ig_hub_real_or(h, "layer_norm_eps", 1e-5);
    m->parallel = ig_hub_bool_or(h, "use_parallel_residual", true);
    const bool bias = ig_hub_bool_or(h, "attention_bias", true);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.partial = 0.25,
                                                        .old_partial_key = "rotary_pct",
                                                        .old_theta_key = "rotary_emb_base"});
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        if (!l) return;
        l->rope = rope;
        describe_layer(h, l, bias);
    }
    h->layer = "";
    m->embedding = ig_hub_rows(h, "embed_in.weight");
    m->final_norm = ig_hub_norm(h, "final_layer_norm");
    ig_hub_output(h, "embed_out.weight", false);
}

const ig_family ig_family_gpt_neox = {.names = {"gpt_neox"}, .describe = describe};
