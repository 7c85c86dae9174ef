/* pattern.c - see pattern.h. */
#include "runtime/text/pattern.h"
#include "runtime/base/bytes.h"
#include "runtime/base/utf8.h"

#include <stdlib.h>
#include <string.h>

#if IG_HAVE_PCRE2
#    define PCRE2_CODE_UNIT_WIDTH 8
#    include <pcre2.h>

enum { JIT_STACK_FIRST = 32 << 10, JIT_STACK_MOST = 64 << 20, MATCH_STEPS = 50000000 };

struct ig_pattern {
    pcre2_code *code;
    bool jit;
};

struct ig_matcher {
    pcre2_match_context *context;
    pcre2_match_data *data;
    pcre2_jit_stack *stack;
};

/* White space without U+180E, which PCRE2's \s still holds. */
static const char blanks[] = "\\x{9}-\\x{d} \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}"
                             "\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";

static void put(ig_bytes *b, const char *text) { ig_put(b, text, strlen(text)); }

static void put_blank(ig_bytes *b, char letter, bool in_class)
{
    if (in_class && letter == 'S') {
        put(b, "\\S");
        return;
    }
    if (!in_class) put(b, letter == 's' ? "[" : "[^");
    put(b, blanks);
    if (!in_class) put(b, "]");
}

static void spell_blanks(ig_bytes *b, const char *text, size_t n)
{
    bool in_class = false;
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        if (c == '\\' && i + 1 < n) {
            const char next = text[++i];
            if (next == 's' || next == 'S')
                put_blank(b, next, in_class);
            else
                ig_put(b, text + i - 1, 2);
            continue;
        }
        if (c == '[') in_class = true;
        if (c == ']') in_class = false;
        ig_put(b, &c, 1);
    }
}

static ingot_status compile(ig_pattern *p, const ig_bytes *spelt, ingot_error *err)
{
    int error;
    PCRE2_SIZE at;
    p->code = pcre2_compile(spelt->p, spelt->n, PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                            &error, &at, NULL);
    if (p->code) {
        p->jit = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0;
        return INGOT_OK;
    }
    char text[128] = "";
    pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
    return ig_fail(err, INGOT_E_FORMAT, "tokenizer: pattern '%.*s': %s at byte %zu",
                   (int)(spelt->n < 100 ? spelt->n : 100), (const char *)spelt->p, text,
                   (size_t)at);
}

ingot_status ig_pattern_open(ig_pattern **out, const char *text, size_t n, ingot_error *err)
{
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_bytes spelt;
    ig_bytes_init(&spelt, &heap);
    spell_blanks(&spelt, text, n);
    ig_put_u8(&spelt, 0);
    ingot_status s = INGOT_OK;
    ig_pattern *p = *out = calloc(1, sizeof *p);
    if (!p || spelt.failed)
        s = ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for a pattern");
    else {
        spelt.n--;
        s = compile(p, &spelt, err);
    }
    ig_bytes_clear(&spelt);
    if (s) ig_pattern_close(out);
    return s;
}

void ig_pattern_close(ig_pattern **p)
{
    if (*p) pcre2_code_free((*p)->code);
    free(*p);
    *p = NULL;
}

ingot_status ig_matcher_open(ig_matcher **out, ingot_error *err)
{
    ig_matcher *m = *out = calloc(1, sizeof *m);
    if (m) {
        m->context = pcre2_match_context_create(NULL);
        m->data = pcre2_match_data_create(1, NULL);
        m->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MOST, NULL);
    }
    if (!m || !m->context || !m->data || !m->stack) {
        ig_matcher_close(out);
        return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for matching");
    }
    pcre2_set_match_limit(m->context, MATCH_STEPS);
    pcre2_jit_stack_assign(m->context, NULL, m->stack);
    return INGOT_OK;
}

void ig_matcher_close(ig_matcher **m)
{
    if (*m) {
        pcre2_jit_stack_free((*m)->stack);
        pcre2_match_data_free((*m)->data);
        pcre2_match_context_free((*m)->context);
    }
    free(*m);
    *m = NULL;
}

ingot_status ig_pattern_find(ig_match *out, const ig_pattern *p, ig_matcher *m, const char *text,
                             size_t n, size_t from, ingot_error *err)
{
    *out = (ig_match){SIZE_MAX, SIZE_MAX};
    while (from < n) {
        const int rc =
            p->jit ? pcre2_jit_match(p->code, (PCRE2_SPTR)text, n, from, 0, m->data, m->context)
                   : pcre2_match(p->code, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK, m->data,
                                 m->context);
        if (rc == PCRE2_ERROR_NOMATCH) return INGOT_OK;
        if (rc < 0)
            return ig_fail(err, INGOT_E_DATA,
                           "tokenizer: a pattern gave up at byte %zu of the text (PCRE2 error %d)",
                           from, rc);
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(m->data);
        if (at[1] > at[0] && at[0] >= from) {
            *out = (ig_match){at[0], at[1]};
            return INGOT_OK;
        }
        uint32_t c; /* an empty match: look again past the next character */
        from = at[1] > from ? at[1] : from;
        if (from < n) from += ig_utf8_next(&c, text + from, n - from);
    }
    return INGOT_OK;
}

#else
struct ig_pattern {
    char unused;
};
struct ig_matcher {
    char unused;
};

ingot_status ig_pattern_open(ig_pattern **out, const char *text, size_t n, ingot_error *err)
{
    (void)text;
    (void)n;
    *out = NULL;
    return ig_fail(err, INGOT_E_UNSUPPORTED,
                   "this tokenizer needs patterns, and this build has no PCRE2 (install "
                   "libpcre2-dev and build again)");
}

void ig_pattern_close(ig_pattern **p) { *p = NULL; }

ingot_status ig_matcher_open(ig_matcher **out, ingot_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for matching");
}

void ig_matcher_close(ig_matcher **m)
{
    free(*m);
    *m = NULL;
}

ingot_status ig_pattern_find(ig_match *out, const ig_pattern *p, ig_matcher *m, const char *text,
                             size_t n, size_t from, ingot_error *err)
{
    (void)p;
    (void)m;
    (void)text;
    (void)n;
    (void)from;
    *out = (ig_match){SIZE_MAX, SIZE_MAX};
    return ig_fail(err, INGOT_E_UNSUPPORTED, "no PCRE2 in this build");
}
#endif
