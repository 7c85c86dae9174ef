/* chat.h - a conversation as the text that a model goes on from.
 *
 * Messages are JSON, as in OpenAI's API: [{"role": "user", "content": "..."}, ...], with tool calls
 * and whatever else the template looks at. The text holds special tokens as they are written, and
 * what begins a text too: it is encoded with ig_encode(flags 0), without IG_ENCODE_SPECIAL. */
#ifndef IG_TEXT_CHAT_H
#define IG_TEXT_CHAT_H

#include "runtime/text/template/chat_template.h"
#include "runtime/text/tokenizer.h"

typedef struct {
    ingot_str messages;         /* a JSON list */
    ingot_str tools;            /* a JSON list; n == 0: the variable is none */
    ingot_str documents;        /* likewise */
    ingot_str more;             /* a JSON object of further variables; n == 0: none */
    bool add_generation_prompt; /* end where the model's answer begins */
    int64_t now;                /* as for ig_chat_template_render() */
} ig_chat;

/* ig_chat_text - append the text to *out. bos_token and eos_token are those of the tokenizer (may
 * be NULL: then they are undefined). Errors: as ig_chat_template_render(). */
ingot_status ig_chat_text(ig_bytes *out, const ig_chat_template *t, const ig_tokenizer *tokenizer,
                          const ig_chat *chat, ingot_error *err);

/* ig_put_json_text - append text[0, n) as a string of JSON. */
void ig_put_json_text(ig_bytes *to, const char *text, size_t n);

#endif
