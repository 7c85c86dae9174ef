/* winograd_ref.c - Winograd's transforms, scalar truth. */
#include "kernels/vec/vec_ref.h"
#include "kernels/winograd/winograd_body.h"
