// wgmma.cuh - sm_90a: products of a warpgroup, D (64 x N) = A (64 x k) B (k x N) (+ D where
// `keep`), k of 32 bytes. Overloaded on D: its N / 2 numbers a thread say what N is (8, 16, 24, 32,
// then every multiple of 16 up to 256). Thread t of 128: D[j * 4 + i] is row t / 32 * 16 + t % 32 /
// 4 + i / 2 * 8, column j * 8 + t % 4 * 2 + i % 2.
//
//   px_wgmma_{bf16,f16,e4m3,e5m2,s8}(d, desc_a, desc_b, keep)   both in shared memory, K-major
//   px_wgmma_{bf16,f16,e4m3,e5m2,s8}_rs(d, a, desc_b, keep)     A in registers, as of mma.sync
//   px_wgmma_{bf16,f16}_bt, _rs_bt                              B N-major
//
// 16-bit and 8-bit floats add to float, s8 to int. Between px_wg_fence and px_wg_commit; the
// results are there, and A's registers and the shared memory free, after px_wg_wait.
#pragma once
#include "kernels/cuda/ptx/hopper.cuh"

#if defined(IGT_EMU) || defined(IGT_SM90A)
__device__ __forceinline__ void px_wg_fence()
{
    PX((void)0, asm volatile("wgmma.fence.sync.aligned;" ::: "memory"));
}
__device__ __forceinline__ void px_wg_commit()
{
    PX(emu::wg_commit(), asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"));
}
// All but the last N groups are done.
template <int N> __device__ __forceinline__ void px_wg_wait()
{
    PX(emu::wg_wait(N), asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"));
}

// ---- matrix descriptors: start | leading offset | stride offset, in 16 bytes; the swizzle on top
// ----
__device__ __forceinline__ uint64_t igt_desc(const void *p, uint32_t leading, uint32_t stride,
                                             uint32_t span)
{
    const uint32_t swizzle = span == 128 ? 1 : span == 64 ? 2 : span == 32 ? 3 : 0;
    return (uint64_t)(px_smem(p) >> 4 & 0x3fff) | (uint64_t)(leading >> 4) << 16 |
           (uint64_t)(stride >> 4) << 32 | (uint64_t)swizzle << 62;
}
// A K-major tile whose rows are one swizzle span of 128 (64, 32) bytes; groups of 8 rows follow
// each other. A step of 32 bytes along k adds 2 to the descriptor.
__device__ __forceinline__ uint64_t px_desc_k128(const void *p)
{
    return igt_desc(p, 16, 1024, 128);
}
__device__ __forceinline__ uint64_t px_desc_k64(const void *p) { return igt_desc(p, 16, 512, 64); }
__device__ __forceinline__ uint64_t px_desc_k32(const void *p) { return igt_desc(p, 16, 256, 32); }
// An N-major tile (rows run along k, 128 bytes each): 64-element column blocks lie `block` bytes
// apart.
__device__ __forceinline__ uint64_t px_desc_mn128(const void *p, uint32_t block)
{
    return igt_desc(p, block, 1024, 128);
}

#    ifdef IGT_EMU
#        define IGT_WGMMA(num, S)                                                                \
            template <int R>                                                                     \
            __device__ __forceinline__ void px_wgmma_##num(S(&d)[R], uint64_t a, uint64_t b,     \
                                                           bool keep)                            \
            {                                                                                    \
                emu::wgmma<emu::Num::num>(R * 2, d, nullptr, a, b, keep);                        \
            }                                                                                    \
            template <int R>                                                                     \
            __device__ __forceinline__ void px_wgmma_##num##_rs(S(&d)[R], const uint32_t(&a)[4], \
                                                                uint64_t b, bool keep)           \
            {                                                                                    \
                emu::wgmma<emu::Num::num>(R * 2, d, a, 0, b, keep);                              \
            }
#        define IGT_WGMMA_BT(num)                                                         \
            template <int R>                                                              \
            __device__ __forceinline__ void px_wgmma_##num##_bt(float(&d)[R], uint64_t a, \
                                                                uint64_t b, bool keep)    \
            {                                                                             \
                emu::wgmma<emu::Num::num, true>(R * 2, d, nullptr, a, b, keep);           \
            }                                                                             \
            template <int R>                                                              \
            __device__ __forceinline__ void px_wgmma_##num##_rs_bt(                       \
                float(&d)[R], const uint32_t(&a)[4], uint64_t b, bool keep)               \
            {                                                                             \
                emu::wgmma<emu::Num::num, true>(R * 2, d, a, 0, b, keep);                 \
            }
IGT_WGMMA(bf16, float)
IGT_WGMMA(f16, float)
IGT_WGMMA(e4m3, float)
IGT_WGMMA(e5m2, float)
IGT_WGMMA(s8, int)
IGT_WGMMA_BT(bf16)
IGT_WGMMA_BT(f16)
#    else
// Inline assembly wants every accumulator by its number: IGT_D<R> is "%0,...,%R-1", IGT_O<R>(c) the
// list of operands c(d[0]), ... . A row of IGT_WGMMA_SIZES: N, R = N / 2, and the numbers after the
// accumulators, R to R + 5.
#        define IGT_4(c, i)  c(d[i]), c(d[i + 1]), c(d[i + 2]), c(d[i + 3])
#        define IGT_8(c, i)  IGT_4(c, i), IGT_4(c, i + 4)
#        define IGT_D4       "%0,%1,%2,%3"
#        define IGT_D8       IGT_D4 ",%4,%5,%6,%7"
#        define IGT_D12      IGT_D8 ",%8,%9,%10,%11"
#        define IGT_D16      IGT_D12 ",%12,%13,%14,%15"
#        define IGT_D24      IGT_D16 ",%16,%17,%18,%19,%20,%21,%22,%23"
#        define IGT_D32      IGT_D24 ",%24,%25,%26,%27,%28,%29,%30,%31"
#        define IGT_D40      IGT_D32 ",%32,%33,%34,%35,%36,%37,%38,%39"
#        define IGT_D48      IGT_D40 ",%40,%41,%42,%43,%44,%45,%46,%47"
#        define IGT_D56      IGT_D48 ",%48,%49,%50,%51,%52,%53,%54,%55"
#        define IGT_D64      IGT_D56 ",%56,%57,%58,%59,%60,%61,%62,%63"
#        define IGT_D72      IGT_D64 ",%64,%65,%66,%67,%68,%69,%70,%71"
#        define IGT_D80      IGT_D72 ",%72,%73,%74,%75,%76,%77,%78,%79"
#        define IGT_D88      IGT_D80 ",%80,%81,%82,%83,%84,%85,%86,%87"
#        define IGT_D96      IGT_D88 ",%88,%89,%90,%91,%92,%93,%94,%95"
#        define IGT_D104     IGT_D96 ",%96,%97,%98,%99,%100,%101,%102,%103"
#        define IGT_D112     IGT_D104 ",%104,%105,%106,%107,%108,%109,%110,%111"
#        define IGT_D120     IGT_D112 ",%112,%113,%114,%115,%116,%117,%118,%119"
#        define IGT_D128     IGT_D120 ",%120,%121,%122,%123,%124,%125,%126,%127"
#        define IGT_O4(c)    IGT_4(c, 0)
#        define IGT_O8(c)    IGT_8(c, 0)
#        define IGT_O12(c)   IGT_O8(c), IGT_4(c, 8)
#        define IGT_O16(c)   IGT_O8(c), IGT_8(c, 8)
#        define IGT_O24(c)   IGT_O16(c), IGT_8(c, 16)
#        define IGT_O32(c)   IGT_O24(c), IGT_8(c, 24)
#        define IGT_O40(c)   IGT_O32(c), IGT_8(c, 32)
#        define IGT_O48(c)   IGT_O40(c), IGT_8(c, 40)
#        define IGT_O56(c)   IGT_O48(c), IGT_8(c, 48)
#        define IGT_O64(c)   IGT_O56(c), IGT_8(c, 56)
#        define IGT_O72(c)   IGT_O64(c), IGT_8(c, 64)
#        define IGT_O80(c)   IGT_O72(c), IGT_8(c, 72)
#        define IGT_O88(c)   IGT_O80(c), IGT_8(c, 80)
#        define IGT_O96(c)   IGT_O88(c), IGT_8(c, 88)
#        define IGT_O104(c)  IGT_O96(c), IGT_8(c, 96)
#        define IGT_O112(c)  IGT_O104(c), IGT_8(c, 104)
#        define IGT_O120(c)  IGT_O112(c), IGT_8(c, 112)
#        define IGT_O128(c)  IGT_O120(c), IGT_8(c, 120)
#        define IGT_float(x) "+f"(x)
#        define IGT_int(x)   "+r"(x)

// X(N, R, "R", ... "R + 5", what the form adds)
#        define IGT_WGMMA_SIZES(X, ...)                                        \
            X(8, 4, "4", "5", "6", "7", "8", "9", __VA_ARGS__)                 \
            X(16, 8, "8", "9", "10", "11", "12", "13", __VA_ARGS__)            \
            X(24, 12, "12", "13", "14", "15", "16", "17", __VA_ARGS__)         \
            X(32, 16, "16", "17", "18", "19", "20", "21", __VA_ARGS__)         \
            X(48, 24, "24", "25", "26", "27", "28", "29", __VA_ARGS__)         \
            X(64, 32, "32", "33", "34", "35", "36", "37", __VA_ARGS__)         \
            X(80, 40, "40", "41", "42", "43", "44", "45", __VA_ARGS__)         \
            X(96, 48, "48", "49", "50", "51", "52", "53", __VA_ARGS__)         \
            X(112, 56, "56", "57", "58", "59", "60", "61", __VA_ARGS__)        \
            X(128, 64, "64", "65", "66", "67", "68", "69", __VA_ARGS__)        \
            X(144, 72, "72", "73", "74", "75", "76", "77", __VA_ARGS__)        \
            X(160, 80, "80", "81", "82", "83", "84", "85", __VA_ARGS__)        \
            X(176, 88, "88", "89", "90", "91", "92", "93", __VA_ARGS__)        \
            X(192, 96, "96", "97", "98", "99", "100", "101", __VA_ARGS__)      \
            X(208, 104, "104", "105", "106", "107", "108", "109", __VA_ARGS__) \
            X(224, 112, "112", "113", "114", "115", "116", "117", __VA_ARGS__) \
            X(240, 120, "120", "121", "122", "123", "124", "125", __VA_ARGS__) \
            X(256, 128, "128", "129", "130", "131", "132", "133", __VA_ARGS__)

// `types`: k and the formats of D, A and B. `tail`: the factors of A and B (floats only), then
// whether A (in shared memory only) and B are MN-major (16-bit formats only).
#        define IGT_WGMMA_SS(N, R, r0, r1, r2, r3, r4, r5, name, S, types, tail)              \
            __device__ __forceinline__ void name(S(&d)[R], uint64_t a, uint64_t b, bool keep) \
            {                                                                                 \
                asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" r2 ", 0;\n"                 \
                             "wgmma.mma_async.sync.aligned.m64n" #N types " {" IGT_D##R       \
                             "}, %" r0 ", %" r1 ", p" tail ";\n}"                             \
                             : IGT_O##R(IGT_##S)                                              \
                             : "l"(a), "l"(b), "r"((int)keep));                               \
            }
#        define IGT_WGMMA_RS(N, R, r0, r1, r2, r3, r4, r5, name, S, types, tail)              \
            __device__ __forceinline__ void name(S(&d)[R], const uint32_t(&a)[4], uint64_t b, \
                                                 bool keep)                                   \
            {                                                                                 \
                asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" r5 ", 0;\n"                 \
                             "wgmma.mma_async.sync.aligned.m64n" #N types " {" IGT_D##R       \
                             "}, {%" r0 ",%" r1 ",%" r2 ",%" r3 "}, %" r4 ", p" tail ";\n}"   \
                             : IGT_O##R(IGT_##S)                                              \
                             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b),            \
                               "r"((int)keep));                                               \
            }
IGT_WGMMA_SIZES(IGT_WGMMA_SS, px_wgmma_bf16, float, "k16.f32.bf16.bf16", ", 1, 1, 0, 0")
IGT_WGMMA_SIZES(IGT_WGMMA_SS, px_wgmma_bf16_bt, float, "k16.f32.bf16.bf16", ", 1, 1, 0, 1")
IGT_WGMMA_SIZES(IGT_WGMMA_RS, px_wgmma_bf16_rs, float, "k16.f32.bf16.bf16", ", 1, 1, 0")
IGT_WGMMA_SIZES(IGT_WGMMA_RS, px_wgmma_bf16_rs_bt, float, "k16.f32.bf16.bf16", ", 1, 1, 1")
IGT_WGMMA_SIZES(IGT_WGMMA_SS, px_wgmma_f16, float, "k16.f32.f16.f16", ", 1, 1, 0, 0")
IGT_WGMMA_SIZES(IGT_WGMMA_SS, px_wgmma_f16_bt, float, "k16.f32.f16.f16", ", 1, 1, 0, 1")
IGT_WGMMA_SIZES(IGT_WGMMA_RS, px_wgmma_f16_rs, float, "k16.f32.f16.f16", ", 1, 1, 0")
IGT_WGMMA_SIZES(IGT_WGMMA_RS, px_wgmma_f16_rs_bt, float, "k16.f32.f16.f16", ", 1, 1, 1")
IGT_WGMMA_SIZES(IGT_WGMMA_SS, px_wgmma_e4m3, float, "k32.f32.e4m3.e4m3", ", 1, 1")
IGT_WGMMA_SIZES(IGT_WGMMA_RS, px_wgmma_e4m3_rs, float, "k32.f32.e4m3.e4m3", ", 1, 1")
IGT_WGMMA_SIZES(IGT_WGMMA_SS, px_wgmma_e5m2, float, "k32.f32.e5m2.e5m2", ", 1, 1")
IGT_WGMMA_SIZES(IGT_WGMMA_RS, px_wgmma_e5m2_rs, float, "k32.f32.e5m2.e5m2", ", 1, 1")
IGT_WGMMA_SIZES(IGT_WGMMA_SS, px_wgmma_s8, int, "k32.s32.s8.s8", "")
IGT_WGMMA_SIZES(IGT_WGMMA_RS, px_wgmma_s8_rs, int, "k32.s32.s8.s8", "")
#    endif
#endif
