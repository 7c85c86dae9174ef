/* texts.c - see texts.h. */
#include "tools/model/texts.h"
#include "tools/data/whole.h"

#include <stdio.h>
#include <string.h>

void ig_text_list_init(ig_text_list *t, ig_heap *heap)
{
    *t = (ig_text_list){0};
    ig_arena_init(&t->arena, heap);
}

void ig_text_list_clear(ig_text_list *t)
{
    ig_heap *heap = t->arena.heap;
    ig_give(heap, t->v, t->cap * sizeof *t->v);
    ig_give(heap, t->cut, t->cut ? t->n * sizeof *t->cut : 0);
    ig_arena_clear(&t->arena);
    *t = (ig_text_list){.arena = {.heap = heap}};
}

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "no memory for the texts");
}

static ingot_status add(ig_text_list *t, const char *prefix, const char *p, size_t n,
                        ingot_error *err)
{
    const size_t before = prefix ? strlen(prefix) : 0;
    if (t->n == t->cap) {
        const size_t cap = t->cap ? 2 * t->cap : 64;
        ingot_str *v = ig_take(t->arena.heap, cap * sizeof *v);
        if (!v) return no_memory(err);
        if (t->n) memcpy(v, t->v, t->n * sizeof *v);
        ig_give(t->arena.heap, t->v, t->cap * sizeof *t->v);
        t->v = v;
        t->cap = cap;
    }
    char *copy = ig_arena_take(&t->arena, before + n + 1);
    if (!copy) return no_memory(err);
    if (before) memcpy(copy, prefix, before);
    if (n) memcpy(copy + before, p, n);
    t->v[t->n++] = (ingot_str){copy, before + n};
    return INGOT_OK;
}

ingot_status ig_text_list_words(ig_text_list *t, const char *prefix, const ig_words *words,
                                ingot_error *err)
{
    for (size_t i = 0; i < words->n; i++)
        IG_TRY(add(t, prefix, words->items[i], strlen(words->items[i]), err));
    return INGOT_OK;
}

ingot_status ig_text_list_lines(ig_text_list *t, const char *prefix, const char *path,
                                ingot_error *err)
{
    ig_bytes whole;
    ig_bytes_init(&whole, t->arena.heap);
    ingot_status s = ig_read_whole(&whole, path, err);
    const char *p = (const char *)whole.p, *end = p + whole.n;
    while (!s && p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        const char *next = stop ? stop + 1 : end;
        if (!stop) stop = end;
        if (stop > p && stop[-1] == '\r') stop--;
        s = add(t, prefix, p, (size_t)(stop - p), err);
        p = next;
    }
    ig_bytes_clear(&whole);
    return s;
}

ingot_status ig_text_list_ready(ig_text_list *t, ingot_error *err)
{
    if (!t->n) return ig_fail(err, INGOT_E_ARG, "no text is given, as an argument or with --file");
    t->cut = ig_take0(t->arena.heap, t->n * sizeof *t->cut);
    return t->cut ? INGOT_OK : no_memory(err);
}

void ig_text_list_tell_cut(const ig_text_list *t, size_t most)
{
    enum { TOLD = 5 };
    size_t n = 0, tokens = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!t->cut[i]) continue;
        tokens += t->cut[i];
        if (n++ < TOLD)
            fprintf(stderr, "ingot: text %zu: %zu tokens were cut (at most %zu are taken)\n", i,
                    t->cut[i], most);
    }
    if (n > TOLD)
        fprintf(stderr, "ingot: %zu of %zu texts were cut, %zu tokens in all\n", n, t->n, tokens);
}

ingot_status ig_open_embedder(ingot_embedder **e, ig_cli *cli, const ig_opened *o, const char *path,
                              const ingot_embedder_options *options, ingot_error *err)
{
    IG_TRY(ig_model_computes(cli, o, path, err));
    const ingot_status s = ingot_embedder_open(e, o->model, options, err);
    if (!s || s == INGOT_E_ARG || s == INGOT_E_DEVICE) return s; /* of the options */
    return ig_model_failed(cli, ig_wrap(err, s, "%s", path));
}

ingot_status ig_text_job_run(ig_cli *cli, const void *a, ingot_embedder_options options,
                             ig_text_work_fn *work, ingot_error *err)
{
    const ig_text_args *given = a;
    ingot_session_options where = {0};
    IG_TRY(ig_device_given(&where, &given->device, err));
    options.size = sizeof options;
    options.max_tokens = (size_t)given->max_tokens;
    options.fast_math = given->math == 1;
    options.device = where.device;
    options.device_bytes = where.device_bytes;
    options.device_fraction = where.device_fraction;
    ig_text_job j = {0};
    const ig_open_options how = {.threads = given->threads};
    IG_TRY(ig_open_model(&j.o, cli, given->model, &how, err));
    ig_text_list_init(&j.texts, &j.o.rt->heap);
    ingot_status s = ig_open_embedder(&j.e, cli, &j.o, given->model, &options, err);
    if (!s) {
        ingot_embedder_get_info(&j.info, j.e);
        s = work(&j, cli, a, err);
    }
    ig_text_list_clear(&j.texts);
    if (j.e) ingot_embedder_close(&j.e);
    ig_close_model(&j.o);
    return s;
}

ingot_status ig_text_job_take(ig_text_job *j, const char *prefix, const ig_text_args *a,
                              ingot_error *err)
{
    IG_TRY(ig_text_list_words(&j->texts, prefix, &a->texts, err));
    if (a->file) IG_TRY(ig_text_list_lines(&j->texts, prefix, a->file, err));
    return ig_text_list_ready(&j->texts, err);
}
