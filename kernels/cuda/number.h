/* number.h - number types as kernels of seldom used ops take them: as an argument. */
#ifndef CU_NUMBER_H
#define CU_NUMBER_H

typedef enum {
    CU_F32,
    CU_F64,
    CU_F16,
    CU_BF16,
    CU_I8,
    CU_U8,
    CU_I16,
    CU_U16,
    CU_I32,
    CU_U32,
    CU_I64,
    CU_U64,
    CU_BOOL,
} cu_number;

#endif
