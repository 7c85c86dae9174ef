/* literal.c - numbers, texts and nested lists of them, as written on a command line.
 *
 * Two walks over the text: the first finds the shape, the second stores elements. */
#include "runtime/base/checked.h"
#include "runtime/base/dtype.h"
#include "tools/model/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *at;
    ingot_dtype dtype;
    int rank; /* -1 until the first element is met */
    int64_t dims[IG_MAX_RANK];
    void *data; /* NULL while measuring */
    char *texts;
    size_t n, text_bytes;
    ingot_error *err;
} walk;

static ingot_status bad(const walk *w, const char *why)
{
    return ig_fail(w->err, INGOT_E_DATA, "%s at '%.30s'", why, w->at);
}

static ingot_status read_text(walk *w)
{
    const char *end = strchr(w->at + 1, '"');
    if (w->dtype != INGOT_STR) return bad(w, "a text where the model wants numbers");
    if (!end) return bad(w, "a text without its closing quote");
    const size_t n = (size_t)(end - w->at - 1);
    if (w->data) {
        memcpy(w->texts + w->text_bytes, w->at + 1, n);
        ((ingot_str *)w->data)[w->n] = (ingot_str){w->texts + w->text_bytes, n};
    }
    w->text_bytes += n;
    w->at = end + 1;
    return INGOT_OK;
}

/* 64-bit integers pass exactly; everything else through a double. */
static ingot_status read_number(walk *w)
{
    const char *start = w->at;
    char *end;
    double v = 0;
    if (w->dtype == INGOT_STR) return bad(w, "the model wants texts in quotes");
    if (w->dtype == INGOT_BOOL && !strncmp(start, "true", 4)) {
        v = 1;
        end = (char *)(uintptr_t)start + 4;
    } else if (w->dtype == INGOT_BOOL && !strncmp(start, "false", 5)) {
        end = (char *)(uintptr_t)start + 5;
    } else {
        v = strtod(start, &end);
    }
    if (end == start) return bad(w, "not a number");
    const ig_dtype_class class_ = ig_dtype(w->dtype)->class_;
    const bool whole = class_ == IG_CLASS_INT || class_ == IG_CLASS_UINT;
    if (whole && memchr(start, '.', (size_t)(end - start))) return bad(w, "not an integer");
    errno = 0;
    if (w->data && w->dtype == INGOT_I64)
        ((int64_t *)w->data)[w->n] = strtoll(start, NULL, 10);
    else if (w->data && w->dtype == INGOT_U64)
        ((uint64_t *)w->data)[w->n] = strtoull(start, NULL, 10);
    else if (w->data)
        ig_from_double(w->data, w->dtype, w->n, v);
    if (errno == ERANGE && whole) return bad(w, "a number out of range");
    w->at = end;
    return INGOT_OK;
}

static void skip(walk *w) { w->at += strspn(w->at, " \t\n"); }

static ingot_status read_element(walk *w, int depth)
{
    if (w->rank < 0) w->rank = depth;
    if (w->rank != depth) return bad(w, "lists of different depth");
    IG_TRY(*w->at == '"' ? read_text(w) : read_number(w));
    w->n++;
    return INGOT_OK;
}

static ingot_status read_value(walk *w, int depth)
{
    skip(w);
    if (*w->at != '[') return read_element(w, depth);
    if (depth == IG_MAX_RANK) return bad(w, "lists are nested too deeply");
    int64_t count = 0;
    w->at++;
    skip(w);
    while (*w->at != ']') {
        if (count && *w->at++ != ',') return w->at--, bad(w, "a list without comma or end");
        IG_TRY(read_value(w, depth + 1));
        skip(w);
        count++;
    }
    w->at++;
    if (!count) {
        if (w->rank >= 0 && w->rank != depth + 1) return bad(w, "lists of different depth");
        w->rank = depth + 1;
    }
    if (w->dims[depth] >= 0 && w->dims[depth] != count)
        return bad(w, "lists of different lengths before");
    w->dims[depth] = count;
    return INGOT_OK;
}

static ingot_status walk_all(walk *w, const char *text)
{
    w->at = text;
    w->rank = -1;
    w->n = w->text_bytes = 0;
    for (int d = 0; d < IG_MAX_RANK; d++) w->dims[d] = -1;
    IG_TRY(read_value(w, 0));
    skip(w);
    return *w->at ? bad(w, "something is left over") : INGOT_OK;
}

static void add_leading_ones(ig_array *a, const ig_type *want)
{
    while (a->rank < want->rank) {
        memmove(a->dims + 1, a->dims, (size_t)a->rank * sizeof *a->dims);
        a->dims[0] = 1;
        a->rank++;
    }
}

ingot_status ig_literal_read(ig_array *array, ig_heap *heap, const ig_type *want, const char *text,
                             ingot_error *err)
{
    walk w = {.dtype = want->dtype ? want->dtype : INGOT_F32, .err = err};
    const ig_dtype_class class_ = ig_dtype(w.dtype)->class_;
    size_t held;
    if (class_ == IG_CLASS_COMPLEX || class_ == IG_CLASS_NONE)
        return ig_fail(err, INGOT_E_DATA, "complex numbers can only come from a file");
    IG_TRY(walk_all(&w, text));
    array->dtype = w.dtype;
    array->rank = w.rank;
    memcpy(array->dims, w.dims, sizeof array->dims);
    array->bytes = w.n * ig_dtype(w.dtype)->bytes; /* both are bounded by the text's length */
    if (!ig_add_ok(array->bytes, w.text_bytes, &held) || !(array->data = ig_take0(heap, held)))
        return ig_fail(err, INGOT_E_NOMEM, "%zu values", w.n);
    array->held = held;
    w.data = array->data;
    w.texts = (char *)array->data + array->bytes;
    IG_TRY(walk_all(&w, text));
    add_leading_ones(array, want);
    return INGOT_OK;
}
