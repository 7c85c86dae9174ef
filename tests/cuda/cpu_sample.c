/* cpu_sample.c - see cpu_sample.h. */
#include "tests/cuda/cpu_sample.h"
#include "runtime/llm/sample/sampler.h"

#include <string.h>

enum { BIAS_MOST = 64, MASK_MOST = 1024 };

static void give(int32_t *token, float *logprob, ig_drawn_top *tops, const ig_sampled *s)
{
    *token = (int32_t)s->token;
    *logprob = s->logprob;
    for (size_t i = 0; i < s->n_top; i++) tops[i] = (ig_drawn_top){s->top[i].id, s->top[i].logprob};
}

int cpu_sample(int32_t *token, float *logprob, ig_drawn_top *tops, const float *logits, int vocab,
               const ig_draw *draw, const uint32_t *list)
{
    static uint64_t mask[MASK_MOST];
    ig_heap heap;
    ig_sample_work *work;
    ig_sampled out = {0};
    ingot_error err = {0};
    ig_logit_bias bias[BIAS_MOST];
    for (uint32_t i = 0; i < draw->n_bias && i < BIAS_MOST; i++) {
        memcpy(&bias[i].add, &list[draw->bias + 2 * i + 1], sizeof bias->add);
        bias[i].id = list[draw->bias + 2 * i];
    }
    if (draw->masked) memcpy(mask, list + draw->mask, ((size_t)vocab + 31) / 32 * 4);
    const ig_sampling s = {.temperature = draw->temperature,
                           .top_k = draw->top_k,
                           .top_p = draw->top_p,
                           .min_p = draw->min_p,
                           .typical_p = draw->typical_p,
                           .repetition_penalty = draw->repetition,
                           .presence_penalty = draw->presence,
                           .frequency_penalty = draw->frequency,
                           .seed = draw->seed,
                           .bias = bias,
                           .n_bias = draw->n_bias,
                           .logprob = draw->total != 0,
                           .top_logprobs = draw->n_top};
    const ig_sample_row from = {.logits = logits,
                                .mask = draw->masked ? mask : NULL,
                                .before = (const int32_t *)list + draw->before,
                                .n_before = draw->n_before,
                                .n_prompt = draw->n_prompt};
    ig_heap_init(&heap, NULL);
    if (ig_sample_work_open(&work, &heap, (size_t)vocab, &err)) return -1;
    const ingot_status status = ig_sample(&out, work, &s, &from, draw->index, &err);
    give(token, logprob, tops, &out);
    ig_sample_work_close(&work);
    if (!status) return IG_DRAW_OK;
    return strstr(err.text, "NaN")         ? IG_DRAW_NAN
           : strstr(err.text, "+infinity") ? IG_DRAW_INFINITE
                                           : IG_DRAW_NONE_LEFT;
}

void cpu_of_device(int32_t *token, float *logprob, ig_drawn_top *tops, const ig_draw *draw,
                   const ig_drawn *drawn, const ig_drawn_top *drawn_tops)
{
    const ig_sampling s = {.logprob = draw->total != 0, .top_logprobs = draw->n_top};
    ig_sampled out;
    ig_sample_of_drawn(&out, &s, drawn, drawn_tops);
    give(token, logprob, tops, &out);
}
