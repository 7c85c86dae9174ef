/* folder.h - the small files beside a checkpoint: tokenizer, chat template, defaults of generation.
 */
#ifndef IG_HF_FOLDER_H
#define IG_HF_FOLDER_H

#include "formats/llm/encoder.h"

#include <jansson.h>

bool ig_folder_has(const ig_source *src, const char *name);

/* ig_folder_json - a JSON object of the folder; the caller drops it. *out is NULL when the file is
 * not there and not required. Errors: E_IO, E_FORMAT (line and column), E_NOMEM. */
ingot_status ig_folder_json(json_t **out, const ig_source *src, const char *name, bool required,
                            ingot_error *err);
/* ig_folder_array - likewise a JSON array, which need not be there. */
ingot_status ig_folder_array(json_t **out, const ig_source *src, const char *name,
                             ingot_error *err);

/* ig_folder_generation - bos, eos, pad and sampling defaults from generation_config.json, and from
 * config where that is silent. */
ingot_status ig_folder_generation(ig_llm *m, const ig_source *src, const json_t *config,
                                  ingot_error *err);

/* ig_folder_pooling - how embeddings are made of an encoder's tokens, where the folder is one of
 * sentence-transformers (modules.json). Errors: E_FORMAT, E_UNSUPPORTED (a module or a pooling that
 * this Ingot lacks). */
ingot_status ig_folder_pooling(ig_encoder *e, const ig_source *src, ingot_error *err);

/* ig_folder_template - the chat template: chat_template.jinja, or chat_template of
 * tokenizer_config.json (of several named ones `default`, else the first). */
ingot_status ig_folder_template(ig_import *out, const ig_source *src, ingot_error *err);

/* ig_folder_tokenizer - what the folder has: tokenizer.json, tokenizer.model,
 * vocab.json and merges.txt, vocab.txt. m (may be NULL) gives special ids and the vocabulary's
 * size, and is told whether a text begins with bos. Errors: E_FORMAT: the tokenizer makes ids that
 * the model's table lacks. */
ingot_status ig_folder_tokenizer(ig_import *out, const ig_source *src, ig_llm *m, ingot_error *err);
bool ig_folder_has_tokenizer(const ig_source *src);

/* ig_tokenizer_json - a tokenizer.json as the whole source. */
ingot_status ig_tokenizer_json(ig_import *out, const void *bytes, size_t n, ingot_error *err);

#endif
