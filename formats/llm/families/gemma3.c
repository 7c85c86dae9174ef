/* gemma3.c - Gemma 3, text: Gemma 2 with norms of each head's queries and keys in the place of
 * caps; five of six layers have a window and a rotary base of their own. Of multimodal checkpoints
 * the text model is taken. */
#include "formats/llm/families/families.h"

static bool slides(const ig_hub *h, size_t layer)
{
    const json_t *pattern = json_object_get(h->config, "sliding_window_pattern");
    if (!json_is_integer(pattern)) pattern = json_object_get(h->config, "_sliding_window_pattern");
    const json_int_t n = json_is_integer(pattern) ? json_integer_value(pattern) : 6;
    return n > 0 && (json_int_t)(layer + 1) % n != 0;
}

static void describe(ig_hub *h)
{
    ig_llm *m = h->m;
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_gemma_sizes(h);
    m->qk_norm = IG_QK_HEAD;
    m->attn_softcap = ig_hub_cap(h, "attn_logit_softcapping", 0);
    m->final_softcap = ig_hub_cap(h, "final_logit_softcapping", 0);
    const bool bias = ig_hub_bool_or(h, "attention_bias", false);
    const int full =
        ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 1e6, .layer_type = "full_attention"});
    const int local = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000,
                                                         .old_theta_key = "rope_local_base_freq",
                                                         .layer_type = "sliding_attention",
                                                         .unscaled = true});
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        ig_hub_gemma_layer(h, l, bias);
        if (!l) return;
        l->rope = ig_hub_is_sliding(h, i, slides(h, i)) ? local : full;
        l->q_norm = ig_hub_norm(h, "self_attn.q_norm");
        l->k_norm = ig_hub_norm(h, "self_attn.k_norm");
    }
    ig_hub_windows(h, ig_hub_window(h, 4096), slides);
    ig_hub_llama_ends(h, true);
}

const ig_family ig_family_gemma3 = {.names = {"gemma3_text", "gemma3"}, .describe = describe};
