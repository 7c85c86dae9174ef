/* importer.c - GGUF files as a source of `ingot convert`: those that hold a vocabulary and no
 * tensors. */
#include "formats/gguf/tokenizer.h"
#include "formats/import.h"

#include <string.h>

static bool is_gguf(const ig_source *src)
{
    return src->n_bytes >= 4 && !memcmp(src->bytes, "GGUF", 4);
}

static ingot_status read_gguf(ig_import *out, const ig_source *src, ingot_error *err)
{
    ig_gguf g;
    ig_recipe recipe;
    if (src->is_folder) return ig_fail(err, INGOT_E_ARG, "a folder, not a GGUF file");
    out->graph = ig_graph_open(src->heap, NULL);
    if (!out->graph) return ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
    ig_arena *a = &out->graph->arena;
    IG_TRY(ig_gguf_read(&g, a, src->bytes, src->n_bytes, err));
    if (g.n_tensors)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "a GGUF model of %zu tensors: this Ingot converts GGUF files that hold a "
                       "vocabulary only",
                       g.n_tensors);
    IG_TRY(ig_gguf_tokenizer(&recipe, a, &g, err));
    IG_TRY(ig_recipe_write(&out->tokenizer, &recipe, err));
    const ingot_str name = ig_gguf_text(&g, "general.name", "");
    const char *text = ig_arena_text(a, name.p, name.n);
    if (!text) return ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
    ig_import_text(out, "source.graph", text);
    return INGOT_OK;
}

const ig_importer ig_importer_gguf = {.name = "gguf", .is = is_gguf, .read = read_gguf};
