/* regex_full_match.c - does all of a text match a pattern? Patterns are RE2's, which PCRE2 takes
 * too.
 *
 * RE2 never takes exponential time; PCRE2 may, so matching stops at a limit with E_DATA. */
#include "runtime/graph/op.h"

#if IG_HAVE_PCRE2
#    define PCRE2_CODE_UNIT_WIDTH 8
#    include <pcre2.h>
#endif

typedef struct {
    const char *pattern;
} regex_attrs;

static const ig_attr attrs[] = {IG_TEXT(regex_attrs, pattern, ""), {0}};

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[0];
    if (x->dtype != INGOT_STR && x->dtype != INGOT_NONE)
        return ig_infer_fail(c, "x is %s, not strings", ig_dtype(x->dtype)->name);
    c->out[0] = *x;
    c->out[0].dtype = INGOT_BOOL;
    return INGOT_OK;
}

#if IG_HAVE_PCRE2
enum { MATCH_STEPS = 1000000, MATCH_KIB = 20000 };

typedef struct {
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_match_data *match;
} regex;

static ingot_status bind(ig_bind *b)
{
    const char *pattern = ((const regex_attrs *)b->attrs)->pattern;
    regex *s = ig_new(b->arena, regex);
    if (!s) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    b->state = s;
    int error;
    PCRE2_SIZE at;
    const uint32_t options = PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_MATCH_INVALID_UTF;
    s->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &error, &at, NULL);
    if (!s->code) {
        char text[128] = "";
        pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
        return ig_node_fail(b->err, INGOT_E_FORMAT, b->node, "pattern '%.100s': %s at byte %zu",
                            pattern, text, (size_t)at);
    }
    s->context = pcre2_match_context_create(NULL);
    s->match = pcre2_match_data_create_from_pattern(s->code, NULL);
    if (!s->context || !s->match)
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for matching");
    pcre2_set_match_limit(s->context, MATCH_STEPS);
    pcre2_set_heap_limit(s->context, MATCH_KIB);
    return INGOT_OK;
}

static void unbind(void *state)
{
    regex *s = state;
    pcre2_match_data_free(s->match);
    pcre2_match_context_free(s->context);
    pcre2_code_free(s->code);
}

static ingot_status run(ig_run *r)
{
    const regex *s = r->state;
    const ingot_str *text = r->in[0]->data;
    uint8_t *out = r->out[0]->data;
    const size_t n = ig_tensor_elements(r->in[0]);
    for (size_t i = 0; i < n; i++) {
        const int rc =
            pcre2_match(s->code, (PCRE2_SPTR)text[i].p, text[i].n, 0, 0, s->match, s->context);
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
            return ig_run_fail(r, "text %zu (%zu bytes): matching takes more than %d steps", i,
                               text[i].n, MATCH_STEPS);
        out[i] = rc >= 0;
    }
    return INGOT_OK;
}
#else
static ingot_status bind(ig_bind *b)
{
    return ig_bind_fail(b, "this build has no regular expressions; install libpcre2-dev and build "
                           "without INGOT_MINIMAL");
}

static void unbind(void *state) { (void)state; }

static ingot_status run(ig_run *r) { return ig_run_fail(r, "no regular expressions"); }
#endif

const ig_op ig_op_regex_full_match = {
    .name = "regex_full_match",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(regex_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .unbind = unbind,
};
