/* gpt2.c - GPT-2 (Radford et al. 2019): learned positions, layer norms, weights stored as W^T. */
#include "formats/llm/families/families.h"

#include <math.h>

/* NAME.weight is [in, out]. */
static ig_llm_linear turned(ig_hub *h, const char *name)
{
    ig_llm_linear l = ig_hub_linear(h, true, "%s", name);
    l.w = ig_rows_of(l.w.tensor, true);
    return l;
}

static void describe_layer(ig_hub *h, ig_llm_layer *l, size_t i)
{
    const size_t width = h->m->width;
    const ig_llm_linear qkv = turned(h, "attn.c_attn");
    l->q = ig_hub_cut(qkv, 0, width);
    l->k = ig_hub_cut(qkv, width, width);
    l->v = ig_hub_cut(qkv, 2 * width, width);
    l->o = turned(h, "attn.c_proj");
    l->attn_norm = ig_hub_norm(h, "ln_1");
    l->mlp_norm = ig_hub_norm(h, "ln_2");
    l->mlp.up = turned(h, "mlp.c_fc");
    l->mlp.down = turned(h, "mlp.c_proj");
    const double scale =
        ig_hub_bool_or(h, "scale_attn_weights", true) ? 1 / sqrt((double)h->m->head_dim) : 1;
    const bool by_layer = ig_hub_bool_or(h, "scale_attn_by_inverse_layer_idx", false);
    l->attn_scale = by_layer ? scale / (double)(i + 1) : scale;
}

static void describe(ig_hub *h)
{
    static const char *const roots[] = {"transformer.", "", NULL};
    ig_llm *m = h->m;
    ig_hub_root(h, roots, "wte.weight");
    m->width = ig_hub_size(h, "n_embd");
    m->heads = m->kv_heads = ig_hub_size(h, "n_head");
    m->head_dim = m->width / m->heads; /* heads is at least 1 */
    m->vocab = ig_hub_size(h, "vocab_size");
    m->context = ig_hub_size_or(h, "n_positions", ig_hub_size_or(h, "n_ctx", 1024));
    m->norm = IG_NORM_LAYER;
    m->norm_eps = ig_hub_real_or(h, "layer_norm_epsilon", 1e-5);
    ig_hub_act(h, "activation_function", "gelu_new");
    ig_hub_layers(h, ig_hub_size(h, "n_layer"));
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "h", i);
        if (l) describe_layer(h, l, i);
    }
    h->layer = "";
    m->embedding = ig_hub_rows(h, "wte.weight");
    m->positions = ig_hub_rows(h, "wpe.weight");
    m->final_norm = ig_hub_norm(h, "ln_f");
    ig_hub_output(h, "lm_head.weight", true);
}

const ig_family ig_family_gpt2 = {.names = {"gpt2"}, .describe = describe};
