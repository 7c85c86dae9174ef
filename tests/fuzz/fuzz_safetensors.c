/* fuzz_safetensors.c - checkpoints from anywhere. A damaged safetensors file meets the configs of
 * all families, a damaged config.json their tensors: an error, or a graph that checks and can be
 * filled; all memory back. The good halves are those of tests/llm/data. */
#include "tests/fuzz/fuzz.h"
#include "formats/hf/hub.h"
#include "formats/llm/encoder.h"
#include "formats/safetensors/safetensors.h"
#include "runtime/graph/pass.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

const char *const fuzz_endings = ".safetensors .json";
long fuzz_taken;

enum { MEMORY = 256 << 20, MODELS = 64 };

typedef struct {
    char *bytes;
    size_t n;
    json_t *config;
} model;

static model models[MODELS];
static size_t n_models;

/* ---- the good halves ---- */

static char *read_whole(const char *folder, const char *name, const char *file, size_t *n)
{
    char path[1024];
    snprintf(path, sizeof path, "%.400s/%.200s/%s", folder, name, file);
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *p = malloc(*n + 1);
    if (!p || fread(p, 1, *n, f) != *n) abort();
    fclose(f);
    return p;
}

static void load_models(void)
{
    DIR *dir = opendir(LLM_DATA);
    if (!dir) abort();
    for (const struct dirent *e; (e = readdir(dir)) && n_models < MODELS;) {
        model *m = &models[n_models];
        size_t n;
        m->bytes = read_whole(LLM_DATA, e->d_name, "model.safetensors", &m->n);
        if (!m->bytes) continue;
        char *text = read_whole(LLM_DATA, e->d_name, "config.json", &n);
        m->config = text ? json_loadb(text, n, 0, NULL) : NULL;
        free(text);
        if (!m->config) abort();
        n_models++;
    }
    closedir(dir);
    if (!n_models) abort();
}

/* ---- one meeting ---- */

static void must_say(const ingot_error *err)
{
    if (!err->text[0]) abort(); /* a failure says what is wrong */
}

/* Every row of every float tensor can be read. */
static void read_rows(const ig_checkpoint *c, ig_arena *a)
{
    for (size_t i = 0; i < c->n; i++) {
        const ig_rows r = ig_rows_of(&c->tensors[i], false);
        if (!r.tensor->type->widen) continue;
        float *row = ig_new_n(a, float, ig_rows_k(&r) + 1);
        for (size_t k = 0; row && k < ig_rows_n(&r); k++)
            if (ig_rows_read(row, &r, k, NULL)) abort();
    }
}

static ingot_status build(ig_import *im, ig_heap *heap, ig_checkpoint *c, const json_t *config,
                          ingot_error *err)
{
    ig_encoder e;
    bool is_encoder;
    const ig_weights weights = {.graph = im->graph, .heap = heap, .target = IG_TO_Q4};
    IG_TRY(ig_hub_scales(c, config, &im->graph->arena, err));
    IG_TRY(ig_hub_describe(&e, &is_encoder, c, config, &im->graph->arena, NULL, err));
    IG_TRY(is_encoder ? ig_llm_encoder(im, &e, &weights, err)
                      : ig_llm_decoder(im, &e.base, &weights, err));
    IG_TRY(ig_graph_check(im->graph, err));
    return ig_infer_graph(im->graph, heap, err);
}

static void meet(const uint8_t *tensors, size_t n, const json_t *config, bool rows)
{
    fuzz_bound b = {MEMORY};
    ig_heap heap;
    ig_heap_init(&heap, &(ingot_alloc){fuzz_alloc, &b});
    ig_import im = {.graph = ig_graph_open(&heap, NULL)};
    ig_checkpoint c = {0};
    ingot_error err = {0};
    ingot_status s = ig_safetensors_read(&c, &im.graph->arena, tensors, n, NULL, &err);
    if (!s) s = ig_checkpoint_sort(&c, &err);
    if (!s && rows) read_rows(&c, &im.graph->arena);
    if (!s && config) s = build(&im, &heap, &c, config, &err);
    if (!s && config) s = ig_graph_fill(im.graph, &err);
    if (s) must_say(&err);
    fuzz_taken += !s && config;
    ig_graph_close(&im.graph);
    if (atomic_load(&heap.live_bytes)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!n_models) load_models();
    json_t *config = size && data[0] == '{' ? json_loadb((const char *)data, size, 0, NULL) : NULL;
    for (size_t i = 0; config && i < n_models; i++)
        meet((const uint8_t *)models[i].bytes, models[i].n, config, false);
    if (!config) meet(data, size, NULL, true);
    for (size_t i = 0; !config && i < n_models; i++) meet(data, size, models[i].config, false);
    json_decref(config);
    return 0;
}
