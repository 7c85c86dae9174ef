/* import.h - tokenizers of other programs into recipes (runtime/text/recipe.h). */
#ifndef IG_TOKENIZER_IMPORT_H
#define IG_TOKENIZER_IMPORT_H

#include "runtime/text/recipe.h"

/* Everything a recipe points to lies in the arena. Errors of all: E_FORMAT (malformed, says what),
 * E_UNSUPPORTED (a part that Ingot does not have, by its name), E_NOMEM. */

/* ig_tokenizer_from_json - Hugging Face's tokenizer.json. Ids of the beginning, the end and padding
 * are not in it: they stay IG_NO_ID. */
ingot_status ig_tokenizer_from_json(ig_recipe *r, ig_arena *arena, const char *json, size_t n,
                                    ingot_error *err);

/* ig_tokenizer_from_sentencepiece - a SentencePiece model (tokenizer.model), BPE or unigram. */
ingot_status ig_tokenizer_from_sentencepiece(ig_recipe *r, ig_arena *arena, const void *bytes,
                                             size_t n, ingot_error *err);

/* ig_tokenizer_from_file - a file of any of these kinds, a GGUF file with a vocabulary or a
 * tokenizer of llama2.c, as the bytes of a TOKENIZER section, appended to it. n_pieces: of the
 * vocabulary. Errors: E_IO too; all begin with the path. */
ingot_status ig_tokenizer_from_file(ig_bytes *section, size_t *n_pieces, ig_heap *heap,
                                    const char *path, ingot_error *err);

/* ---- parts that several importers use ---- */

/* ig_undisguise - byte-level BPE writes bytes as printable characters (GPT-2's table). Back to
 * bytes, in place; false (and unchanged) when a character is not of the table. */
bool ig_undisguise(char *p, uint32_t *n);

/* ig_merges_from_scores - SentencePiece's BPE has no list of merges: any two neighbours whose join
 * is a piece merge, the highest score first. */
ingot_status ig_merges_from_scores(ig_recipe *r, ig_arena *arena, ingot_error *err);

/* Pieces by their bytes; control, unknown and byte pieces are not found, of equal ones the first.
 */
typedef struct {
    const ig_recipe *r;
    uint32_t *slots;
    unsigned log2;
} ig_piece_table;

ingot_status ig_piece_table_open(ig_piece_table *t, ig_arena *arena, const ig_recipe *r,
                                 ingot_error *err);
uint32_t ig_piece_table_find(const ig_piece_table *t, const char *p, size_t n); /* or UINT32_MAX */

/* A growing list of steps. */
typedef struct {
    ig_arena *arena;
    ig_step *v;
    size_t n, cap;
    bool failed;
} ig_step_list;

void ig_step_add(ig_step_list *l, ig_step s);
static inline ig_step ig_step_text(ig_step_kind kind, const char *text, size_t n)
{
    return (ig_step){.kind = (uint8_t)kind, .text = text, .n_text = (uint32_t)n};
}

/* ig_spaces_as_pieces - SentencePiece's way with spaces: one before the text (where prefix), all
 * written as `space`; and back. */
void ig_spaces_as_pieces(ig_step_list *to, ig_step_list *back, bool prefix, const char *space);

/* ig_split_at_spaces - where no piece holds a space mark behind another character, cutting before
 * those marks changes no result, and short words are faster than one long text. Does nothing where
 * that is not so, or the recipe has splitters already. */
ingot_status ig_split_at_spaces(ig_recipe *r, ig_arena *arena, ingot_error *err);

/* GPT-2's split pattern, and the words of Rust's \w+|[^\w\s]+. */
extern const char ig_pattern_gpt2[], ig_pattern_words[];

#endif
