/* block.c - see block.h. Loading goes by the dtype's own computing type, then to the wanted one;
 * storing the other way round. */
#include "runtime/ops/block.h"
#include "kernels/half/half.h"
#include "runtime/base/half.h"

#include <math.h>
#include <string.h>

ig_calc ig_calc_of(ingot_dtype dtype)
{
    if (dtype == INGOT_F64) return IG_CALC_F64;
    switch (ig_dtype(dtype)->class_) {
    case IG_CLASS_FLOAT:
        return IG_CALC_F32;
    case IG_CLASS_INT:
        return IG_CALC_I64;
    case IG_CLASS_UINT:
    case IG_CLASS_BOOL:
        return IG_CALC_U64;
    default:
        return IG_CALC_NONE;
    }
}

ingot_dtype ig_calc_dtype(ig_calc calc)
{
    static const ingot_dtype list[] = {INGOT_F32, INGOT_F64, INGOT_I64, INGOT_U64, INGOT_NONE};
    return list[calc];
}

/* ---- between computing types ---- */

static int64_t clip_i64(double v)
{
    if (!(v > -0x1p63)) return v != v ? 0 : INT64_MIN;
    return v >= 0x1p63 ? INT64_MAX : (int64_t)v;
}

static uint64_t clip_u64(double v)
{
    if (!(v > 0)) return (uint64_t)clip_i64(v); /* -1 keeps its bits, as an integer would */
    return v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
}

#define CONVERT(To, to, Ti, ti, expression)   \
    case IG_CALC_##Ti * 4 + IG_CALC_##To:     \
        for (size_t i = 0; i < n; i++) {      \
            const ti x = ((const ti *)in)[i]; \
            ((to *)out)[i] = (expression);    \
        }                                     \
        return;

static void convert(void *out, ig_calc to, const void *in, ig_calc from, size_t n)
{
    switch ((int)from * 4 + (int)to) {
        CONVERT(F64, double, F32, float, (double)x)
        CONVERT(I64, int64_t, F32, float, clip_i64((double)x))
        CONVERT(U64, uint64_t, F32, float, clip_u64((double)x))
        CONVERT(F32, float, F64, double, (float)x)
        CONVERT(I64, int64_t, F64, double, clip_i64(x))
        CONVERT(U64, uint64_t, F64, double, clip_u64(x))
        CONVERT(F32, float, I64, int64_t, (float)x)
        CONVERT(F64, double, I64, int64_t, (double)x)
        CONVERT(F32, float, U64, uint64_t, (float)x)
        CONVERT(F64, double, U64, uint64_t, (double)x)
    default: /* the same type, or i64 and u64, whose bits agree */
        memcpy(out, in, n * ig_dtype(ig_calc_dtype(to))->bytes);
        return;
    }
}

/* f64 to f32 so that a second rounding, to fewer bits, ends where a single one would: an inexact
 * result is cut towards zero and its last bit set ("round to odd"). */
static void narrow_to_odd(float *out, const double *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float f = (float)in[i];
        if ((double)f != in[i] && isfinite(in[i])) {
            uint32_t bits = ig_f32_bits(f);
            if (fabs((double)f) > fabs(in[i])) bits--;
            f = ig_f32_from_bits(bits | 1u);
        }
        out[i] = f;
    }
}

/* ---- load ---- */

#define LOAD(field, type, stored, expression)          \
    for (size_t i = 0; i < n; i++) {                   \
        const stored x = ((const stored *)in)[at + i]; \
        out->field[i] = (type)(expression);            \
    }                                                  \
    return

static void load_own(ig_block *out, const void *in, ingot_dtype dtype, size_t at, size_t n)
{
    switch (dtype) {
    case INGOT_F32:
        memcpy(out, (const float *)in + at, n * sizeof(float));
        return;
    case INGOT_F64:
    case INGOT_I64:
    case INGOT_U64:
        memcpy(out, (const uint64_t *)in + at, n * sizeof(uint64_t));
        return;
    case INGOT_F16:
        ig_widen_f16()(out->f32, (const uint16_t *)in + at, n);
        return;
    case INGOT_BF16:
        ig_widen_bf16()(out->f32, (const uint16_t *)in + at, n);
        return;
    case INGOT_I8:
    case INGOT_I4:
    case INGOT_I2:
        LOAD(i64, int64_t, int8_t, x);
    case INGOT_I16:
        LOAD(i64, int64_t, int16_t, x);
    case INGOT_I32:
        LOAD(i64, int64_t, int32_t, x);
    case INGOT_BOOL:
        LOAD(u64, uint64_t, uint8_t, x != 0);
    case INGOT_U8:
    case INGOT_U4:
    case INGOT_U2:
        LOAD(u64, uint64_t, uint8_t, x);
    case INGOT_U16:
        LOAD(u64, uint64_t, uint16_t, x);
    case INGOT_U32:
        LOAD(u64, uint64_t, uint32_t, x);
    default:
        LOAD(f32, float, uint8_t, ig_f8_to_f32(x, dtype));
    }
}

void ig_load(ig_block *out, ig_calc calc, const void *in, ingot_dtype dtype, size_t at, size_t n)
{
    const ig_calc own = ig_calc_of(dtype);
    if (own == calc) {
        load_own(out, in, dtype, at, n);
        return;
    }
    ig_block block;
    const void *x = ig_view(&block, own, in, dtype, at, n);
    convert(out, calc, x, own, n);
}

const void *ig_view(ig_block *block, ig_calc calc, const void *in, ingot_dtype dtype, size_t at,
                    size_t n)
{
    if (ig_calc_dtype(calc) == dtype) return (const char *)in + at * ig_dtype(dtype)->bytes;
    ig_load(block, calc, in, dtype, at, n);
    return block;
}

double ig_load_f64(const void *in, ingot_dtype dtype, size_t at)
{
    return ig_to_double(in, dtype, at);
}

int64_t ig_load_i64(const void *in, ingot_dtype dtype, size_t at)
{
    const ig_calc calc = ig_calc_of(dtype);
    if (calc == IG_CALC_I64 || calc == IG_CALC_U64) return ig_to_int(in, dtype, at);
    return clip_i64(ig_to_double(in, dtype, at));
}

/* ---- store ---- */

#define STORE(type, stored, expression)                 \
    for (size_t i = 0; i < n; i++) {                    \
        const type x = ((const type *)in)[i];           \
        ((stored *)out)[at + i] = (stored)(expression); \
    }                                                   \
    return

static int8_t low_signed(int64_t x, unsigned bits)
{
    const int64_t half = INT64_C(1) << (bits - 1);
    const int64_t low = x & (2 * half - 1);
    return (int8_t)(low >= half ? low - 2 * half : low);
}

static void store_own(void *out, ingot_dtype dtype, size_t at, const void *in, size_t n)
{
    switch (dtype) {
    case INGOT_F32:
        memcpy((float *)out + at, in, n * sizeof(float));
        return;
    case INGOT_F64:
    case INGOT_I64:
    case INGOT_U64:
        memcpy((uint64_t *)out + at, in, n * sizeof(uint64_t));
        return;
    case INGOT_F16:
        ig_narrow_f16()((uint16_t *)out + at, in, n);
        return;
    case INGOT_BF16:
        ig_narrow_bf16()((uint16_t *)out + at, in, n);
        return;
    case INGOT_I4:
        STORE(int64_t, int8_t, low_signed(x, 4));
    case INGOT_I2:
        STORE(int64_t, int8_t, low_signed(x, 2));
    case INGOT_U4:
        STORE(uint64_t, uint8_t, x & 15);
    case INGOT_U2:
        STORE(uint64_t, uint8_t, x & 3);
    case INGOT_BOOL:
        STORE(uint64_t, uint8_t, x != 0);
    case INGOT_I8:
    case INGOT_U8:
        STORE(uint64_t, uint8_t, x);
    case INGOT_I16:
    case INGOT_U16:
        STORE(uint64_t, uint16_t, x);
    case INGOT_I32:
    case INGOT_U32:
        STORE(uint64_t, uint32_t, x);
    default:
        STORE(float, uint8_t, ig_f32_to_f8(x, dtype, true));
    }
}

/* Floats to integers, and to bool, do not go by 64-bit integers alone. */
static void round_to_integers(ig_block *out, ingot_dtype dtype, const void *in, ig_calc calc,
                              size_t n)
{
    ig_block wide;
    convert(&wide, IG_CALC_F64, in, calc, n);
    if (dtype == INGOT_BOOL) {
        for (size_t i = 0; i < n; i++) out->u64[i] = wide.f64[i] != 0; /* NaN is true */
        return;
    }
    convert(out, ig_calc_of(dtype), &wide, IG_CALC_F64, n);
    if (ig_calc_of(dtype) != IG_CALC_I64 || ig_dtype(dtype)->bits > 32) return;
    for (size_t i = 0; i < n; i++) {
        const int64_t v = out->i64[i];
        out->i64[i] = v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : v;
    }
}

void ig_store(void *out, ingot_dtype dtype, size_t at, const void *in, ig_calc calc, size_t n)
{
    const ig_calc own = ig_calc_of(dtype);
    const bool from_float = calc == IG_CALC_F32 || calc == IG_CALC_F64;
    if (ig_calc_dtype(calc) == dtype && in == (char *)out + at * ig_dtype(dtype)->bytes) return;
    if (own == calc) {
        store_own(out, dtype, at, in, n);
        return;
    }
    ig_block block;
    if (from_float && (own == IG_CALC_I64 || own == IG_CALC_U64))
        round_to_integers(&block, dtype, in, calc, n);
    else if (calc == IG_CALC_F64 && own == IG_CALC_F32 && dtype != INGOT_F32)
        narrow_to_odd(block.f32, in, n);
    else
        convert(&block, own, in, calc, n);
    store_own(out, dtype, at, &block, n);
}

void *ig_room(ig_block *block, ig_calc calc, void *out, ingot_dtype dtype, size_t at)
{
    if (ig_calc_dtype(calc) == dtype) return (char *)out + at * ig_dtype(dtype)->bytes;
    return block;
}
