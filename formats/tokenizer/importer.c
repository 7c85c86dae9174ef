/* importer.c - SentencePiece's tokenizer.model as a source of `ingot convert`. Hugging Face's
 * tokenizer.json is one too: formats/hf. */
#include "formats/import.h"
#include "formats/tokenizer/import.h"

#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static ingot_status open_empty(ig_import *out, const ig_source *src, ingot_error *err)
{
    out->graph = ig_graph_open(src->heap, NULL);
    return out->graph ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
}

static bool is_sentencepiece(const ig_source *src)
{
    return !src->is_folder && ends_with(src->path, ".model");
}

static ingot_status read_sentencepiece(ig_import *out, const ig_source *src, ingot_error *err)
{
    ig_recipe recipe;
    if (src->is_folder) return ig_fail(err, INGOT_E_ARG, "a folder, not a SentencePiece model");
    IG_TRY(open_empty(out, src, err));
    IG_TRY(ig_tokenizer_from_sentencepiece(&recipe, &out->graph->arena, src->bytes, src->n_bytes,
                                           err));
    return ig_recipe_write(&out->tokenizer, &recipe, err);
}

const ig_importer ig_importer_sentencepiece = {
    .name = "sentencepiece", .is = is_sentencepiece, .read = read_sentencepiece};
