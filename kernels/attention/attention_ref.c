/* attention_ref.c - attention of the heads that share keys: the scalar truth, one lane after the
 * other. */
#include "kernels/attention/attention_vec_ref.h"
#include "kernels/attention/page_vec.h"

enum { TILE_ROWS = 1, TILE_VECS = 1 };
// clang-format off
#define ATT_EACH_TILE(X) X(1, 1)
// clang-format on
#include "kernels/attention/attention_body.h"

enum { DECODE_ROWS = 1, DECODE_GROUPS = 1, DECODE_COLS = 1, DECODE_PAIR = 1 };
#include "kernels/attention/decode_body.h"
