/* attention_avx2.c - attention of the heads that share keys: AVX2 + FMA. */
#include "kernels/attention/attention_vec_avx2.h"
#include "kernels/attention/page_vec.h"

enum { TILE_ROWS = 6, TILE_VECS = 1 };
// clang-format off
#define ATT_EACH_TILE(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
// clang-format on
#include "kernels/attention/attention_body.h"

enum { DECODE_ROWS = 4, DECODE_GROUPS = 1, DECODE_COLS = 1, DECODE_PAIR = 2 };
#include "kernels/attention/decode_body.h"
