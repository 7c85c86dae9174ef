/* prompt.h - the text side of a generator: prompts to ids, ids to text that streams.
 *
 * Where Ingot is built without tokenizers, or the model has none, requests of ids still work and
 * their answers have no text. */
#ifndef IG_LLM_PROMPT_H
#define IG_LLM_PROMPT_H

#include "runtime/llm/engine/lm.h"
#include "runtime/llm/grammar/grammar.h"
#include "runtime/llm/sample/stop.h"

typedef struct ig_prompts ig_prompts;

/* ig_prompts_open - the tokenizer of lm's file. *out is NULL, with INGOT_OK, when it has none.
 * Errors: E_FORMAT, E_UNSUPPORTED (a tokenizer that this build cannot run), E_NOMEM. */
ingot_status ig_prompts_open(ig_prompts **out, ig_heap *heap, const ig_lm *lm, ingot_error *err);
void ig_prompts_close(ig_prompts **p);

/* A list of ids that grows. */
typedef struct {
    int32_t *v;
    size_t n, cap;
    ig_heap *heap;
} ig_token_list;

ingot_status ig_token_list_add(ig_token_list *l, const int32_t *ids, size_t n, ingot_error *err);
void ig_token_list_clear(ig_token_list *l);

/* ig_prompts_encode - append the ids of a text. raw: special tokens are text and none is added.
 * first: the text begins here, not behind other ids.
 * Errors: E_UNSUPPORTED (p is NULL: no tokenizer), E_DATA (not UTF-8), E_NOMEM. Threads: any. */
ingot_status ig_prompts_encode(ig_token_list *out, ig_prompts *p, const char *text, size_t n,
                               bool raw, bool first, ingot_error *err);

/* ig_prompts_chat - append the ids of a conversation by the model's chat template, up to where the
 * answer begins. Errors: E_UNSUPPORTED (no template), E_DATA (the template refuses it), E_NOMEM. */
ingot_status ig_prompts_chat(ig_token_list *out, ig_prompts *p, const ingot_message *messages,
                             size_t n, ingot_error *err);

/* ig_prompts_trie - the texts of the tokens, for grammars; made by the first call. Errors:
 * E_UNSUPPORTED (no tokenizer, or one whose texts depend on their neighbours), E_NOMEM. Threads:
 * any. */
ingot_status ig_prompts_trie(const ig_trie **out, ig_prompts *p, ingot_error *err);

/* ---- the text of an answer ---- */

typedef struct {
    struct ig_detokenizer_box *detokenizer; /* NULL: no tokenizer */
    ig_stops *stops;                        /* NULL: none */
    ig_stop_state state;
    ig_bytes text; /* all that may be shown so far */
    size_t shown;  /* of it handed on */
} ig_answer_text;

/* p NULL: there will be no text; stop strings are E_UNSUPPORTED then. follows: the answer goes on
 * from a text, so that a space at its beginning is kept. */
ingot_status ig_answer_text_open(ig_answer_text *a, ig_prompts *p, ig_heap *heap, bool follows,
                                 const ingot_str *stop, size_t n_stop, ingot_error *err);
void ig_answer_text_close(ig_answer_text *a); /* may be all zero */

/* ig_answer_text_add - one more id. *stopped: its text completed a stop string. */
ingot_status ig_answer_text_add(ig_answer_text *a, int32_t id, bool *stopped, ingot_error *err);
ingot_status ig_answer_text_end(ig_answer_text *a, ingot_error *err); /* what was held back */
ingot_str ig_answer_text_new(ig_answer_text *a); /* what was not handed on yet; it is now */

#endif
