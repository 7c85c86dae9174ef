/* convert_ref.c - conversions, the scalar truth. */
#include "kernels/vec/vec_ref.h"
#include "kernels/convert/convert_body.h"
