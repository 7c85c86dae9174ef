// element.cuh - stored elements of every numeric dtype, as kernels compute with them.
//
// Like the CPU's ops, kernels compute in f32 (all floats but f64), f64, or 64-bit integers, whose
// sign the dtype tells; narrow floats are rounded once when they are stored, integers keep their
// low bits (runtime/ops/block.h). The number of bytes of an element, S, is a template's parameter,
// its dtype an argument that is the same for all threads.
//
// Four neighbours travel as a pack of S 32-bit words, one vector load. Packs are shift registers:
// el_take gives the first element and moves the rest down, el_put moves up to the end, so that a
// loop over them that is not unrolled holds each function once and no array in memory.
#pragma once
#include "kernels/cuda/index.cuh"
#include "runtime/ingot.h"

#define EL_INLINE __device__ __forceinline__

template <int S> struct el_raw {
    typedef uint32_t type;
};
template <> struct el_raw<8> {
    typedef uint64_t type;
};

// ---- bits ----
EL_INLINE double el_f64(uint64_t u)
{
#ifdef IGT_EMU
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
#else
    return __longlong_as_double((long long)u);
#endif
}
EL_INLINE uint64_t el_bits64(double x)
{
#ifdef IGT_EMU
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
#else
    return (uint64_t)__double_as_longlong(x);
#endif
}

// Products and sums that are not contracted to one operation: where the CPU's bits are wanted.
EL_INLINE float el_mul(float a, float b) { PX(return a * b, return __fmul_rn(a, b)); }
EL_INLINE float el_add(float a, float b) { PX(return a + b, return __fadd_rn(a, b)); }
EL_INLINE double el_mul(double a, double b) { PX(return a * b, return __dmul_rn(a, b)); }
EL_INLINE double el_add(double a, double b) { PX(return a + b, return __dadd_rn(a, b)); }

// ---- floats of a byte and less: runtime/base/f8.c says what their codes mean ----
typedef struct {
    int exp_bits, man_bits, bias, largest;
    bool nan_at_top, nan_is_minus_zero, ieee_top;
} el_shape;

EL_INLINE el_shape el_shape_of(int dtype)
{
    switch (dtype) {
    case INGOT_F8E4M3FN:
        return {4, 3, 7, 0x7e, true, false, false};
    case INGOT_F8E4M3FNUZ:
        return {4, 3, 8, 0x7f, false, true, false};
    case INGOT_F8E5M2:
        return {5, 2, 15, 0x7b, false, false, true};
    case INGOT_F8E5M2FNUZ:
        return {5, 2, 16, 0x7f, false, true, false};
    default:
        return {2, 1, 1, 0x07, false, false, false};
    }
}

enum { EL_ROUND_UP, EL_ROUND_DOWN, EL_ROUND_NEAREST }; // as ig_round

EL_INLINE float el_of_f8(uint32_t bits, int dtype)
{
    const float nan = px_float(0x7fc00000u);
    if (dtype == INGOT_F8E8M0)
        return bits == 0xff ? nan : px_float(bits ? bits << 23 : 0x00400000u);
    const el_shape s = el_shape_of(dtype);
    const uint32_t sign_bit = 1u << (s.exp_bits + s.man_bits), code = bits & (sign_bit - 1);
    const uint32_t sign = bits & sign_bit ? 0x80000000u : 0;
    if (s.nan_is_minus_zero && sign && !code) return nan;
    if (s.nan_at_top && code == 0x7f) return nan;
    if (s.ieee_top && code > (uint32_t)s.largest)
        return code == (uint32_t)s.largest + 1 ? px_float(sign | 0x7f800000u) : nan;
    const uint32_t exp = code >> s.man_bits, man = code & ((1u << s.man_bits) - 1);
    if (exp)
        return px_float(sign | (exp + (uint32_t)(127 - s.bias)) << 23 | man << (23 - s.man_bits));
    const float v = (float)man * px_float((uint32_t)(128 - s.bias - s.man_bits) << 23);
    return px_float(sign | px_bits(v));
}

EL_INLINE uint32_t el_to_e8m0(float x, int round, bool saturate)
{
    const uint32_t a = px_bits(x) & 0x7fffffffu;
    if (a > 0x7f800000u) return 0xff;
    if (a == 0x7f800000u) return saturate ? 0xfe : 0xff;
    if (a < 0x00400000u) return saturate || a ? 0 : 0xff; // below 2^-127
    // f32's own exponent is the code; a subnormal one has its leading bit at 2^-127
    const bool small = a < 0x00800000u;
    uint32_t code = small ? 0 : a >> 23;
    const uint32_t part = small ? (a & 0x3fffffu) << 1 : a & 0x7fffffu;
    if ((round == EL_ROUND_UP && part) || (round == EL_ROUND_NEAREST && part >= 0x400000u)) code++;
    if (code > 0xfe) return saturate ? 0xfe : 0xff;
    return code;
}

EL_INLINE uint32_t el_to_f8(float x, int dtype, bool saturate, int round)
{
    if (dtype == INGOT_F8E8M0) return el_to_e8m0(x, round, saturate);
    const el_shape s = el_shape_of(dtype);
    const uint32_t u = px_bits(x), a = u & 0x7fffffffu;
    const uint32_t sign = u >> 31 << (s.exp_bits + s.man_bits);
    const bool finite_only = !s.nan_at_top && !s.nan_is_minus_zero && !s.ieee_top;
    if (a > 0x7f800000u)
        return finite_only           ? 0x08
               : s.nan_is_minus_zero ? 0x80
                                     : sign | (s.ieee_top ? 0x7eu : 0x7fu);
    uint32_t code = 0xffffffffu;
    if (a < 0x49800000u) { // 2^20: all formats end before it
        const int lowest = 1 - s.bias, own = (int)(a >> 23) - 127, e = own > lowest ? own : lowest;
        const float steps = px_float(a) * px_float((uint32_t)(127 + s.man_bits - e) << 23); // exact
        code = (uint32_t)(e - lowest) * (1u << s.man_bits) + (uint32_t)rintf(steps);
    }
    if (code > (uint32_t)s.largest) {
        if (saturate || finite_only) return sign | (uint32_t)s.largest;
        return s.nan_is_minus_zero ? 0x80 : sign | (uint32_t)(s.largest + 1);
    }
    if (!code && s.nan_is_minus_zero) return 0;
    return sign | code;
}

// ---- an element of S bytes as float, double or 64-bit integer ----
__host__ EL_INLINE bool el_signed(int dtype)
{
    return (dtype >= INGOT_I8 && dtype <= INGOT_I64) || dtype == INGOT_I4 || dtype == INGOT_I2;
}

template <class T, int S> struct el_code;

template <int S> struct el_code<float, S> {
    typedef typename el_raw<S>::type raw;
    static EL_INLINE float of(raw r, int dtype)
    {
        if (S == 4) return px_float((uint32_t)r);
        if (S == 2) return dtype == INGOT_BF16 ? px_float((uint32_t)r << 16) : px_h2f((uint32_t)r);
        return el_of_f8((uint32_t)r, dtype);
    }
    static EL_INLINE raw to(float x, int dtype)
    {
        if (S == 4) return px_bits(x);
        if (S == 2) return dtype == INGOT_BF16 ? px_f2bf(x) : px_f2h(x);
        return el_to_f8(x, dtype, true, EL_ROUND_UP);
    }
};
template <> struct el_code<double, 8> {
    static EL_INLINE double of(uint64_t r, int) { return el_f64(r); }
    static EL_INLINE uint64_t to(double x, int) { return el_bits64(x); }
};
template <int S> struct el_code<uint64_t, S> {
    typedef typename el_raw<S>::type raw;
    static EL_INLINE uint64_t of(raw r, int dtype)
    {
        if (S == 8) return r;
        if (dtype == INGOT_BOOL) return r != 0;
        if (!el_signed(dtype)) return r;
        return S == 4   ? (uint64_t)(int64_t)(int32_t)r
               : S == 2 ? (uint64_t)(int64_t)(int16_t)r
                        : (uint64_t)(int64_t)(int8_t)r;
    }
    static EL_INLINE raw to(uint64_t x, int dtype)
    {
        if (S != 1) return (raw)x;
        switch (dtype) {
        case INGOT_BOOL:
            return x != 0;
        case INGOT_I4:
            return ((uint32_t)x & 15u) | (x & 8 ? 0xf0u : 0);
        case INGOT_I2:
            return ((uint32_t)x & 3u) | (x & 2 ? 0xfcu : 0);
        case INGOT_U4:
            return (uint32_t)x & 15u;
        case INGOT_U2:
            return (uint32_t)x & 3u;
        default:
            return (uint32_t)x & 0xffu;
        }
    }
};

// ---- single elements in memory ----
template <int S> EL_INLINE typename el_raw<S>::type el_load(const void *p, int64_t at)
{
    if (S == 1) return ((const uint8_t *)p)[at];
    if (S == 2) return ((const uint16_t *)p)[at];
    if (S == 4) return ((const uint32_t *)p)[at];
    return (typename el_raw<S>::type)((const uint64_t *)p)[at];
}
template <int S> EL_INLINE void el_store(void *p, int64_t at, typename el_raw<S>::type r)
{
    if (S == 1)
        ((uint8_t *)p)[at] = (uint8_t)r;
    else if (S == 2)
        ((uint16_t *)p)[at] = (uint16_t)r;
    else if (S == 4)
        ((uint32_t *)p)[at] = (uint32_t)r;
    else
        ((uint64_t *)p)[at] = r;
}
EL_INLINE uint64_t el_load_any(const void *p, int bytes, int64_t at)
{
    switch (bytes) {
    case 1:
        return el_load<1>(p, at);
    case 2:
        return el_load<2>(p, at);
    case 4:
        return el_load<4>(p, at);
    default:
        return el_load<8>(p, at);
    }
}
EL_INLINE void el_store_any(void *p, int bytes, int64_t at, uint64_t r)
{
    switch (bytes) {
    case 1:
        el_store<1>(p, at, (uint32_t)r);
        break;
    case 2:
        el_store<2>(p, at, (uint32_t)r);
        break;
    case 4:
        el_store<4>(p, at, (uint32_t)r);
        break;
    default:
        el_store<8>(p, at, r);
    }
}

// What a dtype is computed in; EL_NONE: strings and complex numbers, which have no kernels.
typedef enum { EL_F32, EL_F64, EL_INT, EL_NONE } el_kind;
__host__ EL_INLINE el_kind el_kind_of(int dtype)
{
    if (dtype == INGOT_F64) return EL_F64;
    if (dtype == INGOT_F32 || dtype == INGOT_F16 || dtype == INGOT_BF16 ||
        (dtype >= INGOT_F8E4M3FN && dtype <= INGOT_F4E2M1))
        return EL_F32;
    return EL_INT;
}

// Bytes of an element; 0: no number.
__host__ EL_INLINE int el_bytes(int dtype)
{
#define X(name, code, bytes) \
    if (dtype == code) return code == INGOT_STR ? 0 : bytes;
    INGOT_DTYPE_MAP(X)
#undef X
    return 0;
}

// Bits of a value: fewer than those of its bytes for the narrow integers.
__host__ EL_INLINE int el_bits(int dtype)
{
    return dtype == INGOT_I4 || dtype == INGOT_U4   ? 4
           : dtype == INGOT_I2 || dtype == INGOT_U2 ? 2
           : dtype == INGOT_BOOL                    ? 1
                                                    : 8 * el_bytes(dtype);
}

// A double to a float so that rounding it again, to fewer bits, ends where once would: what is not
// exact is cut towards zero and its last bit set ("round to odd").
EL_INLINE float el_round_odd(double v)
{
    const float f = (float)v;
    const uint32_t u = px_bits(f);
    if ((double)f == v || v - v != 0) return f;
    return px_float((u - (fabs((double)f) > fabs(v))) | 1u);
}

// Any element's raw bits as float, double or integer; which of them is its own the kind says.
EL_INLINE float el_float_of(uint64_t r, int bytes, int dtype)
{
    return bytes == 4   ? el_code<float, 4>::of((uint32_t)r, dtype)
           : bytes == 2 ? el_code<float, 2>::of((uint32_t)r, dtype)
                        : el_code<float, 1>::of((uint32_t)r, dtype);
}
EL_INLINE uint64_t el_int_of(uint64_t r, int bytes, int dtype)
{
    return bytes == 8   ? r
           : bytes == 4 ? el_code<uint64_t, 4>::of((uint32_t)r, dtype)
           : bytes == 2 ? el_code<uint64_t, 2>::of((uint32_t)r, dtype)
                        : el_code<uint64_t, 1>::of((uint32_t)r, dtype);
}
// As double, whatever it is.
EL_INLINE double el_double_at(const void *p, int bytes, int dtype, int64_t at)
{
    const uint64_t r = el_load_any(p, bytes, at);
    const el_kind kind = el_kind_of(dtype);
    if (kind == EL_F64) return el_f64(r);
    if (kind == EL_F32) return (double)el_float_of(r, bytes, dtype);
    const uint64_t i = el_int_of(r, bytes, dtype);
    return el_signed(dtype) ? (double)(int64_t)i : (double)i;
}

// ---- packs ----
template <int S> struct el_pack {
    uint32_t w[S];
};

// step 1: elements [at, at + 4), at a multiple of 4 and p aligned so; step 0: element `at` four
// times.
template <int S> EL_INLINE el_pack<S> el_load4(const void *p, int64_t at, int64_t step)
{
    el_pack<S> v;
    if (step) {
        const char *from = (const char *)p + at * S;
        if constexpr (S == 1) {
            v.w[0] = *(const uint32_t *)from;
        } else if constexpr (S == 2) {
            const uint2 q = *(const uint2 *)from;
            v.w[0] = q.x, v.w[1] = q.y;
        } else {
#pragma unroll
            for (int i = 0; i < S / 4; i++) {
                const uint4 q = ((const uint4 *)from)[i];
                v.w[4 * i] = q.x, v.w[4 * i + 1] = q.y;
                v.w[4 * i + 2] = q.z, v.w[4 * i + 3] = q.w;
            }
        }
        return v;
    }
    const uint64_t r = el_load<S>(p, at);
    const uint32_t low = S == 1   ? (uint32_t)r * 0x01010101u
                         : S == 2 ? (uint32_t)r * 0x00010001u
                                  : (uint32_t)r;
#pragma unroll
    for (int i = 0; i < S; i++) v.w[i] = S == 8 && i % 2 ? (uint32_t)(r >> 32) : low;
    return v;
}

template <int S> EL_INLINE void el_store4(void *p, int64_t at, const el_pack<S> &v)
{
    char *to = (char *)p + at * S;
    if constexpr (S == 1) {
        *(uint32_t *)to = v.w[0];
    } else if constexpr (S == 2) {
        *(uint2 *)to = uint2{v.w[0], v.w[1]};
    } else {
#pragma unroll
        for (int i = 0; i < S / 4; i++)
            ((uint4 *)to)[i] = uint4{v.w[4 * i], v.w[4 * i + 1], v.w[4 * i + 2], v.w[4 * i + 3]};
    }
}

template <int S> EL_INLINE typename el_raw<S>::type el_take(el_pack<S> &v)
{
    typename el_raw<S>::type r;
    if constexpr (S == 1) {
        r = v.w[0] & 0xffu;
        v.w[0] >>= 8;
    } else if constexpr (S == 2) {
        r = v.w[0] & 0xffffu;
        v.w[0] = v.w[0] >> 16 | v.w[1] << 16;
        v.w[1] >>= 16;
    } else if constexpr (S == 4) {
        r = v.w[0];
        v.w[0] = v.w[1], v.w[1] = v.w[2], v.w[2] = v.w[3];
    } else {
        r = (uint64_t)v.w[1] << 32 | v.w[0];
#pragma unroll
        for (int i = 0; i < 6; i++) v.w[i] = v.w[i + 2];
    }
    return r;
}

template <int S> EL_INLINE void el_put(el_pack<S> &v, typename el_raw<S>::type r)
{
    if constexpr (S == 1) {
        v.w[0] = v.w[0] >> 8 | (uint32_t)r << 24;
    } else if constexpr (S == 2) {
        v.w[0] = v.w[0] >> 16 | v.w[1] << 16;
        v.w[1] = v.w[1] >> 16 | (uint32_t)r << 16;
    } else if constexpr (S == 4) {
        v.w[0] = v.w[1], v.w[1] = v.w[2], v.w[2] = v.w[3], v.w[3] = r;
    } else {
#pragma unroll
        for (int i = 0; i < 6; i++) v.w[i] = v.w[i + 2];
        v.w[6] = (uint32_t)r, v.w[7] = (uint32_t)(r >> 32);
    }
}
