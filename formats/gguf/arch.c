/* arch.c - the architectures of GGUF files that Ingot knows: a line each, and a function for those
 * that a line does not describe. What their keys do not say is as in transformers. */
#include "formats/gguf/llm.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* GPT-NeoX and StableLM: attention and MLP beside each other, or not. */
static ingot_status neox(ig_gguf_reader *r)
{
    const ig_gguf_value *v = ig_gguf_arch_value(r, "use_parallel_residual");
    const bool usual = !strcmp(r->arch->name, "gptneox");
    r->m->parallel = v && !v->is_array && v->kind == IG_GGUF_BOOL ? v->p[0] != 0 : usual;
    return INGOT_OK;
}

/* Scores are scaled for 1 / sqrt(width / heads) in the largest model, by the head in the others. */
static void gemma_scales(ig_gguf_reader *r, size_t layers_of_largest)
{
    ig_llm *m = r->m;
    m->embed_scale = sqrt((double)m->width);
    if (m->n_layers == layers_of_largest && m->attn_scale == 0)
        m->attn_scale = 1 / sqrt((double)m->width / (double)m->heads);
}

static ingot_status gemma(ig_gguf_reader *r)
{
    gemma_scales(r, 0);
    return INGOT_OK;
}

static ingot_status gemma2(ig_gguf_reader *r)
{
    gemma_scales(r, 46);
    r->m->attn_softcap = ig_gguf_arch_real(r, "attn_logit_softcapping", 50);
    r->m->final_softcap = ig_gguf_arch_real(r, "final_logit_softcapping", 30);
    return INGOT_OK;
}

/* Layers with a window turn by a rule of their own, which knows no scaling. */
static ingot_status gemma3(ig_gguf_reader *r)
{
    ig_llm *m = r->m;
    gemma_scales(r, 62);
    m->final_softcap = ig_gguf_arch_real(r, "final_logit_softcapping", 0);
    m->ropes[1] = (ig_rope_rule){.base = ig_gguf_arch_real(r, "rope.local.freq_base", 10000),
                                 .half = m->ropes[0].half};
    m->n_ropes = 2;
    for (size_t i = 0; i < m->n_layers; i++)
        if (m->layers[i].window) m->layers[i].rope = 1;
    return INGOT_OK;
}

static ingot_status granite(ig_gguf_reader *r)
{
    ig_llm *m = r->m;
    const double logits = ig_gguf_arch_real(r, "logit_scale", 1);
    m->embed_scale = ig_gguf_arch_real(r, "embedding_scale", 0);
    m->residual_scale = ig_gguf_arch_real(r, "residual_scale", 0);
    if (!(logits > 0)) return ig_fail(r->err, INGOT_E_FORMAT, "GGUF: logit_scale is %g", logits);
    m->logit_scale = 1 / logits;
    return INGOT_OK;
}

// clang-format off
static const ig_gguf_arch archs[] = {
    {"llama", "silu", IG_NORM_RMS, IG_QK_NONE, true, 1, 0, IG_SCORES_TOP_SOFTMAX, false, NULL},
    {"qwen2", "silu", IG_NORM_RMS, IG_QK_NONE, false, 0, 0, IG_SCORES_SOFTMAX, false, NULL},
    {"qwen2moe", "silu", IG_NORM_RMS, IG_QK_NONE, false, 0, 0, IG_SCORES_SOFTMAX, false, NULL},
    {"qwen3", "silu", IG_NORM_RMS, IG_QK_HEAD, false, 0, 0, IG_SCORES_SOFTMAX, false, NULL},
    {"qwen3moe", "silu", IG_NORM_RMS, IG_QK_HEAD, false, 0, 0, IG_SCORES_SOFTMAX, true, NULL},
    {"gemma", "gelu_tanh", IG_NORM_RMS, IG_QK_NONE, false, 0, 0, IG_SCORES_SOFTMAX, false, gemma},
    {"gemma2", "gelu_tanh", IG_NORM_RMS, IG_QK_NONE, false, 2, 4096, IG_SCORES_SOFTMAX, false, gemma2},
    {"gemma3", "gelu_tanh", IG_NORM_RMS, IG_QK_HEAD, false, 6, 0, IG_SCORES_SOFTMAX, false, gemma3},
    {"phi3", "silu", IG_NORM_RMS, IG_QK_NONE, false, 1, 0, IG_SCORES_SOFTMAX, false, NULL},
    {"olmo2", "silu", IG_NORM_RMS, IG_QK_WHOLE, false, 0, 0, IG_SCORES_SOFTMAX, false, NULL},
    {"stablelm", "silu", IG_NORM_LAYER, IG_QK_HEADS, false, 0, 0, IG_SCORES_SOFTMAX, false, neox},
    {"granite", "silu", IG_NORM_RMS, IG_QK_NONE, true, 0, 0, IG_SCORES_SOFTMAX, false, granite},
    {"gptneox", "gelu_erf", IG_NORM_LAYER, IG_QK_NONE, false, 0, 0, IG_SCORES_SOFTMAX, false, neox},
    {"gpt2", "gelu_tanh", IG_NORM_LAYER, IG_QK_NONE, false, 0, 0, IG_SCORES_SOFTMAX, false, NULL},
    {"starcoder2", "gelu_tanh", IG_NORM_LAYER, IG_QK_NONE, false, 1, 0, IG_SCORES_SOFTMAX, false, NULL},
};
// clang-format on

const ig_gguf_arch *ig_gguf_arch_find(ingot_str name)
{
    for (size_t i = 0; i < IG_LEN(archs); i++)
        if (strlen(archs[i].name) == name.n && !memcmp(archs[i].name, name.p, name.n))
            return &archs[i];
    return NULL;
}

void ig_gguf_arch_names(char *out, size_t cap)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < IG_LEN(archs) && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s", i ? ", " : "", archs[i].name);
}
