/* dtype.c - see dtype.h. Narrow floats are in f8.c. */
#include "runtime/base/dtype.h"
#include "runtime/base/half.h"

#include <string.h>

static const ig_dtype_info table[] = {
    [INGOT_NONE] = {"none", 0, 0, IG_CLASS_NONE},
    [INGOT_F32] = {"f32", 4, 32, IG_CLASS_FLOAT},
    [INGOT_F64] = {"f64", 8, 64, IG_CLASS_FLOAT},
    [INGOT_F16] = {"f16", 2, 16, IG_CLASS_FLOAT},
    [INGOT_BF16] = {"bf16", 2, 16, IG_CLASS_FLOAT},
    [INGOT_I8] = {"i8", 1, 8, IG_CLASS_INT},
    [INGOT_I16] = {"i16", 2, 16, IG_CLASS_INT},
    [INGOT_I32] = {"i32", 4, 32, IG_CLASS_INT},
    [INGOT_I64] = {"i64", 8, 64, IG_CLASS_INT},
    [INGOT_U8] = {"u8", 1, 8, IG_CLASS_UINT},
    [INGOT_U16] = {"u16", 2, 16, IG_CLASS_UINT},
    [INGOT_U32] = {"u32", 4, 32, IG_CLASS_UINT},
    [INGOT_U64] = {"u64", 8, 64, IG_CLASS_UINT},
    [INGOT_BOOL] = {"bool", 1, 1, IG_CLASS_BOOL},
    [INGOT_STR] = {"str", sizeof(ingot_str), 128, IG_CLASS_STR},
    [INGOT_C64] = {"c64", 8, 64, IG_CLASS_COMPLEX},
    [INGOT_C128] = {"c128", 16, 128, IG_CLASS_COMPLEX},
    [INGOT_F8E4M3FN] = {"f8e4m3fn", 1, 8, IG_CLASS_FLOAT},
    [INGOT_F8E4M3FNUZ] = {"f8e4m3fnuz", 1, 8, IG_CLASS_FLOAT},
    [INGOT_F8E5M2] = {"f8e5m2", 1, 8, IG_CLASS_FLOAT},
    [INGOT_F8E5M2FNUZ] = {"f8e5m2fnuz", 1, 8, IG_CLASS_FLOAT},
    [INGOT_F8E8M0] = {"f8e8m0", 1, 8, IG_CLASS_FLOAT},
    [INGOT_F4E2M1] = {"f4e2m1", 1, 4, IG_CLASS_FLOAT},
    [INGOT_I4] = {"i4", 1, 4, IG_CLASS_INT},
    [INGOT_U4] = {"u4", 1, 4, IG_CLASS_UINT},
    [INGOT_I2] = {"i2", 1, 2, IG_CLASS_INT},
    [INGOT_U2] = {"u2", 1, 2, IG_CLASS_UINT},
};

enum { N_DTYPES = sizeof table / sizeof table[0] };

bool ig_dtype_valid(int code) { return code > 0 && code < N_DTYPES; }

const ig_dtype_info *ig_dtype(ingot_dtype dtype)
{
    return &table[ig_dtype_valid((int)dtype) ? dtype : INGOT_NONE];
}

ingot_dtype ig_dtype_find(const char *name)
{
    for (int i = 1; i < N_DTYPES; i++)
        if (!strcmp(name, table[i].name)) return (ingot_dtype)i;
    return INGOT_NONE;
}

double ig_to_double(const void *p, ingot_dtype dtype, size_t i)
{
    switch (dtype) {
    case INGOT_F32:
        return (double)((const float *)p)[i];
    case INGOT_F64:
        return ((const double *)p)[i];
    case INGOT_F16:
        return (double)ig_f16_to_f32(((const uint16_t *)p)[i]);
    case INGOT_BF16:
        return (double)ig_bf16_to_f32(((const uint16_t *)p)[i]);
    case INGOT_U64:
        return (double)((const uint64_t *)p)[i];
    case INGOT_C64:
        return (double)((const float *)p)[2 * i];
    case INGOT_C128:
        return ((const double *)p)[2 * i];
    case INGOT_F8E4M3FN:
    case INGOT_F8E4M3FNUZ:
    case INGOT_F8E5M2:
    case INGOT_F8E5M2FNUZ:
    case INGOT_F8E8M0:
    case INGOT_F4E2M1:
        return (double)ig_f8_to_f32(((const uint8_t *)p)[i], dtype);
    default:
        return (double)ig_to_int(p, dtype, i);
    }
}

int64_t ig_to_int(const void *p, ingot_dtype dtype, size_t i)
{
    switch (dtype) {
    case INGOT_I8:
    case INGOT_I4:
    case INGOT_I2:
        return ((const int8_t *)p)[i];
    case INGOT_U8:
    case INGOT_U4:
    case INGOT_U2:
    case INGOT_BOOL:
        return ((const uint8_t *)p)[i];
    case INGOT_I16:
        return ((const int16_t *)p)[i];
    case INGOT_U16:
        return ((const uint16_t *)p)[i];
    case INGOT_I32:
        return ((const int32_t *)p)[i];
    case INGOT_U32:
        return ((const uint32_t *)p)[i];
    case INGOT_I64:
        return ((const int64_t *)p)[i];
    case INGOT_U64:
        return (int64_t)((const uint64_t *)p)[i];
    default:
        return 0;
    }
}

/* Truncate towards zero and clip to [low, high]; NaN gives 0. high is exclusive as a double. */
static int64_t clip_int(double v, double low, double high_exclusive, int64_t low_i, int64_t high_i)
{
    if (v != v) return 0;
    if (v <= low) return low_i;
    return v >= high_exclusive ? high_i : (int64_t)v;
}

static uint64_t clip_u64(double v)
{
    if (!(v > 0)) return 0;
    return v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
}

void ig_from_double(void *p, ingot_dtype dtype, size_t i, double v)
{
    const ig_dtype_info *d = ig_dtype(dtype);
    switch (dtype) {
    case INGOT_F32:
        ((float *)p)[i] = (float)v;
        return;
    case INGOT_F64:
        ((double *)p)[i] = v;
        return;
    case INGOT_F16:
        ((uint16_t *)p)[i] = ig_f32_to_f16((float)v);
        return;
    case INGOT_BF16:
        ((uint16_t *)p)[i] = ig_f32_to_bf16((float)v);
        return;
    case INGOT_BOOL:
        ((uint8_t *)p)[i] = v != 0;
        return;
    case INGOT_U64:
        ((uint64_t *)p)[i] = clip_u64(v);
        return;
    case INGOT_C64:
        ((float *)p)[2 * i] = (float)v, ((float *)p)[2 * i + 1] = 0;
        return;
    case INGOT_C128:
        ((double *)p)[2 * i] = v, ((double *)p)[2 * i + 1] = 0;
        return;
    default:
        break;
    }
    if (d->class_ == IG_CLASS_FLOAT) {
        ((uint8_t *)p)[i] = ig_f32_to_f8((float)v, dtype, true);
        return;
    }
    if (d->class_ != IG_CLASS_INT && d->class_ != IG_CLASS_UINT) return;
    const bool is_signed = d->class_ == IG_CLASS_INT;
    const unsigned magnitude = is_signed ? d->bits - 1 : d->bits;
    const int64_t high = (int64_t)((UINT64_C(1) << magnitude) - 1), low = is_signed ? -high - 1 : 0;
    const int64_t n = clip_int(v, (double)low, (double)(UINT64_C(1) << magnitude), low, high);
    switch (d->bytes) {
    case 1:
        ((uint8_t *)p)[i] = (uint8_t)n;
        return;
    case 2:
        ((uint16_t *)p)[i] = (uint16_t)n;
        return;
    case 4:
        ((uint32_t *)p)[i] = (uint32_t)n;
        return;
    default:
        ((int64_t *)p)[i] = n;
        return;
    }
}
