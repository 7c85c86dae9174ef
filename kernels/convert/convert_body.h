/* convert_body.h - the loops of convert.h, compiled with the flags of the including file's ISA. */
#include "kernels/convert/convert.h"

#define V(name, from, to, read, written, value)                     \
    void IG_ISA(convert_##name)(void *y_, const void *x_, size_t n) \
    {                                                               \
        written *restrict y = y_;                                   \
        const read *restrict in = x_;                               \
        for (size_t i = 0; i < n; i++) {                            \
            const read x = in[i];                                   \
            y[i] = value;                                           \
        }                                                           \
    }
#include "kernels/convert/convert.def"
#undef V
