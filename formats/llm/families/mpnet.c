/* mpnet.c - MPNet (Song et al. 2020): BERT with a bias of distances in the scores, and positions
 * that count past the padding, which is token 1 whatever the config says. */
#include "formats/llm/families/encoders.h"

static const ig_encoder_names names = {.layers = "encoder.layer",
                                       .q = "attention.attn.q",
                                       .k = "attention.attn.k",
                                       .v = "attention.attn.v",
                                       .o = "attention.attn.o",
                                       .attn_norm = "attention.LayerNorm",
                                       .up = "intermediate.dense",
                                       .down = "output.dense",
                                       .mlp_norm = "output.LayerNorm"};

static void describe(ig_hub *h)
{
    const ig_encoder_head task = ig_hub_task(h);
    ig_hub_bert(h, "mpnet.", &names);
    h->encoder->position_pad = 1;
    h->encoder->distances = ig_hub_rows(h, "encoder.relative_attention_bias.weight");
    ig_hub_classifier(h, task, "classifier.dense", "tanh", "classifier.out_proj");
}

const ig_family ig_family_mpnet = {.names = {"mpnet"}, .describe = describe, .encoder = true};
