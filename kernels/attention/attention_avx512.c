/* attention_avx512.c - attention of the heads that share keys: AVX-512. */
#include "kernels/attention/attention_vec_avx512.h"
#include "kernels/attention/page_vec.h"

enum { TILE_ROWS = 14, TILE_VECS = 2 };
// clang-format off
#define ATT_EACH_HEIGHT(X, v)                                                              \
    X(1, v) X(2, v) X(3, v) X(4, v) X(5, v) X(6, v) X(7, v) X(8, v) X(9, v) X(10, v) X(11, v) \
    X(12, v) X(13, v) X(14, v)
#define ATT_EACH_TILE(X) ATT_EACH_HEIGHT(X, 1) ATT_EACH_HEIGHT(X, 2)
// clang-format on
#include "kernels/attention/attention_body.h"

enum { DECODE_ROWS = 4, DECODE_GROUPS = 4, DECODE_COLS = 4, DECODE_PAIR = 4 };
#include "kernels/attention/decode_body.h"
