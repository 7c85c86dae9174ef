/* npy_head.c - see npy_head.h. The dict is read by a parser of just the literals that NumPy writes:
 * nothing is evaluated, and anything else is refused with its place. */
#include "tools/data/npy_head.h"
#include "runtime/base/checked.h"
#include "tools/data/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEAD_LIMIT = 64 << 10, PREFIX = 8, LITTLE = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };

static const struct {
    char kind;
    uint8_t size;
    ingot_dtype dtype;
} natives[] = {
    {'b', 1, INGOT_BOOL}, {'i', 1, INGOT_I8},    {'i', 2, INGOT_I16}, {'i', 4, INGOT_I32},
    {'i', 8, INGOT_I64},  {'u', 1, INGOT_U8},    {'u', 2, INGOT_U16}, {'u', 4, INGOT_U32},
    {'u', 8, INGOT_U64},  {'f', 2, INGOT_F16},   {'f', 4, INGOT_F32}, {'f', 8, INGOT_F64},
    {'c', 8, INGOT_C64},  {'c', 16, INGOT_C128},
};

typedef struct {
    const char *at, *end;
} cursor;

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')) c->at++;
}

static bool take(cursor *c, char want)
{
    skip_space(c);
    if (c->at >= c->end || *c->at != want) return false;
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    const size_t n = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) return false;
    c->at += n;
    return true;
}

/* A quoted text without escapes: NumPy writes none into plain headers. */
static bool take_text(cursor *c, const char **text, size_t *len)
{
    skip_space(c);
    if (c->at >= c->end || (*c->at != '\'' && *c->at != '"')) return false;
    const char quote = *c->at++;
    *text = c->at;
    while (c->at < c->end && *c->at != quote && *c->at != '\\') c->at++;
    if (c->at >= c->end || *c->at != quote) return false;
    *len = (size_t)(c->at++ - *text);
    return true;
}

static bool take_count(cursor *c, int64_t *out)
{
    skip_space(c);
    const char *start = c->at;
    int64_t v = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (!ig_mul_ok(v, 10, &v) || !ig_add_ok(v, *c->at - '0', &v)) return false;
    if (c->at == start) return false;
    if (c->at < c->end && *c->at == 'L') c->at++; /* Python 2 wrote longs so */
    *out = v;
    return true;
}

static ingot_status read_shape(ig_npy_head *h, cursor *c, ingot_error *err)
{
    if (!take(c, '(')) return ig_fail(err, INGOT_E_DATA, "npy header: shape is not a tuple");
    while (!take(c, ')')) {
        int64_t dim;
        if (!take_count(c, &dim))
            return ig_fail(err, INGOT_E_DATA,
                           "npy header: shape holds no number, or one past 2^63");
        if (h->rank == INGOT_MAX_RANK)
            return ig_fail(err, INGOT_E_DATA, "npy header: more than %d dimensions",
                           INGOT_MAX_RANK);
        h->dims[h->rank++] = dim;
        if (!take(c, ',') && (c->at >= c->end || *c->at != ')'))
            return ig_fail(err, INGOT_E_DATA, "npy header: shape is malformed");
    }
    return INGOT_OK;
}

/* The texts for the types of NumPy that have no place here. */
static const char *why_refused(char kind)
{
    switch (kind) {
    case 'O':
        return "Python objects (a pickle); save numbers or strings, with allow_pickle=False";
    case 'V':
        return "raw or structured records; save one array per field, and bfloat16 or 8-bit "
               "floats as .view('uint16') or .view('uint8') with NAME.__dtype__";
    case 'M':
    case 'm':
        return "dates or durations; save them as .astype('int64')";
    default:
        return "not a type of plain numbers or strings";
    }
}

static ingot_status read_descr(ig_npy_head *h, cursor *c, ingot_error *err)
{
    const char *text;
    size_t len;
    skip_space(c);
    if (c->at < c->end && *c->at == '[')
        return ig_fail(err, INGOT_E_DATA, "npy header: the elements are %s", why_refused('V'));
    if (!take_text(c, &text, &len) || len < 2)
        return ig_fail(err, INGOT_E_DATA, "npy header: descr is not a text like '<f4'");
    const bool marked = strchr("<>|=", text[0]) != NULL;
    const char order = marked ? text[0] : '=';
    cursor digits = {text + marked + 1, text + len};
    int64_t n = 0;
    h->kind = text[marked];
    if (digits.at > digits.end || (digits.at < digits.end && !take_count(&digits, &n)) ||
        digits.at != digits.end)
        n = -1;
    for (size_t i = 0; i < IG_LEN(natives); i++)
        if (natives[i].kind == h->kind && natives[i].size == n) h->dtype = natives[i].dtype;
    if ((h->kind == 'U' || h->kind == 'S') && n >= 0) h->dtype = INGOT_STR;
    if (h->dtype == INGOT_NONE)
        return ig_fail(err, INGOT_E_DATA, "npy header: the elements '%.*s' are %s",
                       (int)IG_MIN(len, (size_t)40), text, why_refused(h->kind));
    const size_t unit = h->kind == 'U'   ? 4
                        : h->kind == 'S' ? 1
                        : h->kind == 'c' ? (size_t)n / 2
                                         : (size_t)n;
    const bool foreign = order == (LITTLE ? '>' : '<');
    h->swap_bytes = foreign && unit > 1 ? unit : 0;
    if (!ig_mul_ok((size_t)n, h->kind == 'U' ? (size_t)4 : (size_t)1, &h->item_bytes))
        return ig_fail(err, INGOT_E_DATA, "npy header: elements of %" PRId64 " characters", n);
    return INGOT_OK;
}

static ingot_status read_entry(ig_npy_head *h, unsigned *seen, cursor *c, ingot_error *err)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    const char *key;
    size_t len, k = 0;
    if (!take_text(c, &key, &len) || !take(c, ':'))
        return ig_fail(err, INGOT_E_DATA, "npy header: not a dict of texts");
    while (k < IG_LEN(keys) && (strlen(keys[k]) != len || memcmp(keys[k], key, len) != 0)) k++;
    if (k == IG_LEN(keys) || *seen >> k & 1)
        return ig_fail(err, INGOT_E_DATA, "npy header: %s key '%.*s'",
                       k == IG_LEN(keys) ? "unknown" : "repeated", (int)IG_MIN(len, (size_t)40),
                       key);
    *seen |= 1u << k;
    if (k == 0) return read_descr(h, c, err);
    if (k == 2) return read_shape(h, c, err);
    h->fortran = take_word(c, "True");
    if (!h->fortran && !take_word(c, "False"))
        return ig_fail(err, INGOT_E_DATA, "npy header: fortran_order is neither True nor False");
    return INGOT_OK;
}

static ingot_status read_dict(ig_npy_head *h, cursor c, ingot_error *err)
{
    unsigned seen = 0;
    if (!take(&c, '{')) return ig_fail(err, INGOT_E_DATA, "npy header: no dict");
    while (!take(&c, '}')) {
        IG_TRY(read_entry(h, &seen, &c, err));
        if (!take(&c, ',') && (c.at >= c.end || *c.at != '}'))
            return ig_fail(err, INGOT_E_DATA, "npy header: the dict is malformed");
    }
    skip_space(&c);
    if (c.at != c.end) return ig_fail(err, INGOT_E_DATA, "npy header: text behind the dict");
    if (seen != 7)
        return ig_fail(err, INGOT_E_DATA, "npy header: descr, fortran_order or shape is missing");
    return INGOT_OK;
}

static ingot_status check_size(ig_npy_head *h, const ig_source *from, ingot_error *err)
{
    char shape[120];
    ig_format_shape(shape, sizeof shape, h->rank, h->dims);
    if (!ig_count_elements(&h->count, h->rank, h->dims) ||
        !ig_mul_ok(h->count, h->item_bytes, &h->raw_bytes))
        return ig_fail(err, INGOT_E_DATA, "npy header: shape %s overflows", shape);
    if (h->count && !h->item_bytes) /* NumPy writes at least one character */
        return ig_fail(err, INGOT_E_DATA, "npy header: strings of no characters");
    if (h->raw_bytes != from->left)
        return ig_fail(err, INGOT_E_DATA,
                       "shape %s of %zu-byte elements needs %zu bytes, %" PRIu64 " are there (%s)",
                       shape, h->item_bytes, h->raw_bytes, from->left,
                       h->raw_bytes > from->left ? "the file is cut short"
                                                 : "something follows the array");
    return INGOT_OK;
}

ingot_status ig_npy_head_read(ig_npy_head *head, ig_source *from, ingot_error *err)
{
    uint8_t lead[PREFIX + 4];
    *head = (ig_npy_head){0};
    if (from->left < PREFIX + 2)
        return ig_fail(err, INGOT_E_DATA, "not an .npy file: only %" PRIu64 " bytes", from->left);
    IG_TRY(ig_source_read(from, lead, PREFIX, err));
    if (memcmp(lead, "\x93NUMPY", 6) != 0)
        return ig_fail(err, INGOT_E_DATA, "not an .npy file: it does not begin with \\x93NUMPY");
    if (lead[6] < 1 || lead[6] > 3)
        return ig_fail(err, INGOT_E_DATA, "npy version %d.%d is unknown (1 to 3 are)", lead[6],
                       lead[7]);
    const size_t width = lead[6] == 1 ? 2 : 4;
    IG_TRY(ig_source_read(from, lead + PREFIX, width, err));
    size_t n = lead[PREFIX] | (size_t)lead[PREFIX + 1] << 8;
    if (width == 4) n |= (size_t)lead[PREFIX + 2] << 16 | (size_t)lead[PREFIX + 3] << 24;
    if (n > HEAD_LIMIT)
        return ig_fail(err, INGOT_E_DATA, "npy header of %zu bytes (at most %d)", n, HEAD_LIMIT);
    char text[HEAD_LIMIT];
    IG_TRY(ig_source_read(from, text, n, err));
    IG_TRY(read_dict(head, (cursor){text, text + n}, err));
    return check_size(head, from, err);
}

size_t ig_npy_head_text(char text[IG_NPY_HEAD_ROOM], ingot_dtype dtype, size_t chars, int rank,
                        const int64_t *dims)
{
    char kind = 'U', shape[24 * INGOT_MAX_RANK] = "";
    size_t n = chars, used = 0;
    for (size_t i = 0; i < IG_LEN(natives); i++)
        if (natives[i].dtype == dtype) kind = natives[i].kind, n = natives[i].size;
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%" PRId64, i ? ", " : "",
                                 dims[i]);
    const char order = n == 1 && kind != 'U' ? '|' : LITTLE ? '<' : '>';
    char *dict = text + PREFIX + 2;
    size_t end = PREFIX + 2;
    end += (size_t)snprintf(dict, IG_NPY_HEAD_ROOM - end,
                            "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (%s%s), }",
                            order, kind, n, shape, rank == 1 ? "," : "");
    while ((end + 1) % 64) text[end++] = ' ';
    text[end++] = '\n';
    memcpy(text, "\x93NUMPY\x01\x00", PREFIX);
    text[PREFIX] = (char)((end - PREFIX - 2) & 0xff);
    text[PREFIX + 1] = (char)((end - PREFIX - 2) >> 8);
    return end;
}
