/* attention_avx512.c - attention of the heads that share keys: AVX-512. */
#include "kernels/attention/attention_vec_avx512.h"
#include "kernels/attention/page_vec.h"
#include "kernels/attention/attention_body.h"

enum { DECODE_ROWS = 4, DECODE_GROUPS = 4, DECODE_COLS = 4 };
#include "kernels/attention/decode_body.h"
