/* bert.c - BERT (Devlin et al. 2018), and with it MiniLM, BGE, E5 and most cross-encoders. */
#include "formats/llm/families/encoders.h"

#include <string.h>

static void describe(ig_hub *h)
{
    const ig_encoder_head task = ig_hub_task(h);
    ig_hub_bert(h, "bert.", &ig_bert_names);
    const bool bare = !*h->root;
    ig_hub_classifier(h, task, bare ? "pooler.dense" : "bert.pooler.dense", "tanh", "classifier");
}

const ig_family ig_family_bert = {.names = {"bert"}, .describe = describe, .encoder = true};
