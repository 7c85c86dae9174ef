/* gemma.c - Gemma (Gemma Team 2024): Llama with GeGLU, norms that store gamma - 1, and an embedding
 * that is scaled by the root of its width. */
#include "formats/llm/families/families.h"

#include <math.h>

static void describe(ig_hub *h)
{
    ig_llm *m = h->m;
    ig_hub_root(h, ig_hub_llama_roots, "embed_tokens.weight");
    ig_hub_sizes(h, &(ig_hub_heads){.heads = 16, .kv_heads = 16, .head_dim = 256});
    /* "gelu" in the first configs meant the form with tanh, with which the models were trained. */
    if (!strcmp(ig_hub_text_or(h, "hidden_act", "gelu"), "gelu"))
        ig_hub_act(h, "hidden_activation", "gelu_pytorch_tanh");
    else
        ig_hub_act(h, "hidden_act", "gelu_pytorch_tanh");
    m->norm_eps = ig_hub_real_or(h, "rms_norm_eps", 1e-6);
    m->norm_add = 1;
    m->embed_scale = sqrt((double)m->width);
    const bool bias = ig_hub_bool_or(h, "attention_bias", false);
    const int rope = ig_hub_rope(h, &(ig_hub_rope_rule){.theta = 10000});
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        m->layers[i].rope = rope;
        ig_hub_llama_layer(h, ig_hub_layer(h, "layers", i), bias, false);
    }
    ig_hub_llama_ends(h, true);
}

const ig_family ig_family_gemma = {.names = {"gemma"}, .describe = describe};
