/* npz.h - NumPy's .npz: a zip archive of NAME.npy members.
 *
 * Types that NumPy lacks travel as the type that carries them, with the true type's name in one
 * more member, NAME.__dtype__, a string without dimensions: bfloat16 as uint16, 8-bit floats and
 * uint4 as uint8, int4 as int8 (one element a byte). Names are those of the ml_dtypes package. */
#ifndef IG_NPZ_H
#define IG_NPZ_H

#include "tools/data/array.h"

/* ig_npz_read - append all arrays of the archive. Errors: E_DATA (missing or damaged file, a member
 * that is no array, a name that is there twice, a __dtype__ without its array or with values past
 * the type's range), E_NOMEM, E_IO; the text names path and member. On failure the list holds what
 * it held before. */
ingot_status ig_npz_read(ig_arrays *list, const char *path, ingot_error *err);

/* ig_npz_write - n arrays, stored uncompressed, through a temporary file. zip64_from: 0, or lower
 * than the format's limit in tests. Errors: E_DATA (a string that is not UTF-8), E_NOMEM, E_IO. */
ingot_status ig_npz_write(const char *path, const ig_array *arrays, size_t n, ig_heap *heap,
                          uint64_t zip64_from, ingot_error *err);

#endif
