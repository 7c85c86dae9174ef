/* elem_type.h - ONNX's element type codes (TensorProto.DataType) as ours. */
#ifndef IG_ONNX_ELEM_TYPE_H
#define IG_ONNX_ELEM_TYPE_H

#include "runtime/base/dtype.h"

/* ig_onnx_dtype - INGOT_NONE: no such code. */
static inline ingot_dtype ig_onnx_dtype(int64_t code)
{
    static const ingot_dtype table[] = {
        INGOT_NONE,     INGOT_F32,        INGOT_U8,     INGOT_I8,         INGOT_U16,
        INGOT_I16,      INGOT_I32,        INGOT_I64,    INGOT_STR,        INGOT_BOOL,
        INGOT_F16,      INGOT_F64,        INGOT_U32,    INGOT_U64,        INGOT_C64,
        INGOT_C128,     INGOT_BF16,       INGOT_F8E4M3FN, INGOT_F8E4M3FNUZ, INGOT_F8E5M2,
        INGOT_F8E5M2FNUZ, INGOT_U4,       INGOT_I4,     INGOT_F4E2M1,     INGOT_F8E8M0,
        INGOT_U2,       INGOT_I2,
    };
    const int64_t n = (int64_t)(sizeof table / sizeof table[0]);
    return code > 0 && code < n ? table[code] : INGOT_NONE;
}

#endif
