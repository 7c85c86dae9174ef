/* llama.c - Llama 1 to 3 (Touvron et al. 2023) and what is built like it: SmolLM, Mistral. */
#include "formats/llm/families/families.h"

void ig_hub_llama_layer(ig_hub *h, ig_llm_layer *l, bool attention_bias, bool mlp_bias)
{
    if (!l) return;
    ig_hub_attention(h, l, "self_attn", attention_bias, attention_bias);
    l->attn_norm = ig_hub_norm(h, "input_layernorm");
    l->mlp_norm = ig_hub_norm(h, "post_attention_layernorm");
    ig_hub_mlp(h, &l->mlp, "mlp", mlp_bias);
}

void ig_hub_llama_ends(ig_hub *h, bool tied_by_default)
{
    h->layer = "";
    h->m->embedding = ig_hub_rows(h, "embed_tokens.weight");
    h->m->final_norm = ig_hub_norm(h, "norm");
    ig_hub_output(h, "lm_head.weight", tied_by_default);
}

const char *const ig_hub_llama_roots[] = {"model.", "", "language_model.model.",
                                          "model.language_model.", NULL};

void ig_hub_describe_llama(ig_hub *h)
{
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, NULL);
    ig_hub_act(h, "hidden_act", "silu");
    h->m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-6);
    const bool attention_bias = ig_hub_bool_or(h, "attention_bias", false);
    const bool mlp_bias = ig_hub_bool_or(h, "mlp_bias", false);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000});
    for (size_t i = 0; !h->failed && i < h->m->n_layers; i++) {
        h->m->layers[i].rope = rope;
        ig_hub_llama_layer(h, ig_hub_layer(h, "layers", i), attention_bias, mlp_bias);
    }
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_llama = {.names = {"llama"}, .describe = ig_hub_describe_llama};
