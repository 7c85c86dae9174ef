/* attention_neon.c - attention of the heads that share keys: NEON. */
#include "kernels/attention/attention_vec_neon.h"
#include "kernels/attention/page_vec.h"

enum { TILE_ROWS = 6, TILE_VECS = 1 };
// clang-format off
#define ATT_EACH_TILE(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
// clang-format on
#include "kernels/attention/attention_body.h"

enum { DECODE_ROWS = 2, DECODE_GROUPS = 2, DECODE_COLS = 2, DECODE_PAIR = 2 };
#include "kernels/attention/decode_body.h"
