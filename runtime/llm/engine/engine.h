/* engine.h - many requests over one model and one cache: the machine behind ingot_generator.
 *
 * One thread runs steps. A step takes the next token of every answer under way and up to `chunk`
 * tokens of prompts, runs the graph once over all of them, and samples where logits were wanted.
 *
 *     submit() -> inbox -> waiting -> running -> ended
 *                             ^          |
 *                             +----------+  preempted: its pages went to others; computed again
 *
 * Who goes first: the higher priority; of equal ones the tenant that was served fewer tokens (Sheng
 * et al. 2024); then who came first. When pages run out the last in this order gives its own back.
 * The first in order can always go on, so all end.
 *
 * Memory: all of the cache and the steps when the engine is opened, a request's when it is
 * submitted; its token lists double as they grow. */
#ifndef IG_LLM_ENGINE_H
#define IG_LLM_ENGINE_H

#include "runtime/base/log.h"
#include "runtime/graph/exec.h"
#include "runtime/llm/engine/lm.h"

typedef struct ig_engine ig_engine;

typedef struct {
    ig_heap *heap;
    ig_pool *pool;
    const ig_log *log;
    const ig_ingot *file, *draft; /* draft: NULL, or of a smaller model */
    const ingot_generator_options *options;
    const ig_exec_device *devices; /* [n_devices], none: the CPU; several share the model. The first
                                      one's may_fall_back: the CPU, too, where they cannot */
    size_t n_devices;
    const char *device_name; /* of all, for people; outlives the engine */
} ig_engine_setup;

/* ig_engine_open - options are copied; the files outlive the engine. Errors: as
 * ingot_generator_open. */
ingot_status ig_engine_open(ig_engine **out, const ig_engine_setup *setup, ingot_error *err);
/* ig_engine_close - cancels what is on its way, waits. All generations are closed before. */
void ig_engine_close(ig_engine **e);

ingot_status ig_engine_submit(ingot_generation **out, ig_engine *e, const ingot_request *request,
                              ingot_error *err);
void ig_engine_info(ingot_generator_info *out, ig_engine *e);
const ig_lm *ig_engine_lm(const ig_engine *e);

ingot_status ig_engine_save(ig_engine *e, const char *path, const int32_t *ids, size_t n,
                            ingot_error *err);
ingot_status ig_engine_restore(const int32_t **ids, size_t *n, ig_engine *e, const char *path,
                               ingot_error *err);

#endif
