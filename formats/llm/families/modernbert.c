/* modernbert.c - ModernBERT (Warner et al. 2024): norms before, rotary positions, gated
 * feed-forward layers, and windows in all but every n-th layer. */
#include "formats/llm/families/encoders.h"

#include <string.h>

static void describe_layer(ig_hub *h, ig_llm_layer *l, size_t i)
{
    const size_t width = h->m->width, inner = ig_hub_size(h, "intermediate_size");
    const ig_llm_linear qkv = ig_hub_linear(h, false, "attn.Wqkv");
    const ig_llm_linear both = ig_hub_linear(h, false, "mlp.Wi");
    l->q = ig_hub_cut(qkv, 0, width);
    l->k = ig_hub_cut(qkv, width, width);
    l->v = ig_hub_cut(qkv, 2 * width, width);
    l->o = ig_hub_linear(h, false, "attn.Wo");
    l->mlp.gate = ig_hub_cut(both, 0, inner);
    l->mlp.up = ig_hub_cut(both, inner, inner);
    l->mlp.down = ig_hub_linear(h, false, "mlp.Wo");
    if (i) l->attn_norm = ig_hub_norm(h, "attn_norm"); /* the first follows the embedding's norm */
    l->mlp_norm = ig_hub_norm(h, "mlp_norm");
}

static bool slides(const ig_hub *h, size_t layer)
{
    const json_t *every = json_object_get(h->config, "global_attn_every_n_layers");
    const json_int_t n = json_is_integer(every) ? json_integer_value(every) : 3;
    return n > 0 && layer % (size_t)n != 0;
}

/* Which layers look how far, and turn by which rule: a local base of null is the global one. */
static void place(ig_hub *h)
{
    const ig_hub_rope_rule global = {
        .theta = 160000, .old_theta_key = "global_rope_theta", .layer_type = "full_attention"};
    ig_hub_rope_rule local = {
        .theta = 10000, .old_theta_key = "local_rope_theta", .layer_type = "sliding_attention"};
    if (json_is_null(json_object_get(h->config, "local_rope_theta"))) {
        local.theta = global.theta;
        local.old_theta_key = global.old_theta_key;
    }
    const int all = ig_hub_rope(h, &global), near = ig_hub_rope(h, &local);
    ig_hub_windows(h, ig_hub_size_or(h, "local_attention", 128) / 2 + 1, slides);
    for (size_t i = 0; !h->failed && i < h->m->n_layers; i++)
        h->m->layers[i].rope = ig_hub_is_sliding(h, i, slides(h, i)) ? near : all;
}

static void describe_head(ig_hub *h, ig_encoder_head task)
{
    ig_encoder *e = h->encoder;
    const char *pooling = ig_hub_text_or(h, "classifier_pooling", "cls");
    if (strcmp(pooling, "cls") && strcmp(pooling, "mean"))
        ig_hub_lacks(h, "config.json: classifier_pooling '%.40s'", pooling);
    e->head = task == IG_HEAD_FIRST && !strcmp(pooling, "mean") ? IG_HEAD_MEAN : task;
    if (task == IG_HEAD_NONE) return;
    h->root = "";
    ig_hub_act(h, "classifier_activation", "gelu");
    e->dense_act = h->m->act;
    e->dense = ig_hub_linear(h, false, "head.dense");
    e->head_norm = ig_hub_norm(h, "head.norm");
    e->classifier = ig_hub_linear(h, false, "classifier");
    ig_hub_labels(h);
}

static void describe(ig_hub *h)
{
    static const char *const roots[] = {"", "model.", NULL};
    ig_llm *m = h->m;
    const ig_encoder_head task = ig_hub_task(h);
    ig_hub_root(h, roots, "embeddings.tok_embeddings.weight");
    ig_hub_sizes(h, 0);
    m->norm = IG_NORM_LAYER;
    m->norm_eps = ig_hub_real_or(h, "norm_eps", 1e-5);
    m->embedding = ig_hub_rows(h, "embeddings.tok_embeddings.weight");
    h->encoder->embed_norm = ig_hub_norm(h, "embeddings.norm");
    m->final_norm = ig_hub_norm(h, "final_norm");
    place(h);
    for (size_t i = 0; !h->failed && i < m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, "layers", i);
        if (l) describe_layer(h, l, i);
    }
    h->layer = "";
    describe_head(h, task);
    ig_hub_act(h, "hidden_activation", "gelu");
}

const ig_family ig_family_modernbert = {
    .names = {"modernbert"}, .describe = describe, .encoder = true};
