// key.cuh - elements as unsigned keys that sort like them (runtime/ops/order.h): -0 equals 0, all
// NaN are equal and above everything.
#pragma once
#include "kernels/convert/element.cuh"

EL_INLINE uint64_t key_of_float(float x, bool flip)
{
    if (x != x) return 0xffffffffull;
    const uint32_t u = px_bits(x == 0 ? 0.f : x), k = u >> 31 ? ~u : u | 0x80000000u;
    return flip ? ~k : k;
}
EL_INLINE uint64_t key_of_double(double x, bool flip)
{
    if (x != x) return ~(uint64_t)0;
    const uint64_t u = el_bits64(x == 0 ? 0. : x), k = u >> 63 ? ~u : u | (uint64_t)1 << 63;
    return flip ? ~k : k;
}
EL_INLINE uint64_t key_of_int(uint64_t x, bool is_signed, bool flip)
{
    const uint64_t k = is_signed ? x ^ (uint64_t)1 << 63 : x;
    return flip ? ~k : k;
}

// flip: smaller elements get larger keys; NaN stays above all.
template <int S> EL_INLINE uint64_t key_of(typename el_raw<S>::type r, int dtype, bool flip)
{
    const el_kind kind = el_kind_of(dtype);
    if constexpr (S == 8) {
        if (kind == EL_F64) return key_of_double(el_f64(r), flip);
    } else {
        if (kind == EL_F32) return key_of_float(el_code<float, S>::of(r, dtype), flip);
    }
    return key_of_int(el_code<uint64_t, S>::of(r, dtype), el_signed(dtype), flip);
}
