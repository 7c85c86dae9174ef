/* reduce_neon.c - reductions, NEON. */
#include "kernels/vec/vec_neon.h"

enum { MOST_SHORT = 8 };
#include "kernels/reduce/reduce_body.h"
