/* number.h - number types as kernels of seldom used ops take them: as an argument. */
#ifndef CU_NUMBER_H
#define CU_NUMBER_H

typedef enum {
    NB_F32,
    NB_F64,
    NB_F16,
    NB_BF16,
    NB_I8,
    NB_U8,
    NB_I16,
    NB_U16,
    NB_I32,
    NB_U32,
    NB_I64,
    NB_U64,
    NB_BOOL,
} cu_number;

#endif
