/* conv_dw_avx512.c - depthwise convolution, AVX-512. Channels past C are masked. */
#include "kernels/gemm/epilogue_avx512.h"

enum { LANES = 16, BLOCK = 16 /* 64 lose 5 % out of L2 */, PARTS = true };

typedef __m512 dw_vec;
typedef __mmask16 dw_part;

#define IG_DW(name)          name##_avx512
#define dw_strip(n)          ig_lanes_avx512(n, 0)
#define dw_left(n)           ig_lanes_avx512(n, 0)
#define dw_load(p, part)     _mm512_maskz_loadu_ps(part, p)
#define dw_store(p, part, v) _mm512_mask_storeu_ps(p, part, v)
#define dw_set               _mm512_set1_ps
#define dw_add               _mm512_add_ps
#define dw_fma               _mm512_fmadd_ps
#define dw_min               _mm512_min_ps
#define dw_max               _mm512_max_ps
#define dw_finish            ig_finish_avx512
#include "kernels/conv/conv_dw_body.h"
