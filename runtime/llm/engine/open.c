/* open.c - see engine.h: opening and closing, and moving from a device to this machine. */
#include "runtime/llm/engine/draft.h"
#include "runtime/llm/engine/parts.h"
#include "runtime/base/checked.h"

#include <string.h>
#include <unistd.h>

enum { CHUNK = 512, SEQUENCES = 16, QUEUE = 4096, PAGE = 64, CONTEXT = 2048, GUESSES = 4 };
enum { SEQUENCES_MOST = 4096, GUESSES_MOST = 64 };

static ig_kv_options cache_options(const ig_engine *e, const ig_lm *lm)
{
    static const ig_page_type types[] = {[INGOT_KV_F32] = IG_PAGE_F32,
                                         [INGOT_KV_F16] = IG_PAGE_F16,
                                         [INGOT_KV_BF16] = IG_PAGE_BF16,
                                         [INGOT_KV_I8] = IG_PAGE_I8,
                                         [INGOT_KV_F8] = IG_PAGE_F8};
    const bool device = ig_site_is_device(&e->site);
    ingot_kv_type type = e->options.kv_type;
    if (type == INGOT_KV_F8 && !device) type = INGOT_KV_I8; /* back from a device */
    return (ig_kv_options){.layers = lm->layers,
                           .n_layers = lm->n_layers,
                           .type = type == INGOT_KV_AUTO ? lm->page_type : types[type],
                           .page_tokens = e->options.page_tokens,
                           .budget_bytes = e->kv_bytes,
                           .spare_bytes = e->options.kv_spare_bytes,
                           .memory = device ? &e->site.memory : NULL,
                           .private_pages = e->options.private_cache};
}

static size_t quarter_of_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    size_t all;
    if (pages < 1 || bytes < 1 || !ig_mul_ok((size_t)pages, (size_t)bytes, &all)) return SIZE_MAX;
    return all / 4;
}

/* A budget for max_sequences whole contexts: at most a quarter of this machine's memory, but for
 * one context, or what the device has left. */
static ingot_status choose_budget(ig_engine *e, ingot_error *err)
{
    const ig_kv_options o = cache_options(e, &e->lm);
    const size_t p = e->options.page_tokens, pages = (e->options.context + p - 1) / p;
    size_t all, one, bytes;
    e->kv_bytes = e->options.kv_bytes;
    if (e->kv_bytes) return INGOT_OK;
    IG_TRY(ig_kv_budget(&one, &o, pages, err));
    if (!ig_mul_ok(pages, e->options.max_sequences, &all) || ig_kv_budget(&bytes, &o, all, NULL))
        bytes = SIZE_MAX;
    const bool device = ig_site_is_device(&e->site);
    const size_t most =
        device ? ig_site_kv_room(&e->site, e->lm.file->graph) : IG_MAX(quarter_of_memory(), one);
    e->kv_bytes = IG_MIN(bytes, most);
    IG_TRY(ig_kv_budget(&one, &o, 1, err));
    if (device && e->kv_bytes < one)
        return ig_fail(err, INGOT_E_NOMEM,
                       "%s: no room for keys and values: beside the weights its budget has %zu "
                       "bytes, a page of %zu tokens needs %zu (--gpu-mem gives more, --device cpu "
                       "needs none)",
                       e->setup.device_name, most, p, one);
    return INGOT_OK;
}

static ingot_status settle_context(ig_engine *e, ingot_error *err)
{
    ingot_generator_options *o = &e->options;
    if (e->lm.context && o->context > e->lm.context)
        return ig_fail(err, INGOT_E_ARG, "a context of %zu tokens: the model knows %zu positions",
                       o->context, e->lm.context);
    if (!o->context) o->context = e->lm.context ? e->lm.context : CONTEXT;
    if (o->context > INT32_MAX) return ig_fail(err, INGOT_E_ARG, "context is %zu", o->context);
    return INGOT_OK;
}

static ingot_status settle(ig_engine *e, ingot_error *err)
{
    ingot_generator_options *o = &e->options;
    if (o->kv_type > INGOT_KV_F8) return ig_fail(err, INGOT_E_ARG, "kv_type is %d", o->kv_type);
    if (o->kv_type == INGOT_KV_F8 && !e->setup.n_devices)
        return ig_fail(err, INGOT_E_ARG,
                       "keys and values in fp8 are for devices (--device); the CPU has i8");
    if (o->ranks > 1 && e->setup.n_devices && o->ranks != e->setup.n_devices)
        return ig_fail(err, INGOT_E_ARG, "%zu ranks need as many devices, %zu are given", o->ranks,
                       e->setup.n_devices);
    if (!o->page_tokens) o->page_tokens = PAGE;
    if (!o->max_sequences) o->max_sequences = SEQUENCES;
    if (!o->max_queue) o->max_queue = QUEUE;
    if (!o->chunk) o->chunk = CHUNK;
    if (o->max_sequences > SEQUENCES_MOST || o->lookup > GUESSES_MOST ||
        o->draft_tokens > GUESSES_MOST)
        return ig_fail(err, INGOT_E_ARG,
                       "max_sequences %zu (at most %d), lookup %zu or draft_tokens %zu (at most "
                       "%d) is too large",
                       o->max_sequences, SEQUENCES_MOST, o->lookup, o->draft_tokens, GUESSES_MOST);
    if (!o->draft_tokens) o->draft_tokens = GUESSES;
    e->most_guess = e->setup.draft ? IG_MAX(o->lookup, o->draft_tokens) : o->lookup;
    IG_TRY(settle_context(e, err));
    o->chunk = IG_MIN(o->chunk, o->context);
    return INGOT_OK;
}

/* The budget may hold less than one context; then that is the context, and it is said. */
static ingot_status open_cache(ig_engine *e, bool context_given, ingot_error *err)
{
    IG_TRY(choose_budget(e, err));
    const ig_kv_options o = cache_options(e, &e->lm);
    IG_TRY(ig_kv_open(&e->cache, e->heap, &o, err));
    const size_t room = ig_kv_n_pages(e->cache) * ig_kv_page_tokens(e->cache);
    e->context = IG_MIN(e->options.context, room);
    if (e->context == e->options.context) return INGOT_OK;
    size_t bytes = 0;
    IG_TRY(ig_kv_budget(&bytes, &o, (e->options.context + o.page_tokens - 1) / o.page_tokens, err));
    if (context_given)
        return ig_fail(err, INGOT_E_ARG,
                       "a context of %zu tokens needs a cache of %zu bytes, its budget is %zu",
                       e->options.context, bytes, e->kv_bytes);
    ig_log_say(e->setup.log, IG_LOG_WARN,
               "the cache's budget of %zu bytes holds a context of %zu tokens, the model knows %zu "
               "(%zu bytes)",
               e->kv_bytes, e->context, e->options.context, bytes);
    return INGOT_OK;
}

static ingot_status open_batch(ig_engine *e, ingot_error *err)
{
    const ig_exec_options x = {.heap = e->heap,
                               .pool = e->setup.pool,
                               .log = e->setup.log,
                               .math = e->options.fast_math ? IG_MATH_FAST : IG_MATH_EXACT,
                               .cancel = &e->cancel_step};
    const size_t sequences = e->options.max_sequences;
    const size_t tokens = e->options.chunk + sequences * (1 + e->most_guess);
    const size_t ranks = e->site.n > 1 ? e->site.n : e->options.ranks;
    return ig_batch_open(&e->batch, &e->lm, e->cache, &e->site, &x, ranks, tokens, sequences,
                         sequences * (1 + e->most_guess), err);
}

/* ---- where it computes ---- */

static void leave_site(ig_engine *e)
{
    ig_draft_close(e);
    ig_batch_close(&e->batch);
    ig_kv_seq_free(&e->restored);
    ig_kv_close(&e->cache);
    ig_site_close(&e->site);
}

static ingot_status enter_site(ig_engine *e, const ig_exec_device *devices, size_t n,
                               ingot_error *err)
{
    IG_TRY(ig_site_open(&e->site, e->heap, devices, n, err));
    IG_TRY(open_cache(e, e->context_given, err));
    IG_TRY(open_batch(e, err));
    const bool on_device = ig_site_is_device(&e->site);
    if (on_device) IG_TRY(ig_batch_check(&e->batch, err));
    IG_TRY(ig_draft_open(e, err));
    e->info.context = e->context;
    e->info.kv_type = (ingot_kv_type)(cache_options(e, &e->lm).type + 1);
    e->info.device = on_device ? e->setup.device_name : "cpu";
    return INGOT_OK;
}

ingot_status ig_engine_move(ig_engine *e, const ig_exec_device *devices, size_t n, ingot_error *err)
{
    leave_site(e);
    const ingot_status s = enter_site(e, devices, n, err);
    if (s) leave_site(e);
    return s;
}

/* The device that was asked for, or this machine where that may be. */
static ingot_status find_site(ig_engine *e, ingot_error *err)
{
    const ig_engine_setup *u = &e->setup;
    if (!u->n_devices) return ig_engine_move(e, NULL, 0, err);
    const ingot_status s = ig_engine_move(e, u->devices, u->n_devices, err);
    if (!s || !u->devices->may_fall_back) return s;
    ig_log_say(u->log, IG_LOG_WARN, "%s: %s; the model is computed on the CPU", u->device_name,
               err->text);
    return ig_engine_move(e, NULL, 0, err);
}

static ingot_status open_parts(ig_engine *e, ingot_error *err)
{
    e->context_given = e->options.context != 0;
    IG_TRY(ig_lm_open(&e->lm, e->heap, e->setup.file, err));
    IG_TRY(settle(e, err));
    IG_TRY(ig_prompts_open(&e->prompts, e->heap, &e->lm, err));
    e->order = ig_take0(e->heap, e->options.max_sequences * sizeof *e->order);
    if (!e->order) return ig_fail(err, INGOT_E_NOMEM, "generator: no memory");
    IG_TRY(ig_sample_work_open(&e->sampler, e->heap, e->lm.vocab, err));
    e->info.vocab = e->lm.vocab;
    IG_TRY(find_site(e, err));
    ig_engine_show(e);
    if (pthread_create(&e->thread, NULL, ig_engine_serve, e))
        return ig_fail(err, INGOT_E_FULL, "no thread could be started for the generator");
    e->has_thread = true;
    return INGOT_OK;
}

ingot_status ig_engine_open(ig_engine **out, const ig_engine_setup *setup, ingot_error *err)
{
    *out = NULL;
    ig_engine *e = ig_take0(setup->heap, sizeof *e);
    if (!e) return ig_fail(err, INGOT_E_NOMEM, "generator: no memory");
    e->heap = setup->heap;
    e->setup = *setup;
    e->options = *setup->options;
    e->setup.options = &e->options;
    ig_lm_jobs_init(&e->inbox);
    ig_lm_jobs_init(&e->waiting);
    ig_lm_jobs_init(&e->running);
    ig_arena_init(&e->restored_arena, e->heap);
    atomic_init(&e->cancel_step, false);
    atomic_init(&e->step_live, 0);
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, NULL);
    const ingot_status s = open_parts(e, err);
    if (s) ig_engine_close(&e);
    *out = e;
    return s;
}

static void end_thread(ig_engine *e)
{
    if (!e->has_thread) return;
    pthread_mutex_lock(&e->mutex);
    e->quit = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
    pthread_join(e->thread, NULL);
}

void ig_engine_close(ig_engine **engine)
{
    ig_engine *e = *engine;
    *engine = NULL;
    if (!e) return;
    end_thread(e);
    ig_heap *heap = e->heap;
    leave_site(e);
    ig_sample_work_close(&e->sampler);
    if (e->order) ig_give(heap, e->order, e->options.max_sequences * sizeof *e->order);
    ig_prompts_close(&e->prompts);
    ig_arena_clear(&e->restored_arena);
    ig_lm_close(&e->lm);
    ig_tenants_clear(e);
    pthread_mutex_destroy(&e->mutex);
    pthread_cond_destroy(&e->changed);
    ig_give(heap, e, sizeof *e);
}
