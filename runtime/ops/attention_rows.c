/* attention_rows.c - see attention_rows.h; the body is written once for both types. */
#include "runtime/ops/attention_rows.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

/* seen - causality, windows and the count of keys let query i see key j. */
static bool seen(const ig_attention_rows *p, size_t i, size_t j)
{
    const int64_t ahead = (int64_t)j - (int64_t)i - p->offset;
    return j < p->keys && !(p->causal && ahead > 0) && !(p->left >= 0 && -ahead > p->left) &&
           !(p->right >= 0 && ahead > p->right);
}

// clang-format off
#define REAL    float
#define CALC    IG_CALC_F32
#define NAME(x) x##_f32
#define EXP     expf
#define TANH    tanhf
#include "runtime/ops/attention_rows.inc"
#undef REAL
#undef CALC
#undef NAME
#undef EXP
#undef TANH

#define REAL    double
#define CALC    IG_CALC_F64
#define NAME(x) x##_f64
#define EXP     exp
#define TANH    tanh
#include "runtime/ops/attention_rows.inc"
// clang-format on
