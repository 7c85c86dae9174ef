/* chat_template.h - chat templates: the subset of Jinja in which models say how a conversation is
 * written.
 *
 * The environment is that of Hugging Face transformers: trim_blocks and lstrip_blocks are on,
 * tojson keeps the order of keys and does not escape what is not ASCII, raise_exception() and
 * strftime_now() exist, lists and dicts cannot be changed. Templates come from strangers, so a
 * rendering is bounded in steps, depth, memory and output; it reads no file and calls nothing
 * outside. docs/language-models.md lists what is understood. */
#ifndef IG_TEXT_CHAT_TEMPLATE_H
#define IG_TEXT_CHAT_TEMPLATE_H

#include "runtime/base/bytes.h"

enum {
    IG_TEMPLATE_TEXT_MOST = 1 << 20,    /* bytes of a template */
    IG_TEMPLATE_OUTPUT_MOST = 64 << 20, /* bytes that it writes */
    IG_TEMPLATE_MEMORY_MOST = 256 << 20,
    IG_TEMPLATE_STEPS_MOST = 20 << 20, /* nodes of the tree that are evaluated */
};

typedef struct ig_chat_template ig_chat_template; /* immutable: any threads */

/* ig_chat_template_open - reads text[0, n), which is copied. Errors: E_DATA (line, column, what is
 * wrong), E_UNSUPPORTED (a construct that is not understood: its name and place), E_FULL, E_NOMEM.
 */
ingot_status ig_chat_template_open(ig_chat_template **out, ig_heap *heap, const char *text,
                                   size_t n, ingot_error *err);
void ig_chat_template_close(ig_chat_template **t);

/* ig_chat_template_render - appends to *out what the template makes of variables[0, n), a JSON
 * object: its members are the template's variables (messages, tools, documents,
 * add_generation_prompt, bos_token, eos_token and what else the template asks for). now: seconds
 * since 1970 for strftime_now(), in UTC; 0 asks the clock, in local time. On failure *out is as
 * before. Errors: E_DATA (the JSON is malformed; the template calls raise_exception(): its words;
 * an operation is not defined: which, line, column), E_UNSUPPORTED (an unknown filter, test or
 * method), E_FULL (a bound), E_NOMEM. */
ingot_status ig_chat_template_render(ig_bytes *out, const ig_chat_template *t,
                                     const char *variables, size_t n, int64_t now,
                                     ingot_error *err);

#endif
