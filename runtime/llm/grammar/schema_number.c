/* schema_number.c - numbers and integers, and ranges of them as sets of digit strings.
 *
 * A range is made for each count k of digits behind the point: the texts of k digits more than the
 * point's place whose value, read without the point, lies between two integers. Bounds are decimal
 * texts and are never rounded through binary. */
#include "runtime/llm/grammar/schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MOST = 15, PLACES_MOST = 8 };

__extension__ typedef __int128 wide;

static int64_t power(int n)
{
    int64_t v = 1;
    while (n-- > 0) v *= 10;
    return v;
}

/* ---- bounds ---- */

typedef struct {
    int64_t value; /* times 10^-places */
    int places;
    bool set, exclusive;
} bound;

/* A JSON number as value and places. false: it takes more digits than are kept. */
static bool parse_decimal(bound *out, const char *text)
{
    const bool negative = *text == '-';
    int64_t v = 0;
    int places = 0;
    bool point = false;
    for (text += negative; isdigit((unsigned char)*text) || *text == '.'; text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        if (v >= power(17)) return false;
        v = v * 10 + (*text - '0');
        places += point;
    }
    if (*text) places -= (int)strtol(text + 1, NULL, 10); /* e */
    for (; places > 0 && v % 10 == 0; places--) v /= 10;
    if (!v) places = 0;
    for (; places < 0; places++) {
        if (v >= power(16)) return false;
        v *= 10;
    }
    *out = (bound){negative ? -v : v, places, true, false};
    return places <= PLACES_MOST - 2;
}

/* a < b, by value */
static bool below(const bound *a, const bound *b)
{
    const wide x = (wide)a->value * power(b->places), y = (wide)b->value * power(a->places);
    return x < y;
}

/* The narrowest of what the set says: the largest minimum or the smallest maximum. */
static void narrow(ig_schema *s, bound *to, ig_schema_set set, const char *keyword, bool minimum,
                   bool exclusive)
{
    for (size_t i = 0; i < set.n; i++) {
        const ig_json_value *v = ig_json_find(set.v[i].v, keyword);
        bound b = {0};
        if (!v) continue;
        if (v->kind != IG_JSON_NUMBER) {
            ig_schema_fail(s, INGOT_E_DATA, v, "%s is no number", keyword);
            return;
        }
        if (minimum ? v->number <= -1e15 : v->number >= 1e15) continue; /* always kept */
        if (!parse_decimal(&b, v->text)) {
            ig_schema_fail(s, INGOT_E_UNSUPPORTED, v,
                           "%s has too many digits: %d places behind the point and %d in all are "
                           "understood",
                           keyword, PLACES_MOST - 2, DIGITS_MOST);
            return;
        }
        b.exclusive = exclusive;
        if (!to->set || (minimum ? below(to, &b) : below(&b, to)) ||
            (!below(to, &b) && !below(&b, to) && exclusive))
            *to = b;
    }
}

/* ---- digits ---- */

static const ig_expr *digit(ig_builder *b, int64_t low, int64_t high)
{
    return ig_expr_set(b, &(ig_range){(uint32_t)('0' + low), (uint32_t)('0' + high)}, 1, false);
}

static const ig_expr *any_digits(ig_builder *b, int n, int places)
{
    const ig_expr *d = digit(b, 0, 9);
    if (!places || n < places) return ig_expr_repeat(b, d, (uint32_t)n, (uint32_t)n, 0);
    return IG_SEQ(b, ig_expr_repeat(b, d, (uint32_t)(n - places), (uint32_t)(n - places), 0),
                  ig_expr_str(b, "."), ig_expr_repeat(b, d, (uint32_t)places, (uint32_t)places, 0));
}

/* Texts of n digits from low to high, a point before the last `places` of them. */
static const ig_expr *digits_between(ig_builder *b, int64_t low, int64_t high, int n, int places)
{
    if (!n) return &ig_expr_empty;
    const int64_t p = power(n - 1), first = low / p, last = high / p;
    const ig_expr *point = places && n == places ? ig_expr_str(b, ".") : &ig_expr_empty;
    if (low == 0 && high == 10 * p - 1) return any_digits(b, n, places);
    if (first == last)
        return IG_SEQ(b, point, digit(b, first, first),
                      digits_between(b, low % p, high % p, n - 1, places));
    const ig_expr *middle =
        last - first < 2 ? &ig_expr_never
                         : IG_SEQ(b, digit(b, first + 1, last - 1), any_digits(b, n - 1, places));
    const ig_expr *lowest =
        IG_SEQ(b, digit(b, first, first), digits_between(b, low % p, p - 1, n - 1, places));
    const ig_expr *highest =
        IG_SEQ(b, digit(b, last, last), digits_between(b, 0, high % p, n - 1, places));
    return IG_SEQ(b, point, IG_ALT(b, lowest, middle, highest));
}

/* 0 <= low: numbers without a sign. */
static const ig_expr *between(ig_builder *b, int64_t low, int64_t high, int places)
{
    const ig_expr *items[DIGITS_MOST + 1];
    size_t n = 0;
    for (int size = places + 1; size <= DIGITS_MOST; size++) {
        const int64_t least = size == places + 1 ? 0 : power(size - 1);
        const int64_t from = IG_MAX(low, least), until = IG_MIN(high, power(size) - 1);
        if (from <= until) items[n++] = digits_between(b, from, until, size, places);
    }
    return ig_expr_alt(b, items, n);
}

/* The least (up) or the largest whole v with v * 10^-places inside the bound. */
static int64_t scaled(const bound *x, int places, bool up)
{
    const int64_t most = power(DIGITS_MOST) - 1;
    if (!x->set) return up ? -most : most;
    wide v = x->value;
    wide divisor = 1;
    if (places >= x->places)
        v *= power(places - x->places);
    else
        divisor = power(x->places - places);
    wide q = v / divisor;
    const bool exact = q * divisor == v;
    if (exact && x->exclusive) q += up ? 1 : -1;
    if (!exact && up && v > 0) q++;
    if (!exact && !up && v < 0) q--;
    return (int64_t)IG_MAX(IG_MIN(q, (wide)most + 1), -(wide)most - 1);
}

static const ig_expr *in_bounds(ig_builder *b, const bound *low, const bound *high, bool integer)
{
    const ig_expr *items[2 * PLACES_MOST + 2];
    size_t n = 0;
    const int more = integer ? 0 : IG_MAX(low->places, high->places) + 2;
    for (int places = 0; places <= more; places++) {
        const int64_t from = scaled(low, places, true), until = scaled(high, places, false);
        if (from > until) continue;
        if (until >= 0) items[n++] = between(b, IG_MAX(from, (int64_t)0), until, places);
        if (from < 0)
            items[n++] = IG_SEQ(b, ig_expr_str(b, "-"),
                                between(b, IG_MAX(-until, (int64_t)1), -from, places));
    }
    return ig_expr_alt(b, items, n);
}

/* ---- without bounds ---- */

static const ig_expr *any_number(ig_builder *b, bool integer)
{
    const ig_expr *d = digit(b, 0, 9), *none = &ig_expr_empty;
    const ig_expr *whole =
        IG_SEQ(b, IG_ALT(b, none, ig_expr_str(b, "-")),
               IG_ALT(b, ig_expr_str(b, "0"),
                      IG_SEQ(b, digit(b, 1, 9), ig_expr_repeat(b, d, 0, DIGITS_MOST - 1, 0))));
    if (integer) return whole;
    const ig_range e[] = {{'e', 'e'}, {'E', 'E'}}, sign[] = {{'+', '+'}, {'-', '-'}};
    const ig_expr *fraction =
        IG_SEQ(b, ig_expr_str(b, "."), ig_expr_repeat(b, d, 1, DIGITS_MOST, 0));
    const ig_expr *exponent = IG_SEQ(b, ig_expr_set(b, e, 2, false),
                                     ig_expr_repeat(b, ig_expr_set(b, sign, 2, false), 0, 1, 0),
                                     ig_expr_repeat(b, d, 1, 2, 0));
    return IG_SEQ(b, whole, ig_expr_repeat(b, fraction, 0, 1, 0),
                  ig_expr_repeat(b, exponent, 0, 1, 0));
}

const ig_expr *ig_schema_number(ig_schema *s, ig_schema_set set, bool integer)
{
    bound low = {0}, high = {0};
    narrow(s, &low, set, "minimum", true, false);
    narrow(s, &low, set, "exclusiveMinimum", true, true);
    narrow(s, &high, set, "maximum", false, false);
    narrow(s, &high, set, "exclusiveMaximum", false, true);
    if (s->b->status) return &ig_expr_never;
    if (low.set || high.set) return in_bounds(s->b, &low, &high, integer);
    if (set.n) return ig_schema_common(s, integer ? IG_COMMON_INTEGER : IG_COMMON_NUMBER);
    return any_number(s->b, integer);
}
