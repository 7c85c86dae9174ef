// mma.hpp - ldmatrix, stmatrix and mma.sync, after the fragment layouts of the PTX ISA.
#pragma once
#include "kernels/cuda/emu/collective.hpp"
#include "kernels/cuda/emu/numbers.hpp"
#include "kernels/cuda/ptx/numbers.cuh"

namespace emu
{

// ---- 8x8 matrices of 16-bit elements between shared memory and fragments ----
struct MatrixArg {
    uint32_t *r;
    const void *row;
};
// The row that lane j names, its bank of 16 bytes noted in `banks`.
inline char *matrix_row(void **arg, int j, unsigned &banks)
{
    const uint32_t at = smem_u32(((MatrixArg *)arg[j])->row);
    if (at & 15) die("ldmatrix or stmatrix: row not 16-byte aligned");
    banks |= 1u << (at >> 4 & 7);
    return smem_at(at, 16);
}
// Elements of lane l in a matrix: two neighbours in a row, or in a column where transposed.
template <bool TRANSPOSED> inline uint16_t &element(uint16_t (&m)[8][8], int l, int i)
{
    const int row = l >> 2, column = (l & 3) * 2 + i;
    return TRANSPOSED ? m[column][row] : m[row][column];
}
template <int MATRICES, bool TRANSPOSED> inline void ldmatrix(uint32_t *r, const void *row)
{
    MatrixArg mine{r, row};
    if (block->now->lane < MATRICES * 8) race_read(row, 16);
    warp_op(OP_LDMATRIX + OP_FORM * (MATRICES * 2 + TRANSPOSED), ~0u, &mine, "ldmatrix",
            [](void **arg) {
                for (int i = 0; i < MATRICES; i++) {
                    uint16_t m[8][8];
                    unsigned banks = 0;
                    for (int j = 0; j < 8; j++) memcpy(m[j], matrix_row(arg, i * 8 + j, banks), 16);
                    st_conflict += 8u - (unsigned)__builtin_popcount(banks);
                    for (int l = 0; l < 32; l++)
                        ((MatrixArg *)arg[l])->r[i] =
                            pack(element<TRANSPOSED>(m, l, 0), element<TRANSPOSED>(m, l, 1));
                }
                st_ldm++;
            });
}
template <int MATRICES, bool TRANSPOSED> inline void stmatrix(void *row, const uint32_t *r)
{
    MatrixArg mine{const_cast<uint32_t *>(r), row};
    if (block->now->lane < MATRICES * 8) race_write(row, 16);
    warp_op(OP_STMATRIX + OP_FORM * (MATRICES * 2 + TRANSPOSED), ~0u, &mine, "stmatrix",
            [](void **arg) {
                for (int i = 0; i < MATRICES; i++) {
                    uint16_t m[8][8];
                    unsigned banks = 0;
                    for (int l = 0; l < 32; l++) {
                        const uint32_t v = ((MatrixArg *)arg[l])->r[i];
                        element<TRANSPOSED>(m, l, 0) = (uint16_t)v;
                        element<TRANSPOSED>(m, l, 1) = (uint16_t)(v >> 16);
                    }
                    for (int j = 0; j < 8; j++) memcpy(matrix_row(arg, i * 8 + j, banks), m[j], 16);
                    st_conflict += 8u - (unsigned)__builtin_popcount(banks);
                }
            });
}

// ---- number formats of operands ----
constexpr int num_bytes(Num n)
{
    return n == Num::tf32 ? 4 : n == Num::bf16 || n == Num::f16 ? 2 : 1;
}
inline float number(Num n, uint32_t bits)
{
    switch (n) {
    case Num::bf16:
        return bf2f((uint16_t)bits);
    case Num::f16:
        return h2f((uint16_t)bits);
    case Num::tf32:
        return px_float(bits & 0xffffe000u); // the low 13 bits are not looked at
    case Num::e4m3:
        return igt_of_e4m3((uint8_t)bits);
    case Num::e5m2:
        return igt_of_e5m2((uint8_t)bits);
    case Num::s8:
        return (float)(int8_t)bits;
    }
    return 0;
}

// ---- mma.sync m16n8, 32 bytes of k: D = A B + D ----
// A lane holds 4 bytes of k at a time: registers 0..3 of A are rows +0, +8 of the first 16 bytes of
// k, then of the second; 0..1 of B likewise. Sums are float, or int32 for s8.
template <class S> struct MmaArg {
    S *c;
    const uint32_t *a, *b;
};
template <Num N, class S> inline void mma(S *c, const uint32_t *a, const uint32_t *b)
{
    MmaArg<S> mine{c, a, b};
    warp_op(OP_MMA + OP_FORM * (int)N, ~0u, &mine, "mma.sync", [](void **arg) {
        constexpr int BYTES = num_bytes(N), EACH = 4 / BYTES, K = 32 / BYTES;
        alignas(32) S a_[16][K], b_[K][8], c_[16][8];
        for (int l = 0; l < 32; l++) {
            const auto *x = (MmaArg<S> *)arg[l];
            const int row = l >> 2, k = (l & 3) * EACH, n = (l & 3) * 2;
            for (int e = 0; e < EACH; e++) {
                for (int i = 0; i < 4; i++)
                    a_[row + (i & 1) * 8][k + (i >> 1) * K / 2 + e] =
                        (S)number(N, x->a[i] >> (8 * BYTES * e));
                for (int i = 0; i < 2; i++)
                    b_[k + i * K / 2 + e][row] = (S)number(N, x->b[i] >> (8 * BYTES * e));
            }
            for (int i = 0; i < 4; i++) c_[row + (i >> 1) * 8][n + (i & 1)] = x->c[i];
        }
        for (int m = 0; m < 16; m++)
            for (int k = 0; k < K; k++)
                for (int n = 0; n < 8; n++) c_[m][n] += a_[m][k] * b_[k][n];
        for (int l = 0; l < 32; l++)
            for (int i = 0; i < 4; i++)
                ((MmaArg<S> *)arg[l])->c[i] = c_[(l >> 2) + (i >> 1) * 8][(l & 3) * 2 + (i & 1)];
        st_mma++;
    });
}

} // namespace emu
