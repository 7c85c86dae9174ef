/* encoders.h - what the files of encoders' families share beside hub.h: the shape of BERT, whose
 * parts have other names in its descendants. A family of encoders fills h->encoder; h->m is its
 * base. */
#ifndef IG_ENCODERS_H
#define IG_ENCODERS_H

#include "formats/hf/hub.h"
#include "formats/llm/encoder.h"

/* Names of a layer's tensors; `layers` comes before the layer's number. */
typedef struct {
    const char *layers, *q, *k, *v, *o, *attn_norm, *up, *down, *mlp_norm;
} ig_encoder_names;

extern const ig_encoder_names ig_bert_names;

/* What config.json's first architecture asks for: IG_HEAD_NONE for the bare model (and for one
 * with a head of language modelling, which is left out), IG_HEAD_FIRST for sequences,
 * IG_HEAD_TOKENS for tokens; others are a failure. */
ig_encoder_head ig_hub_task(ig_hub *h);

/* ig_hub_bert - the sizes of BERT's config, its embeddings and its layers by those names. Leaves
 * h->layer at "". root_of: the base model's prefix in a model with a head. */
void ig_hub_bert(ig_hub *h, const char *root_of, const ig_encoder_names *names);
void ig_hub_bert_embeddings(ig_hub *h);
void ig_hub_bert_layers(ig_hub *h, const ig_encoder_names *names);

/* ig_hub_classifier - the head `task` asks for: `dense` with its activation (NULL: none) for
 * sequences, then `out`; for tokens `classifier` alone. Whole names. */
void ig_hub_classifier(ig_hub *h, ig_encoder_head task, const char *dense, const char *act,
                       const char *out);

/* ig_hub_labels - id2label of config.json, for as many classes as the classifier has. */
void ig_hub_labels(ig_hub *h);

#endif
