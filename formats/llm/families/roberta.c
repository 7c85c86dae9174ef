/* roberta.c - RoBERTa (Liu et al. 2019) and XLM-RoBERTa (Conneau et al. 2019): BERT whose positions
 * count past the padding, with a head of its own. */
#include "formats/llm/families/encoders.h"

static void describe(ig_hub *h)
{
    const ig_encoder_head task = ig_hub_task(h);
    ig_hub_bert(h, "roberta.", &ig_bert_names);
    h->encoder->position_pad = (int64_t)ig_hub_size_or(h, "pad_token_id", 1);
    ig_hub_classifier(h, task, "classifier.dense", "tanh", "classifier.out_proj");
}

const ig_family ig_family_roberta = {
    .names = {"roberta", "xlm-roberta", "camembert"}, .describe = describe, .encoder = true};
