/* chat.c - see chat.h. */
#include "runtime/text/template/chat.h"
#include "runtime/text/lexicon.h"

#include <ctype.h>

static void put(ig_bytes *to, const char *text) { ig_put(to, text, strlen(text)); }

/* Without a value it is null, as transformers does: templates ask `is not none`. */
static void put_member(ig_bytes *to, const char *name, ingot_str json)
{
    put(to, name);
    ig_put(to, json.n ? json.p : "null", json.n ? json.n : 4);
}

static void put_token(ig_bytes *to, const char *name, const ig_lexicon *x, int32_t id)
{
    if (id < 0 || (size_t)id >= x->recipe.n_pieces) return;
    const ingot_str piece = ig_lexicon_piece(x, (uint32_t)id);
    put(to, name);
    ig_put_json_text(to, piece.p, piece.n);
}

/* The members of an object, without its braces. false: it is no object. */
static bool put_more(ig_bytes *to, ingot_str object)
{
    while (object.n && isspace((unsigned char)*object.p)) object.p++, object.n--;
    while (object.n && isspace((unsigned char)object.p[object.n - 1])) object.n--;
    if (!object.n) return true;
    if (object.n < 2 || *object.p != '{' || object.p[object.n - 1] != '}') return false;
    object.p++;
    object.n -= 2;
    while (object.n && isspace((unsigned char)*object.p)) object.p++, object.n--;
    if (object.n) put_member(to, ",", object);
    return true;
}

ingot_status ig_chat_text(ig_bytes *out, const ig_chat_template *t, const ig_tokenizer *tokenizer,
                          const ig_chat *chat, ingot_error *err)
{
    ig_bytes all;
    ig_bytes_init(&all, out->heap);
    put(&all, chat->add_generation_prompt ? "{\"add_generation_prompt\":true"
                                          : "{\"add_generation_prompt\":false");
    put_member(&all, ",\"messages\":", chat->messages);
    put_member(&all, ",\"tools\":", chat->tools);
    put_member(&all, ",\"documents\":", chat->documents);
    if (tokenizer) {
        const ig_lexicon *x = ig_tokenizer_lexicon(tokenizer);
        put_token(&all, ",\"bos_token\":", x, x->recipe.bos);
        put_token(&all, ",\"eos_token\":", x, x->recipe.eos);
    }
    const bool object = put_more(&all, chat->more);
    put(&all, "}");
    ingot_status s = INGOT_OK;
    if (!object) s = ig_fail(err, INGOT_E_DATA, "chat: the further variables are no JSON object");
    if (!s && all.failed) s = ig_fail(err, INGOT_E_NOMEM, "chat: no memory for its messages");
    if (!s) s = ig_chat_template_render(out, t, (const char *)all.p, all.n, chat->now, err);
    ig_bytes_clear(&all);
    return s;
}
