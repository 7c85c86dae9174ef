/* arm_neon.h - NEON and dotprod on x86: SIMDe 0.7.4, and shim_neon.h for what it lacks. See
 * immintrin.h beside this file. */
#pragma GCC system_header
#ifndef IG_SIMDE_ARM_NEON_H
#    define IG_SIMDE_ARM_NEON_H

#    define SIMDE_ENABLE_NATIVE_ALIASES
#    include <simde/arm/neon.h>

#    include "shim_neon.h"

#endif
