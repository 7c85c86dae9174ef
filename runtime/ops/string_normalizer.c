/* string_normalizer.c - texts [C] or [1, C] without stop words, in lower or upper case.
 *
 * When nothing is left the result is one empty text. Case mapping is one code point to one code
 * point, by the C library's tables for UTF-8; ASCII only where the system has no such locale. */
#include "runtime/graph/op.h"
#include "runtime/ops/lookup.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"

#include <locale.h>
#include <wctype.h>

static const char *const actions[] = {"NONE", "LOWER", "UPPER", NULL};
enum { NONE, LOWER, UPPER };

typedef struct {
    int case_change;
    int64_t is_case_sensitive;
    ig_texts stopwords;
} normalizer_attrs;

static const ig_attr attrs[] = {
    IG_ENUM(normalizer_attrs, case_change, NONE, actions),
    IG_INT(normalizer_attrs, is_case_sensitive, 0),
    IG_TEXTS(normalizer_attrs, stopwords),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[0];
    if (x->dtype != INGOT_STR && x->dtype != INGOT_NONE)
        return ig_infer_fail(c, "x is %s, not strings", ig_dtype(x->dtype)->name);
    if (x->rank >= 0 && x->rank != 1 && !(x->rank == 2 && !ig_dim_differ(x->dims[0], 1)))
        return ig_infer_fail(c, "x must be [C] or [1, C]");
    c->out[0].dtype = INGOT_STR;
    c->out[0].rank = x->rank;
    if (x->rank == 2) c->out[0].dims[0] = 1;
    if (x->rank > 0) c->out[0].dims[x->rank - 1] = IG_DIM_UNKNOWN;
    return INGOT_OK;
}

typedef struct {
    locale_t locale; /* 0: ASCII only */
    ig_tensor words;
    ig_lookup stop;
} normalizer;

static uint32_t change_one(uint32_t cp, int action, locale_t locale)
{
    if (locale)
        return (uint32_t)(action == LOWER ? towlower_l((wint_t)cp, locale)
                                          : towupper_l((wint_t)cp, locale));
    if (action == LOWER) return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    return cp >= 'a' && cp <= 'z' ? cp - 32 : cp;
}

/* p NULL: no memory. Bytes that are no UTF-8 stay. */
static ingot_str change_case(ingot_str s, int action, locale_t locale, ig_arena *arena)
{
    size_t room, n = 0;
    if (action == NONE) return (ingot_str){ig_arena_text(arena, s.p, s.n), s.n};
    char *out = ig_mul_ok(s.n, (size_t)4, &room) ? ig_arena_take(arena, room + 1) : NULL;
    for (size_t i = 0; out && i < s.n;) {
        uint32_t cp;
        const size_t len = ig_utf8_next(&cp, s.p + i, s.n - i);
        const uint32_t to = len ? change_one(cp, action, locale) : 0;
        if (len && ig_utf8_is_scalar(to))
            n += ig_utf8_put(out + n, to);
        else
            out[n++] = s.p[i];
        i += len ? len : 1;
    }
    return (ingot_str){out, n};
}

/* Words are compared as they are, or, when case does not matter, both in lower case. */
static ingot_status bind(ig_bind *b)
{
    const normalizer_attrs *a = b->attrs;
    normalizer *s = ig_new(b->arena, normalizer);
    ingot_str *words = ig_new_n(b->arena, ingot_str, a->stopwords.n + 1);
    if (!s || !words) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    b->state = s;
    s->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    for (size_t i = 0; i < a->stopwords.n; i++) {
        words[i] = change_case(a->stopwords.v[i], a->is_case_sensitive ? NONE : LOWER, s->locale,
                               b->arena);
        if (!words[i].p) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    }
    s->words = (ig_tensor){
        .dtype = INGOT_STR, .rank = 1, .dims = {(int64_t)a->stopwords.n}, .data = words};
    if (!ig_lookup_open(&s->stop, &s->words, b->arena))
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for the stop words");
    return INGOT_OK;
}

static void unbind(void *state)
{
    const normalizer *s = state;
    if (s->locale) freelocale(s->locale);
}

static ingot_status run(ig_run *r)
{
    const normalizer_attrs *a = r->attrs;
    const normalizer *s = r->state;
    const ig_tensor *x = r->in[0];
    const ingot_str *text = x->data;
    const size_t n = ig_tensor_elements(x);
    ingot_str *kept = ig_new_n(r->side, ingot_str, n + 1);
    bool ok = kept != NULL;
    size_t n_kept = 0;
    for (size_t i = 0; ok && i < n; i++) {
        const int fold = a->is_case_sensitive ? NONE : LOWER;
        const ingot_str word = change_case(text[i], fold, s->locale, r->side);
        ok = word.p;
        if (!ok || ig_lookup_text(&s->stop, word) >= 0) continue;
        kept[n_kept] = change_case(text[i], a->case_change, s->locale, r->side);
        ok = kept[n_kept++].p;
    }
    if (!ok) return ig_node_fail(r->err, INGOT_E_FULL, r->node, "no memory for the texts");
    const int64_t count = (int64_t)IG_MAX(n_kept, (size_t)1);
    const int64_t dims[] = {x->rank == 2 ? 1 : count, count};
    IG_TRY(ig_run_output(r, 0, INGOT_STR, x->rank, dims));
    ingot_str *out = r->out[0]->data;
    for (size_t i = 0; i < n_kept; i++) out[i] = kept[i];
    if (!n_kept) out[0] = (ingot_str){"", 0};
    return INGOT_OK;
}

const ig_op ig_op_string_normalizer = {
    .name = "string_normalizer",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES,
    .attrs = attrs,
    .attrs_bytes = sizeof(normalizer_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .unbind = unbind,
};
