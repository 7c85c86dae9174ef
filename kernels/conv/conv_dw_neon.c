/* conv_dw_neon.c - depthwise convolution, NEON. The last channels go one by one. */
#include "kernels/gemm/epilogue_neon.h"

enum { LANES = 4, BLOCK = 16, PARTS = false };

typedef float32x4_t dw_vec;
typedef size_t dw_part; /* their number; a constant LANES where all exist */

#define IG_DW(name)      name##_neon
#define dw_strip(n)      LANES
#define dw_left(n)       (n)
#define dw_load(p, part) ig_load_neon(p, part, vdupq_n_f32(0))
#define dw_store         ig_store_neon
#define dw_set           vdupq_n_f32
#define dw_add           vaddq_f32
#define dw_fma(a, b, c)  vfmaq_f32(c, a, b)
#define dw_min           ig_min_neon
#define dw_max           ig_max_neon
#define dw_finish        ig_finish_neon
#include "kernels/conv/conv_dw_body.h"
