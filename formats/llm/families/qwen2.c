/* qwen2.c - Qwen 2 and 2.5: Llama with biases on queries, keys and values, and a window in the
 * upper layers where the config turns it on. */
#include "formats/llm/families/families.h"

static void describe(ig_hub *h)
{
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, NULL);
    ig_hub_act(h, "hidden_act", "silu");
    h->m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-6);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000});
    for (size_t i = 0; !h->failed && i < h->m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        h->m->layers[i].rope = rope;
        ig_hub_llama_layer(h, l, false, false);
        if (l && !l->q.bias.tensor)
            ig_hub_fail(h, "the checkpoint has no tensor '%sself_attn.q_proj.bias'", h->layer);
    }
    ig_hub_windows(h, ig_hub_window_if_used(h), ig_hub_slides_late);
    ig_hub_llama_ends(h, false);
}

const ig_family ig_family_qwen2 = {.names = {"qwen2"}, .describe = describe};
