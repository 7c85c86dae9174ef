/* cast_text.c - see cast_text.h. Written for the C locale: Ingot never sets another. */
#include "runtime/ops/cast_text.h"
#include "runtime/ops/block.h"
#include "runtime/base/checked.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Does %.*e text of v read back as the same value of the dtype? */
static bool reads_back(const char *text, double v, ingot_dtype dtype)
{
    uint64_t same = 0, wanted = 0;
    if (dtype == INGOT_F64) return strtod(text, NULL) == v;
    const float back = strtof(text, NULL);
    if (dtype == INGOT_F32) return back == (float)v;
    ig_from_double(&same, dtype, 0, (double)back);
    ig_from_double(&wanted, dtype, 0, v);
    return same == wanted;
}

/* d.ddde±x (digits without dot in `digits`) as plain notation. */
static size_t print_plain(char *out, const char *digits, int n, int exp, bool negative)
{
    size_t at = 0;
    if (negative) out[at++] = '-';
    if (exp < 0) {
        out[at++] = '0', out[at++] = '.';
        for (int i = exp + 1; i < 0; i++) out[at++] = '0';
        for (int i = 0; i < n; i++) out[at++] = digits[i];
        return at;
    }
    for (int i = 0; i <= IG_MAX(exp, n - 1); i++) {
        if (i == exp + 1) out[at++] = '.';
        out[at++] = i < n ? digits[i] : '0';
    }
    if (n <= exp + 1) out[at++] = '.', out[at++] = '0';
    return at;
}

static size_t print_scientific(char *out, const char *digits, int n, int exp, bool negative)
{
    const int len =
        n > 1 ? snprintf(out, IG_NUMBER_TEXT, "%s%c.%.*se%+03d", negative ? "-" : "", digits[0],
                         n - 1, digits + 1, exp)
              : snprintf(out, IG_NUMBER_TEXT, "%s%ce%+03d", negative ? "-" : "", digits[0], exp);
    return (size_t)len;
}

static size_t print_float(char *out, double v, ingot_dtype dtype)
{
    if (isnan(v)) return (size_t)snprintf(out, IG_NUMBER_TEXT, "nan");
    if (isinf(v)) return (size_t)snprintf(out, IG_NUMBER_TEXT, v < 0 ? "-inf" : "inf");
    char text[40], digits[24];
    int n = 1;
    for (; n <= 17; n++) {
        snprintf(text, sizeof text, "%.*e", n - 1, fabs(v));
        if (reads_back(text, fabs(v), dtype)) break;
    }
    const int exp = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    digits[0] = text[0];
    n = IG_MIN(n, 17);
    memcpy(digits + 1, text + 2, (size_t)(n - 1));
    const int plain_below = dtype == INGOT_F64 ? 16 : dtype == INGOT_F16 ? 3 : 6;
    if (exp >= -4 && exp < plain_below) return print_plain(out, digits, n, exp, signbit(v));
    return print_scientific(out, digits, n, exp, signbit(v));
}

size_t ig_number_print(char out[IG_NUMBER_TEXT], const void *p, ingot_dtype dtype, size_t at)
{
    int n;
    switch (ig_dtype(dtype)->class_) {
    case IG_CLASS_BOOL:
        n = snprintf(out, IG_NUMBER_TEXT, "%s", ig_to_int(p, dtype, at) ? "True" : "False");
        return (size_t)n;
    case IG_CLASS_INT:
        n = snprintf(out, IG_NUMBER_TEXT, "%" PRId64, ig_to_int(p, dtype, at));
        return (size_t)n;
    case IG_CLASS_UINT:
        n = snprintf(out, IG_NUMBER_TEXT, "%" PRIu64, (uint64_t)ig_to_int(p, dtype, at));
        return (size_t)n;
    default:
        return print_float(out, ig_to_double(p, dtype, at), dtype);
    }
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Whole numbers keep all their digits; anything else goes by double. */
static bool parse_integer(void *p, ingot_dtype dtype, size_t at, const char *text)
{
    char *end;
    const bool is_signed = ig_dtype(dtype)->class_ == IG_CLASS_INT;
    const uint64_t v =
        is_signed || text[0] == '-' ? (uint64_t)strtoll(text, &end, 10) : strtoull(text, &end, 10);
    if (end == text || *end) return false;
    ig_store(p, dtype, at, &v, ig_calc_of(dtype), 1);
    return true;
}

static bool parse_float(void *p, ingot_dtype dtype, size_t at, const char *text)
{
    char *end;
    if (strpbrk(text, "xXpP")) return false; /* hexadecimal is C's, not ONNX's */
    if (dtype == INGOT_F32) {
        ((float *)p)[at] = strtof(text, &end);
        return end != text && !*end;
    }
    const double v = strtod(text, &end);
    if (end == text || *end) return false;
    ig_store(p, dtype, at, &v, IG_CALC_F64, 1);
    return true;
}

bool ig_number_parse(void *p, ingot_dtype dtype, size_t at, const char *text, size_t n)
{
    char copy[IG_NUMBER_TEXT];
    while (n && is_blank(text[0])) text++, n--;
    while (n && is_blank(text[n - 1])) n--;
    if (!n || n >= sizeof copy || memchr(text, 0, n)) return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    const ig_dtype_class class_ = ig_dtype(dtype)->class_;
    if (class_ == IG_CLASS_BOOL && (!strcasecmp(copy, "true") || !strcasecmp(copy, "false"))) {
        ((uint8_t *)p)[at] = strcasecmp(copy, "true") == 0;
        return true;
    }
    if ((class_ == IG_CLASS_INT || class_ == IG_CLASS_UINT) && parse_integer(p, dtype, at, copy))
        return true;
    return parse_float(p, dtype, at, copy);
}
