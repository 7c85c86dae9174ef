/* detokenize.c - see detokenize.h. */
#include "runtime/text/detokenize.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"

static const char replacement[] = "\xef\xbf\xbd";

void ig_detokenizer_init(ig_detokenizer *d, const ig_tokenizer *t, ig_heap *heap, bool skip_special)
{
    *d = (ig_detokenizer){.x = ig_tokenizer_lexicon(t), .skip_special = skip_special};
    ig_bytes_init(&d->token, heap);
    ig_bytes_init(&d->spare, heap);
    ig_bytes_init(&d->out, heap);
    const ig_steps *steps = &d->x->recipe.decode;
    for (size_t i = 0; i < steps->n; i++)
        if (steps->v[i].kind == IG_STEP_DECODE_STRIP) d->strip_left = steps->v[i].a;
}

void ig_detokenizer_clear(ig_detokenizer *d)
{
    ig_bytes_clear(&d->token);
    ig_bytes_clear(&d->spare);
    ig_bytes_clear(&d->out);
}

/* ---- steps over the token at hand ---- */

static void replace_all(ig_detokenizer *d, const char *what, size_t n_what, const char *with,
                        size_t n_with)
{
    const char *p = (const char *)d->token.p, *end = p + d->token.n;
    d->spare.n = 0;
    while (p < end) {
        const char *hit = n_what ? memmem(p, (size_t)(end - p), what, n_what) : NULL;
        if (!hit) break;
        ig_put(&d->spare, p, (size_t)(hit - p));
        ig_put(&d->spare, with, n_with);
        p = hit + n_what;
    }
    ig_put(&d->spare, p, (size_t)(end - p));
    const ig_bytes swap = d->token;
    d->token = d->spare;
    d->spare = swap;
}

/* Hugging Face's clean-up: no space before punctuation and before English contractions. */
static void tidy(ig_detokenizer *d)
{
    static const char *const pairs[][2] = {
        {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
        {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };
    for (size_t i = 0; i < IG_LEN(pairs); i++)
        replace_all(d, pairs[i][0], strlen(pairs[i][0]), pairs[i][1], strlen(pairs[i][1]));
}

static void wordpiece(ig_detokenizer *d, const ig_step *s)
{
    const bool joins =
        d->token.n >= s->n_text && !memcmp(d->token.p, s->text, s->n_text) && s->n_text;
    if (d->n_tokens) {
        d->spare.n = 0;
        if (!joins) ig_put_u8(&d->spare, ' ');
        const size_t from = joins ? s->n_text : 0;
        ig_put(&d->spare, d->token.p + from, d->token.n - from);
        const ig_bytes swap = d->token;
        d->token = d->spare;
        d->spare = swap;
    }
    if (s->flags & IG_STEP_EACH) tidy(d);
}

static void byte_piece(ig_detokenizer *d)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = d->token.p;
    if (d->token.n != 6 || memcmp(p, "<0x", 3) || p[5] != '>') return;
    const char *high = p[3] ? strchr(digits, p[3]) : NULL,
               *low = p[4] ? strchr(digits, p[4]) : NULL;
    if (!high || !low) return;
    d->token.p[0] = (unsigned char)((high - digits) << 4 | (low - digits));
    d->token.n = 1;
}

static void suffix(ig_detokenizer *d, const ig_step *s)
{
    if (d->token.n < s->n_text || !s->n_text ||
        memcmp(d->token.p + d->token.n - s->n_text, s->text, s->n_text))
        return;
    d->token.n -= s->n_text;
    d->held_space = true;
}

static void strip_start(ig_detokenizer *d, const ig_step *s)
{
    size_t from = 0;
    while (d->strip_left && s->n_text && d->token.n - from >= s->n_text &&
           !memcmp(d->token.p + from, s->text, s->n_text)) {
        from += s->n_text;
        d->strip_left--;
    }
    if (from < d->token.n) d->strip_left = 0;
    if (from) memmove(d->token.p, d->token.p + from, d->token.n - from);
    d->token.n -= from;
}

static void apply(ig_detokenizer *d, const ig_step *s)
{
    switch ((ig_step_kind)s->kind) {
    case IG_STEP_DECODE_METASPACE:
        if (!d->n_tokens && s->a != IG_PREFIX_NEVER)
            replace_all(d, s->text, s->n_text, "", 0);
        else
            replace_all(d, s->text, s->n_text, " ", 1);
        break;
    case IG_STEP_DECODE_WORDPIECE:
        wordpiece(d, s);
        break;
    case IG_STEP_DECODE_BYTES:
        byte_piece(d);
        break;
    case IG_STEP_DECODE_REPLACE:
        replace_all(d, s->text, s->n_text, s->with, s->n_with);
        break;
    case IG_STEP_DECODE_STRIP:
        strip_start(d, s);
        break;
    case IG_STEP_DECODE_SUFFIX:
        suffix(d, s);
        break;
    default:
        break;
    }
}

/* ---- bytes to characters ---- */

/* Could tail[0, n) become a character with more bytes? */
static bool may_grow(const unsigned char *tail, size_t n)
{
    const unsigned b = tail[0];
    const size_t len = b >= 0xf0 && b <= 0xf4   ? 4
                       : b >= 0xe0 && b <= 0xef ? 3
                       : b >= 0xc2 && b <= 0xdf ? 2
                                                : 0;
    if (n >= len) return false;
    if (n < 2) return true;
    const unsigned c = tail[1];
    const unsigned low = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80;
    const unsigned high = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf;
    return c >= low && c <= high && (n < 3 || (tail[2] & 0xc0) == 0x80);
}

static void give_byte(ig_detokenizer *d, unsigned char byte)
{
    uint32_t c;
    d->tail[d->n_tail++] = byte;
    while (d->n_tail) {
        const size_t size = ig_utf8_next(&c, (const char *)d->tail, d->n_tail);
        if (size) {
            ig_put(&d->out, d->tail, size);
            d->n_tail -= size;
            memmove(d->tail, d->tail + size, d->n_tail);
            continue;
        }
        if (may_grow(d->tail, d->n_tail)) return;
        /* The longest beginning of a character is one replacement; what follows is seen again. */
        size_t bad = d->n_tail;
        while (bad > 1 && !may_grow(d->tail, bad)) bad--;
        ig_put(&d->out, replacement, 3);
        d->n_tail -= bad;
        memmove(d->tail, d->tail + bad, d->n_tail);
    }
}

static bool is_special(const ig_recipe *r, const ig_lexicon *x, uint32_t id)
{
    for (size_t i = 0; i < r->n_added; i++)
        if (r->added[i].id == id) return r->added[i].flags & IG_ADDED_SPECIAL;
    return x->kinds[id] == IG_PIECE_CONTROL;
}

/* The bytes of an id in its place, in d->token. */
static ingot_status spell(ig_detokenizer *d, uint32_t id, ingot_error *err)
{
    const ig_recipe *r = &d->x->recipe;
    if (id >= r->n_pieces)
        return ig_fail(err, INGOT_E_ARG, "token %u: the vocabulary has %zu", id, r->n_pieces);
    const ingot_str piece = ig_lexicon_piece(d->x, id);
    d->token.n = 0;
    ig_put(&d->token, piece.p, piece.n);
    for (size_t i = 0; i < r->decode.n; i++) apply(d, &r->decode.v[i]);
    return d->token.failed || d->spare.failed
               ? ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for the text")
               : INGOT_OK;
}

void ig_detokenizer_follow(ig_detokenizer *d)
{
    d->n_tokens = 1;
    d->strip_left = 0;
}

ingot_status ig_detokenizer_piece(ingot_str *bytes, ig_detokenizer *d, uint32_t id,
                                  ingot_error *err)
{
    ig_detokenizer_follow(d);
    IG_TRY(spell(d, id, err));
    *bytes = (ingot_str){(const char *)d->token.p, d->token.n};
    return INGOT_OK;
}

ingot_status ig_detokenizer_add(ig_detokenizer *d, uint32_t id, ingot_error *err)
{
    if (id < d->x->recipe.n_pieces && d->skip_special && is_special(&d->x->recipe, d->x, id))
        return INGOT_OK;
    if (d->held_space) ig_put_u8(&d->out, ' ');
    d->held_space = false;
    IG_TRY(spell(d, id, err));
    for (size_t i = 0; i < d->token.n; i++) give_byte(d, d->token.p[i]);
    d->n_tokens++;
    return d->out.failed ? ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for the text")
                         : INGOT_OK;
}

ingot_status ig_detokenizer_end(ig_detokenizer *d, ingot_error *err)
{
    if (d->n_tail) ig_put(&d->out, replacement, 3);
    d->n_tail = 0;
    return d->out.failed ? ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for the text")
                         : INGOT_OK;
}
