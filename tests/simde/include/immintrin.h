/* immintrin.h - AVX-512 and AVX-VNNI for a compiler that is held to AVX2: the compiler's own header
 * for what AVX2 has, SIMDe 0.7.4 for most of the rest, shim_avx512.h for what SIMDe lacks.
 *
 * This folder precedes the compiler's in the include path of tests/simde alone. A kernel that uses
 * an intrinsic nobody provides fails to compile with "inlining failed ... target specific option
 * mismatch": add it to shim_avx512.h, as plain loops over lanes. */
#pragma GCC system_header
#ifndef IG_SIMDE_IMMINTRIN_H
#    define IG_SIMDE_IMMINTRIN_H

#    include_next <immintrin.h>

#    ifdef IG_SIMDE_AVX512
#        define SIMDE_ENABLE_NATIVE_ALIASES
#        include <simde/x86/avx512.h>
#        include "shim_avx512.h"
#    endif

#endif
