/* granite.c - IBM's Granite: Llama with a factor at each place where it adds or compares. */
#include "formats/llm/families/families.h"

static void describe(ig_hub *h)
{
    ig_llm *m = h->m;
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, NULL);
    ig_hub_act(h, "hidden_act", "silu");
    m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-6);
    m->embed_scale = ig_hub_real_or(h, "embedding_multiplier", 1);
    m->residual_scale = ig_hub_real_or(h, "residual_multiplier", 1);
    m->attn_scale = ig_hub_real_or(h, "attention_multiplier", 1);
    const double divide = ig_hub_real_or(h, "logits_scaling", 1);
    if (divide == 0 || m->residual_scale == 0 || m->attn_scale == 0 || m->embed_scale == 0)
        ig_hub_fail(h, "config.json: a multiplier of Granite is 0");
    m->logit_scale = 1 / divide;
    const bool attention_bias = ig_hub_bool_or(h, "attention_bias", false);
    const bool mlp_bias = ig_hub_bool_or(h, "mlp_bias", false);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000});
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        m->layers[i].rope = rope;
        ig_hub_llama_layer(h, ig_hub_layer(h, "layers", i), attention_bias, mlp_bias);
    }
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_granite = {.names = {"granite"}, .describe = describe};
