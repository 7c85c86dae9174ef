/* prompt.c - see prompt.h. */
#include "runtime/llm/engine/prompt.h"
#include "runtime/base/checked.h"

#include <pthread.h>
#include <string.h>

/* ---- lists of ids ---- */

ingot_status ig_token_list_add(ig_token_list *l, const int32_t *ids, size_t n, ingot_error *err)
{
    if (n > l->cap - l->n) {
        size_t cap = IG_MAX(l->cap, (size_t)64), bytes;
        while (cap - l->n < n)
            if (!ig_mul_ok(cap, 2, &cap)) break;
        int32_t *v = ig_mul_ok(cap, sizeof *v, &bytes) ? ig_take(l->heap, bytes) : NULL;
        if (!v) return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu tokens", cap);
        if (l->n) memcpy(v, l->v, l->n * sizeof *v);
        ig_give(l->heap, l->v, l->cap * sizeof *v);
        l->v = v;
        l->cap = cap;
    }
    if (n) memcpy(l->v + l->n, ids, n * sizeof *ids);
    l->n += n;
    return INGOT_OK;
}

void ig_token_list_clear(ig_token_list *l)
{
    if (l->v) ig_give(l->heap, l->v, l->cap * sizeof *l->v);
    l->v = NULL;
    l->n = l->cap = 0;
}

#if IG_HAVE_TEXT
#    include "runtime/base/utf8.h"
#    include "runtime/text/detokenize.h"
#    include "runtime/text/template/chat.h"

/* ---- texts to ids ---- */

struct ig_prompts {
    ig_heap *heap;
    const ig_lm *lm;
    ig_tokenizer *tokenizer;
    ig_token_work *work; /* under the mutex */
    ig_trie *trie;       /* likewise, until it is made */
    ig_chat_template *chat;
    pthread_mutex_t mutex;
};

ingot_status ig_prompts_open(ig_prompts **out, ig_heap *heap, const ig_lm *lm, ingot_error *err)
{
    *out = NULL;
    const ingot_str bytes = ig_ingot_tokenizer(lm->file);
    if (!bytes.p) return INGOT_OK;
    ig_prompts *p = ig_take0(heap, sizeof *p);
    if (!p) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory");
    p->heap = heap;
    p->lm = lm;
    pthread_mutex_init(&p->mutex, NULL);
    ingot_status s = ig_tokenizer_open(&p->tokenizer, heap, bytes.p, bytes.n, err);
    if (!s) s = ig_token_work_open(&p->work, p->tokenizer, err);
    if (s) ig_prompts_close(&p);
    *out = p;
    return s;
}

void ig_prompts_close(ig_prompts **prompts)
{
    ig_prompts *p = *prompts;
    *prompts = NULL;
    if (!p) return;
    ig_chat_template_close(&p->chat);
    ig_trie_close(&p->trie);
    ig_token_work_close(&p->work);
    ig_tokenizer_close(&p->tokenizer);
    pthread_mutex_destroy(&p->mutex);
    ig_give(p->heap, p, sizeof *p);
}

static ingot_status encode(ig_token_list *out, ig_prompts *p, const char *text, size_t n,
                           unsigned flags, bool add_bos, ingot_error *err)
{
    ig_ids ids;
    ig_ids_init(&ids, p->heap);
    pthread_mutex_lock(&p->mutex);
    ingot_status s = ig_encode(&ids, p->work, text, n, flags, err);
    pthread_mutex_unlock(&p->mutex);
    const int32_t bos = (int32_t)p->lm->bos;
    if (!s && add_bos && p->lm->add_bos && (!ids.n || ids.v[0] != (uint32_t)bos))
        s = ig_token_list_add(out, &bos, 1, err);
    for (size_t i = 0; !s && i < ids.n; i++) {
        const int32_t id = (int32_t)ids.v[i];
        s = ids.v[i] < p->lm->vocab
                ? ig_token_list_add(out, &id, 1, err)
                : ig_fail(err, INGOT_E_FORMAT, "the tokenizer gives id %u, the model has %zu",
                          ids.v[i], p->lm->vocab);
    }
    ig_ids_clear(&ids);
    return s;
}

static ingot_status none(ingot_error *err)
{
    return ig_fail(err, INGOT_E_UNSUPPORTED,
                   "the model has no tokenizer: give ids, or convert it with its tokenizer files "
                   "beside it");
}

ingot_status ig_prompts_encode(ig_token_list *out, ig_prompts *p, const char *text, size_t n,
                               bool raw, bool first, ingot_error *err)
{
    if (!p) return none(err);
    const bool add = first && !raw; /* the tokens that begin a text */
    return encode(out, p, text, n, (add ? IG_ENCODE_SPECIAL : 0u) | (raw ? IG_ENCODE_PLAIN : 0u),
                  add, err);
}

/* ---- conversations ---- */

/* The model's template, read by the first conversation. What is wrong with it is the model's fault.
 */
static ingot_status open_chat(ig_prompts *p, ingot_error *err)
{
    const ingot_str text = ig_ingot_template(p->lm->file);
    if (!text.p)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "the model has no chat template: write the prompt as its makers describe");
    ingot_status s = INGOT_OK;
    pthread_mutex_lock(&p->mutex);
    if (!p->chat) s = ig_chat_template_open(&p->chat, p->heap, text.p, text.n, err);
    pthread_mutex_unlock(&p->mutex);
    if (s == INGOT_E_DATA && err) err->status = INGOT_E_FORMAT;
    return s ? ig_wrap(err, s == INGOT_E_DATA ? INGOT_E_FORMAT : s, "the model's chat template")
             : INGOT_OK;
}

static ingot_status check_text(const char *text, size_t message, ingot_error *err)
{
    const size_t n = strlen(text);
    uint32_t cp;
    for (size_t i = 0, step; i < n; i += step)
        if (!(step = ig_utf8_next(&cp, text + i, n - i)))
            return ig_fail(err, INGOT_E_DATA, "message %zu: not UTF-8 at byte %zu", message, i);
    return INGOT_OK;
}

static ingot_status put_messages(ig_bytes *json, const ingot_message *messages, size_t n,
                                 ingot_error *err)
{
    ig_put_u8(json, '[');
    for (size_t i = 0; i < n; i++) {
        const ingot_message *m = &messages[i];
        if (!m->role || !m->content)
            return ig_fail(err, INGOT_E_ARG, "message %zu has no role or no content", i);
        IG_TRY(check_text(m->role, i, err));
        IG_TRY(check_text(m->content, i, err));
        ig_put(json, i ? ",{\"role\":" : "{\"role\":", i ? 9 : 8);
        ig_put_json_text(json, m->role, strlen(m->role));
        ig_put(json, ",\"content\":", 11);
        ig_put_json_text(json, m->content, strlen(m->content));
        ig_put_u8(json, '}');
    }
    ig_put_u8(json, ']');
    return json->failed ? ig_fail(err, INGOT_E_NOMEM, "no memory for %zu messages", n) : INGOT_OK;
}

ingot_status ig_prompts_chat(ig_token_list *out, ig_prompts *p, const ingot_message *messages,
                             size_t n, ingot_error *err)
{
    if (!p) return none(err);
    IG_TRY(open_chat(p, err));
    ig_bytes json, text;
    ig_bytes_init(&json, p->heap);
    ig_bytes_init(&text, p->heap);
    ingot_status s = put_messages(&json, messages, n, err);
    const ig_chat chat = {.messages = {(const char *)json.p, json.n},
                          .add_generation_prompt = true};
    if (!s) s = ig_chat_text(&text, p->chat, p->tokenizer, &chat, err);
    if (!s) s = encode(out, p, (const char *)text.p, text.n, 0, false, err);
    ig_bytes_clear(&json);
    ig_bytes_clear(&text);
    return s;
}

ingot_status ig_prompts_trie(const ig_trie **out, ig_prompts *p, ingot_error *err)
{
    uint32_t eos[IG_LM_EOS_MOST];
    ingot_status s = INGOT_OK;
    if (!p) return none(err);
    for (size_t i = 0; i < p->lm->n_eos; i++) eos[i] = (uint32_t)p->lm->eos[i];
    pthread_mutex_lock(&p->mutex);
    if (!p->trie)
        s = ig_trie_of_tokenizer(&p->trie, p->heap, p->tokenizer, p->lm->vocab, eos, p->lm->n_eos,
                                 err);
    *out = p->trie;
    pthread_mutex_unlock(&p->mutex);
    return s;
}

/* ---- ids to texts ---- */

struct ig_detokenizer_box {
    ig_detokenizer d;
    ig_heap *heap;
};

static ingot_status open_detokenizer(ig_answer_text *a, ig_prompts *p, ig_heap *heap, bool follows,
                                     ingot_error *err)
{
    a->detokenizer = ig_take0(heap, sizeof *a->detokenizer);
    if (!a->detokenizer) return ig_fail(err, INGOT_E_NOMEM, "text: no memory");
    a->detokenizer->heap = heap;
    ig_detokenizer_init(&a->detokenizer->d, p->tokenizer, heap, true);
    if (follows) ig_detokenizer_follow(&a->detokenizer->d);
    return INGOT_OK;
}

static void close_detokenizer(ig_answer_text *a)
{
    if (!a->detokenizer) return;
    ig_detokenizer_clear(&a->detokenizer->d);
    ig_give(a->detokenizer->heap, a->detokenizer, sizeof *a->detokenizer);
}

static ingot_status take_text(ig_answer_text *a, ingot_status s, ingot_error *err)
{
    ig_bytes *out = &a->detokenizer->d.out;
    if (!s && a->stops)
        ig_stop_feed(a->stops, &a->state, (const char *)out->p, out->n, &a->text);
    else if (!s)
        ig_put(&a->text, out->p, out->n);
    out->n = 0;
    if (!s && (a->text.failed || out->failed))
        s = ig_fail(err, INGOT_E_NOMEM, "no memory for the answer's text");
    return s;
}

ingot_status ig_answer_text_add(ig_answer_text *a, int32_t id, bool *stopped, ingot_error *err)
{
    *stopped = false;
    if (!a->detokenizer) return INGOT_OK;
    /* a model may have more logits than its tokenizer has pieces: such ids have no text */
    if ((uint32_t)id >= a->detokenizer->d.x->recipe.n_pieces) return INGOT_OK;
    const ingot_status s = ig_detokenizer_add(&a->detokenizer->d, (uint32_t)id, err);
    IG_TRY(take_text(a, s, err));
    *stopped = a->state.stopped;
    return INGOT_OK;
}

ingot_status ig_answer_text_end(ig_answer_text *a, ingot_error *err)
{
    if (!a->detokenizer || a->state.stopped) return INGOT_OK;
    IG_TRY(take_text(a, ig_detokenizer_end(&a->detokenizer->d, err), err));
    if (a->stops) ig_stop_end(a->stops, &a->state, &a->text);
    return a->text.failed ? ig_fail(err, INGOT_E_NOMEM, "no memory for the answer's text")
                          : INGOT_OK;
}

#else /* built without tokenizers */

struct ig_prompts {
    char none;
};

ingot_status ig_prompts_open(ig_prompts **out, ig_heap *heap, const ig_lm *lm, ingot_error *err)
{
    (void)heap, (void)lm, (void)err;
    *out = NULL;
    return INGOT_OK;
}

void ig_prompts_close(ig_prompts **p) { *p = NULL; }

static ingot_status none(ingot_error *err)
{
    return ig_fail(err, INGOT_E_UNSUPPORTED,
                   "this Ingot was built without tokenizers: give ids (libutf8proc-dev and "
                   "libjansson-dev turn them on)");
}

ingot_status ig_prompts_encode(ig_token_list *out, ig_prompts *p, const char *text, size_t n,
                               bool raw, bool first, ingot_error *err)
{
    (void)out, (void)p, (void)text, (void)n, (void)raw, (void)first;
    return none(err);
}

ingot_status ig_prompts_chat(ig_token_list *out, ig_prompts *p, const ingot_message *messages,
                             size_t n, ingot_error *err)
{
    (void)out, (void)p, (void)messages, (void)n;
    return none(err);
}

ingot_status ig_prompts_trie(const ig_trie **out, ig_prompts *p, ingot_error *err)
{
    (void)out, (void)p;
    return none(err);
}

struct ig_detokenizer_box {
    char none;
};

static ingot_status open_detokenizer(ig_answer_text *a, ig_prompts *p, ig_heap *heap, bool follows,
                                     ingot_error *err)
{
    (void)a, (void)p, (void)heap, (void)follows;
    return none(err);
}

static void close_detokenizer(ig_answer_text *a) { (void)a; }

ingot_status ig_answer_text_add(ig_answer_text *a, int32_t id, bool *stopped, ingot_error *err)
{
    (void)a, (void)id, (void)err;
    *stopped = false;
    return INGOT_OK;
}

ingot_status ig_answer_text_end(ig_answer_text *a, ingot_error *err)
{
    (void)a, (void)err;
    return INGOT_OK;
}

#endif

/* ---- both ---- */

ingot_status ig_answer_text_open(ig_answer_text *a, ig_prompts *p, ig_heap *heap, bool follows,
                                 const ingot_str *stop, size_t n_stop, ingot_error *err)
{
    *a = (ig_answer_text){0};
    ig_bytes_init(&a->text, heap);
    if (!p && n_stop) return none(err);
    ingot_status s = p ? open_detokenizer(a, p, heap, follows, err) : INGOT_OK;
    if (!s && n_stop) s = ig_stops_open(&a->stops, heap, stop, n_stop, err);
    if (s) ig_answer_text_close(a);
    return s;
}

void ig_answer_text_close(ig_answer_text *a)
{
    close_detokenizer(a);
    ig_stops_close(&a->stops);
    if (a->text.heap) ig_bytes_clear(&a->text);
    *a = (ig_answer_text){0};
}

ingot_str ig_answer_text_new(ig_answer_text *a)
{
    const ingot_str s = {a->text.n > a->shown ? (const char *)a->text.p + a->shown : "",
                         a->text.n - a->shown};
    a->shown = a->text.n;
    return s;
}
