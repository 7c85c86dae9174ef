/* cpu_sample.c - see cpu_sample.h. */
#include "tests/cuda/cpu_sample.h"
#include "runtime/llm/sample/sampler.h"

#include <string.h>

enum { BIAS_MOST = 64 };

int cpu_sample(int32_t *token, float *logprob, double *p, const float *logits, int vocab,
               const cu_sample_row *row, const uint64_t *mask, const int32_t *before,
               const uint32_t *bias_id, const float *bias_add)
{
    ig_heap heap;
    ig_sample_work *work;
    ig_sampled out = {0};
    ig_dist dist;
    ingot_error err = {0};
    ig_logit_bias bias[BIAS_MOST];
    for (uint32_t i = 0; i < row->n_bias && i < BIAS_MOST; i++)
        bias[i] = (ig_logit_bias){bias_id[i], bias_add[i]};
    const ig_sampling s = {.temperature = row->temperature,
                           .top_k = row->top_k,
                           .top_p = row->top_p,
                           .min_p = row->min_p,
                           .repetition_penalty = row->repetition,
                           .presence_penalty = row->presence,
                           .frequency_penalty = row->frequency,
                           .penalty_window = row->window,
                           .seed = row->seed,
                           .bias = bias,
                           .n_bias = row->n_bias,
                           .logprob = row->logprob != 0};
    const ig_sample_row from = {.logits = logits,
                                .mask = row->masked ? mask : NULL,
                                .before = before,
                                .n_before = row->n_before,
                                .n_prompt = row->n_prompt};
    ig_heap_init(&heap, NULL);
    if (ig_sample_work_open(&work, &heap, (size_t)vocab, &err)) return -1;
    ingot_status status = ig_sample(&out, work, &s, &from, row->index, &err);
    *token = (int32_t)out.token;
    *logprob = out.logprob;
    if (!status && p) {
        status = ig_sample_dist(&dist, work, &s, &from, &err);
        memset(p, 0, (size_t)vocab * sizeof *p);
        for (size_t i = 0; i < dist.n; i++) p[dist.ids[i]] = (double)dist.weights[i] / dist.total;
    }
    ig_sample_work_close(&work);
    if (!status) return CU_SAMPLE_OK;
    return strstr(err.text, "NaN")         ? CU_SAMPLE_NAN
           : strstr(err.text, "+infinity") ? CU_SAMPLE_INFINITE
                                           : CU_SAMPLE_NONE_LEFT;
}
