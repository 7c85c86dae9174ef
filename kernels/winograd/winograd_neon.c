/* winograd_neon.c - Winograd's transforms, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/winograd/winograd_body.h"
