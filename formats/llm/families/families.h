/* families.h - what the files of families share beside hub.h: the shape of Llama, from which most
 * differ in a few places. */
#ifndef IG_FAMILIES_H
#define IG_FAMILIES_H

#include "formats/hf/hub.h"

#include <string.h>

/* Prefixes under which the tensors of a decoder of this shape are found. */
extern const char *const ig_hub_llama_roots[];

/* ig_hub_llama_layer - attention, the two norms, the gated feed-forward layer.
 * ig_hub_llama_ends - embedding, last norm, output. */
void ig_hub_llama_layer(ig_hub *h, ig_llm_layer *l, bool attention_bias, bool mlp_bias);
void ig_hub_llama_ends(ig_hub *h, bool tied_by_default);
void ig_hub_describe_llama(ig_hub *h); /* all of it */

/* of Gemma 2 and 3 */
void ig_hub_gemma_sizes(ig_hub *h);
void ig_hub_gemma_layer(ig_hub *h, ig_llm_layer *l, bool bias);

/* ig_hub_qwen_expert_sizes - how many experts, how they are chosen; the numbers count when the
 * config has none. ig_hub_qwen_experts - router and experts of a layer that has them by Qwen's
 * config; false: it has none. */
void ig_hub_qwen_expert_sizes(ig_hub *h, size_t experts, size_t chosen);
bool ig_hub_qwen_experts(ig_hub *h, ig_llm_layer *l, size_t i);

#endif
