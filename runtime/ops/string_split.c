/* string_split.c - texts cut at a delimiter: string_split(x [...]) gives pieces [..., most] filled
 * up with empty texts, and how many each has, i64 [...].
 *
 * Without a delimiter, runs of white space separate and do not count at the ends. */
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"

#include <string.h>

typedef struct {
    const char *delimiter;
    int64_t maxsplit; /* negative: no limit */
} split_attrs;

static const ig_attr attrs[] = {
    IG_TEXT(split_attrs, delimiter, ""), IG_INT(split_attrs, maxsplit, -1), {0}};

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[0];
    if (x->dtype != INGOT_STR && x->dtype != INGOT_NONE)
        return ig_infer_fail(c, "x is %s, not strings", ig_dtype(x->dtype)->name);
    if (x->rank >= IG_MAX_RANK) return ig_infer_fail(c, "x has rank %d already", x->rank);
    c->out[0].dtype = INGOT_STR;
    if (c->n_out > 1) {
        c->out[1] = *x;
        c->out[1].dtype = INGOT_I64;
    }
    if (x->rank < 0) return INGOT_OK;
    c->out[0] = *x;
    c->out[0].dtype = INGOT_STR;
    c->out[0].rank = x->rank + 1;
    c->out[0].dims[x->rank] = IG_DIM_UNKNOWN;
    return INGOT_OK;
}

/* Bytes of the white space that text begins with, 0: none. */
static size_t blank(const char *p, size_t n)
{
    uint32_t cp;
    const size_t len = n ? ig_utf8_next(&cp, p, n) : 0;
    if (!len) return 0;
    const bool is = (cp >= 9 && cp <= 13) || (cp >= 28 && cp <= 32) || cp == 0x85 || cp == 0xa0 ||
                    cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 ||
                    cp == 0x2029 || cp == 0x202f || cp == 0x205f || cp == 0x3000;
    return is ? len : 0;
}

static size_t step(const char *p, size_t n)
{
    uint32_t cp;
    const size_t len = ig_utf8_next(&cp, p, n);
    return len ? len : 1;
}

/* One piece off the front of *rest; false: there is none. last: the piece is all of the rest. */
static bool by_blanks(ingot_str *piece, ingot_str *rest, bool last)
{
    for (size_t b; (b = blank(rest->p, rest->n)); rest->p += b, rest->n -= b) {
    }
    if (!rest->n) return false;
    size_t n = 0;
    if (last) {
        n = rest->n;
    } else {
        while (n < rest->n && !blank(rest->p + n, rest->n - n)) n += step(rest->p + n, rest->n - n);
    }
    *piece = (ingot_str){rest->p, n};
    *rest = (ingot_str){rest->p + n, rest->n - n};
    return true;
}

typedef struct {
    const char *delimiter;
    size_t delimiter_n;
    int64_t limit; /* splits; negative: none */
} splitter;

/* Piece after piece into out (NULL: only count). A trailing rest of blanks that maxsplit left is
 * kept, as Python's split keeps it. */
static size_t split(ingot_str *out, ingot_str text, const splitter *s)
{
    size_t n = 0;
    ingot_str rest = text, piece;
    if (!s->delimiter_n) {
        while (by_blanks(&piece, &rest, s->limit >= 0 && n >= (size_t)s->limit)) {
            if (out) out[n] = piece;
            n++;
        }
        return n;
    }
    for (;;) {
        const bool more = s->limit < 0 || n < (size_t)s->limit;
        const char *hit = more && rest.n >= s->delimiter_n
                              ? memmem(rest.p, rest.n, s->delimiter, s->delimiter_n)
                              : NULL;
        const size_t len = hit ? (size_t)(hit - rest.p) : rest.n;
        if (out) out[n] = (ingot_str){rest.p, len};
        n++;
        if (!hit) return n;
        rest = (ingot_str){hit + s->delimiter_n, rest.n - len - s->delimiter_n};
    }
}

static ingot_status run(ig_run *r)
{
    const split_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    const ingot_str *text = x->data;
    const size_t n = ig_tensor_elements(x);
    const splitter s = {a->delimiter, strlen(a->delimiter), a->maxsplit};
    IG_TRY(ig_run_output(r, 1, INGOT_I64, x->rank, x->dims));
    int64_t *counts = r->n_out > 1 && r->out[1] ? r->out[1]->data : NULL;
    size_t most = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t pieces = split(NULL, text[i], &s);
        if (counts) counts[i] = (int64_t)pieces;
        most = IG_MAX(most, pieces);
    }
    int64_t dims[IG_MAX_RANK] = {0};
    memcpy(dims, x->dims, (size_t)x->rank * sizeof *dims);
    dims[x->rank] = (int64_t)most;
    IG_TRY(ig_run_output(r, 0, INGOT_STR, x->rank + 1, dims));
    ingot_str *out = r->out[0] ? r->out[0]->data : NULL;
    for (size_t i = 0; out && i < n; i++) {
        ingot_str copy = ig_run_text(r, text[i].p, text[i].n);
        if (!copy.p) return ig_node_fail(r->err, INGOT_E_FULL, r->node, "no memory for the texts");
        const size_t pieces = split(out + i * most, copy, &s);
        for (size_t k = pieces; k < most; k++) out[i * most + k] = (ingot_str){"", 0};
    }
    return INGOT_OK;
}

const ig_op ig_op_string_split = {
    .name = "string_split",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 2,
    .flags = IG_OP_ALLOCATES,
    .attrs = attrs,
    .attrs_bytes = sizeof(split_attrs),
    .infer = infer,
    .run = run,
};
