/* conv_dw_avx2.c - depthwise convolution, AVX2 + FMA. The channels of the last, partial vector go
 * through masked loads and stores in pieces. */
#include "kernels/gemm/epilogue_avx2.h"

enum { LANES = 8, BLOCK = 64, PARTS = false };

typedef __m256 dw_vec;
typedef size_t dw_part; /* their number; a constant LANES where all exist */

#define IG_DW(name) name##_avx2
#define dw_strip(n) LANES
#define dw_left(n)  (n)
#define dw_load     ig_load_avx2
#define dw_store    ig_store_avx2
#define dw_set      _mm256_set1_ps
#define dw_add      _mm256_add_ps
#define dw_fma      _mm256_fmadd_ps
#define dw_min      _mm256_min_ps
#define dw_max      _mm256_max_ps
#define dw_finish   ig_finish_avx2
#include "kernels/conv/conv_dw_body.h"
