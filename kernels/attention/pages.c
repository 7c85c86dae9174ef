/* pages.c - see pages.h. Appending is a store of d strided elements a token, far below the products
 * that made them: plain C around the kernels that round to 16 bits. */
#include "kernels/attention/pages.h"
#include "kernels/half/half.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

enum { QUAD = 4, MOST_I8 = 127 };

static size_t element_bytes(ig_page_type type)
{
    return type == IG_PAGE_F32 ? 4 : type == IG_PAGE_I8 ? 1 : 2;
}

/* *at = the end so far; the end moves by count * each, rounded up to 64 bytes. */
static bool place(size_t *at, size_t *end, size_t count, size_t each)
{
    size_t bytes;
    *at = *end;
    return ig_mul_ok(count, each, &bytes) && ig_add_ok(*end, bytes, end) &&
           ig_align_ok(*end, 64, end);
}

bool ig_page_format_init(ig_page_format *f, ig_page_type type, size_t tokens, size_t d, size_t dv)
{
    const size_t each = element_bytes(type);
    size_t rows, cols, k_at, end = 0;
    *f = (ig_page_format){.type = type, .tokens = tokens, .d = d, .dv = dv};
    if (!tokens || tokens % IG_PAGE_GROUP || !d || !dv || type == IG_PAGE_F8) return false;
    if (!ig_align_ok(d, type == IG_PAGE_I8 ? QUAD : 1, &rows) || !ig_align_ok(dv, 16, &cols) ||
        !ig_mul_ok(rows, IG_PAGE_GROUP * each, &f->k_group) || !ig_mul_ok(cols, each, &f->v_row))
        return false;
    if (!place(&k_at, &end, tokens / IG_PAGE_GROUP, f->k_group) ||
        !place(&f->v_at, &end, tokens, f->v_row))
        return false;
    if (type == IG_PAGE_I8 && (!place(&f->k_scales_at, &end, tokens, sizeof(float)) ||
                               !place(&f->v_scales_at, &end, tokens, sizeof(float))))
        return false;
    f->bytes = end;
    return true;
}

bool ig_page_format_init_device(ig_page_format *f, ig_page_type type, size_t tokens, size_t d,
                                size_t dv)
{
    const bool scaled = type == IG_PAGE_I8 || type == IG_PAGE_F8;
    const size_t each = scaled ? 1 : element_bytes(type), align = 128;
    const size_t counts[] = {tokens, tokens, scaled ? tokens : 0, scaled ? tokens : 0};
    size_t k_at, end = 0;
    *f = (ig_page_format){.type = type, .device = true, .tokens = tokens, .d = d, .dv = dv};
    if (!tokens || tokens % IG_PAGE_GROUP || !d || !dv || !ig_mul_ok(d, each, &f->k_group) ||
        !ig_mul_ok(dv, each, &f->v_row) || !ig_align_ok(f->k_group, 16, &f->k_group) ||
        !ig_align_ok(f->v_row, 16, &f->v_row))
        return false;
    const size_t sizes[] = {f->k_group, f->v_row, sizeof(float), sizeof(float)};
    size_t *const at[] = {&k_at, &f->v_at, &f->k_scales_at, &f->v_scales_at};
    for (size_t i = 0; i < IG_LEN(at); i++)
        if (!place(at[i], &end, counts[i], sizes[i]) || !ig_align_ok(end, align, &end))
            return false;
    f->bytes = end;
    return true;
}

enum { PIECE = 128 }; /* elements that are rounded at a time */

static void narrow(uint16_t *to, ig_page_type type, const float *x, size_t n)
{
    (type == IG_PAGE_F16 ? ig_narrow_f16() : ig_narrow_bf16())(to, x, n);
}

/* One token's K: elements IG_PAGE_GROUP apart from place `lane` of the group on. */
static void append_key(unsigned char *group, ig_page_type type, size_t lane, const float *k,
                       size_t d)
{
    if (type == IG_PAGE_F32) {
        float *to = (float *)(void *)group + lane;
        for (size_t i = 0; i < d; i++) to[i * IG_PAGE_GROUP] = k[i];
        return;
    }
    uint16_t half[PIECE], *to = (uint16_t *)(void *)group + lane;
    for (size_t i = 0, n; i < d; i += n) {
        n = IG_MIN(d - i, (size_t)PIECE);
        narrow(half, type, k + i, n);
        for (size_t c = 0; c < n; c++) to[(i + c) * IG_PAGE_GROUP] = half[c];
    }
}

/* One token's V, with zeros behind it. */
static void append_value(unsigned char *row, const ig_page_format *f, const float *v)
{
    const size_t each = element_bytes(f->type), bytes = f->dv * each;
    if (f->type == IG_PAGE_F32)
        memcpy(row, v, bytes);
    else
        narrow((uint16_t *)(void *)row, f->type, v, f->dv);
    memset(row + bytes, 0, f->v_row - bytes);
}

static float scale_of(const float *x, size_t n)
{
    float most = 0;
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
        finite = finite && isfinite(x[i]);
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    }
    return finite ? most / MOST_I8 : NAN;
}

static int8_t rounded(float x, float scale)
{
    if (!(scale > 0)) return 0;
    const float q = rintf(x / scale);
    return (int8_t)(q > MOST_I8 ? MOST_I8 : q < -MOST_I8 ? -MOST_I8 : q);
}

static void append_i8(unsigned char *page, const ig_page_format *f, size_t at, const float *k,
                      const float *v)
{
    const float k_scale = scale_of(k, f->d), v_scale = scale_of(v, f->dv);
    int8_t *to = (int8_t *)page + at / IG_PAGE_GROUP * f->k_group + at % IG_PAGE_GROUP * QUAD;
    const size_t rows = f->k_group / IG_PAGE_GROUP;
    for (size_t i = 0; i < rows; i++)
        to[i / QUAD * QUAD * IG_PAGE_GROUP + i % QUAD] = i < f->d ? rounded(k[i], k_scale) : 0;
    to = (int8_t *)page + f->v_at + at * f->v_row;
    for (size_t i = 0; i < f->v_row; i++) to[i] = i < f->dv ? rounded(v[i], v_scale) : 0;
    memcpy(page + f->k_scales_at + at * sizeof k_scale, &k_scale, sizeof k_scale);
    memcpy(page + f->v_scales_at + at * sizeof v_scale, &v_scale, sizeof v_scale);
}

void ig_page_append(unsigned char *page, const ig_page_format *f, size_t at, const float *k,
                    const float *v)
{
    if (f->type == IG_PAGE_I8) {
        append_i8(page, f, at, k, v);
        return;
    }
    append_key(page + at / IG_PAGE_GROUP * f->k_group, f->type, at % IG_PAGE_GROUP, k, f->d);
    append_value(page + f->v_at + at * f->v_row, f, v);
}

static void zero(unsigned char *page, size_t from, size_t to) { memset(page + from, 0, to - from); }

/* Of a device's page: tables of rows, one after the other. */
static void clear_rows(unsigned char *page, const ig_page_format *f, size_t from)
{
    const bool scaled = f->type == IG_PAGE_I8 || f->type == IG_PAGE_F8;
    zero(page, from * f->k_group, f->v_at);
    zero(page, f->v_at + from * f->v_row, scaled ? f->k_scales_at : f->bytes);
    if (!scaled) return;
    zero(page, f->k_scales_at + from * sizeof(float), f->v_scales_at);
    zero(page, f->v_scales_at + from * sizeof(float), f->bytes);
}

void ig_page_clear(unsigned char *page, const ig_page_format *f, size_t from)
{
    if (f->device) {
        clear_rows(page, f, from);
        return;
    }
    const bool i8 = f->type == IG_PAGE_I8;
    const size_t unit = i8 ? QUAD : element_bytes(f->type);
    const size_t rows = f->k_group / (unit * IG_PAGE_GROUP);
    for (size_t at = from; at < f->tokens; at++) {
        unsigned char *k = page + at / IG_PAGE_GROUP * f->k_group + at % IG_PAGE_GROUP * unit;
        for (size_t row = 0; row < rows; row++) memset(k + row * unit * IG_PAGE_GROUP, 0, unit);
    }
    zero(page, f->tokens / IG_PAGE_GROUP * f->k_group, f->v_at);
    zero(page, f->v_at + from * f->v_row, i8 ? f->k_scales_at : f->bytes);
    if (!i8) return;
    zero(page, f->k_scales_at + from * sizeof(float), f->v_scales_at);
    zero(page, f->v_scales_at + from * sizeof(float), f->bytes);
}
