/* attention_avx2.c - attention of the heads that share keys: AVX2 + FMA. */
#include "kernels/attention/attention_vec_avx2.h"
#include "kernels/attention/page_vec.h"
#include "kernels/attention/attention_body.h"

enum { DECODE_ROWS = 2, DECODE_GROUPS = 2, DECODE_COLS = 2 };
#include "kernels/attention/decode_body.h"
