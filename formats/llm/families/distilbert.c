/* distilbert.c - DistilBERT (Sanh et al. 2019): half of BERT's layers, no token types. */
#include "formats/llm/families/encoders.h"

static const ig_encoder_names names = {.layers = "transformer.layer",
                                       .q = "attention.q_lin",
                                       .k = "attention.k_lin",
                                       .v = "attention.v_lin",
                                       .o = "attention.out_lin",
                                       .attn_norm = "sa_layer_norm",
                                       .up = "ffn.lin1",
                                       .down = "ffn.lin2",
                                       .mlp_norm = "output_layer_norm"};

static void describe(ig_hub *h)
{
    static const char *const roots[] = {"", "distilbert.", NULL};
    ig_llm *m = h->m;
    const ig_encoder_head task = ig_hub_task(h);
    ig_hub_root(h, roots, "embeddings.word_embeddings.weight");
    m->width = ig_hub_size(h, "dim");
    m->heads = m->kv_heads = ig_hub_size(h, "n_heads");
    m->head_dim = m->width / m->heads;
    m->vocab = ig_hub_size(h, "vocab_size");
    m->context = ig_hub_size_or(h, "max_position_embeddings", 512);
    m->norm_eps = 1e-12;
    ig_hub_act(h, "activation", "gelu");
    ig_hub_layers(h, ig_hub_size(h, "n_layers"));
    ig_hub_bert_embeddings(h);
    ig_hub_bert_layers(h, &names);
    ig_hub_classifier(h, task, "pre_classifier", "relu", "classifier");
}

const ig_family ig_family_distilbert = {
    .names = {"distilbert"}, .describe = describe, .encoder = true};
