/* q_tile_avx2.S - the integer tiles of gemm_q_avx2.c: 16 rows of weights by 1 to 4 columns.
 *
 *     void q4x<cols>_avx2(const q_tile *t)      4-bit weights
 *     void q8x<cols>_avx2(const q_tile *t)      8-bit weights, as low and high nibbles
 *     void q4x<cols>z_avx2, q8x<cols>z_avx2     the same with offsets
 *     void q4x<cols>s_avx2, q8x<cols>s_avx2     groups of 16
 *     void q4x<cols>m_avx2, q8x<cols>m_avx2     .. and mins
 *
 * One group is 32 k. Eight products of nibbles by activations add up in words (8 * 2 * 15 * 127 <
 * 2^15), two registers a column; each activation dword is broadcast from memory and meets both. The
 * words begin at -8 times the activations, which makes the sums those of q - 8. y stays in memory:
 * the words need the registers. Groups of 16 are half of that each: their integer scales multiply
 * the words instead of ones. Compilers spill here (35 against 23 MAC/clk on Zen 3). Nothing is
 * prefetched: the hardware follows the one stream, and on Zen 4 prefetches cost up to a tenth.
 *
 * Bodies stay below 2 KB; pointers are biased so that displacements fit one byte. Leaf functions:
 * no stack but 256 bytes where sums wait, no callee-saved registers. */

/* q_tile, in the order of q_drive.h */
#define T_QUANTS     0
#define T_SCALE      8
#define T_ACTS       16
#define T_ACT_STEP   24
#define T_Y          32
#define T_GROUPS     40
#define T_PER_BLOCK  48
#define T_GAP        56

/* ig_q_act */
#define A_BYTES 52
#define A_D     32
#define A_SUM   36
#define A_LANE  44
#define A_HALF  48

/* q_level; rdx is 128 behind its beginning there */
#define L_BYTES  320
#define L_D      -128
#define L_S      -64
#define L_SECOND 64
#define L_E      128

#define W_BIAS 128
#define A_BIAS 80
#define Y_BIAS 128

        .section .rodata.cst32, "aM", @progbits, 32
        .balign 32
ones:   .fill 16, 2, 1
sixteens:
        .fill 16, 2, 16
mask:   .fill 32, 1, 15

        .text

/* Two registers of weights, ymm8 and ymm9: low or high nibbles of 64 bytes. */
.macro LOAD_LOW at
        vpand   \at(%rsi), %ymm15, %ymm8
        vpand   \at + 32(%rsi), %ymm15, %ymm9
.endm
.macro LOAD_HIGH at
        vmovdqu \at(%rsi), %ymm8
        vmovdqu \at + 32(%rsi), %ymm9
        vpsrlw  $4, %ymm8, %ymm8
        vpsrlw  $4, %ymm9, %ymm9
        vpand   %ymm15, %ymm8, %ymm8
        vpand   %ymm15, %ymm9, %ymm9
.endm

/* A column: its words in `a` and `b` plus the weights times activation dword `at`. */
.macro COLUMN a, b, at
        vpbroadcastd \at(%rcx), %ymm10
        vpmaddubsw %ymm10, %ymm8, %ymm11
        vpmaddubsw %ymm10, %ymm9, %ymm12
        vpaddw  %ymm\a, %ymm11, %ymm\a
        vpaddw  %ymm\b, %ymm12, %ymm\b
.endm
.macro COLUMNS cols, k
        COLUMN  0, 1, 4*(\k)-A_BIAS
.if \cols > 1
        COLUMN  2, 3, A_BYTES+4*(\k)-A_BIAS
.endif
.if \cols > 2
        COLUMN  4, 5, 2*A_BYTES+4*(\k)-A_BIAS
.endif
.if \cols > 3
        COLUMN  6, 7, 3*A_BYTES+4*(\k)-A_BIAS
.endif
.endm

.macro BEGIN_COLUMN a, b, col
        vpbroadcastd A_BYTES * \col + A_LANE - A_BIAS(%rcx), %ymm\a
        vmovdqa %ymm\a, %ymm\b
.endm
.macro BEGIN cols
        BEGIN_COLUMN 0, 1, 0
.if \cols > 1
        BEGIN_COLUMN 2, 3, 1
.endif
.if \cols > 2
        BEGIN_COLUMN 4, 5, 2
.endif
.if \cols > 3
        BEGIN_COLUMN 6, 7, 3
.endif
.endm

/* A column's words to y. weights: what the nibbles are worth; of 8 bits, the sums of the low ones
 * wait on the stack. */
.macro FINISH_COLUMN a, b, col, weights, bits, offset
        vpmaddwd \weights(%rip), %ymm\a, %ymm8
        vpmaddwd \weights(%rip), %ymm\b, %ymm9
        vbroadcastss A_BYTES * \col + A_D - A_BIAS(%rcx), %ymm10
.if \bits == 8
        vpaddd  64 * \col(%rsp), %ymm8, %ymm8
        vpaddd  64 * \col + 32(%rsp), %ymm9, %ymm9
.endif
        vmovups 64 * \col - Y_BIAS(%r9), %ymm13
        vmovups 64 * \col + 32 - Y_BIAS(%r9), %ymm14
        vmulps  (%rdx), %ymm10, %ymm11
        vmulps  32(%rdx), %ymm10, %ymm12
        vcvtdq2ps %ymm8, %ymm8
        vcvtdq2ps %ymm9, %ymm9
        vfmadd231ps %ymm8, %ymm11, %ymm13
        vfmadd231ps %ymm9, %ymm12, %ymm14
.if \offset
        vbroadcastss A_BYTES * \col + A_SUM - A_BIAS(%rcx), %ymm10
        vfmadd231ps 64(%rdx), %ymm10, %ymm13
        vfmadd231ps 96(%rdx), %ymm10, %ymm14
.endif
        vmovups %ymm13, 64 * \col - Y_BIAS(%r9)
        vmovups %ymm14, 64 * \col + 32 - Y_BIAS(%r9)
.endm
.macro FINISH cols, weights, bits, offset
        FINISH_COLUMN 0, 1, 0, \weights, \bits, \offset
.if \cols > 1
        FINISH_COLUMN 2, 3, 1, \weights, \bits, \offset
.endif
.if \cols > 2
        FINISH_COLUMN 4, 5, 2, \weights, \bits, \offset
.endif
.if \cols > 3
        FINISH_COLUMN 6, 7, 3, \weights, \bits, \offset
.endif
.endm

.macro LOW_COLUMN a, b, col
        vpmaddwd ones(%rip), %ymm\a, %ymm8
        vpmaddwd ones(%rip), %ymm\b, %ymm9
        vmovdqu %ymm8, 64 * \col(%rsp)
        vmovdqu %ymm9, 64 * \col + 32(%rsp)
.endm
.macro KEEP_LOW cols
        LOW_COLUMN 0, 1, 0
.if \cols > 1
        LOW_COLUMN 2, 3, 1
.endif
.if \cols > 2
        LOW_COLUMN 4, 5, 2
.endif
.if \cols > 3
        LOW_COLUMN 6, 7, 3
.endif
.endm

.macro GROUP_4 cols, offset
        BEGIN   \cols
        .irp    k, 0, 1, 2, 3
        LOAD_LOW 64*\k-W_BIAS
        COLUMNS \cols, \k
        LOAD_HIGH 64*\k-W_BIAS
        COLUMNS \cols, \k+4
        .endr
        FINISH  \cols, ones, 4, \offset
.endm

/* Both halves of a group run through one body. */
.macro GROUP_8 cols, offset
        .irp    r, 0, 1, 2, 3, 4, 5, 6, 7
        vpxor   %ymm\r, %ymm\r, %ymm\r
        .endr
        mov     $2, %edi
3:
        .irp    k, 0, 1, 2, 3
        LOAD_LOW 64*\k-W_BIAS
        COLUMNS \cols, \k
        .endr
        add     $256, %rsi
        add     $16, %rcx
        dec     %edi
        jnz     3b
        sub     $512, %rsi
        sub     $32, %rcx
        KEEP_LOW \cols
        BEGIN   \cols
        mov     $2, %edi
4:
        .irp    k, 0, 1, 2, 3
        LOAD_HIGH 64*\k-W_BIAS
        COLUMNS \cols, \k
        .endr
        add     $256, %rsi
        add     $16, %rcx
        dec     %edi
        jnz     4b
        sub     $512, %rsi
        sub     $32, %rcx
        FINISH  \cols, sixteens, 8, \offset
.endm

/* ---- two groups of 16 ---- */

.macro ZERO_WORDS
        .irp    r, 0, 1, 2, 3, 4, 5, 6, 7
        vpxor   %ymm\r, %ymm\r, %ymm\r
        .endr
.endm

/* A column's words, times s, to its sums on the stack; shift: what the nibbles are worth. */
.macro WAIT_COLUMN a, b, col, shift, first
        vpmaddwd L_S(%rdx), %ymm\a, %ymm8
        vpmaddwd L_S + 32(%rdx), %ymm\b, %ymm9
.if \shift
        vpslld  $\shift, %ymm8, %ymm8
        vpslld  $\shift, %ymm9, %ymm9
.endif
.if !\first
        vpaddd  64 * \col(%rsp), %ymm8, %ymm8
        vpaddd  64 * \col + 32(%rsp), %ymm9, %ymm9
.endif
        vmovdqu %ymm8, 64 * \col(%rsp)
        vmovdqu %ymm9, 64 * \col + 32(%rsp)
.endm
.macro WAIT cols, shift, first
        WAIT_COLUMN 0, 1, 0, \shift, \first
.if \cols > 1
        WAIT_COLUMN 2, 3, 1, \shift, \first
.endif
.if \cols > 2
        WAIT_COLUMN 4, 5, 2, \shift, \first
.endif
.if \cols > 3
        WAIT_COLUMN 6, 7, 3, \shift, \first
.endif
.endm

/* A column's sums from the stack to y, with the words of 4 bits, if they are not there yet. */
.macro LEVEL_COLUMN a, b, col, bits, min
        vmovdqu 64 * \col(%rsp), %ymm8
        vmovdqu 64 * \col + 32(%rsp), %ymm9
.if \bits == 4
        vpmaddwd L_S + 64(%rdx), %ymm\a, %ymm\a
        vpmaddwd L_S + 96(%rdx), %ymm\b, %ymm\b
        vpaddd  %ymm\a, %ymm8, %ymm8
        vpaddd  %ymm\b, %ymm9, %ymm9
.endif
        vpbroadcastd A_BYTES * \col + A_HALF - A_BIAS(%rcx), %ymm10
        vpmaddwd L_SECOND(%rdx), %ymm10, %ymm11
        vpmaddwd L_SECOND + 32(%rdx), %ymm10, %ymm12
        vbroadcastss A_BYTES * \col + A_D - A_BIAS(%rcx), %ymm10
.if !\min
        vpaddd  %ymm11, %ymm8, %ymm8
        vpaddd  %ymm12, %ymm9, %ymm9
.endif
        vmovups 64 * \col - Y_BIAS(%r9), %ymm13
        vmovups 64 * \col + 32 - Y_BIAS(%r9), %ymm14
        vmulps  L_D(%rdx), %ymm10, %ymm\a
        vmulps  L_D + 32(%rdx), %ymm10, %ymm\b
        vcvtdq2ps %ymm8, %ymm8
        vcvtdq2ps %ymm9, %ymm9
        vfmadd231ps %ymm8, %ymm\a, %ymm13
        vfmadd231ps %ymm9, %ymm\b, %ymm14
.if \min
        vmulps  L_E(%rdx), %ymm10, %ymm\a
        vmulps  L_E + 32(%rdx), %ymm10, %ymm\b
        vcvtdq2ps %ymm11, %ymm11
        vcvtdq2ps %ymm12, %ymm12
        vfmadd231ps %ymm11, %ymm\a, %ymm13
        vfmadd231ps %ymm12, %ymm\b, %ymm14
.endif
        vmovups %ymm13, 64 * \col - Y_BIAS(%r9)
        vmovups %ymm14, 64 * \col + 32 - Y_BIAS(%r9)
.endm
.macro LEVEL cols, bits, min
        LEVEL_COLUMN 0, 1, 0, \bits, \min
.if \cols > 1
        LEVEL_COLUMN 2, 3, 1, \bits, \min
.endif
.if \cols > 2
        LEVEL_COLUMN 4, 5, 2, \bits, \min
.endif
.if \cols > 3
        LEVEL_COLUMN 6, 7, 3, \bits, \min
.endif
.endm

/* k 0 .. 15 are the low nibbles, the others the high ones. */
.macro LEVELS_4 cols, min
        ZERO_WORDS
        .irp    k, 0, 1, 2, 3
        LOAD_LOW 64*\k-W_BIAS
        COLUMNS \cols, \k
        .endr
        WAIT    \cols, 0, 1
        ZERO_WORDS
        .irp    k, 0, 1, 2, 3
        LOAD_HIGH 64*\k-W_BIAS
        COLUMNS \cols, \k+4
        .endr
        LEVEL   \cols, 4, \min
.endm

/* Both halves run through one body. */
.macro LEVELS_8 cols, min
        ZERO_WORDS
        WAIT    \cols, 0, 1
        mov     $2, %edi
3:
        ZERO_WORDS
        .irp    k, 0, 1, 2, 3
        LOAD_LOW 64*\k-W_BIAS
        COLUMNS \cols, \k
        .endr
        WAIT    \cols, 0, 0
        ZERO_WORDS
        .irp    k, 0, 1, 2, 3
        LOAD_HIGH 64*\k-W_BIAS
        COLUMNS \cols, \k
        .endr
        WAIT    \cols, 4, 0
        add     $256, %rsi
        add     $16, %rcx
        add     $64, %rdx
        dec     %edi
        jnz     3b
        sub     $512, %rsi
        sub     $32, %rcx
        add     $-128, %rdx
        LEVEL   \cols, 8, \min
.endm

/* rules: 0 plain, 1 with offsets, 2 groups of 16, 3 .. and mins.
 *
 * Caller-saved registers only: rsi quants, rdx scales, rcx activations, r8 their step, r9 y, r10
 * groups left, r11 groups to the next gap. */
.macro TILE bits, cols, rules, name
        .globl  \name
        .hidden \name
        .type   \name, @function
        .balign 64
\name:
        .cfi_startproc
        endbr64
        mov     T_QUANTS(%rdi), %rsi
        mov     T_SCALE(%rdi), %rdx
        mov     T_ACTS(%rdi), %rcx
        mov     T_ACT_STEP(%rdi), %r8
        mov     T_Y(%rdi), %r9
        mov     T_GROUPS(%rdi), %r10
        mov     T_PER_BLOCK(%rdi), %r11
        add     $W_BIAS, %rsi
        add     $A_BIAS, %rcx
        sub     $-Y_BIAS, %r9
        vmovdqa mask(%rip), %ymm15
.if \bits == 8 || \rules > 1
        push    %rdi
        .cfi_adjust_cfa_offset 8
        sub     $256, %rsp
        .cfi_adjust_cfa_offset 256
.endif
.if \rules > 1
        sub     $-128, %rdx
.endif
        .balign 32
1:
.if \rules > 1
        LEVELS_\bits \cols, (\rules - 2)
        add     $L_BYTES, %rdx
.else
        GROUP_\bits \cols, \rules
        sub     $-64 * (1 + \rules), %rdx
.endif
        add     $\bits * 64, %rsi
        add     %r8, %rcx
        dec     %r11
        jnz     5f
.if \bits == 8 || \rules > 1
        mov     256(%rsp), %rdi
.endif
        add     T_GAP(%rdi), %rsi
        mov     T_PER_BLOCK(%rdi), %r11
5:
        dec     %r10
        jnz     1b
.if \bits == 8 || \rules > 1
        add     $264, %rsp
        .cfi_adjust_cfa_offset -264
.endif
        vzeroupper
        ret
        .cfi_endproc
        .size   \name, . - \name
.endm

        .irp    cols, 1, 2, 3, 4
        TILE    4, \cols, 0, q4x\cols\()_avx2
        TILE    4, \cols, 1, q4x\cols\()z_avx2
        TILE    4, \cols, 2, q4x\cols\()s_avx2
        TILE    4, \cols, 3, q4x\cols\()m_avx2
        TILE    8, \cols, 0, q8x\cols\()_avx2
        TILE    8, \cols, 1, q8x\cols\()z_avx2
        TILE    8, \cols, 2, q8x\cols\()s_avx2
        TILE    8, \cols, 3, q8x\cols\()m_avx2
        .endr

        .section .note.GNU-stack, "", @progbits
